/**
 * Rows of logits: log-sum-exp, softmax and cross-entropy, each next to its backward. A row's sum of
 * exponentials is taken in blocks of f32 that are added up in f64.
 */

import { expRaised, logScalar, lowered, max4, sigmoid, softplus, sum4 } from '../core/math';
import { sumArray } from '../core/reduce';
import { dotRow } from '../core/rows';

/** Floats that are summed in f32 before they join the f64 sum. */
const BLOCK: i32 = 256;

/** Maximum of n floats. */
@inline
export function rowMax(x: usize, n: i32): f32 {
  let top = f32x4.splat(-Infinity), other = top;
  let i = 0;
  for (; i + 8 <= n; i += 8) {
    const at = x + (<usize>i << 2);
    top = f32x4.pmax(top, v128.load(at));
    other = f32x4.pmax(other, v128.load(at, 16));
  }
  let m = max4(f32x4.pmax(top, other));
  for (; i < n; i++) m = max(m, load<f32>(x + (<usize>i << 2)));
  return m;
}

/** The first n of four floats, the others `fill`. */
@inline
function firstFloats(x: usize, n: i32, fill: f32 = -Infinity): v128 {
  if (n >= 4) return v128.load(x);
  let v = f32x4.splat(fill);
  v = f32x4.replace_lane(v, 0, load<f32>(x));
  if (n > 1) v = f32x4.replace_lane(v, 1, load<f32>(x, 4));
  if (n > 2) v = f32x4.replace_lane(v, 2, load<f32>(x, 8));
  return v;
}

/** Stores the first n of four floats. */
@inline
function storeFirst(y: usize, v: v128, n: i32): void {
  if (n >= 4) {
    v128.store(y, v);
    return;
  }
  store<f32>(y, f32x4.extract_lane(v, 0));
  if (n > 1) store<f32>(y, f32x4.extract_lane(v, 1), 4);
  if (n > 2) store<f32>(y, f32x4.extract_lane(v, 2), 8);
}

/**
 * Sum of exp(x - shift) of n floats, none of them above shift, in the order of {@link expRow}; x stays.
 */
function expSum(x: usize, n: i32, shift: f32): f64 {
  const m = f32x4.splat(shift);
  let total: f64 = 0;
  for (let start = 0; start < n; start += BLOCK) {
    const end = min(start + BLOCK, n);
    let sum = f32x4.splat(0), other = sum;
    let i = start;
    for (; i + 8 <= end; i += 8) {
      const at = x + (<usize>i << 2);
      sum = f32x4.add(sum, expRaised(f32x4.sub(v128.load(at), m)));
      other = f32x4.add(other, expRaised(f32x4.sub(v128.load(at, 16), m)));
    }
    for (; i < end; i += 4) {
      const v = firstFloats(x + (<usize>i << 2), end - i);
      sum = f32x4.add(sum, expRaised(f32x4.sub(v, m)));
    }
    total += <f64>sum4(f32x4.add(sum, other));
  }
  return lowerSum(total);
}

/** 2^-64 of a sum. */
@inline
function lowerSum(total: f64): f64 {
  return total * 5.421010862427522e-20;
}

/**
 * y = 2^64 exp(x - shift) of n floats, none of them above shift, for {@link scaleRow}; y may be x.
 * Returns the sum of the exponentials, without the factor.
 *
 * The sums of a block are taken once it is written: in a loop of their own four exponentials do not
 * wait for each other, which is a quarter less time than adding each as it comes.
 */
function expRow(y: usize, x: usize, n: i32, shift: f32): f64 {
  const m = f32x4.splat(shift);
  let total: f64 = 0;
  for (let start = 0; start < n; start += BLOCK) {
    const end = min(start + BLOCK, n);
    let i = start;
    for (; i + 16 <= end; i += 16) {
      const from = x + (<usize>i << 2), to = y + (<usize>i << 2);
      const a = expRaised(f32x4.sub(v128.load(from), m));
      const b = expRaised(f32x4.sub(v128.load(from, 16), m));
      const c = expRaised(f32x4.sub(v128.load(from, 32), m));
      const d = expRaised(f32x4.sub(v128.load(from, 48), m));
      v128.store(to, a);
      v128.store(to, b, 16);
      v128.store(to, c, 32);
      v128.store(to, d, 48);
    }
    for (; i < end; i += 4) {
      const at = <usize>i << 2;
      storeFirst(y + at, expRaised(f32x4.sub(firstFloats(x + at, end - i), m)), end - i);
    }
    let sum = f32x4.splat(0), other = sum;
    for (i = start; i + 8 <= end; i += 8) {
      const at = y + (<usize>i << 2);
      sum = f32x4.add(sum, v128.load(at));
      other = f32x4.add(other, v128.load(at, 16));
    }
    for (; i < end; i += 4) sum = f32x4.add(sum, firstFloats(y + (<usize>i << 2), end - i, 0));
    total += <f64>sum4(f32x4.add(sum, other));
  }
  return lowerSum(total);
}

