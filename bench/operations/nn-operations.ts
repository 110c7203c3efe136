/** Rows of the table: the operations of `nearfar/nn`, one by one. */

import { Random } from '../../src/core/random.js';
import { STREAMS } from '../../src/core/streams.js';
import type { Tensor } from '../../src/nn/index.js';
import { array, between, type Nn, onTensors } from './nn.js';
import * as reference from './nn-reference.js';
import { at, both, build, map, mapRows, type Nd } from './nn-reference.js';
import { integers, type Operation, type Sizes } from './operation.js';
import { logSumExp, softmax, unit } from './reference.js';

/** Around the vectors' four lanes, and across the loops that take several vectors a turn. */
const LENGTHS: readonly Sizes[] = [{ N: 1 }, { N: 3 }, { N: 33 }, { N: 131 }];
const LARGE: readonly Sizes[] = [{ N: 1 << 20 }];
const ROWS: readonly Sizes[] = [
  { N: 1, C: 1 },
  { N: 3, C: 5 },
  { N: 7, C: 33 },
];
const LARGE_ROWS: readonly Sizes[] = [{ N: 768, C: 128 }];

function unary(
  name: string,
  forward: (nn: Nn, x: Tensor) => Tensor,
  f: (x: number) => number,
  low = -3,
  high = 3,
): Operation {
  return onTensors({
    name,
    sizes: LENGTHS,
    large: LARGE,
    inputs: ({ N = 1 }, random) => ({ x: between(random, [N], low, high) }),
    forward: (nn, { x }) => forward(nn, x),
    reference: ({ x }) => map(x, f),
  });
}

/** Shapes of two operands: the same, a row, a column, an outer product, a scalar. */
const PAIRS: Record<string, (n: number) => [number[], number[]]> = {
  '': (n) => [[n], [n]],
  ' of a row': (n) => [[3, n], [n]],
  ' of columns': (n) => [
    [2, n, 1],
    [n, 5],
  ],
  ' of a scalar': (n) => [[], [n, 2]],
};

function binary(
  name: 'add' | 'sub' | 'mul' | 'div' | 'maximum',
  f: (a: number, b: number) => number,
): Operation[] {
  return Object.entries(PAIRS).map(([shapes, of]) =>
    onTensors({
      name: name + shapes,
      sizes: shapes === '' ? LENGTHS : LENGTHS.slice(0, 3),
      large: shapes === '' ? LARGE : [],
      inputs: ({ N = 1 }, random) => ({
        a: array(random, of(N)[0]),
        // A divisor keeps away from 0.
        b: between(random, of(N)[1], name === 'div' ? 0.5 : -2, 2),
      }),
      forward: (nn, { a, b }) => nn[name](a, b),
      reference: ({ a, b }) => both(a, b, f),
    }),
  );
}

const matmuls = [
  { name: 'matmul', a: [2, 1], b: [1, 2], options: {} },
  {
    name: 'matmul of transposes',
    a: [1, 2],
    b: [2, 1],
    options: { transposeA: true, transposeB: true },
  },
].map(({ name, a, b, options }) =>
  onTensors({
    name,
    sizes: [
      { B: 1, N: 1, M: 1, K: 1 },
      { B: 2, N: 3, M: 9, K: 5 },
    ],
    large: [{ B: 12, N: 64, M: 64, K: 32 }],
    inputs: ({ B = 1, N = 1, M = 1, K = 1 }, random) => ({
      a: array(random, a[0] === 2 ? [B, N, K] : [B, K, N]),
      b: array(random, b[0] === 1 ? [B, K, M] : [B, M, K]),
    }),
    forward: (nn, { a, b }) => nn.matmul(a, b, options),
    reference({ a, b }) {
      const turn = (x: Nd): Nd => reference.transpose(x, [0, 2, 1]);
      return 'transposeA' in options ? reference.matmul(turn(a), turn(b)) : reference.matmul(a, b);
    },
    flops: ({ B = 1, N = 1, M = 1, K = 1 }) => 2 * B * N * M * K,
  }),
);

/** Axes before the matrices' own: one matrix for all, and each side repeated along an axis. */
const broadcastMatmuls = [
  { name: 'matmul with one matrix for all', a: [3], b: [] },
  { name: 'matmul of one matrix with all', a: [], b: [3] },
  { name: 'matmul (2, 1, 3, …) with (4, 1, …)', a: [2, 1, 3], b: [4, 1] },
].map(({ name, a, b }) =>
  onTensors({
    name,
    sizes: [{ N: 2, M: 5, K: 7 }],
    inputs: ({ N = 1, M = 1, K = 1 }, random) => ({
      a: array(random, [...a, N, K]),
      b: array(random, [...b, K, M]),
    }),
    forward: (nn, { a, b }) => nn.matmul(a, b),
    reference: ({ a, b }) => reference.matmul(a, b),
  }),
);

