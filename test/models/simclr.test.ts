/** SimCLR on small shapes: its loss, batches, what it learns, files, resuming, fine-tuning. */

import {
  ImageClassifier,
  type ImageDataset,
  imagesFrom,
  loadSimClr,
  SimCLR,
  type SimClrConfig,
  saveSimClr,
  subset,
  type TrainState,
  train,
} from 'nearfar/models';
import {
  loadSafetensors,
  manualSeed,
  ntXent,
  saveSafetensors,
  supCon,
  tensor,
  tidy,
} from 'nearfar/nn';
import { Random } from '../../src/core/random.js';
import { check, close, same, sameBits, suite, throws } from '../harness.js';

const test = suite('simclr');
const SIDE = 12;
const SHAPE = { height: SIDE, width: SIDE, channels: 1 };

/** Images of three kinds: upright bars, lying bars, rings, each at a position of its own. */
function shapes(count: number): ImageDataset {
  const pixels = new Uint8Array(count * SIDE * SIDE);
  const labels = Array.from({ length: count }, (_, i) => i % 3);
  labels.forEach((label, i) => {
    const random = new Random(8, i);
    const [cx, cy] = [4 + random.integer(5), 4 + random.integer(5)];
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const [dx, dy] = [Math.abs(x - cx), Math.abs(y - cy)];
        const far = Math.max(dx, dy);
        const on = label === 0 ? dx === 0 && dy < 4 : label === 1 ? dy === 0 && dx < 4 : far === 3;
        if (on) pixels[(i * SIDE + y) * SIDE + x] = 200 + random.integer(56);
      }
    }
  });
  return imagesFrom(pixels, SHAPE, labels);
}

const SMALL: SimClrConfig = {
  ...SHAPE,
  widths: [8],
  features: 16,
  hidden: 16,
  projection: 8,
  augmentation: { scale: [0.7, 1], translate: 0, rotation: 5, shear: 0, cutout: 0 },
};

function small(config: SimClrConfig = {}): SimCLR {
  manualSeed(3);
  return new SimCLR({ ...SMALL, ...config });
}

function weights(model: SimCLR | ImageClassifier): Float32Array {
  return Float32Array.from([...model.stateDict().values()].flatMap((part) => [...part.data]));
}

test('the loss is NT-Xent, or SupCon, of what the head makes of both views', () => {
  const data = shapes(10);
  for (const loss of ['ntxent', 'supcon'] as const) {
    const model = small({ loss, temperature: 0.3 }).eval();
    const batch = model.batches(data, { batchSize: 6, seed: 1 })(0);
    tidy(() => {
      const z = model.project(batch.pixels, batch);
      same(z.shape, [12, 8]);
      const labels = batch.labels as number[];
      const expected =
        loss === 'ntxent'
          ? ntXent(z, { temperature: 0.3 })
          : supCon(z, [...labels, ...labels], { temperature: 0.3 });
      same(model.loss(batch).item(), expected.item());
    });
    model.dispose();
  }
});

test('a batch in parts has the loss and the gradients of the batch', () => {
  const data = shapes(20);
  const run = (part: number): { value: number; grads: Float32Array[] } => {
    const model = small({ chunkSize: part });
    const batch = model.batches(data, { batchSize: 11, seed: 1 })(0);
    const value = tidy(() => {
      const loss = model.loss(batch);
      loss.backward();
      return loss.item();
    });
    const grads = [...model.parameters().values()].map(
      ({ grad }) => grad?.toArray() ?? new Float32Array(),
    );
    model.dispose();
    return { value, grads };
  };
  const whole = run(256);
  for (const part of [11, 4, 1]) {
    const parts = run(part);
    close(parts.value, whole.value, { rtol: 1e-6 });
    whole.grads.forEach((grad, i) => {
      check(grad.length > 0, 'a parameter without a gradient');
      close(parts.grads[i] as Float32Array, grad, { atol: 2e-5 * Math.max(...grad.map(Math.abs)) });
    });
  }
});

test('each pass sees every image once, in an order of its own', () => {
  const data = shapes(9);
  const model = small();
  const batches = model.batches(data, { batchSize: 3, seed: 5 });
  const seen = (step: number): string[] => {
    const { pixels } = batches(step);
    return [0, 1, 2].map((i) => String(pixels.subarray(i * 144, (i + 1) * 144)));
  };
  const pass = (from: number): string[] => [0, 1, 2].flatMap((i) => seen(from + i));
  const [first, second] = [pass(0), pass(3)];
  same([...first].sort(), [...second].sort());
  check(String(first) !== String(second), 'two passes in the same order');
  same(pass(0), first, 'an earlier step again');
  model.dispose();
});

