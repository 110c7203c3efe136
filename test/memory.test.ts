/**
 * No memory is left behind: WASM memory, caught as a fresh copy of the library makes it, stays as
 * large as the largest call made it, after any number of calls, failed ones and training steps.
 */

import type * as nearfar from 'nearfar';
import { Random } from '../src/random.js';
import { freshPackage } from './fresh.js';
import { check, refuses, same, sameBits, suite } from './harness.js';

const test = suite('memory');

function matrix(rows: number, cols: number, seed: number): nearfar.Matrix {
  const random = new Random(seed);
  const data = Float32Array.from({ length: rows * cols }, () => random.uniform(-1, 1));
  return { data, rows, cols };
}

test('100,000 calls, one in ten refused, do not grow the memory', async () => {
  const { core, bytes } = await freshPackage();
  const z = matrix(4, 3, 1);
  const bad = { ...z, data: z.data.map((value, i) => (i === 7 ? Number.NaN : value)) };
  const calls: (() => unknown)[] = [
    () => core.ntXent(z),
    () => core.ntXentGrad(z),
    () => core.infoNceGrad(z, z, { negatives: z, symmetric: true }),
    () => core.supConGrad(z, [0, 0, 1, 1]),
    () => core.topK(z, z, 2),
    () => core.crossEntropyGrad(z, [0, 1, 2, 0]),
    () => core.tripletLossGrad(z, z, z),
    () => core.matmul(z, z, { transposeB: true }),
    () => core.pca(z),
    () => refuses(() => core.clipLoss(z, bad), RangeError, 'clipLoss: text must be finite…'),
  ];
  for (const call of calls) call();
  const before = bytes();
  for (let i = 0; i < 100_000; i++) calls[i % calls.length]?.();
  same(bytes(), before, 'bytes');
});

test('a large loss is followed by small ones with the same bits', async () => {
  const { core, bytes } = await freshPackage();
  const small = matrix(6, 5, 2);
  const first = core.ntXentGrad(small).grad.data;
  core.ntXent(matrix(4096, 64, 3));
  const large = bytes();
  sameBits(core.ntXentGrad(small).grad.data, first);
  core.ntXent(matrix(4096, 64, 3));
  same(bytes(), large, 'bytes');
});

test('training takes no more memory at step 1,000 than at step 2', async () => {
  const { nn: engine, bytes } = await freshPackage();
  engine.manualSeed(1);
  const network = new engine.TransformerBlock(16, 2, { causal: true, dropout: 0.1 });
  const optimizer = new engine.AdamW(network.parameters(), { learningRate: 1e-3 });
  const input = engine.tensor(matrix(2 * 5, 16, 4).data, [2, 5, 16]);
  const target = engine.tensor(matrix(2 * 5, 16, 5).data, [2, 5, 16]);
  const step = (): number => {
    optimizer.zeroGrad();
    const loss = engine.tidy(() => {
      const loss = engine.mse(network.forward(input), target);
      loss.backward();
      return loss.item();
    });
    optimizer.step();
    return loss;
  };
  const first = step();
  step();
  const before = bytes();
  let last = first;
  for (let i = 2; i < 1000; i++) last = step();
  same(bytes(), before, 'bytes');
  check(last < first / 2, `the loss went from ${first} to ${last}`);
});
