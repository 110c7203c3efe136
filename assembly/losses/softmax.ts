/**
 * Rows of logits: log-sum-exp, softmax and cross-entropy, each next to its backward. A row's sum of
 * exponentials is taken in blocks of f32 that are added up in f64.
 */

import { exp4, expNegative, logScalar, max4, sigmoid, softplus, sum4 } from '../core/math';
import { dotRow } from '../core/rows';

/** Floats that are summed in f32 before they join the f64 sum. */
const BLOCK: i32 = 256;

/** Maximum of n floats. */
@inline
export function rowMax(x: usize, n: i32): f32 {
  let top = f32x4.splat(-Infinity);
  let i = 0;
  for (; i + 4 <= n; i += 4) top = f32x4.pmax(top, v128.load(x + (<usize>i << 2)));
  let m = max4(top);
  for (; i < n; i++) m = max(m, load<f32>(x + (<usize>i << 2)));
  return m;
}

/** The last n < 4 floats of a row, filled up with -inf. */
@inline
function tail(x: usize, n: i32): v128 {
  let v = f32x4.splat(-Infinity);
  v = f32x4.replace_lane(v, 0, load<f32>(x));
  if (n > 1) v = f32x4.replace_lane(v, 1, load<f32>(x, 4));
  if (n > 2) v = f32x4.replace_lane(v, 2, load<f32>(x, 8));
  return v;
}

/** Sum of exp(x - shift) over n floats, none of them above shift. */
function sumExp(x: usize, n: i32, shift: f32): f64 {
  const m = f32x4.splat(shift);
  let total: f64 = 0;
  for (let start = 0; start < n; start += BLOCK) {
    const end = min(start + BLOCK, n);
    let sum = f32x4.splat(0);
    let i = start;
    for (; i + 4 <= end; i += 4) {
      sum = f32x4.add(sum, expNegative(f32x4.sub(v128.load(x + (<usize>i << 2)), m)));
    }
    if (i < end) {
      sum = f32x4.add(sum, expNegative(f32x4.sub(tail(x + (<usize>i << 2), end - i), m)));
    }
    total += <f64>sum4(sum);
  }
  return total;
}

/** y = exp(x - shift) factor for n floats; y may be x. */
@inline
function expTimes(y: usize, x: usize, n: i32, shift: f32, factor: f32): void {
  const m = f32x4.splat(shift), f = f32x4.splat(factor);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const at = <usize>i << 2;
    v128.store(y + at, f32x4.mul(exp4(f32x4.sub(v128.load(x + at), m)), f));
  }
  if (i == n) return;
  const at = <usize>i << 2;
  const e = f32x4.mul(exp4(f32x4.sub(tail(x + at, n - i), m)), f);
  store<f32>(y + at, f32x4.extract_lane(e, 0));
  if (n - i > 1) store<f32>(y + at, f32x4.extract_lane(e, 1), 4);
  if (n - i > 2) store<f32>(y + at, f32x4.extract_lane(e, 2), 8);
}

/** y = exp(x - shift) for n floats of one row; y may be x. */
export function expShifted(y: usize, x: usize, n: i32, shift: f32): void {
  expTimes(y, x, n, shift, 1);
}

/** y[i] (rows) = log of the sum of exp(x[i][j]) over j (x: rows x cols). */
export function logSumExpRows(y: usize, x: usize, rows: i32, cols: i32): void {
  for (let r = 0; r < rows; r++, x += <usize>cols << 2) {
    const m = rowMax(x, cols);
    store<f32>(y + (<usize>r << 2), <f32>(logScalar(sumExp(x, cols, m)) + <f64>m));
  }
}

/**
 * dx[i][j] = dy[i] exp(x[i][j] - y[i]) (dx, x: rows x cols; dy, y: rows), where y = log-sum-exp of
 * x; dx may be x.
 */
export function logSumExpRowsBackward(
  dx: usize, dy: usize, y: usize, x: usize, rows: i32, cols: i32,
): void {
  for (let r = 0; r < rows; r++) {
    const at = (<usize>r * <usize>cols) << 2;
    const row = <usize>r << 2;
    expTimes(dx + at, x + at, cols, load<f32>(y + row), load<f32>(dy + row));
  }
}