const linears = [true, false].map((bias) =>
  onTensors({
    name: bias ? 'linear' : 'linear without bias',
    sizes: [
      { N: 1, C: 1, M: 1 },
      { N: 3, C: 5, M: 7 },
    ],
    large: [{ N: 768, C: 128, M: 512 }],
    inputs: ({ N = 1, C = 1, M = 1 }, random) => ({
      x: array(random, [2, N, C]),
      weight: array(random, [M, C]),
      ...(bias ? { bias: array(random, [M]) } : {}),
    }),
    forward: (nn, { x, weight, bias }) => nn.linear(x, weight, bias),
    reference: ({ x, weight, bias }) => reference.linear(x, weight, bias),
    flops: ({ N = 1, C = 1, M = 1 }) => 4 * N * M * C,
  }),
);

const layerNorms = [true, false].map((affine) =>
  onTensors({
    name: affine ? 'layerNorm' : 'layerNorm alone',
    sizes: ROWS,
    large: LARGE_ROWS,
    inputs: ({ N = 1, C = 1 }, random) => ({
      x: array(random, [N, C]),
      ...(affine ? { gain: array(random, [C]), bias: array(random, [C]) } : {}),
    }),
    forward: (nn, { x, gain, bias }) => nn.layerNorm(x, gain, bias),
    reference: ({ x, gain, bias }) => reference.layerNorm(x, gain, bias),
  }),
);

const total = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0);

/** Operations on vectors along the middle axis. */
const alongAxes = (
  [
    ['softmax', softmax],
    ['logSumExp', (row) => [logSumExp(row)]],
    ['logSoftmax', (row) => row.map((value) => value - logSumExp(row))],
    ['normalize', unit],
  ] as [string, (row: number[]) => ArrayLike<number>][]
).map(([name, onRow]) =>
  onTensors({
    name: `${name} along axis 1`,
    sizes: LENGTHS.slice(0, 3),
    large: [{ N: 4096 }],
    inputs: ({ N = 1 }, random) => ({ x: array(random, [2, N, 5]) }),
    forward: (nn, { x }) =>
      nn[name as 'softmax' | 'logSumExp' | 'logSoftmax' | 'normalize'](x, { axis: 1 }),
    reference: ({ x }) =>
      reference.transpose(mapRows(reference.transpose(x, [0, 2, 1]), onRow), [0, 2, 1]),
  }),
);

/** Tells if the generator in TypeScript drops element i: the kernel's numbers are the same. */
function dropped(n: number, rate: number): boolean[] {
  const random = new Random(1, STREAMS.dropout, 0);
  return Array.from({ length: n }, () => random.uniform() < rate);
}

