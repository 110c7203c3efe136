/**
 * Vectors and rows in f64, of which the references of the operations are made: loops as the formulas
 * are written, for tests to compare with. Nothing here ships in the library.
 */

import type { Numbers } from './operation.js';

export type Rows = number[][];

export function toRows({ data, rows, cols }: Numbers): Rows {
  return Array.from({ length: rows }, (_, r) =>
    Array.from(data.subarray(r * cols, (r + 1) * cols)),
  );
}

export function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

export function norm(a: readonly number[]): number {
  return Math.sqrt(dot(a, a));
}

export function unit(a: readonly number[]): number[] {
  const length = norm(a);
  return length === 0 ? [...a] : a.map((value) => value / length);
}

export function cosine(a: readonly number[], b: readonly number[]): number {
  return dot(unit(a), unit(b));
}

export function distance(a: readonly number[], b: readonly number[]): number {
  return norm(a.map((value, i) => value - (b[i] as number)));
}

/** f(row of a, row of b) for all pairs, row-major. */
export function pairwise(
  a: Rows,
  b: Rows,
  f: (x: readonly number[], y: readonly number[]) => number,
): number[] {
  return a.flatMap((x) => b.map((y) => f(x, y)));
}

export function logSumExp(x: readonly number[]): number {
  const max = Math.max(...x);
  return max + Math.log(x.reduce((sum, value) => sum + Math.exp(value - max), 0));
}

export function softmax(x: readonly number[]): number[] {
  const total = logSumExp(x);
  return x.map((value) => Math.exp(value - total));
}

export function mean(x: readonly number[]): number {
  return x.reduce((sum, value) => sum + value, 0) / x.length;
}
