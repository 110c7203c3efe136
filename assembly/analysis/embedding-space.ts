/** How embeddings lie: near their positives, spread over the sphere, in how many dimensions. */

import { expScalar, logScalar } from '../core/math';
import { at64 } from './eigen';

/** Mean over rows of |a - b|^alpha. */
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
 * unit rows at scale 2t: of unit rows the square is 2 - 2 cos. A row of zeros (norm 0) is none, and
 * is at 1 from those and at 0 from its like.
 */
export function uniformityOfSums(
  sums: usize, shifts: usize, norms: usize, rows: i32, scale: f64,
): f64 {
  let zeros: f64 = 0;
  let most = -Infinity;
  for (let i = 0; i < rows; i++) {
    if (load<f64>(at64(norms, i)) == 0) zeros += 1;
    if (load<f64>(at64(sums, i)) > 0) {
      most = max(most, <f64>load<f32>(shifts + (<usize>i << 2)));
    }
  }
  // Logarithms of the addends that zeros call for, beside those of the sums less the scale.
  const beside = -0.5 * scale;
  const top = max(most - scale, zeros > 1 ? 0 : zeros > 0 ? beside : -Infinity);
  let total: f64 = 0;
  for (let i = 0; i < rows; i++) {
    const shift = <f64>load<f32>(shifts + (<usize>i << 2));
    const sum = load<f64>(at64(sums, i));
    if (sum > 0) total += sum * expScalar(shift - scale - top);
  }
  const counted = expScalar(-scale - top);
  total += 2 * zeros * (<f64>rows - zeros) * (expScalar(beside - top) - counted);
  total += zeros * (zeros - 1) * (expScalar(-top) - counted);
  return top + logScalar(total / (<f64>rows * <f64>(rows - 1)));
}

/**
 * exp of the entropy of the square roots of n eigenvalues as shares of their sum; those that
 * rounding alone leaves count as 0. 0 if all do.
 */
export function rankOfEigenvalues(values: usize, n: i32): f64 {
  let most: f64 = 0;
  for (let i = 0; i < n; i++) most = max(most, load<f64>(at64(values, i)));
  if (most == 0) return 0;
  const noise = most * <f64>n * 2.220446049250313e-16;
  let sum: f64 = 0, weighted: f64 = 0;
  for (let i = 0; i < n; i++) {
    const value = load<f64>(at64(values, i));
    if (value <= noise) continue;
    const root = sqrt(value / most);
    sum += root;
    weighted += root * logScalar(root);
  }
  return sum * expScalar(-weighted / sum);
}
