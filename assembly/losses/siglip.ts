/**
 * The loss of SigLIP (https://arxiv.org/abs/2303.15343): a logistic loss of every pair on its own.
 */

import { highDoubles, lowDoubles, sum2 } from '../core/lanes';
import { expNegative, log1p4 } from '../core/math';

/** The values of four columns, or of one and zeros. */
@inline
function columns(x: usize, whole: bool): v128 {
  return whole ? v128.load(x) : v128.load32_zero(x);
}

/** Two sums in f64, of lanes 0 and 2 and of lanes 1 and 3. */
@inline
function added(sums: v128, x: v128): v128 {
  return f64x2.add(sums, f64x2.add(lowDoubles(x), highDoubles(x)));
}

/**
 * For each row of a block of cosines (rows x cols; row r belongs to column first + r) the sum, in
 * f64, of softplus(-z (scale cos + bias)), z being 1 for a pair and -1 for all others; those whose
 * ids (i32, 0: none) are equal count nothing. The cosines become their own gradients, times
 * `weight`; the gradient by the bias is summed row by row in `biasGrads` (f64).
 */
export function sigLipRows(
  losses: usize, biasGrads: usize, x: usize, rows: i32, cols: i32, first: i32, ids: usize,
  scale: f32, bias: f32, weight: f32,
): void {
  const one = f32x4.splat(1), zero = f32x4.splat(0), minus = f32x4.splat(-0.0);
  const lanes = i32x4(0, 1, 2, 3), scales = f32x4.splat(scale), biases = f32x4.splat(bias);
  const factor = f32x4.splat(scale * weight);
  for (let r = 0; r < rows; r++, losses += 8, biasGrads += 8) {
    const own = i32x4.splat(first + r);
    const ownId = ids == 0 ? own : v128.load32_splat(ids + (<usize>(first + r) << 2));
    let loss = f64x2.splat(0), biasGrad = f64x2.splat(0);
    let step = 4;
    for (let c = 0; c < cols; c += step, x += <usize>step << 2) {
      const whole = c + 4 <= cols;
      if (!whole) step = 1;
      const pair = i32x4.eq(i32x4.add(i32x4.splat(c), lanes), own);
      let counts = whole ? i32x4.splat(-1) : i32x4(-1, 0, 0, 0);
      if (ids != 0) {
        const same = i32x4.eq(columns(ids + (<usize>c << 2), whole), ownId);
        counts = v128.andnot(counts, v128.andnot(same, pair));
      }
      const logit = f32x4.add(f32x4.mul(columns(x, whole), scales), biases);
      // -z logit, whose softplus is the loss and whose sigmoid the gradient.
      const sign = v128.and(pair, minus);
      const wrong = v128.xor(logit, sign);
      const e = expNegative(v128.or(wrong, minus));
      const cost = f32x4.add(f32x4.pmax(zero, wrong), log1p4(e));
      const numerator = v128.bitselect(e, one, f32x4.lt(wrong, zero));
      const grad = v128.and(v128.xor(f32x4.div(numerator, f32x4.add(one, e)), sign), counts);
      loss = added(loss, v128.and(cost, counts));
      biasGrad = added(biasGrad, grad);
      const gradient = f32x4.mul(grad, factor);
      if (whole) v128.store(x, gradient);
      else v128.store_lane<f32>(x, gradient, 0);
    }
    store<f64>(losses, sum2(loss));
    store<f64>(biasGrads, sum2(biasGrad));
  }
}
