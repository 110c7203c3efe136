/** The loss of SigLIP: every pair is a question of its own, answered by a sigmoid. */

import { sigmoid, softplus } from './math';

/**
 * Sum over a block of cosines (rows x cols; row r belongs to column first + r) of
 * softplus(-z (scale cos + bias)), z being 1 for a pair and -1 for all others; those whose ids (i32,
 * 0: none) are equal count nothing. The cosines become the derivatives by themselves, times
 * `weight`; the derivative by the bias is added to `biasSlope` (f64).
 */
export function sigLipRows(
  x: usize, rows: i32, cols: i32, first: i32, ids: usize, scale: f64, bias: f64, weight: f64,
  biasSlope: usize,
): f64 {
  let loss: f64 = 0, slopes: f64 = 0;
  for (let r = 0; r < rows; r++) {
    const own = first + r;
    for (let c = 0; c < cols; c++, x += 4) {
      const logit = scale * <f64>load<f32>(x) + bias;
      let slope: f64 = 0;
      if (c == own) {
        loss += softplus(-logit);
        slope = -sigmoid(-logit);
      } else if (
        ids == 0 || load<i32>(ids + (<usize>own << 2)) != load<i32>(ids + (<usize>c << 2))
      ) {
        loss += softplus(logit);
        slope = sigmoid(logit);
      }
      slopes += slope;
      store<f32>(x, <f32>(slope * scale * weight));
    }
  }
  store<f64>(biasSlope, load<f64>(biasSlope) + slopes * weight);
  return loss * weight;
}
