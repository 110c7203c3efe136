/**
 * Every operation and loss of nearfar/nn: its gradient against central differences of its own
 * values, weighted so that no element's share is the same, on shapes that broadcast and are odd.
 */

import * as nn from 'nearfar/nn';
import { Random } from '../../src/random.js';
import { check, close, suite } from '../harness.js';

const test = suite('nn gradients');
type Tensor = nn.Tensor;

interface Case {
  name: string;
  shapes: number[][];
  /** Range of the inputs (default -1 to 1). */
  range?: [number, number];
  run(...inputs: Tensor[]): Tensor;
}

type Call = (...inputs: Tensor[]) => Tensor;
const one = (name: string, run: Call, shape = [3, 5], range?: [number, number]): Case =>
  range ? { name, shapes: [shape], run, range } : { name, shapes: [shape], run };
const two = (name: string, run: Call, ...shapes: number[][]): Case => ({ name, shapes, run });

const CASES: Case[] = [
  two('add', (a, b) => nn.add(a as Tensor, b as Tensor), [3, 1, 5], [4, 1]),
  two('add a row', (a, b) => nn.add(a as Tensor, b as Tensor), [2, 3, 5], [5]),
  two('sub', (a, b) => nn.sub(a as Tensor, b as Tensor), [3, 1], [1, 5]),
  two('mul', (a, b) => nn.mul(a as Tensor, b as Tensor), [2, 3, 5], [3, 1]),
  { ...two('div', (a, b) => nn.div(a as Tensor, b as Tensor), [2, 5], [5]), range: [1, 2] },
  two('maximum', (a, b) => nn.maximum(nn.mul(a as Tensor, 0.01), nn.add(b as Tensor, 2)), [3], [3]),
  one('where', (a) => nn.where(nn.tensor([1, 0, 1, 0, 0]), a as Tensor, nn.mul(a as Tensor, 3))),
  one('exp', (a) => nn.exp(a as Tensor)),
  one('log', (a) => nn.log(a as Tensor), [7], [1, 2]),
  one('sqrt', (a) => nn.sqrt(a as Tensor), [7], [1, 2]),
  one('tanh', (a) => nn.tanh(a as Tensor)),
  one('relu', (a) => nn.relu(a as Tensor), [9], [0.1, 1]),
  one('gelu', (a) => nn.gelu(a as Tensor), [33], [-3, 3]),
  one('gelu approximate', (a) => nn.gelu(a as Tensor, { approximate: true }), [33], [-3, 3]),
  two('matmul', (a, b) => nn.matmul(a as Tensor, b as Tensor), [2, 3, 5], [2, 5, 4]),
  two('matmul shared', (a, b) => nn.matmul(a as Tensor, b as Tensor), [2, 3, 5], [5, 4]),
  two(
    'matmul transposed',
    (a, b) => nn.matmul(a as Tensor, b as Tensor, { transposeA: true, transposeB: true }),
    [2, 5, 3],
    [2, 4, 5],
  ),
  two('linear', (x, w, b) => nn.linear(x as Tensor, w as Tensor, b), [2, 3, 5], [4, 5], [4]),
  one('transpose', (a) => nn.transpose(a as Tensor, [2, 0, 1]), [2, 3, 5]),
  one('reshape', (a) => nn.reshape(a as Tensor, [5, -1])),
  one('slice', (a) => nn.slice(a as Tensor, 1, 1, -1), [2, 4, 5]),
  two('concat', (a, b) => nn.concat([a as Tensor, b as Tensor], 1), [2, 3], [2, 2]),
  one('gather', (a) => nn.gather(a as Tensor, [0, 4, 4, 2]), [5, 3]),
  one('sum', (a) => nn.sum(a as Tensor, { axis: 1 }), [2, 3, 5]),
  one('mean', (a) => nn.mean(a as Tensor, { axis: -1, keepDims: true }), [2, 3, 5]),
  one('mean of all', (a) => nn.mean(a as Tensor)),
  one('softmax', (a) => nn.softmax(a as Tensor)),
  one('logSoftmax', (a) => nn.logSoftmax(a as Tensor)),
  one('normalize', (a) => nn.normalize(a as Tensor)),
  two('layerNorm', (x, g, b) => nn.layerNorm(x as Tensor, g, b), [3, 5], [5], [5]),
  one('attention', (a) => nn.attention(a as Tensor, { heads: 2, lengths: [3, 5] }), [2, 5, 24]),
  one('attention causal', (a) => nn.attention(a as Tensor, { heads: 2, causal: true }), [2, 5, 24]),
  one(
    'attention causal of many steps and padding',
    (a) => nn.attention(a as Tensor, { heads: 2, causal: true, lengths: [7, 19] }),
    [2, 19, 18],
  ),
  one(
    'attention with dropout',
    (a) => {
      nn.manualSeed(3);
      return nn.attention(a as Tensor, { heads: 2, causal: true, dropout: 0.4 });
    },
    [2, 11, 24],
  ),
  two('mse', (a, b) => nn.mse(a as Tensor, b as Tensor), [3, 4], [3, 4]),
  one('crossEntropy', (a) => nn.crossEntropy(a as Tensor, [1, -100, 0])),
  one('ntXent', (a) => nn.ntXent(a as Tensor), [6, 4]),
  two(
    'infoNce',
    (q, k, n) => nn.infoNce(q as Tensor, k as Tensor, { negatives: n, temperature: 0.5 }),
    [3, 4],
    [3, 4],
    [2, 4],
  ),
  {
    ...two(
      'clipLoss',
      (a, b, s) => nn.clipLoss(a as Tensor, b as Tensor, { logitScale: s }),
      [3, 4],
      [3, 4],
      [],
    ),
    range: [1, 3],
  },
  one('supCon', (a) => nn.supCon(a as Tensor, [0, 1, 0, 1], { temperature: 0.5 }), [4, 3]),
  two(
    'tripletLoss',
    (a, p, n) => nn.tripletLoss(a as Tensor, p as Tensor, n as Tensor),
    [2, 3],
    [2, 3],
    [2, 3],
  ),
  one('klDivergence', (a) =>
    nn.klDivergence(nn.softmax(a as Tensor), nn.softmax(nn.mul(a as Tensor, 0.5))),
  ),
  one('a tensor used twice', (a) => nn.add(nn.mul(a as Tensor, a as Tensor), a as Tensor)),
];

