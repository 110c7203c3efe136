/**
 * Layers of images in nearfar/nn against float64 PyTorch (golden/vision.py; operations are
 * compared by golden.test.ts), and what no fixture shows:
 * the bits of a sample do not depend on its batch, bad input is refused by name.
 */

import { readFileSync } from 'node:fs';
import * as nn from 'nearfar/nn';
import { Random } from '../../src/core/random.js';
import { check, close, same, sameBits, suite, throws } from '../harness.js';

const test = suite('nn vision');
type Tensor = nn.Tensor;

interface Packed {
  shape: number[];
  f32: string;
}

interface Layer {
  name: string;
  batches: Packed[];
  gain: Packed;
  bias: Packed;
  dy: Packed;
  runningMean: Packed;
  runningVar: Packed;
  y: Packed;
  gradients: Record<'x' | 'weight' | 'bias', Packed>;
}

interface Positions {
  width: number;
  grid: [number, number];
  vectors: Packed;
}

const FILE = new URL('../golden/fixtures/nn/vision.json', import.meta.url);
const golden: { layers: Layer[]; positions: Positions[] } = JSON.parse(readFileSync(FILE, 'utf8'));

function numbers({ f32 }: Packed): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(f32, 'base64')).buffer);
}

/** As near as f32 gets: a fraction of the largest number. */
function near(actual: Tensor | undefined, expected: Packed, what: string): void {
  check(actual !== undefined, `${what} is missing`);
  same(actual.shape, expected.shape, `${what}: shape`);
  const wanted = numbers(expected);
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  close(actual.toArray(), wanted, { atol: 2e-6 * largest, what });
}

const weighted = (y: Tensor, dy: Packed): Tensor =>
  nn.sum(nn.mul(y, nn.tensor(numbers(dy), dy.shape)));

for (const row of golden.layers) {
  test(`BatchNorm of ${row.name}, trained and evaluated`, () =>
    nn.tidy(() => {
      const [, channels] = row.dy.shape as [number, number];
      const layer = new nn.BatchNorm(channels);
      layer.weight?.set(numbers(row.gain));
      layer.bias?.set(numbers(row.bias));
      for (const batch of row.batches.slice(0, -1)) {
        layer.forward(nn.tensor(numbers(batch), batch.shape));
      }
      near(layer.runningMean, row.runningMean, 'runningMean');
      near(layer.runningVar, row.runningVar, 'runningVar');
      const last = row.batches.at(-1) as Packed;
      const x = nn.parameter(numbers(last), last.shape);
      const y = layer.eval().forward(x);
      near(y, row.y, 'y');
      weighted(y, row.dy).backward();
      near(x.grad, row.gradients.x, 'gradient of x');
      near(layer.weight?.grad, row.gradients.weight, 'gradient of weight');
      near(layer.bias?.grad, row.gradients.bias, 'gradient of bias');
      near(layer.runningMean, row.runningMean, 'runningMean after evaluation');
      same([...layer.stateDict().keys()], ['weight', 'bias', 'runningMean', 'runningVar'], 'state');
      same([...layer.parameters().keys()], ['weight', 'bias'], 'parameters');
      x.dispose();
      layer.dispose();
    }));
}

for (const { width, grid, vectors } of golden.positions) {
  test(`sinCosPositions ${width} wide on ${grid}`, () =>
    nn.tidy(() => near(nn.sinCosPositions(width, grid), vectors, 'positions')));
}

/** Images of seeded numbers. */
function seededImages(shape: number[]): Tensor {
  const random = new Random(3);
  const length = shape.reduce((size, extent) => size * extent, 1);
  return nn.tensor(
    Float32Array.from({ length }, () => random.uniform(-1, 1)),
    shape,
  );
}

test('unpatchify puts back what patchify cut', () =>
  nn.tidy(() => {
    const images = seededImages([2, 3, 6, 8]);
    const patches = nn.patchify(images, 2);
    same(patches.shape, [2, 12, 12], 'shape');
    sameBits(nn.unpatchify(patches, [3, 4], 2).toArray(), images.toArray());
  }));

/** The positions of each window's largest number in a plane, the first of equals. */
function argmaxPositions(
  plane: number[],
  width: number,
  size: number,
  stride: number,
  pad: number,
) {
  const height = plane.length / width;
  const positions: number[] = [];
  for (let top = -pad; top + size <= height + pad; top += stride) {
    for (let left = -pad; left + size <= width + pad; left += stride) {
      const window: number[] = [];
      for (let i = Math.max(top, 0); i < Math.min(top + size, height); i++) {
        for (let j = Math.max(left, 0); j < Math.min(left + size, width); j++) {
          window.push(i * width + j);
        }
      }
      const max = Math.max(...window.map((at) => plane[at] as number));
      positions.push(window.find((at) => plane[at] === max) as number);
    }
  }
  return positions;
}

for (const stride of [1, 2, 3]) {
  test(`maxPool2d in strides of ${stride}, several windows at a time, equals among them`, () =>
    nn.tidy(() => {
      const [height, width, size, padding] = [7, 29, 3, 1];
      const random = new Random(stride);
      // Few different numbers, so that windows have several that are the largest.
      const plane = Array.from({ length: height * width }, () => Math.floor(random.uniform(0, 4)));
      const x = nn.parameter(Float32Array.from(plane), [1, 1, height, width]);
      const y = nn.maxPool2d(x, size, { stride, padding });
      const positions = argmaxPositions(plane, width, size, stride, padding);
      same(
        [...y.toArray()],
        positions.map((at) => plane[at]),
        'largest numbers',
      );
      const weights = positions.map((_, i) => i + 1);
      nn.sum(nn.mul(y, nn.tensor(weights, y.shape))).backward();
      const expected = plane.map(() => 0);
      positions.forEach((at, i) => {
        expected[at] = (expected[at] as number) + (weights[i] as number);
      });
      same([...(x.grad as Tensor).toArray()], expected, 'gradient');
      x.dispose();
    }));
}

