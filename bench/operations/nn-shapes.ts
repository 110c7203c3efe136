/** Rows of the table: what moves numbers and adds them up in `nearfar/nn`. */

import { array, onTensors } from './nn.js';
import * as reference from './nn-reference.js';
import { at, build } from './nn-reference.js';
import { integers, type Operation, type Sizes } from './operation.js';

const LENGTHS: readonly Sizes[] = [{ N: 1 }, { N: 3 }, { N: 33 }];
const ROWS: readonly Sizes[] = [
  { N: 1, C: 1 },
  { N: 3, C: 5 },
  { N: 7, C: 33 },
];
const LARGE_ROWS: readonly Sizes[] = [{ N: 768, C: 128 }];

const sumOf = (values: number[]): number => values.reduce((sum, value) => sum + value, 0);

function varianceOf(values: number[], correction: number): number {
  const mean = sumOf(values) / values.length;
  return sumOf(values.map((value) => (value - mean) ** 2)) / (values.length - correction);
}

/** Reductions, and how many elements they need. */
const REDUCTIONS = {
  sum: { f: sumOf, options: {}, least: 1 },
  mean: { f: (values: number[]) => sumOf(values) / values.length, options: {}, least: 1 },
  max: { f: (values: number[]) => Math.max(...values), options: {}, least: 1 },
  min: { f: (values: number[]) => Math.min(...values), options: {}, least: 1 },
  variance: { f: (values: number[]) => varianceOf(values, 1), options: {}, least: 2 },
  std: {
    f: (values: number[]) => Math.sqrt(varianceOf(values, 0)),
    options: { correction: 0 },
    least: 2,
  },
};

/** Each of them: over which axes, and which of these are kept. */
const reductions = (Object.keys(REDUCTIONS) as (keyof typeof REDUCTIONS)[]).flatMap((name) =>
  [undefined, 0, 1, -1, [0, 2], [2, 1]].map((axis) => {
    const { f, options, least } = REDUCTIONS[name];
    const what = Array.isArray(axis) ? `axes ${axis.join(' and ')}` : `axis ${axis}`;
    return onTensors({
      name: axis === undefined ? `${name} of all` : `${name} along ${what}`,
      sizes: LENGTHS.map(({ N = 1 }) => ({ N: Math.max(N, least) })),
      large: [{ N: 4096 }],
      inputs: ({ N = 1 }, random) => ({ x: array(random, [2, N, 5]) }),
      forward: (nn, { x }) =>
        nn[name](x, {
          ...options,
          ...(axis === undefined ? {} : { axis, keepDims: axis === 1 || Array.isArray(axis) }),
        }),
      reference: ({ x }) =>
        reference.reduce(
          x,
          axis === undefined ? [0, 1, 2] : [axis].flat().map((one) => (one + 3) % 3),
          f,
        ),
    });
  }),
);

/** Bags of rows of a table, one of them empty. */
const bags = (['mean', 'sum', 'max'] as const).map((mode) =>
  onTensors({
    name: `embeddingBag ${mode}${mode === 'sum' ? ' with weights' : ''}`,
    sizes: ROWS,
    large: LARGE_ROWS,
    inputs: ({ N = 1, C = 1 }, random) => ({
      x: array(random, [N, C]),
      ...(mode === 'sum' ? { weights: array(random, [2 * N + 1]) } : {}),
      indices: integers(random, 2 * N + 1, N),
    }),
    forward: (nn, { x, weights }, { indices }) =>
      nn.embeddingBag(x, indices.data, offsetsOf(indices.data.length), { mode, weights }),
    reference({ x, weights, indices }) {
      const count = indices.data.length;
      const borders = [...offsetsOf(count), count];
      return build([borders.length - 1, x.shape[1] as number], ([b = 0, c = 0]) => {
        const values: number[] = [];
        for (let k = borders[b] as number; k < (borders[b + 1] as number); k++) {
          const row = x.shape[0] === 1 ? 0 : (indices.data[k] as number);
          values.push(at(x, [row, c]) * (weights?.data[k] ?? 1));
        }
        if (values.length === 0) return 0;
        if (mode === 'max') return Math.max(...values);
        return sumOf(values) / (mode === 'mean' ? values.length : 1);
      });
    },
  }),
);

/** Where bags of one, none, two and all other rows begin. */
function offsetsOf(count: number): number[] {
  return [0, 1, 1, 3].map((offset) => Math.min(offset, count));
}

