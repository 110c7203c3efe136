/** A run owns its random numbers: a sample's depend on nothing but seed, step, call and index. */

import {
  BERT,
  CLIP,
  cachedLoss,
  GPT,
  type ImageDataset,
  imagesFrom,
  MAE,
  SimCLR,
  type Trainable,
  type TrainDefaults,
  train,
} from 'nearfar/models';
import {
  attention,
  concat,
  dropout,
  Module,
  manualSeed,
  mean,
  mul,
  parameter,
  randomNormal,
  randomState,
  reshape,
  type Tensor,
  tensor,
  tidy,
} from 'nearfar/nn';
import { fullBatches, shuffledOrder } from '../../src/train/epochs.js';
import { check, same, sameBits, suite, throws } from '../harness.js';

const test = suite('randomness of training');

const TEXT = 'near and far, far and near, nearer and farther. '.repeat(8);
const TEXTS = [
  'near',
  'far and far and near and farther',
  'nearer and far',
  'farther, nearer, far',
];
const WIDTH = 12;

interface ProbeBatch {
  samples: number[];
  tokens: number;
}

/** Model that keeps what dropout makes of each sample, of hidden states and of attention. */
class Probe extends Module implements Trainable<null, ProbeBatch> {
  readonly weight = parameter([1], [1]);
  readonly defaults: TrainDefaults = {
    ...{ steps: 2, batchSize: 6, learningRate: 1e-3, warmup: 0, weightDecay: 0 },
    ...{ betas: [0.9, 0.99], gradClip: 1 },
  };
  /** By step, call and sample. */
  readonly kept = new Map<string, number[]>();
  #step = -1;

  constructor(
    /** Length that the samples from each first one on are padded to. */
    readonly padded: (first: number) => number = () => 4,
    /** Chunks of gradient caching; none if left out. */
    readonly chunks?: number[],
  ) {
    super();
  }

  batches(_: null, options: { batchSize: number }) {
    return (step: number, first = 0, count = options.batchSize): ProbeBatch => {
      this.#step = step;
      const samples = Array.from({ length: count }, (_, i) => first + i);
      return { samples, tokens: this.padded(first) };
    };
  }

  #keep(name: string, samples: number[], y: Tensor): void {
    const data = y.toArray();
    const size = data.length / samples.length;
    samples.forEach((sample, i) => {
      const key = `${this.#step} ${name} ${sample}`;
      const own = Array.from(data.subarray(i * size, (i + 1) * size));
      const before = this.kept.get(key);
      if (before !== undefined) same(own, before, `${key}, drawn again`);
      this.kept.set(key, own);
    });
  }

  /** Hidden states (B, T, C) and attention of at most four tokens to each other. */
  embed(samples: number[], tokens: number): Tensor {
    const batch = samples.length;
    const ones = tensor(new Float32Array(batch * tokens * 5).fill(1), [batch, tokens, 5]);
    const hidden = dropout(mul(ones, this.weight), 0.5);
    // Queries and keys are 0, so all keys are as probable; values say which key it was.
    const qkv = new Float32Array(batch * tokens * 3 * 2 * WIDTH);
    for (let i = 0; i < batch * tokens; i++) {
      for (const head of [4, 5]) qkv[(i * 6 + head) * WIDTH + (i % tokens)] = 1;
    }
    const looked = attention(tensor(qkv, [batch, tokens, 6 * WIDTH]), {
      heads: 2,
      dropout: 0.5,
      lengths: samples.map(() => 4),
    });
    this.#keep('hidden', samples, hidden);
    this.#keep('attention', samples, looked);
    this.#keep('again', samples, dropout(ones, 0.5));
    return mean(reshape(hidden, [batch, tokens * 5]), { axis: 1 });
  }

  loss({ samples, tokens }: ProbeBatch): Tensor {
    if (this.chunks === undefined) return mean(this.embed(samples, tokens));
    const embed = (first: number, count: number): Tensor =>
      this.embed(samples.slice(first, first + count), tokens);
    return cachedLoss(this.chunks, embed, (parts) => mean(concat([...parts])));
  }
}