test('it learns shapes without labels: views find each other, neighbors share a kind', async () => {
  const data = shapes(150);
  const model = small();
  const before = model.evaluate(data, 50);
  for await (const _ of train(model, data, { steps: 60, batchSize: 50, learningRate: 5e-3 })) {
    // Training is all that is wanted.
  }
  const after = model.evaluate(data, 50);
  check(after < before - 1, `the loss went from ${before} to ${after}`);
  const h = model.encode(data);
  // 8 channels at 4 × 4 positions, and h, which weighs as much as they do: 64 in all.
  same([h.rows, h.cols], [150, 128 + 16]);
  same(model.width, h.cols);
  for (let column = 0; column < h.cols; column++) {
    const factor = 8 / Math.sqrt(column < 128 ? 128 : 16);
    const values = Array.from(
      { length: h.rows },
      (_, row) => (h.data[row * h.cols + column] as number) / factor,
    );
    const mean = values.reduce((a, b) => a + b) / h.rows;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / h.rows;
    const what = `column ${column}: mean ${mean}, variance ${variance}`;
    check(Math.abs(mean) < 1 && variance < 4, what);
  }
  const part = model.encode(subset(data, [149, 3, 70]));
  const own = [149, 3, 70].flatMap((row) => [...h.data.subarray(row * h.cols, (row + 1) * h.cols)]);
  sameBits(part.data, Float32Array.from(own));
  model.dispose();
});

test('the files give the same model again', () => {
  const model = small({ loss: 'supcon', temperature: 0.4 });
  const files = saveSimClr(model);
  const again = loadSimClr(files);
  same(again.config, model.config);
  sameBits(weights(again), weights(model));
  throws(() => loadSimClr(new Map()), RangeError, 'loadSimClr: files must hold config.json');
  const other = new Map(files).set(
    'config.json',
    new TextEncoder().encode('{"model_type":"gpt2"}'),
  );
  throws(
    () => loadSimClr(other),
    RangeError,
    `loadSimClr: config.json's model_type must be 'nearfar-simclr', got "gpt2"`,
  );
  for (const one of [model, again]) one.dispose();
});

test('a run that is resumed gives the bits of one that was not stopped', async () => {
  const data = shapes(30);
  const options = { steps: 8, batchSize: 7, seed: 4 };
  const whole = small();
  for await (const _ of train(whole, data, options)) {
    // To the end.
  }
  const first = small();
  let saved: { model: Uint8Array; state: TrainState; optimizer: Uint8Array } | undefined;
  for await (const step of train(first, data, options)) {
    if (step.step < 3) continue;
    const state = step.state();
    const optimizer = saveSafetensors(new Map(state.optimizer));
    saved = { model: saveSafetensors(first.stateDict()), state, optimizer };
    break;
  }
  const { model, state, optimizer } = saved as NonNullable<typeof saved>;
  manualSeed(99);
  const second = new SimCLR(SMALL);
  second.loadStateDict(loadSafetensors(model));
  const resume = { ...state, optimizer: loadSafetensors(optimizer) };
  for await (const _ of train(second, data, { ...options, state: resume })) {
    // To the end.
  }
  sameBits(weights(second), weights(whole));
  for (const one of [whole, first, second]) one.dispose();
});

test('a classifier on it learns from labels, and starts with all classes equally likely', async () => {
  const data = shapes(60);
  const model = small();
  const classifier = new ImageClassifier(model, model.width, 3, model.augmentation);
  const batch = classifier.batches(data, { batchSize: 8, seed: 1 })(0);
  close(
    tidy(() => classifier.loss(batch).item()),
    Math.log(3),
    { atol: 1e-6 },
  );
  for await (const _ of train(classifier, data, { steps: 60, batchSize: 20, learningRate: 1e-2 })) {
    // Training is all that is wanted.
  }
  const accuracy = classifier.accuracy(shapes(90));
  check(accuracy > 0.9, `accuracy is ${accuracy}`);
  classifier.dispose();
});

test('what does not fit is refused', () => {
  const model = small();
  const pixels = new Uint8Array(100);
  const wrong = imagesFrom(pixels, { height: 10, width: 10, channels: 1 });
  throws(
    () => model.encode(wrong),
    RangeError,
    "encode: images must be 12 × 12 × 1 as the network's, got 10 × 10 × 1",
  );
  throws(
    () => model.batches({ pixels, count: 1 } as never, { batchSize: 2, seed: 0 }),
    TypeError,
    'train: data must be images, as imagesFrom makes them, got an object',
  );
  const unlabeled = imagesFrom(new Uint8Array(288), SHAPE);
  throws(
    () => small({ loss: 'supcon' }).batches(unlabeled, { batchSize: 2, seed: 0 }),
    RangeError,
    'train: data must be with labels, for the loss \'supcon\', got "none"',
  );
  throws(
    () => new SimCLR({ loss: 'mse' as 'ntxent' }),
    RangeError,
    "SimCLR: loss must be 'ntxent' or 'supcon', got \"mse\"",
  );
  tidy(() => check(!tensor([0]).disposed, 'nothing was freed by an error'));
  model.dispose();
});
