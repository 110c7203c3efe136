/**
 * Metrics of embedding spaces: alignment and uniformity (https://arxiv.org/abs/2005.10242), and the
 * effective rank.
 */

import { expScalar, logScalar } from '../core/math';
import { at64 } from './eigen';

/** Mean over rows of |a - b|^alpha (a, b: rows x cols). */
export function alignmentRows(a: usize, b: usize, rows: i32, cols: i32, alpha: f64): f64 {
  let total: f64 = 0;
  for (let r = 0; r < rows; r++) {
    let square: f64 = 0;
    for (let c = 0; c < cols; c++, a += 4, b += 4) {
      const d = <f64>load<f32>(a) - <f64>load<f32>(b);
      square += d * d;
    }
    total += alpha == 2 ? square : expScalar(0.5 * alpha * logScalar(square));
  }
  return total / <f64>rows;
}

/**
 * log of the mean over pairs of exp(-t |x_i - x_j|^2) from the sums that `contrastiveSums` gives of
 * unit rows at scale 2t: between unit rows the square is 2 - 2 cos. A row of zeros (norm 0) is at
 * distance 1 from those and at 0 from other rows of zeros.
 */
export function uniformityFromSums(
  sums: usize, shifts: usize, norms: usize, rows: i32, scale: f64,
): f64 {
  let zeros: f64 = 0;
  let largest = -Infinity;
  for (let i = 0; i < rows; i++) {
    if (load<f64>(at64(norms, i)) == 0) zeros += 1;
    if (load<f64>(at64(sums, i)) > 0) {
      largest = max(largest, <f64>load<f32>(shifts + (<usize>i << 2)));
    }
  }
  // Logarithm of a term of a row of zeros and another row.
  const zeroLog = -0.5 * scale;
  const top = max(largest - scale, zeros > 1 ? 0 : zeros > 0 ? zeroLog : -Infinity);
  let total: f64 = 0;
  for (let i = 0; i < rows; i++) {
    const shift = <f64>load<f32>(shifts + (<usize>i << 2));
    const sum = load<f64>(at64(sums, i));
    if (sum > 0) total += sum * expScalar(shift - scale - top);
  }
  const counted = expScalar(-scale - top);
  total += 2 * zeros * (<f64>rows - zeros) * (expScalar(zeroLog - top) - counted);
  total += zeros * (zeros - 1) * (expScalar(-top) - counted);
  return top + logScalar(total / (<f64>rows * <f64>(rows - 1)));
}

/**
 * exp of the entropy of the square roots of n eigenvalues (f64) divided by their sum; those no
 * larger than rounding errors count as 0. 0 if all do.
 */
export function effectiveRank(values: usize, n: i32): f64 {
  let largest: f64 = 0;
  for (let i = 0; i < n; i++) largest = max(largest, load<f64>(at64(values, i)));
  if (largest == 0) return 0;
  const noise = largest * <f64>n * 2.220446049250313e-16;
  let sum: f64 = 0, weighted: f64 = 0;
  for (let i = 0; i < n; i++) {
    const value = load<f64>(at64(values, i));
    if (value <= noise) continue;
    const root = sqrt(value / largest);
    sum += root;
    weighted += root * logScalar(root);
  }
  return sum * expScalar(-weighted / sum);
}