async function probed(probe: Probe, options: object = {}): Promise<Map<string, number[]>> {
  for await (const _ of train(probe, null, { seed: 5, ...options }));
  check(probe.kept.size > 0, 'nothing was drawn');
  return probe.kept;
}

const sorted = (kept: Map<string, number[]>): unknown => [...kept].sort();

test('a sample drops the same numbers, alone, in parts of a batch and in the whole of it', async () => {
  const whole = await probed(new Probe());
  same(whole.size, 36, 'masks');
  same(new Set([...whole.values()].map(String)).size, 36, 'different masks');
  for (const accumulate of [2, 3, 6]) {
    const batchSize = 6 / accumulate;
    same(sorted(await probed(new Probe(), { accumulate, batchSize })), sorted(whole), 'parts');
  }
  for (const chunks of [[6], [2, 4], [1, 1, 1, 3]]) {
    same(sorted(await probed(new Probe(() => 4, chunks))), sorted(whole), `chunks of ${chunks}`);
  }
});

test('padding to longer neighbors changes no mask', async () => {
  const whole = await probed(new Probe());
  const padded = await probed(new Probe((first) => 4 + 3 * first), { batchSize: 2, accumulate: 3 });
  for (const [key, mask] of whole) same(padded.get(key)?.slice(0, mask.length), mask, key);
});

test('another seed, step, call or sample drops other numbers', async () => {
  const one = await probed(new Probe());
  const other = await probed(new Probe(), { seed: 6 });
  for (const [key, mask] of one) check(String(other.get(key)) !== String(mask), key);
});

function model(): GPT {
  manualSeed(2);
  return new GPT(TEXT, { layers: 1, heads: 2, width: 8, context: 8, dropout: 0.3 });
}

const OPTIONS = { steps: 8, batchSize: 3, seed: 4 };

async function lossesOf(gpt: GPT, body?: (gpt: GPT) => void): Promise<number[]> {
  const losses: number[] = [];
  for await (const { loss } of train(gpt, TEXT, OPTIONS)) {
    losses.push(loss);
    body?.(gpt);
  }
  return losses;
}

test('two runs at once are the two runs alone', async () => {
  const alone = await lossesOf(model());
  same(await Promise.all([lossesOf(model()), lossesOf(model())]), [alone, alone]);
});

test("drawing, generating and evaluating in the loop's body change no bit of a run", async () => {
  const [plain, looked] = [model(), model()];
  const alone = await lossesOf(plain);
  const losses = await lossesOf(looked, (gpt) => {
    manualSeed(77);
    tidy(() => void dropout(randomNormal([5]), 0.5));
    gpt.generate('near', { maxNewTokens: 3 });
    same(gpt.evaluate(TEXT), gpt.evaluate(TEXT), 'evaluation');
    gpt.eval();
  });
  same(losses, alone);
  sameBits(looked.tokenEmbeddings.toArray(), plain.tokenEmbeddings.toArray());
});

test('a run moves no random number of others', async () => {
  const gpt = model();
  manualSeed(3);
  const before = randomState();
  await lossesOf(gpt);
  same(randomState(), before);
});

/** Modes of all modules, in their order. */
function modesOf(looked: Module): boolean[] {
  return [...looked.modules()].map(({ training }) => training);
}

function images(count: number, channels = 1): ImageDataset {
  const pixels = Uint8Array.from({ length: count * 64 * channels }, (_, i) => (i * i * 7) % 251);
  return {
    ...imagesFrom(pixels, { height: 8, width: 8, channels }),
    captions: Array.from({ length: count }, (_, i) => `sign ${i}; red; of ${i}`),
  };
}

