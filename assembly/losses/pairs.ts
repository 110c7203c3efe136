/**
 * Losses of pairs of rows that have a similarity each, as sentences have: CoSENT, AnglE's loss and
 * the contrastive loss of single pairs, forward and backward, in f64.
 */

import { expScalar, logScalar } from '../core/math';
import { dotRow, toF32 } from '../core/rows';

@inline
function inverse(norm: f64): f64 {
  return norm == 0 ? 0 : 1 / norm;
}

/**
 * Sum over half a row of what an angle adds to the dot product: rows are complex numbers, their
 * real parts first, and this is the sum of the imaginary parts of x times the conjugate of y.
 */
function crossRow(x: usize, y: usize, cols: i32): f64 {
  const half = <usize>(cols >> 1) << 2;
  let sum: f64 = 0;
  for (let i: usize = 0; i < half; i += 4) {
    sum += <f64>load<f32>(x + i + half) * <f64>load<f32>(y + i);
    sum -= <f64>load<f32>(x + i) * <f64>load<f32>(y + i + half);
  }
  return sum;
}

/**
 * y[r] (f64, rows) = the cosine of row r of a and row r of b (rows x cols), 0 with a row of zeros;
 * with `angle` the sum of the real and imaginary parts of their quotient as complex rows.
 */
export function pairSimilarities(
  y: usize, a: usize, b: usize, rows: i32, cols: i32, angle: bool,
): void {
  const stride = <usize>cols << 2;
  for (let r = 0; r < rows; r++, a += stride, b += stride) {
    const norms = inverse(sqrt(dotRow(a, a, cols))) * inverse(sqrt(dotRow(b, b, cols)));
    let dot = dotRow(a, b, cols);
    if (angle) dot += crossRow(a, b, cols);
    store<f64>(y + (<usize>r << 3), dot * norms);
  }
}

/**
 * Overwrites a and b (rows x cols) by the gradients of a loss whose gradients with respect to the
 * similarities of {@link pairSimilarities} are `grads` (f64, rows).
 */
export function pairSimilaritiesBackward(
  a: usize, b: usize, similarities: usize, grads: usize, rows: i32, cols: i32, angle: bool,
): void {
  const stride = <usize>cols << 2;
  const half = cols >> 1;
  const paired = angle ? half : cols;
  const offset = angle ? <usize>half << 2 : 0;
  const turn: f64 = angle ? 1 : 0;
  for (let r = 0; r < rows; r++, a += stride, b += stride) {
    const grad = load<f64>(grads + (<usize>r << 3));
    const ia = inverse(sqrt(dotRow(a, a, cols))), ib = inverse(sqrt(dotRow(b, b, cols)));
    if (grad == 0 || ia == 0 || ib == 0) {
      memory.fill(a, 0, stride);
      memory.fill(b, 0, stride);
      continue;
    }
    const similarity = load<f64>(similarities + (<usize>r << 3));
    // Without an angle the second half is the first, and turns nothing.
    for (let i = 0; i < paired; i++) {
      const at = <usize>i << 2;
      const a0 = <f64>load<f32>(a + at) * ia, a1 = <f64>load<f32>(a + at + offset) * ia;
      const b0 = <f64>load<f32>(b + at) * ib, b1 = <f64>load<f32>(b + at + offset) * ib;
      if (angle) {
        store<f32>(a + at + offset, toF32(grad * ia * (b1 + b0 - similarity * a1)));
        store<f32>(b + at + offset, toF32(grad * ib * (a1 - a0 - similarity * b1)));
      }
      store<f32>(a + at, toF32(grad * ia * (b0 - turn * b1 - similarity * a0)));
      store<f32>(b + at, toF32(grad * ib * (a0 + turn * a1 - similarity * b0)));
    }
  }
}

/** |x| with `absolute`, else x. */
@inline
function similarityAt(similarities: usize, row: i32, absolute: bool): f64 {
  const similarity = load<f64>(similarities + (<usize>row << 3));
  return absolute ? abs(similarity) : similarity;
}