/** A scalar of any result: its elements with weights of their own. */
function weighted(y: Tensor): Tensor {
  const weights = Float32Array.from({ length: y.size }, (_, i) => ((i * 7) % 11) / 8 - 0.4);
  return nn.sum(nn.mul(y, nn.tensor(weights, y.shape)));
}

for (const { name, shapes, range: [low, high] = [-1, 1], run } of CASES) {
  test(name, () => {
    const random = new Random(7);
    const inputs = shapes.map((shape) => {
      const length = shape.reduce((size, extent) => size * extent, 1);
      return nn.parameter(
        Float32Array.from({ length }, () => random.uniform(low, high)),
        shape,
      );
    });
    const value = (): number => nn.tidy(() => weighted(run(...inputs)).item());
    nn.tidy(() => weighted(run(...inputs)).backward());
    inputs.forEach((input, k) => {
      check(input.grad !== undefined, `input ${k} has no gradient`);
      const grad = input.grad.toArray();
      const largest = grad.reduce((most, slope) => Math.max(most, Math.abs(slope)), 0.01);
      for (let i = 0; i < input.size; i += Math.max(1, Math.floor(input.size / 16))) {
        const before = input.data[i] as number;
        const at = (x: number): number => {
          input.data[i] = x;
          const moved = value();
          input.data[i] = before;
          return moved;
        };
        const slope = (at(before + 1 / 128) - at(before - 1 / 128)) * 64;
        const what = `d / d input ${k}[${i}]`;
        close(grad[i] as number, slope, { what, atol: 5e-3 * largest });
      }
    });
    for (const input of inputs) input.dispose();
  });
}
