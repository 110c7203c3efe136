/** Correlation of ranks. */

import type { NumberArray } from '../core/matrix.js';
import { checkNoOptions } from '../core/options.js';
import { checkNumbers, type NoOptions, rangeError } from '../core/validation.js';

/**
 * Computes Spearman's rank correlation: the correlation of the ranks of two lists of numbers, equal
 * numbers sharing the mean of their ranks.
 *
 * @param a at least two numbers
 * @param b as many numbers
 * @param options none yet
 * @returns correlation, from -1 to 1; 0 where all numbers of one list are equal
 * @throws {RangeError} if the lengths differ or a number is not finite
 * @example spearman([1, 2, 3], [10, 30, 20]); // 0.5
 */
export function spearman(a: NumberArray, b: NumberArray, options?: NoOptions): number {
  const name = 'spearman';
  const first = checkNumbers(name, 'a', a);
  const n = first.length;
  if (n < 2) rangeError(name, 'a', 'at least two numbers long', n);
  const second = checkNumbers(name, 'b', b, { of: n, what: 'as a' });
  checkNoOptions(name, options);
  const [x, y] = [doubledRanks(first), doubledRanks(second)];
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    // The mean of all ranks, doubled and counted from 0, is n - 1.
    const [dx, dy] = [(x[i] as number) - (n - 1), (y[i] as number) - (n - 1)];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  if (xx === 0 || yy === 0) return 0;
  return Math.max(-1, Math.min(1, xy / (Math.sqrt(xx) * Math.sqrt(yy))));
}

/** Twice the ranks from 0, which are whole numbers even where equal numbers share them. */
export function doubledRanks(values: ArrayLike<number>): Float64Array {
  const order = Int32Array.from({ length: values.length }, (_, i) => i);
  order.sort((i, j) => (values[i] as number) - (values[j] as number) || i - j);
  const ranks = new Float64Array(values.length);
  for (let start = 0, end = 0; start < order.length; start = end) {
    const value = values[order[start] as number];
    while (end < order.length && values[order[end] as number] === value) end++;
    for (let i = start; i < end; i++) ranks[order[i] as number] = start + end - 1;
  }
  return ranks;
}
