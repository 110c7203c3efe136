/**
 * Multinomial logistic regression: the loss of rows of logits with its gradient, and the product of
 * its Hessian with a direction. Rows of weights are those of a design matrix: the columns
 * less their means and, last, a column of ones for the bias.
 */

import { expScalar, logScalar } from '../core/math';

/**
 * y (rows x (cols + 1)) = x (rows x cols) minus `mean` (cols), and a 1 at the end of each row.
 */
export function designRows(y: usize, x: usize, mean: usize, rows: i32, cols: i32): void {
  for (let r = 0; r < rows; r++) {
    for (let c: usize = 0, end = <usize>cols << 2; c < end; c += 4) {
      store<f32>(y, load<f32>(x) - load<f32>(mean + c));
      x += 4;
      y += 4;
    }
    store<f32>(y, 1);
    y += 4;
  }
}

/**
 * y[c] (f64) += the sum over rows of a quarter of the row's weight times x[r][c]^2 (rows x cols):
 * an upper bound of the Hessian's diagonal, whatever the probabilities. Weights (f64) are by label.
 */
export function hessianDiagonalBound(
  y: usize, x: usize, labels: usize, weights: usize, rows: i32, cols: i32,
): void {
  for (let r = 0; r < rows; r++) {
    const label = load<i32>(labels + (<usize>r << 2));
    const weight = 0.25 * load<f64>(weights + (<usize>label << 3));
    for (let c = 0; c < cols; c++, x += 4) {
      const to = y + (<usize>c << 3);
      const value = <f64>load<f32>(x);
      store<f64>(to, load<f64>(to) + weight * value * value);
    }
  }
}

/**
 * Sum over rows of weight times cross-entropy of the logits in p (rows x classes), which become
 * probabilities; `residual` = weight (p - target). Weights (f64) are by label.
 */
export function logisticRows(
  p: usize, residual: usize, labels: usize, weights: usize, rows: i32, classes: i32,
): f64 {
  const stride = <usize>classes << 2;
  let loss: f64 = 0;
  for (let r = 0; r < rows; r++, p += stride, residual += stride) {
    const label = load<i32>(labels + (<usize>r << 2));
    const weight = load<f64>(weights + (<usize>label << 3));
    const target = <usize>label << 2;
    let largest = load<f32>(p);
    for (let c: usize = 4; c < stride; c += 4) largest = max(largest, load<f32>(p + c));
    const logit = <f64>load<f32>(p + target);
    let sum: f64 = 0;
    for (let c: usize = 0; c < stride; c += 4) {
      sum += expScalar(<f64>load<f32>(p + c) - <f64>largest);
    }
    loss += weight * (logScalar(sum) + <f64>largest - logit);
    for (let c: usize = 0; c < stride; c += 4) {
      const probability = expScalar(<f64>load<f32>(p + c) - <f64>largest) / sum;
      store<f32>(p + c, <f32>probability);
      store<f32>(residual + c, <f32>(weight * (c == target ? probability - 1 : probability)));
    }
  }
  return loss;
}

/**
 * u (rows x classes) = weight p (u - sum over the row of u p), in place: the product of the Hessian
 * by the logits with u. Labels (i32) select the weights (f64).
 */
export function logisticHessianProduct(
  u: usize, p: usize, labels: usize, weights: usize, rows: i32, classes: i32,
): void {
  const stride = <usize>classes << 2;
  for (let r = 0; r < rows; r++, u += stride, p += stride) {
    const label = load<i32>(labels + (<usize>r << 2));
    const weight = load<f64>(weights + (<usize>label << 3));
    let mean: f64 = 0;
    for (let c: usize = 0; c < stride; c += 4) {
      mean += <f64>load<f32>(u + c) * <f64>load<f32>(p + c);
    }
    for (let c: usize = 0; c < stride; c += 4) {
      const grad = <f64>load<f32>(u + c) - mean;
      store<f32>(u + c, <f32>(weight * <f64>load<f32>(p + c) * grad));
    }
  }
}

/** Subtracts from each column of y (rows x cols) its mean. */
export function centerColumns(y: usize, rows: i32, cols: i32): void {
  const stride = <usize>cols << 2;
  for (let c: usize = 0; c < stride; c += 4) {
    let sum: f64 = 0;
    for (let r = 0; r < rows; r++) sum += <f64>load<f32>(y + c + <usize>r * stride);
    const mean = sum / <f64>rows;
    for (let r = 0; r < rows; r++) {
      const at = y + c + <usize>r * stride;
      store<f32>(at, <f32>(<f64>load<f32>(at) - mean));
    }
  }
}

/** y (rows x cols) = x (rows x cols) divided by a row of f64 (cols), column by column. */
export function divideByRow(y: usize, x: usize, row: usize, rows: i32, cols: i32): void {
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++, x += 4, y += 4) {
      store<f32>(y, <f32>(<f64>load<f32>(x) / load<f64>(row + (<usize>c << 3))));
    }
  }
}

/** y += factor x (y, x: n). */
export function axpy(y: usize, x: usize, n: i32, factor: f64): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 4) {
    store<f32>(y + i, <f32>(<f64>load<f32>(y + i) + factor * <f64>load<f32>(x + i)));
  }
}

/** Every row of y (rows x cols) = row. */
export function fillRows(y: usize, row: usize, rows: i32, cols: i32): void {
  const stride = <usize>cols << 2;
  for (let r = 0; r < rows; r++, y += stride) memory.copy(y, row, stride);
}

/**
 * y[r] (i32, rows) = the column of the largest element of row r of x (rows x cols), the first of
 * equals.
 */
export function argmaxRows(y: usize, x: usize, rows: i32, cols: i32): void {
  for (let r = 0; r < rows; r++, x += <usize>cols << 2) {
    let best = 0;
    for (let c = 1; c < cols; c++) {
      if (load<f32>(x + (<usize>c << 2)) > load<f32>(x + (<usize>best << 2))) best = c;
    }
    store<i32>(y + (<usize>r << 2), best);
  }
}
