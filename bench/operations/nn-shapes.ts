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

/** Sums and means: of which axis, and with what left of it. */
const reductions = (['sum', 'mean'] as const).flatMap((name) =>
  [undefined, 0, 1, -1].map((axis) =>
    onTensors({
      name: axis === undefined ? `${name} of all` : `${name} along axis ${axis}`,
      sizes: LENGTHS,
      large: [{ N: 4096 }],
      inputs: ({ N = 1 }, random) => ({ x: array(random, [2, N, 5]) }),
      forward: (nn, { x }) => nn[name](x, axis === undefined ? {} : { axis, keepDims: axis === 1 }),
      reference({ x }) {
        const on = axis === undefined ? [0, 1, 2] : [axis < 0 ? axis + 3 : axis];
        const kept = x.shape.map((extent, i) => (on.includes(i) ? 1 : extent));
        const sums = new Map<string, number>();
        build(x.shape, (index) => {
          const to = String(index.map((place, i) => (on.includes(i) ? 0 : place)));
          sums.set(to, (sums.get(to) ?? 0) + at(x, index));
          return 0;
        });
        const count = name === 'sum' ? 1 : x.data.length / sums.size;
        return build(kept, (index) => (sums.get(String(index)) as number) / count);
      },
    }),
  ),
);

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
  ...reductions,
];
