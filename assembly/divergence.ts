/** Kullback-Leibler divergence of rows of probabilities, forward and backward, in f64. */

import { logScalar } from './math';
import { toF32 } from './rows';

/**
 * Mean over rows of the sum of p log(p / q); where p is 0 the term is 0, where q alone is 0 it is
 * infinite.
 */
export function klDivergenceRows(p: usize, q: usize, rows: i32, cols: i32): f64 {
  const n = <usize>rows * <usize>cols;
  let total: f64 = 0;
  for (let i: usize = 0; i < n; i++) {
    const a = <f64>load<f32>(p + (i << 2));
    if (a > 0) total += a * (logScalar(a) - logScalar(<f64>load<f32>(q + (i << 2))));
  }
  return total / <f64>rows;
}

/**
 * dp = (log(p / q) + 1) / rows, dq = -p / q / rows; both 0 where p is 0. dp and dq may be p and q.
 */
export function klDivergenceRowsBackward(
  dp: usize, dq: usize, p: usize, q: usize, rows: i32, cols: i32,
): void {
  const n = <usize>rows * <usize>cols;
  const mean = 1 / <f64>rows;
  for (let i: usize = 0; i < n; i++) {
    const at = i << 2;
    const a = <f64>load<f32>(p + at), b = <f64>load<f32>(q + at);
    const live = a > 0;
    store<f32>(dp + at, live ? toF32((logScalar(a) - logScalar(b) + 1) * mean) : 0);
    store<f32>(dq + at, live ? toF32((-a / b) * mean) : 0);
  }
}

/** The first row whose entries are not all >= 0 with a sum of 1 within `tolerance`, or -1. */
export function firstImproper(p: usize, rows: i32, cols: i32, tolerance: f64): i32 {
  for (let r = 0; r < rows; r++, p += <usize>cols << 2) {
    let sum: f64 = 0, least: f32 = 0;
    for (let c = 0; c < cols; c++) {
      const v = load<f32>(p + (<usize>c << 2));
      sum += <f64>v;
      least = min(least, v);
    }
    if (least < 0 || abs(sum - 1) > tolerance) return r;
  }
  return -1;
}

/** The first of n entries where p > 0 and q = 0, so that the divergence is infinite, or -1. */
export function firstUncovered(p: usize, q: usize, n: i32): i32 {
  for (let i = 0; i < n; i++) {
    const at = <usize>i << 2;
    if (load<f32>(p + at) > 0 && load<f32>(q + at) == 0) return i;
  }
  return -1;
}