/** y = 2^-64 y factor for n floats. */
@inline
function scaleRow(y: usize, n: i32, factor: f32): void {
  const f = f32x4.splat(factor);
  let i = 0;
  for (; i + 8 <= n; i += 8) {
    const at = y + (<usize>i << 2);
    const a = f32x4.mul(lowered(v128.load(at)), f);
    const b = f32x4.mul(lowered(v128.load(at, 16)), f);
    v128.store(at, a);
    v128.store(at, b, 16);
  }
  for (; i < n; i++) {
    const at = y + (<usize>i << 2);
    store<f32>(at, load<f32>(at) * <f32>5.421010862427522e-20 * factor);
  }
}

/** y[i] (rows) = log of the sum of exp(x[i][j]) over j (x: rows x cols). */
export function logSumExpRows(y: usize, x: usize, rows: i32, cols: i32): void {
  for (let r = 0; r < rows; r++, x += <usize>cols << 2) {
    const m = rowMax(x, cols);
    store<f32>(y + (<usize>r << 2), <f32>(logScalar(expSum(x, cols, m)) + <f64>m));
  }
}

/** y = x - sums[i] of each row of x (y, x: rows x cols), where sums (rows) = log-sum-exp of x. */
export function logSoftmaxRows(y: usize, sums: usize, x: usize, rows: i32, cols: i32): void {
  const stride = <usize>cols << 2;
  for (let r = 0; r < rows; r++, y += stride, x += stride, sums += 4) {
    logSumExpRows(sums, x, 1, cols);
    const sum = load<f32>(sums), v = f32x4.splat(sum);
    let i: usize = 0;
    for (; i + 16 <= stride; i += 16) v128.store(y + i, f32x4.sub(v128.load(x + i), v));
    for (; i < stride; i += 4) store<f32>(y + i, load<f32>(x + i) - sum);
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
    const at = (<usize>r * <usize>cols) << 2, row = <usize>r << 2;
    expRow(dx + at, x + at, cols, load<f32>(y + row));
    scaleRow(dx + at, cols, load<f32>(dy + row));
  }
}

/** y = softmax of each row of x (y, x: rows x cols); y may be x. */
export function softmaxRows(y: usize, x: usize, rows: i32, cols: i32): void {
  for (let r = 0; r < rows; r++) {
    const at = (<usize>r * <usize>cols) << 2;
    const sum = expRow(y + at, x + at, cols, rowMax(x + at, cols));
    scaleRow(y + at, cols, <f32>(1 / sum));
  }
}

/** dx = y (dy - sum over the row of dy y) (all rows x cols), where y = softmax; dx may be dy. */
export function softmaxRowsBackward(
  dx: usize, dy: usize, y: usize, rows: i32, cols: i32,
): void {
  const stride = <usize>cols << 2;
  for (let r = 0; r < rows; r++, dx += stride, dy += stride, y += stride) {
    const dot = dotRow(dy, y, cols);
    // As two floats, so that a difference from it keeps its digits.
    const head = <f32>dot, low = <f32>(dot - <f64>head);
    const h = f32x4.splat(head), l = f32x4.splat(low);
    let i: usize = 0;
    for (; i + 16 <= stride; i += 16) {
      const d = f32x4.sub(f32x4.sub(v128.load(dy + i), h), l);
      v128.store(dx + i, f32x4.mul(v128.load(y + i), d));
    }
    for (; i < stride; i += 4) {
      store<f32>(dx + i, load<f32>(y + i) * (load<f32>(dy + i) - head - low));
    }
  }
}

/** x -= value for n floats. */
@inline
function subtractFrom(x: usize, n: i32, value: f32): void {
  const v = f32x4.splat(value);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const at = x + (<usize>i << 2);
    v128.store(at, f32x4.sub(v128.load(at), v));
  }
  for (; i < n; i++) {
    const at = x + (<usize>i << 2);
    store<f32>(at, load<f32>(at) - value);
  }
}

/**
 * Cross-entropy of rows of logits (rows x cols) with targets (i32): losses (f64), 0 where the
 * target is `ignored`; the mean is over the `kept` rows where it is not. With smoothing e a row's
 * loss is (1 - e) times its negative log-likelihood plus e times the mean of those of all classes.
 * With `backward` x becomes the gradient of the mean;
 * without it x is overwritten all the same.
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
    const sum = smoothing > 0 ? sumArray(x, cols) : 0;
    store<f32>(at, -Infinity);
    // The exponentials stay in x: the gradient is those times a factor.
    const others = expRow(x, x, cols, m);
    const gap = others == 0 ? -Infinity : logScalar(others) + <f64>m - <f64>logit;
    let row = softplus(gap);
    if (smoothing > 0) {
      // The mean over classes of log-sum-exp - x, where log-sum-exp = row + logit.
      row = (1 - smoothing) * row + smoothing * (row + <f64>logit - sum / <f64>cols);
    }
    store<f64>(losses, row);
    if (!backward) continue;
    const errorProbability = sigmoid(gap);
    scaleRow(x, cols, others == 0 ? 0 : <f32>((mean * errorProbability) / others));
    if (smoothing > 0) {
      subtractFrom(x, cols, <f32>(mean * spread));
    }
    store<f32>(at, <f32>(mean * (smoothing - errorProbability - spread)));
  }
}