export const nnShapes: readonly Operation[] = [
  onTensors({
    name: 'transpose',
    sizes: LENGTHS,
    large: [{ N: 4096 }],
    inputs: ({ N = 1 }, random) => ({ x: array(random, [2, N, 5]) }),
    forward: (nn, { x }) => nn.transpose(x, [2, 0, 1]),
    reference: ({ x }) => reference.transpose(x, [2, 0, 1]),
  }),
  onTensors({
    name: 'transpose of the last two axes, reshaped',
    sizes: LENGTHS,
    inputs: ({ N = 1 }, random) => ({ x: array(random, [2, N, 5]) }),
    forward: (nn, { x }) => nn.reshape(nn.transpose(x), [5, -1]),
    reference({ x }) {
      return { data: reference.transpose(x, [0, 2, 1]).data, shape: [5, x.data.length / 5] };
    },
  }),
  onTensors({
    name: 'slice',
    sizes: [{ N: 3 }, { N: 4 }, { N: 9 }],
    large: [{ N: 4096 }],
    inputs: ({ N = 1 }, random) => ({ x: array(random, [2, N, 5]) }),
    forward: (nn, { x }) => nn.slice(x, 1, 1, -1),
    reference: ({ x }) =>
      build([2, (x.shape[1] as number) - 2, 5], ([i = 0, j = 0, k = 0]) => at(x, [i, j + 1, k])),
  }),
  onTensors({
    name: 'concat',
    sizes: LENGTHS,
    large: [{ N: 4096 }],
    inputs: ({ N = 1 }, random) => ({
      a: array(random, [2, N, 3]),
      b: array(random, [2, 2, 3]),
    }),
    forward: (nn, { a, b }) => nn.concat([a, b, a], 1),
    reference({ a, b }) {
      const n = a.shape[1] as number;
      return build([2, 2 * n + 2, 3], ([i = 0, j = 0, k = 0]) =>
        j >= n && j < n + 2 ? at(b, [i, j - n, k]) : at(a, [i, j < n ? j : j - n - 2, k]),
      );
    },
  }),
  onTensors({
    name: 'gather',
    sizes: ROWS,
    large: LARGE_ROWS,
    inputs: ({ N = 1, C = 1 }, random) => ({
      x: array(random, [N, C]),
      indices: integers(random, 2 * N + 1, N),
    }),
    forward: (nn, { x }, { indices }) => nn.gather(x, indices.data),
    reference: ({ x, indices }) =>
      build([indices.data.length, x.shape[1] as number], ([i = 0, c = 0]) =>
        at(x, [x.shape[0] === 1 ? 0 : (indices.data[i] as number), c]),
      ),
  }),
  onTensors({
    name: 'stack',
    sizes: LENGTHS,
    large: [{ N: 4096 }],
    inputs: ({ N = 1 }, random) => ({ a: array(random, [2, N]), b: array(random, [2, N]) }),
    forward: (nn, { a, b }) => nn.stack([a, b, a], { axis: -1 }),
    reference: ({ a, b }) =>
      build([...a.shape, 3], ([i = 0, j = 0, k = 0]) => at(k === 1 ? b : a, [i, j])),
  }),
  onTensors({
    name: 'squeeze and unsqueeze',
    sizes: LENGTHS,
    inputs: ({ N = 1 }, random) => ({ x: array(random, [1, N, 1, 2]) }),
    forward: (nn, { x }) => nn.unsqueeze(nn.squeeze(x, 2), -1),
    reference: ({ x }) => ({ data: x.data, shape: [1, x.shape[1] as number, 2, 1] }),
  }),
  onTensors({
    name: 'zeros, ones and arange',
    sizes: LENGTHS,
    inputs: ({ N = 1 }, random) => ({ x: array(random, [N]) }),
    forward: (nn, { x }) => nn.stack([nn.zeros(x.shape), nn.ones(x.shape), nn.arange(x.size)]),
    reference: ({ x }) => build([3, x.data.length], ([k, i = 0]) => (k === 2 ? i : (k as number))),
    gradient: false,
  }),
  ...[undefined, 0, 1, -1].map((axis) =>
    onTensors({
      name: axis === undefined ? 'argmax of all' : `argmax along axis ${axis}`,
      sizes: LENGTHS,
      large: [{ N: 4096 }],
      inputs: ({ N = 1 }, random) => ({ x: integers(random, 2 * N * 5, 7) }),
      forward: (nn, { x }) =>
        nn.tensor(nn.argmax(nn.reshape(x, [2, -1, 5]), axis === undefined ? {} : { axis })),
      reference: ({ x }) =>
        reference.reduce(
          { data: x.data, shape: [2, x.data.length / 10, 5] },
          axis === undefined ? [0, 1, 2] : [(axis + 3) % 3],
          (values) => values.indexOf(Math.max(...values)),
        ),
      gradient: false,
    }),
  ),
  ...bags,
  ...reductions,
];