/** y = softmax of each row of x (y, x: rows x cols); y may be x. */
export function softmaxRows(y: usize, x: usize, rows: i32, cols: i32): void {
  for (let r = 0; r < rows; r++) {
    const at = (<usize>r * <usize>cols) << 2;
    const m = rowMax(x + at, cols);
    const factor = <f32>(1 / sumExp(x + at, cols, m));
    expTimes(y + at, x + at, cols, m, factor);
  }
}

/** dx = y (dy - sum over the row of dy y) (all rows x cols), where y = softmax; dx may be dy. */
export function softmaxRowsBackward(
  dx: usize, dy: usize, y: usize, rows: i32, cols: i32,
): void {
  for (let r = 0; r < rows; r++) {
    const dot = dotRow(dy, y, cols), dots = f64x2.splat(dot);
    let i = 0;
    for (; i + 2 <= cols; i += 2, dx += 8, dy += 8, y += 8) {
      const own = f64x2.promote_low_f32x4(v128.load64_zero(dy));
      const probability = f64x2.promote_low_f32x4(v128.load64_zero(y));
      const x = f32x4.demote_f64x2_zero(f64x2.mul(probability, f64x2.sub(own, dots)));
      v128.store_lane<i64>(dx, x, 0);
    }
    for (; i < cols; i++, dx += 4, dy += 4, y += 4) {
      store<f32>(dx, <f32>(<f64>load<f32>(y) * (<f64>load<f32>(dy) - dot)));
    }
  }
}

/**
 * Cross-entropy of rows of logits (rows x cols) with targets (i32): losses (f64), 0 where the
 * target is `ignored`; the mean is over the `kept` rows where it is not. With smoothing e a row's
 * loss is (1 - e) times its negative log-likelihood plus e times the mean of those of all classes.
 * With `backward` x becomes the gradient of the mean.
 *
 * The target is left out of the sum and comes in through softplus, as in the contrastive losses, so
 * that a confident row keeps its digits.
 */
export function crossEntropyRows(
  losses: usize, x: usize, targets: usize, rows: i32, cols: i32, ignored: i32, kept: i32,
  smoothing: f64, backward: bool,
): void {
  const mean = 1 / <f64>kept;
  const spread = smoothing / <f64>cols;
  for (let r = 0; r < rows; r++, x += <usize>cols << 2, losses += 8) {
    const target = load<i32>(targets + (<usize>r << 2));
    if (target == ignored) {
      store<f64>(losses, 0);
      if (backward) memory.fill(x, 0, <usize>cols << 2);
      continue;
    }
    const m = rowMax(x, cols);
    const at = x + (<usize>target << 2);
    const logit = load<f32>(at);
    store<f32>(at, -Infinity);
    const others = sumExp(x, cols, m);
    store<f32>(at, logit);
    const gap = others == 0 ? -Infinity : logScalar(others) + <f64>m - <f64>logit;
    let row = softplus(gap);
    if (smoothing > 0) {
      let sum: f64 = 0;
      for (let c = 0; c < cols; c++) sum += <f64>load<f32>(x + (<usize>c << 2));
      // The mean over classes of log-sum-exp - x, where log-sum-exp = row + logit.
      row = (1 - smoothing) * row + smoothing * (row + <f64>logit - sum / <f64>cols);
    }
    store<f64>(losses, row);
    if (!backward) continue;
    const errorProbability = sigmoid(gap);
    expTimes(x, x, cols, m, others == 0 ? 0 : <f32>((mean * errorProbability) / others));
    if (smoothing > 0) {
      const each = <f32>(mean * spread);
      for (let c = 0; c < cols; c++) {
        const to = x + (<usize>c << 2);
        store<f32>(to, load<f32>(to) - each);
      }
    }
    store<f32>(at, <f32>(mean * (smoothing - errorProbability - spread)));
  }
}
