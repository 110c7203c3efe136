/** The masked autoencoder against PyTorch with Hugging Face's names, and how it goes about its task. */

import { readFileSync } from 'node:fs';
import {
  imagesFrom,
  interpolate,
  loadMae,
  MAE,
  type MaeConfig,
  meanFill,
  randomMask,
  reconstructionErrors,
  saveMae,
  train,
} from 'nearfar/models';
import { loadSafetensors, manualSeed, noGrad, type Tensor, tensor, tidy } from 'nearfar/nn';
import { Random } from '../../src/core/random.js';
import { check, close, same, sameBits, suite, throws } from '../harness.js';

const test = suite('mae');

interface Packed {
  shape: number[];
  f32: string;
}

interface Golden {
  config: Record<string, unknown>;
  weights: string;
  images: Packed;
  visible: number[];
  hidden: number[];
  pixels: Packed;
  features: Packed;
  loss: number;
}

const FILE = new URL('../golden/fixtures/models/mae.json', import.meta.url);
const golden: Golden = JSON.parse(readFileSync(FILE, 'utf8'));
const unpacked = ({ f32 }: Packed): Float32Array =>
  new Float32Array(new Uint8Array(Buffer.from(f32, 'base64')).buffer);

/** The files that PyTorch wrote. */
function theirs(): Map<string, Uint8Array> {
  return new Map([
    ['config.json', new TextEncoder().encode(JSON.stringify(golden.config))],
    ['model.safetensors', new Uint8Array(Buffer.from(golden.weights, 'base64'))],
  ]);
}

test("PyTorch's files give its pixels, vectors and loss", () =>
  tidy(() => {
    const mae = loadMae(theirs());
    const images = tensor(unpacked(golden.images), golden.images.shape);
    const visible = Int32Array.from(golden.visible);
    const mask = { visible, hidden: Int32Array.from(golden.hidden) };
    noGrad(() => {
      const pixels = mae.forward(images, mask);
      same(pixels.shape, golden.pixels.shape, 'shape');
      close(pixels.toArray(), unpacked(golden.pixels), { atol: 1e-4, what: 'pixels' });
      close(mae.error(images, mask).item(), golden.loss, { rtol: 1e-5, what: 'loss' });
    });
    const { data, rows, cols } = mae.encode(images);
    same([rows, cols], golden.features.shape, 'shape of the vectors');
    close(data, unpacked(golden.features), { atol: 1e-4, what: 'vectors' });
    mae.dispose();
  }));

test("its files are PyTorch's again, tensor by tensor", () =>
  tidy(() => {
    const mae = loadMae(theirs());
    const files = saveMae(mae);
    const read = (from: Map<string, Uint8Array>): Map<string, Tensor> =>
      loadSafetensors(from.get('model.safetensors') as Uint8Array);
    const ours = read(files);
    const wanted = read(theirs());
    same([...ours.keys()].sort(), [...wanted.keys()].sort(), 'names');
    for (const [name, part] of wanted) {
      same(ours.get(name)?.shape, part.shape, name);
      sameBits((ours.get(name) as Tensor).toArray(), part.toArray());
    }
    const config = JSON.parse(new TextDecoder().decode(files.get('config.json')));
    // Its images are not square: transformers would make other positions for them.
    const expected = { ...golden.config, model_type: 'nearfar-mae' };
    for (const [key, value] of Object.entries(expected)) same(config[key], value, key);
    mae.dispose();
  }));

test('files of the encoder alone, without the first part of the names, will do', () =>
  tidy(() => {
    const whole = loadMae(theirs());
    const kept = [...whole.encoder.stateDict()].map(
      ([name, part]) => [name, part.toArray()] as const,
    );
    const text = Buffer.from(golden.weights, 'base64');
    const length = Number(text.readBigUInt64LE(0));
    const header: Record<string, { data_offsets?: number[] }> = JSON.parse(
      text.subarray(8, 8 + length).toString(),
    );
    const encoder = Object.entries(header)
      .filter(([name]) => !name.startsWith('decoder.'))
      .map(([name, entry]) => [name.replace(/^vit\./, ''), entry] as const);
    const data = text.subarray(8 + length);
    // The decoder's tensors come first in a file whose names are in order.
    const spans = encoder.flatMap(([, entry]) => entry.data_offsets ?? []);
    const first = Math.min(...spans);
    for (const [, entry] of encoder) {
      if (entry.data_offsets) entry.data_offsets = entry.data_offsets.map((at) => at - first);
    }
    const head = Buffer.from(JSON.stringify(Object.fromEntries(encoder)));
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(head.length));
    const files = theirs();
    files.set('model.safetensors', Buffer.concat([size, head, data.subarray(first)]));
    const again = loadMae(files);
    const state = again.encoder.stateDict();
    for (const [name, part] of kept) sameBits((state.get(name) as Tensor).toArray(), part);
    whole.dispose();
    again.dispose();
  }));