const looks: [string, () => Module, (looked: never) => unknown][] = [
  ['GPT.generate', model, (gpt: GPT) => gpt.generate('near', { maxNewTokens: 2 })],
  ['GPT.evaluate', model, (gpt: GPT) => gpt.evaluate(TEXT)],
  ['BERT.evaluate', bert, (looked: BERT) => looked.evaluate(TEXTS)],
  ['BERT.encode', bert, (looked: BERT) => looked.encode(TEXTS)],
  ['BERT.fillMask', bert, (looked: BERT) => looked.fillMask('near and [MASK]')],
  ['SimCLR.evaluate', simclr, (looked: SimCLR) => looked.evaluate(images(6))],
  ['SimCLR.encode', simclr, (looked: SimCLR) => looked.encode(images(6))],
  ['SimCLR.views', simclr, (looked: SimCLR) => looked.views(images(6))],
  ['MAE.evaluate', mae, (looked: MAE) => looked.evaluate(images(6))],
  ['MAE.encode', mae, (looked: MAE) => looked.encode(images(6))],
  ['CLIP.evaluate', clip, (looked: CLIP) => looked.evaluate(images(6, 3))],
  ['CLIP.zeroShot', clip, (looked: CLIP) => looked.zeroShot(images(6, 3), ['sign 1', 'sign 2'])],
];

function bert(): BERT {
  return new BERT(TEXTS, { layers: 1, heads: 1, width: 8, context: 16, dropout: 0.3 });
}

function simclr(): SimCLR {
  const sizes = { widths: [4], features: 8, hidden: 8, projection: 4, chunkSize: 4 };
  return new SimCLR({ height: 8, width: 8, channels: 1, ...sizes });
}

function mae(): MAE {
  const sizes = { patch: 2, hidden: 8, layers: 1, heads: 2, decoderLayers: 1, decoderHeads: 1 };
  return new MAE({ height: 8, width: 8, channels: 1, ...sizes });
}

function clip(): CLIP {
  return new CLIP(images(6, 3).captions as string[], { imageSize: 8, projection: 8 });
}

for (const [name, make, look] of looks) {
  test(`${name} leaves every module in its mode, and gives the same twice`, () => {
    const looked = make();
    [...looked.modules()].forEach((module, i) => {
      module.training = i % 3 !== 1;
    });
    const numbers = [...looked.stateDict().values()].map((t) => t.toArray());
    const modes = modesOf(looked);
    const first = tidy(() => JSON.stringify(look(looked as never)));
    same(
      tidy(() => JSON.stringify(look(looked as never))),
      first,
    );
    same(modesOf(looked), modes, 'modes');
    [...looked.stateDict().values()].forEach((t, i) => {
      sameBits(t.toArray(), numbers[i] as Float32Array);
    });
    looked.dispose();
  });
}

test('train leaves every module in its mode', async () => {
  const gpt = model();
  gpt.norm.training = false;
  const modes = modesOf(gpt);
  await lossesOf(gpt);
  same(modesOf(gpt), modes);
});

/** Batches of 8 samples in parts, one after the other: fields of the batch, one entry a sample. */
const partitioned: [string, (parts: number[]) => unknown][] = [
  [
    'tokens that BERT hides',
    (parts) => {
      const own = bert();
      const at = own.batches(TEXTS, { batchSize: 8, seed: 3 });
      const rows = offsets(parts).flatMap(([first, count]) => {
        const { ids, labels, lengths, batch } = at(2, first, count);
        const steps = ids.length / batch;
        // Without the padding, which depends on the longest text of the part.
        return Array.from({ length: batch }, (_, b) =>
          [ids, labels].map((all) =>
            Array.from(all.subarray(b * steps, b * steps + (lengths?.[b] ?? steps))),
          ),
        );
      });
      own.dispose();
      return rows;
    },
  ],
  [
    "views of SimCLR's images",
    (parts) => {
      const own = simclr();
      const at = own.batches(images(20), { batchSize: 8, seed: 3 });
      const rows = offsets(parts).flatMap(([first, count]) => {
        const { pixels, ...position } = at(2, first, count);
        return tidy(() => {
          const views = own.augmentation.views(pixels, { ...position, view: 1 }).toArray();
          return Array.from({ length: count }, (_, i) =>
            String(views.subarray(i * 64, (i + 1) * 64)),
          );
        });
      });
      own.dispose();
      return rows;
    },
  ],
  [
    "captions of CLIP's images",
    (parts) => {
      const own = clip();
      const at = own.batches(images(20, 3), { batchSize: 8, seed: 3 });
      const rows = offsets(parts).flatMap(([first, count]) => [...at(2, first, count).captions]);
      own.dispose();
      return rows;
    },
  ],
  [
    "patches that MAE hides of its images'",
    (parts) => {
      const own = mae();
      const at = own.batches(images(20), { batchSize: 8, seed: 3 });
      const rows = offsets(parts).flatMap(([first, count]) => {
        const { pixels, ...position } = at(2, first, count);
        const { visible } = own.mask(count, position);
        const kept = visible.length / count;
        return Array.from({ length: count }, (_, i) => [
          String(pixels.subarray(i * 64, (i + 1) * 64)),
          String(visible.subarray(i * kept, (i + 1) * kept)),
        ]);
      });
      own.dispose();
      return rows;
    },
  ],
  [
    "windows of GPT's text",
    (parts) => {
      const own = model();
      const at = own.batches(TEXT, { batchSize: 8, seed: 3 });
      return offsets(parts).flatMap(([first, count]) => Array.from(at(7, first, count).inputs));
    },
  ],
];

