/** Kullback-Leibler divergence of rows of probabilities, forward and backward, in f64. */

import { sum2 } from '../core/lanes';
import { logDoubles } from '../core/math';

/** Two numbers as f64, or one and a 0 where `remaining` is 1. */
@inline
function doubles(x: usize, remaining: i32): v128 {
  return f64x2.promote_low_f32x4(remaining == 1 ? v128.load32_zero(x) : v128.load64_zero(x));
}

/**
 * Mean over rows of the sum of p log(p / q) (p, q: rows x cols); where p is 0 the term is 0, where
 * q alone is 0 it is infinite. With `backward` p and q become the gradients, (log(p / q) + 1) /
 * rows and -p / q / rows, both 0 where p is 0.
 */
export function klDivergenceRows(
  p: usize, q: usize, rows: i32, cols: i32, backward: bool,
): f64 {
  const mean = f64x2.splat(1 / <f64>rows);
  let total = f64x2.splat(0);
  for (let remaining = rows * cols; remaining > 0; remaining -= 2, p += 8, q += 8) {
    const a = doubles(p, remaining);
    const positive = f64x2.gt(a, f64x2.splat(0));
    const ratio = f64x2.div(a, doubles(q, remaining));
    const gap = logDoubles(ratio);
    total = f64x2.add(total, v128.and(f64x2.mul(a, gap), positive));
    if (!backward) continue;
    const byP = f64x2.mul(f64x2.add(gap, f64x2.splat(1)), mean);
    storeFloats(p, v128.and(byP, positive), remaining);
    storeFloats(q, v128.and(f64x2.mul(f64x2.neg(ratio), mean), positive), remaining);
  }
  return sum2(total) / <f64>rows;
}

/**
 * The nearest f32 of two finite f64, cut to f32's range, or of the first where `remaining` is 1.
 */
@inline
function storeFloats(to: usize, x: v128, remaining: i32): void {
  const largest = f64x2.splat(3.4028234663852886e38);
  const clamped = f64x2.max(f64x2.min(x, largest), f64x2.neg(largest));
  const y = f32x4.demote_f64x2_zero(clamped);
  if (remaining == 1) v128.store_lane<f32>(to, y, 0);
  else v128.store_lane<i64>(to, y, 0);
}

/**
 * Index of the first row (p: rows x cols) whose entries are not all >= 0 with a sum of 1 within
 * `tolerance`, or -1.
 */
export function firstInvalidDistribution(p: usize, rows: i32, cols: i32, tolerance: f64): i32 {
  for (let r = 0; r < rows; r++, p += <usize>cols << 2) {
    let sum: f64 = 0, smallest: f32 = 0;
    for (let c = 0; c < cols; c++) {
      const v = load<f32>(p + (<usize>c << 2));
      sum += <f64>v;
      smallest = min(smallest, v);
    }
    if (smallest < 0 || abs(sum - 1) > tolerance) return r;
  }
  return -1;
}

/**
 * Index of the first of n entries where p > 0 and q = 0, so that the divergence is infinite, or -1.
 */
export function firstInfiniteDivergence(p: usize, q: usize, n: i32): i32 {
  for (let i = 0; i < n; i++) {
    const at = <usize>i << 2;
    if (load<f32>(p + at) > 0 && load<f32>(q + at) == 0) return i;
  }
  return -1;
}
