/**
 * Sums in f64 of floats, always in the same order: of everything, along one axis, down the columns
 * of a matrix. f64 holds the sum of two f32 nearly always exactly, so the order hardly matters to
 * the value and the last bit of the f32 that is stored is the true one.
 */

import { highDoubles, lowDoubles, sum2, toFloats } from './lanes';
import { dotRow } from './rows';

/** Sum of n floats. */
export function sumArray(x: usize, n: i32): f64 {
  let a = f64x2.splat(0), b = f64x2.splat(0), c = f64x2.splat(0), d = f64x2.splat(0);
  let i = 0;
  for (; i + 8 <= n; i += 8, x += 32) {
    const first = v128.load(x), second = v128.load(x, 16);
    a = f64x2.add(a, lowDoubles(first));
    b = f64x2.add(b, highDoubles(first));
    c = f64x2.add(c, lowDoubles(second));
    d = f64x2.add(d, highDoubles(second));
  }
  const sum = f64x2.add(f64x2.add(a, b), f64x2.add(c, d));
  let total = sum2(sum);
  for (; i < n; i++, x += 4) total += <f64>load<f32>(x);
  return total;
}

/** Sum of the squares of n floats. */
export function sumOfSquares(x: usize, n: i32): f64 {
  return dotRow(x, x, n);
}

/** Mean of (x - y)^2 over n floats. */
export function meanSquaredError(x: usize, y: usize, n: i32): f64 {
  let low = f64x2.splat(0), high = f64x2.splat(0);
  let i = 0;
  for (; i + 4 <= n; i += 4, x += 16, y += 16) {
    const a = v128.load(x), b = v128.load(y);
    const first = f64x2.sub(lowDoubles(a), lowDoubles(b));
    const second = f64x2.sub(highDoubles(a), highDoubles(b));
    low = f64x2.add(low, f64x2.mul(first, first));
    high = f64x2.add(high, f64x2.mul(second, second));
  }
  const sum = f64x2.add(low, high);
  let total = sum2(sum);
  for (; i < n; i++, x += 4, y += 4) {
    const d = <f64>load<f32>(x) - <f64>load<f32>(y);
    total += d * d;
  }
  return total / <f64>n;
}

/** y[o][i] = sum over k of x[o][k][i], for x (outer x n x inner). */
export function sumAxis(y: usize, x: usize, outer: i32, n: i32, inner: i32): void {
  const from = (<usize>n * <usize>inner) << 2, to = <usize>inner << 2;
  for (let o = 0; o < outer; o++, x += from, y += to) {
    if (inner == 1) store<f32>(y, <f32>sumArray(x, n));
    else columnSums(y, x, n, inner, inner, false);
  }
}

/** y[c] = sum over r of x[r][c] (ldx floats per row), added to what is there if `accumulate`. */
export function columnSums(
  y: usize, x: usize, rows: i32, cols: i32, ldx: i32, accumulate: bool,
): void {
  const stride = <usize>ldx << 2;
  let c = 0;
  // Sixteen columns are a cache line, and eight sums leave registers for what is loaded.
  for (; c + 16 <= cols; c += 16, x += 64, y += 64) {
    let s0 = f64x2.splat(0), s1 = f64x2.splat(0), s2 = f64x2.splat(0), s3 = f64x2.splat(0);
    let s4 = f64x2.splat(0), s5 = f64x2.splat(0), s6 = f64x2.splat(0), s7 = f64x2.splat(0);
    let at = x;
    for (let r = 0; r < rows; r++, at += stride) {
      const a = v128.load(at), b = v128.load(at, 16);
      s0 = f64x2.add(s0, lowDoubles(a));
      s1 = f64x2.add(s1, highDoubles(a));
      s2 = f64x2.add(s2, lowDoubles(b));
      s3 = f64x2.add(s3, highDoubles(b));
      const d = v128.load(at, 32), e = v128.load(at, 48);
      s4 = f64x2.add(s4, lowDoubles(d));
      s5 = f64x2.add(s5, highDoubles(d));
      s6 = f64x2.add(s6, lowDoubles(e));
      s7 = f64x2.add(s7, highDoubles(e));
    }
    storeSums(y, s0, s1, accumulate);
    storeSums(y + 16, s2, s3, accumulate);
    storeSums(y + 32, s4, s5, accumulate);
    storeSums(y + 48, s6, s7, accumulate);
  }
  for (; c + 4 <= cols; c += 4, x += 16, y += 16) {
    let low = f64x2.splat(0), high = f64x2.splat(0);
    let at = x;
    for (let r = 0; r < rows; r++, at += stride) {
      const a = v128.load(at);
      low = f64x2.add(low, lowDoubles(a));
      high = f64x2.add(high, highDoubles(a));
    }
    storeSums(y, low, high, accumulate);
  }
  for (; c < cols; c++, x += 4, y += 4) {
    let sum: f64 = 0;
    let at = x;
    for (let r = 0; r < rows; r++, at += stride) sum += <f64>load<f32>(at);
    store<f32>(y, <f32>(accumulate ? <f64>load<f32>(y) + sum : sum));
  }
}

/** Four sums in f64 to y, or added to it there. */
@inline
export function storeSums(y: usize, low: v128, high: v128, accumulate: bool): void {
  if (accumulate) {
    const before = v128.load(y);
    low = f64x2.add(lowDoubles(before), low);
    high = f64x2.add(highDoubles(before), high);
  }
  v128.store(y, toFloats(low, high));
}