function offsets(parts: number[]): [first: number, count: number][] {
  let first = 0;
  return parts.map((count) => {
    first += count;
    return [first - count, count];
  });
}

for (const [what, drawn] of partitioned) {
  test(`${what} are the same in parts of a batch`, () => {
    const whole = drawn([8]);
    for (const parts of [
      [4, 4],
      [2, 2, 2, 2],
      [3, 5],
    ])
      same(drawn(parts), whole, String(parts));
  });
}

test('an image that cannot be read shifts no other draw', () => {
  const own = mae();
  const all = images(20);
  const at = own.batches(all, { batchSize: 8, seed: 3 });
  const whole = at(0);
  const lost = {
    ...all,
    read: (rows: ArrayLike<number>) =>
      all.read(Array.from(rows).filter((row) => row !== rowOf(whole.pixels, 2))),
  };
  function rowOf(pixels: Uint8Array, sample: number): number {
    const wanted = String(pixels.subarray(sample * 64, (sample + 1) * 64));
    return Array.from({ length: 20 }, (_, row) => row).find(
      (row) => String(all.read([row]).pixels) === wanted,
    ) as number;
  }
  const left = own.batches(lost, { batchSize: 8, seed: 3 })(0);
  check(!left.samples.includes(2) && left.samples.length < 8, `samples: ${left.samples}`);
  const [mask, others] = [own.mask(8, whole), own.mask(left.samples.length, left)];
  const kept = mask.visible.length / 8;
  left.samples.forEach((sample, i) => {
    sameBits(
      others.visible.subarray(i * kept, (i + 1) * kept),
      mask.visible.subarray(sample * kept, (sample + 1) * kept),
    );
  });
  own.dispose();
});

test('epochs: each shows every sample once, whatever the parts', () => {
  const order = shuffledOrder(10, 3);
  for (const epoch of [0, 1, 5]) {
    same(
      order(epoch * 10, 10).sort((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
  }
  same([...order(7, 4), ...order(11, 5)], order(7, 9));
  const batches = fullBatches(10, 4, 3);
  for (const step of [0, 1, 2, 7]) {
    const whole = batches(step);
    same(new Set(whole).size, 4, 'samples');
    same([...batches(step, 0, 1), ...batches(step, 1, 3)], whole);
  }
  // More samples a step than there are: none is twice in a part.
  const many = fullBatches(5, 8, 3);
  for (const first of [0, 4]) same(new Set(many(2, first, 4)).size, 4, 'samples');
  same(fullBatches(5, 8, 3)(0, 0, 8).length, 5, 'cut to the data');
});

test('draws outside a run check their arguments', () => {
  throws(() => manualSeed(-1), RangeError, /manualSeed: seed must be/);
  throws(() => manualSeed('1' as never), TypeError, /manualSeed: seed must be/);
  throws(() => randomNormal([2], { sigma: 1 } as never), TypeError, /unknown option "sigma"/);
  throws(() => randomNormal([2], { std: -1 }), RangeError, /std/);
});