test('a sample has the same bits in every batch', () =>
  nn.tidy(() => {
    const images = seededImages([5, 3, 12, 12]);
    const network = new nn.ResNet({ widths: [8, 12], blocks: 1 });
    const whole = network.forward(images).toArray();
    const alone = network.forward(nn.slice(images, 0, 3, 4)).toArray();
    same(network.width, 12, 'width');
    sameBits(alone, whole.slice(36, 48));
    network.dispose();
  }));

test('a residual network learns with either norm', () => {
  for (const norm of ['batch', 'group'] as const) {
    nn.manualSeed(1);
    const network = new nn.ResNet({ channels: 1, widths: [8, 8], norm });
    const head = new nn.Linear(8, 2);
    const optimizer = new nn.AdamW(
      [...network.parameters().values(), ...head.parameters().values()],
      {
        learningRate: 0.01,
      },
    );
    const images = seededImages([8, 1, 8, 8]);
    const loss = (): Tensor =>
      nn.crossEntropy(head.forward(network.forward(images)), [0, 1, 1, 0, 1, 0, 0, 1]);
    for (let step = 0; step < 30; step++) {
      nn.tidy(() => loss().backward());
      optimizer.step();
      optimizer.zeroGrad();
    }
    const last = nn.tidy(() => loss().item());
    check(last < 0.1, `${norm}: a loss of ${last} after 30 steps on 8 images`);
    network.dispose();
    head.dispose();
    optimizer.dispose();
    images.dispose();
  }
});

test('the encoder looks at visible patches alone', () =>
  nn.tidy(() => {
    nn.manualSeed(2);
    const encoder = new nn.VisionTransformer({
      imageSize: [8, 12],
      channels: 2,
      patch: 4,
      width: 16,
      layers: 2,
      heads: 2,
    });
    const images = seededImages([2, 2, 8, 12]);
    same(encoder.forward(images).shape, [2, 7, 16], 'shape with all patches');
    const visible = [5, 1, 0, 2];
    const before = encoder.forward(images, visible);
    same(before.shape, [2, 3, 16], 'shape with two patches of six');
    // Patch 3 of the first sample, at row 1 and column 0, is hidden: its numbers change nothing.
    const changed = images.toArray();
    changed[4 * 12] = 9;
    const after = encoder.forward(nn.tensor(changed, images.shape), visible);
    sameBits(after.toArray(), before.toArray());
    const order = encoder.forward(images, [1, 5, 0, 2]).toArray();
    close(order.slice(16, 32), before.toArray().slice(32, 48), { atol: 1e-6, what: 'patch 1' });
    encoder.dispose();
  }));

test('bad input is refused by name', () =>
  nn.tidy(() => {
    const x = seededImages([2, 3, 4, 5]);
    const weight = seededImages([2, 3, 3, 3]);
    const bad = (body: () => unknown, message: string): void => throws(body, RangeError, message);
    bad(
      () => nn.conv2d(seededImages([3, 4, 5]), weight),
      'conv2d: x must be (B, C, H, W), got "(3, 4, 5)"',
    );
    bad(
      () => nn.conv2d(x, seededImages([2, 1, 3, 3])),
      'conv2d: weight must be (O, 3, kernel height, width), got "(2, 1, 3, 3)"',
    );
    bad(() => nn.conv2d(x, weight, nn.tensor([1])), 'conv2d: bias must be 2 numbers, got "(1)"');
    bad(
      () => nn.conv2d(x, weight, undefined, { stride: 0 }),
      'conv2d: stride must be a whole number from 1 to 32768 (pixels), got 0',
    );
    bad(
      () => nn.conv2d(x, seededImages([1, 3, 5, 5])),
      'conv2d: x must be at least 5 × 5 with its padding, got "(2, 3, 4, 5)"',
    );
    bad(
      () => nn.maxPool2d(x, 2, { padding: 2 }),
      'maxPool2d: padding must be a whole number from 0 to 1 (pixels), got 2',
    );
    bad(
      () => nn.batchNorm(seededImages([1, 3])),
      'batchNorm: x must be at least two numbers per channel, got "(1, 3)"',
    );
    bad(() => nn.groupNorm(x, 2), 'groupNorm: groups must be a divisor of 3 channels, got 2');
    bad(() => nn.patchify(x, 2), 'patchify: patch must be a divisor of 4 × 5 pixels, got 2');
    bad(
      () => nn.unpatchify(seededImages([2, 3, 4]), [2, 2], 2),
      'unpatchify: patches must be (B, 4, a multiple of 4), got "(2, 3, 4)"',
    );
    bad(
      () => nn.sinCosPositions(6, [2, 2]),
      'sinCosPositions: width must be a multiple of 4, got 6',
    );
    bad(
      () => nn.gatherTokens(seededImages([2, 3, 4]), [0, 1, 3, 0]),
      'gatherTokens: ids[2] must be from 0 to 2 (the steps of x), got 3',
    );
  }));