test('files that are not sound are refused by name', () => {
  const broken = (changes: Record<string, unknown>): (() => unknown) => {
    const files = theirs();
    const config = { ...golden.config, ...changes };
    files.set('config.json', new TextEncoder().encode(JSON.stringify(config)));
    return () => loadMae(files);
  };
  const without = theirs();
  without.delete('model.safetensors');
  throws(() => loadMae(without), RangeError, 'loadMae: files must hold model.safetensors');
  throws(broken({ hidden_size: 24, intermediate_size: 96 }), RangeError, 'loadMae: …');
  throws(broken({ intermediate_size: 40 }), RangeError, /intermediate_size must be 48, got 40/);
  throws(broken({ mask_ratio: 1 }), RangeError, /mask_ratio must be above 0 and below 1, got 1/);
  throws(broken({ num_hidden_layers: 5 }), RangeError, /must be with vit.encoder.layer.4/);
});

const SHAPE = { height: 8, width: 12, channels: 1 };
const SIZES = { patch: 4, hidden: 16, layers: 1, heads: 2, decoderLayers: 1, decoderHeads: 2 };

test('images of another shape are refused', () => {
  const model = new MAE({ ...SHAPE, ...SIZES });
  const turned = imagesFrom(new Uint8Array(96), { height: 12, width: 8, channels: 1 });
  throws(
    () => model.batches(turned, { batchSize: 1, seed: 0 }),
    RangeError,
    "train: images must be 8 × 12 × 1 as the network's, got 12 × 8 × 1",
  );
  model.dispose();
});

function small(more: object = {}): MAE {
  manualSeed(5);
  return new MAE({ ...SHAPE, ...SIZES, ...more });
}

/** Images of one diagonal wave at different offsets: one patch tells of the others. */
function waves(count: number): Uint8Array {
  const random = new Random(8);
  const pixels = new Uint8Array(count * 96);
  for (let n = 0; n < count; n++) {
    const from = random.uniform(0, 2 * Math.PI);
    for (let i = 0; i < 96; i++) {
      const angle = from + 0.7 * Math.floor(i / 12) + 0.5 * (i % 12);
      pixels[n * 96 + i] = Math.round(127.5 + 127 * Math.sin(angle));
    }
  }
  return pixels;
}

test('a mask is each patch once, another for every image, the same for the same seed', () => {
  const mask = randomMask(50, 6, 0.75, { seed: 3, step: 2 });
  same([mask.visible.length, mask.hidden.length], [50, 250], 'one patch of six is seen');
  for (let b = 0; b < 50; b++) {
    const all = [mask.visible[b], ...mask.hidden.subarray(5 * b, 5 * b + 5)];
    same(all.sort(), [0, 1, 2, 3, 4, 5], `patches of image ${b}`);
  }
  same(new Set(mask.visible).size, 6, 'kinds of masks among fifty');
  sameBits(randomMask(50, 6, 0.75, { seed: 3, step: 2 }).visible, mask.visible);
  check(
    String(randomMask(50, 6, 0.75, { seed: 3, step: 3 }).visible) !== String(mask.visible),
    'another step must hide others',
  );
});

test('hidden pixels change nothing of what is made up; visible ones stay', () =>
  tidy(() => {
    for (const normalizePixels of [false, true]) {
      const mae = small({ normalizePixels }).eval();
      const pixels = waves(3);
      const { masked, reconstructed } = mae.reconstruct(pixels, { seed: 4 });
      same(reconstructed.shape, [3, 1, 8, 12], 'shape');
      const before = masked.toArray();
      const made = reconstructed.toArray();
      const shown = pixels.map((_, i) => (before[i] === 0 ? 0 : 1));
      const original = Float32Array.from(pixels, (value) => (value / 255) * 2 - 1);
      check(shown.filter(Boolean).length === 3 * 16, 'one patch of six is shown');
      original.forEach((value, i) => {
        if (shown[i]) close(made[i] as number, value, { atol: 1e-6, what: `pixel ${i}` });
      });
      const other = pixels.map((value, i) => (shown[i] ? value : 255 - value));
      const again = mae.reconstruct(other, { seed: 4 }).reconstructed;
      if (!normalizePixels) sameBits(again.toArray(), made);
      mae.dispose();
    }
  }));