export const nnOperations: readonly Operation[] = [
  ...binary('add', (a, b) => a + b),
  ...binary('sub', (a, b) => a - b),
  ...binary('mul', (a, b) => a * b),
  ...binary('div', (a, b) => a / b),
  ...binary('maximum', Math.max),
  onTensors({
    name: 'where',
    sizes: LENGTHS.slice(0, 3),
    large: [{ N: 1 << 18 }],
    inputs: ({ N = 1 }, random) => ({
      condition: integers(random, N, 2),
      a: array(random, [N, 3]),
      b: array(random, [3]),
    }),
    forward: (nn, { condition, a, b }) => nn.where(condition, a, b),
    reference: ({ condition, a, b }) =>
      build(a.shape, (index) => at(at(condition, index) === 0 ? b : a, index)),
  }),
  unary('exp', (nn, x) => nn.exp(x), Math.exp),
  unary('log', (nn, x) => nn.log(x), Math.log, 0.1, 5),
  unary('sqrt', (nn, x) => nn.sqrt(x), Math.sqrt, 0.1, 5),
  unary('tanh', (nn, x) => nn.tanh(x), Math.tanh),
  unary(
    'relu',
    (nn, x) => nn.relu(x),
    (x) => Math.max(0, x),
  ),
  unary('gelu', (nn, x) => nn.gelu(x), reference.gelu, -6, 6),
  unary(
    'gelu approximate',
    (nn, x) => nn.gelu(x, { approximate: true }),
    reference.geluByTanh,
    -6,
    6,
  ),
  unary('sigmoid', (nn, x) => nn.sigmoid(x), reference.sigmoid, -20, 20),
  unary(
    'silu',
    (nn, x) => nn.silu(x),
    (x) => x * reference.sigmoid(x),
    -20,
    20,
  ),
  unary(
    'neg',
    (nn, x) => nn.neg(x),
    (x) => -x,
  ),
  unary('abs', (nn, x) => nn.abs(x), Math.abs),
  unary(
    'square',
    (nn, x) => nn.square(x),
    (x) => x * x,
  ),
  ...[2, 3, -2, 0.5, -1.5, 70].map((exponent) =>
    unary(
      `pow ${exponent}`,
      (nn, x) => nn.pow(x, exponent),
      (x) => x ** exponent,
      exponent > 0 && Number.isInteger(exponent) ? -1.5 : 0.5,
      1.5,
    ),
  ),
  ...[{ min: -1, max: 0.5 }, { min: 0 }, { max: 1 }].map((range) =>
    unary(
      `clamp ${JSON.stringify(range)}`,
      (nn, x) => nn.clamp(x, range),
      (x) => Math.min(Math.max(x, range.min ?? -Infinity), range.max ?? Infinity),
    ),
  ),
  unary(
    'a tensor used twice',
    (nn, x) => nn.add(nn.mul(x, x), x),
    (x) => x * x + x,
  ),
  ...matmuls,
  ...broadcastMatmuls,
  ...linears,
  onTensors({
    name: 'softmax',
    sizes: ROWS,
    large: LARGE_ROWS,
    inputs: ({ N = 1, C = 1 }, random) => ({ x: array(random, [N, C], 3) }),
    forward: (nn, { x }) => nn.softmax(x),
    reference: ({ x }) => mapRows(x, softmax),
  }),
  onTensors({
    name: 'logSoftmax',
    sizes: ROWS,
    large: LARGE_ROWS,
    inputs: ({ N = 1, C = 1 }, random) => ({ x: array(random, [N, C], 3) }),
    forward: (nn, { x }) => nn.logSoftmax(x),
    reference: ({ x }) => mapRows(x, (row) => row.map((value) => value - logSumExp(row))),
  }),
  onTensors({
    name: 'normalize',
    sizes: ROWS,
    large: LARGE_ROWS,
    inputs: ({ N = 1, C = 1 }, random) => ({ x: array(random, [N, C]) }),
    forward: (nn, { x }) => nn.normalize(x),
    reference: ({ x }) => mapRows(x, unit),
  }),
  ...alongAxes,
  ...layerNorms,
  onTensors({
    name: 'mse added up',
    sizes: LENGTHS,
    inputs: ({ N = 1 }, random) => ({ x: array(random, [N]), target: array(random, [N]) }),
    forward: (nn, { x, target }) => nn.mse(x, target, { reduction: 'sum' }),
    reference: ({ x, target }) => ({
      data: [both(x, target, (a, b) => (a - b) ** 2).data].map(total),
      shape: [],
    }),
  }),
  onTensors({
    name: 'mse',
    sizes: LENGTHS,
    large: LARGE,
    inputs: ({ N = 1 }, random) => ({ x: array(random, [N]), target: array(random, [N]) }),
    forward: (nn, { x, target }) => nn.mse(x, target),
    reference({ x, target }) {
      const squares = Array.from(x.data, (value, i) => (value - (target.data[i] as number)) ** 2);
      const sum = squares.reduce((total, square) => total + square, 0);
      return { data: [sum / squares.length], shape: [] };
    },
  }),
  onTensors({
    name: 'dropout',
    sizes: LENGTHS,
    large: LARGE,
    inputs: ({ N = 1 }, random) => ({ x: array(random, [N]) }),
    forward: (nn, { x }) => nn.dropout(x, 0.25),
    reference({ x }) {
      const gone = dropped(x.data.length, 0.25);
      return {
        data: Array.from(x.data, (value, i) => (gone[i] ? 0 : value / 0.75)),
        shape: x.shape,
      };
    },
  }),
  onTensors({
    name: 'randomUniform',
    sizes: LENGTHS,
    large: LARGE,
    inputs: ({ N = 1 }, random) => ({ x: array(random, [N]) }),
    forward: (nn, { x }) => nn.randomUniform(x.shape, { low: -2, high: 3 }),
    reference({ x }) {
      const random = new Random(1, STREAMS.tensor, 0);
      return map(x, () => random.uniform(-2, 3));
    },
    gradient: false,
  }),
  onTensors({
    name: 'customOp',
    sizes: LENGTHS,
    inputs: ({ N = 1 }, random) => ({ a: array(random, [N]), b: array(random, [N]) }),
    forward: (nn, { a, b }) =>
      nn.customOp({
        forward: (x, y) => nn.mul(nn.mul(x as Tensor, x as Tensor), y as Tensor),
        backward: (dy, _, x, y) => [
          nn.mul(dy, nn.mul(nn.mul(x as Tensor, 2), y as Tensor)),
          nn.mul(dy, nn.mul(x as Tensor, x as Tensor)),
        ],
      })(a, b),
    reference: ({ a, b }) => both(a, b, (x, y) => x * x * y),
  }),
];
