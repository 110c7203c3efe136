/** Inputs of the property tests: shapes, on and around the kernels' tiles, and the numbers in them. */

import fc from 'fast-check';
import { Random } from '../../src/core/random.js';

export interface Matrix {
  data: Float32Array;
  rows: number;
  cols: number;
}

/** Slivers are 4 rows or 8 columns, tiles 128 rows, blocks of the inner size 256. */
const EDGES = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 33];
const TILE_EDGES = [127, 128, 129, 130, 132, 136, 255, 256, 257, 258];

/** A number of rows, from 1 to 300. */
export const ROWS = fc.oneof(
  fc.constantFrom(...EDGES, ...TILE_EDGES),
  fc.integer({ min: 1, max: 300 }),
);
/** A number of columns, from 1 to 150. */
export const COLS = fc.oneof(
  fc.constantFrom(...EDGES, 64, 127, 128, 129),
  fc.integer({ min: 1, max: 150 }),
);
/** A small number of rows or columns, for what is slow to check. */
export const FEW = fc.integer({ min: 1, max: 9 });
export const SEED = fc.nat(1e6);
/** The temperatures that losses have to be right at. */
export const TEMPERATURE = fc.oneof(
  fc.constantFrom(0.005, 0.01, 0.0249, 0.0251, 0.07, 0.1, 0.5, 1, 10),
  fc.double({ min: 0.005, max: 10, noNaN: true }),
);

/** Numbers in [-1, 1]. */
export function matrix(rows: number, cols: number, seed: number): Matrix {
  const random = new Random(seed, rows, cols);
  const data = Float32Array.from({ length: rows * cols }, () => random.uniform(-1, 1));
  return { data, rows, cols };
}

/** Small whole numbers, so that rows and products are often equal. */
export function wholeMatrix(rows: number, cols: number, seed: number, values = 3): Matrix {
  const random = new Random(seed, rows, cols, values);
  const data = Float32Array.from(
    { length: rows * cols },
    () => random.integer(values) - Math.floor(values / 2),
  );
  return { data, rows, cols };
}

/** Whole numbers below `below`. */
export function labels(length: number, below: number, seed: number): number[] {
  const random = new Random(seed, length, below);
  return Array.from({ length }, () => random.integer(below));
}

/** 0 to n - 1 in random order. */
export function permutation(n: number, seed: number): number[] {
  return new Random(seed, n).shuffle(Array.from({ length: n }, (_, i) => i));
}

export function row({ data, cols }: Matrix, i: number): Float32Array {
  return data.subarray(i * cols, (i + 1) * cols);
}

/** The rows of a matrix in another order, or some of them. */
export function pick(x: Matrix, order: readonly number[]): Matrix {
  const data = new Float32Array(order.length * x.cols);
  order.forEach((from, to) => {
    data.set(row(x, from), to * x.cols);
  });
  return { data, rows: order.length, cols: x.cols };
}

/** One matrix under another. */
export function stack(a: Matrix, b: Matrix): Matrix {
  return { data: Float32Array.of(...a.data, ...b.data), rows: a.rows + b.rows, cols: a.cols };
}

export function transpose({ data, rows, cols }: Matrix): Matrix {
  const turned = data.map((_, i) => data[(i % rows) * cols + Math.floor(i / rows)] as number);
  return { data: turned, rows: cols, cols: rows };
}

export function scale(x: Matrix, factor: number | ((row: number) => number)): Matrix {
  const by = typeof factor === 'number' ? () => factor : factor;
  return { ...x, data: x.data.map((value, i) => value * by(Math.floor(i / x.cols))) };
}

export function largest(values: ArrayLike<number>): number {
  let max = 0;
  for (let i = 0; i < values.length; i++) max = Math.max(max, Math.abs(values[i] as number));
  return max;
}