test('it learns to make patches up better than a mean or an interpolation', async () => {
  const images = imagesFrom(waves(64), SHAPE);
  const mae = small({ maskRatio: 0.5 });
  const before = reconstructionErrors(mae, images);
  // Crops would be other waves: the loss as it is.
  mae.loss = ({ pixels, seed, step }) => {
    const images = tensor(
      Float32Array.from(pixels, (value) => (value / 255) * 2 - 1),
      [pixels.length / 96, 1, 8, 12],
    );
    return mae.error(images, mae.mask(images.shape[0] as number, { seed, step }));
  };
  for await (const _ of train(mae, images, { steps: 300, batchSize: 16, learningRate: 0.01 }));
  const after = reconstructionErrors(mae, images);
  same(after.meanFill, before.meanFill, 'the mean fill, on the same masks');
  close(after.loss, after.reconstruction, { rtol: 1e-4, what: 'the loss is the error of pixels' });
  const { reconstruction, meanFill: mean, interpolation } = after;
  check(
    reconstruction < 0.5 * interpolation && interpolation < mean,
    `made up ${reconstruction}, interpolated ${interpolation}, mean ${mean}`,
  );
  mae.dispose();
});

test('interpolation continues a linear ramp exactly, the mean fill does not', () =>
  tidy(() => {
    const ramp = Array.from({ length: 35 }, (_, i) => (i % 7) * 2 + Math.floor(i / 7));
    const shown = ramp.map((_, i) => (i % 7 > 0 && i % 7 < 6 && i > 6 && i < 28 ? 0 : 1));
    const images = tensor(ramp, [1, 1, 5, 7]);
    const mask = tensor(shown, [1, 1, 5, 7]);
    close(interpolate(images, mask).toArray(), ramp, { atol: 1e-4, what: 'interpolation' });
    const mean = ramp.reduce((sum, value, i) => sum + value * (shown[i] as number), 0) / 20;
    const filled = ramp.map((value, i) => (shown[i] ? value : mean));
    close(meanFill(images, mask).toArray(), filled, { rtol: 1e-6, what: 'mean fill' });
  }));

test('the default patch cuts any image', () => {
  for (const [height, width, patch] of [
    [28, 28, 4],
    [32, 32, 4],
    [31, 31, 1],
    [20, 30, 2],
  ] as const) {
    const mae = new MAE({ height, width, channels: 1, hidden: 8, layers: 1, heads: 1 });
    same(mae.config.patch, patch, `${height} × ${width}`);
    mae.dispose();
  }
});

test('a folder that transformers would read wrongly has a type of its own', () => {
  for (const [height, type] of [
    [12, 'vit_mae'],
    [8, 'nearfar-mae'],
  ] as const) {
    const config = saveMae(small({ height })).get('config.json') as Uint8Array;
    same(JSON.parse(new TextDecoder().decode(config)).model_type, type, `${height} × 12`);
  }
});

test('bad input is refused by name', () => {
  const colorless = { height: 8, width: 12 } as MaeConfig;
  throws(
    () => new MAE(colorless),
    TypeError,
    'MAE: channels must be a whole number, got undefined',
  );
  throws(() => small({ patch: 5 }), RangeError, /patch must be a divisor of 8 × 12 pixels, got 5/);
  throws(
    () => small({ maskRatio: 1 }),
    RangeError,
    'MAE: maskRatio must be above 0 and below 1, got 1',
  );
  throws(() => small({ decoderLayers: 0 }), RangeError, /decoderLayers must be a whole number/);
  const mae = small();
  throws(
    () => tidy(() => mae.encode(tensor(new Float32Array(8), [1, 1, 2, 4]))),
    RangeError,
    'encode: images must be (B, 1, 8, 12), got "(1, 1, 2, 4)"',
  );
  throws(() => mae.encode(new Uint8Array(95)), RangeError, /a multiple of 96 bytes per image/);
  mae.dispose();
});