/** A sum of exponentials relative to `from`, relative to `to`. */
@inline
function shifted(sum: f64, from: f64, to: f64): f64 {
  return sum == 0 ? 0 : sum * expScalar(from - to);
}

/**
 * CoSENT: log(1 + sum of exp(scale (s_i - s_j)) over all pairs i, j with score_i < score_j), s being
 * `similarities` (f64, n) or their absolute values. `order` (i32, n) lists the rows by rising score,
 * and groups[p] (i32, n) numbers the different scores along it. `grads` (f64, n) receives the
 * gradients with respect to the similarities.
 *
 * A sum over all lower scores runs along the order, so that the work is linear in n; it is kept as a
 * maximum and a sum relative to it, so that no scale overflows.
 */
export function coSentPairs(
  grads: usize, similarities: usize, order: usize, groups: usize, n: i32, scale: f64,
  absolute: bool,
): f64 {
  let largest = -Infinity;
  let sum: f64 = 0;
  // The 1 is a term exp(0).
  let total: f64 = 1, totalAt: f64 = 0;
  let done = 0;
  for (let p = 0; p < n; p++) {
    if (p > 0 && load<i32>(groups + (<usize>p << 2)) != load<i32>(groups + (<usize>(p - 1) << 2))) {
      for (; done < p; done++) {
        const x = scale * similarityAt(similarities, load<i32>(order + (<usize>done << 2)), absolute);
        const to = max(largest, x);
        sum = shifted(sum, largest, to) + expScalar(x - to);
        largest = to;
      }
    }
    const row = load<i32>(order + (<usize>p << 2));
    let term = -Infinity;
    if (sum > 0) {
      const x = scale * similarityAt(similarities, row, absolute);
      term = largest + logScalar(sum) - x;
      const to = max(totalAt, term);
      total = shifted(total, totalAt, to) + expScalar(term - to);
      totalAt = to;
    }
    store<f64>(grads + (<usize>row << 3), term);
  }
  const loss = totalAt + logScalar(total);
  // The same from above: row i is the lower one of pairs with all higher scores.
  largest = -Infinity;
  sum = 0;
  done = n - 1;
  for (let p = n - 1; p >= 0; p--) {
    if (p < n - 1 && load<i32>(groups + (<usize>p << 2)) != load<i32>(groups + (<usize>(p + 1) << 2))) {
      for (; done > p; done--) {
        const x = -scale * similarityAt(similarities, load<i32>(order + (<usize>done << 2)), absolute);
        const to = max(largest, x);
        sum = shifted(sum, largest, to) + expScalar(x - to);
        largest = to;
      }
    }
    const row = load<i32>(order + (<usize>p << 2));
    const at = grads + (<usize>row << 3);
    const similarity = load<f64>(similarities + (<usize>row << 3));
    const x = scale * similarityAt(similarities, row, absolute);
    const term = load<f64>(at);
    let grad: f64 = term == -Infinity ? 0 : -expScalar(term - loss);
    if (sum > 0) grad += expScalar(x + largest + logScalar(sum) - loss);
    grad *= scale;
    if (absolute && similarity <= 0) grad = similarity == 0 ? 0 : -grad;
    store<f64>(at, grad);
  }
  return loss;
}

/**
 * Mean over n pairs of d^2 / 2 where similar[i] (i32) is not 0, else of max(0, margin - d)^2 / 2,
 * with d = 1 - cosines[i] (f64). `grads` (f64, n) receives the gradients with respect to the cosines.
 */
export function contrastivePairs(
  grads: usize, cosines: usize, similar: usize, n: i32, margin: f64,
): f64 {
  const mean = 1 / <f64>n;
  let total: f64 = 0;
  for (let i = 0; i < n; i++) {
    const distance = 1 - load<f64>(cosines + (<usize>i << 3));
    const pulled = load<i32>(similar + (<usize>i << 2)) != 0;
    const gap = pulled ? distance : max(0, margin - distance);
    total += 0.5 * gap * gap;
    store<f64>(grads + (<usize>i << 3), mean * (pulled ? -gap : gap));
  }
  return total * mean;
}
