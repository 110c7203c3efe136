/**
 * The largest number along an axis, where it is, and the variance, for x (outer x n x inner) with
 * results (outer x inner). Sums are taken in f64, in the order of the axis.
 */

import { highDoubles, lowDoubles, toFloats } from '../core/lanes';
import { sumArray } from '../core/reduce';

/**
 * y = the largest number, or with sign = -1 the smallest (the largest of -x, negated); NaN if one
 * is.
 */
export function maxAxis(y: usize, x: usize, outer: i32, n: i32, inner: i32, sign: f32): void {
  const row = <usize>inner << 2, s = f32x4.splat(sign);
  for (let o = 0; o < outer; o++, y += row) {
    memory.copy(y, x, row);
    x += row;
    for (let k = 1; k < n; k++, x += row) {
      let i: usize = 0;
      for (; i + 16 <= row; i += 16) {
        const a = f32x4.mul(v128.load(y + i), s), b = f32x4.mul(v128.load(x + i), s);
        v128.store(y + i, f32x4.mul(f32x4.max(a, b), s));
      }
      for (; i < row; i += 4) {
        store<f32>(y + i, sign * max(sign * load<f32>(y + i), sign * load<f32>(x + i)));
      }
    }
  }
}

/** dx = dy over how many numbers equal y, where x is one of them, else 0. */
export function maxAxisBackward(
  dx: usize, dy: usize, y: usize, x: usize, outer: i32, n: i32, inner: i32,
): void {
  const step = <usize>inner << 2, all = <usize>n * step;
  for (let o = 0; o < outer; o++, x += all - step, dx += all - step) {
    for (let i = 0; i < inner; i++, x += 4, dx += 4, y += 4, dy += 4) {
      const top = load<f32>(y);
      let count = 0;
      for (let at = x; at < x + all; at += step) count += i32(load<f32>(at) == top);
      const each = load<f32>(dy) / <f32>count;
      for (let k: usize = 0; k < all; k += step) {
        store<f32>(dx + k, load<f32>(x + k) == top ? each : 0);
      }
    }
  }
}

/** y (i32) = the index of the first of the largest numbers; NaN counts as the largest. */
export function argmaxAxis(y: usize, x: usize, outer: i32, n: i32, inner: i32): void {
  const step = <usize>inner << 2, all = <usize>n * step;
  for (let o = 0; o < outer; o++, x += all - step) {
    for (let i = 0; i < inner; i++, x += 4, y += 4) {
      let best = load<f32>(x), index = 0;
      for (let k = 1, at = x + step; k < n; k++, at += step) {
        const v = load<f32>(at);
        if (v > best || (v != v && best == best)) {
          best = v;
          index = k;
        }
      }
      store<i32>(y, index);
    }
  }
}

/** Mean in f64 of n floats, `step` bytes from one to the next. */
function meanOf(x: usize, n: i32, step: usize): f64 {
  if (step == 4) return sumArray(x, n) / <f64>n;
  let sum: f64 = 0;
  for (let end = x + <usize>n * step; x < end; x += step) sum += <f64>load<f32>(x);
  return sum / <f64>n;
}

/** y = the sum of (x - mean)^2 over `divisor`. */
export function varianceAxis(
  y: usize, x: usize, outer: i32, n: i32, inner: i32, divisor: f64,
): void {
  const step = <usize>inner << 2, all = <usize>n * step;
  for (let o = 0; o < outer; o++, x += all - step) {
    let i = 0;
    for (; i + 4 <= inner; i += 4, x += 16, y += 16) {
      let low = f64x2.splat(0), high = f64x2.splat(0);
      for (let at = x; at < x + all; at += step) {
        const v = v128.load(at);
        low = f64x2.add(low, lowDoubles(v));
        high = f64x2.add(high, highDoubles(v));
      }
      const count = f64x2.splat(<f64>n), over = f64x2.splat(divisor);
      const lowMean = f64x2.div(low, count), highMean = f64x2.div(high, count);
      low = f64x2.splat(0);
      high = f64x2.splat(0);
      for (let at = x; at < x + all; at += step) {
        const v = v128.load(at);
        const a = f64x2.sub(lowDoubles(v), lowMean), b = f64x2.sub(highDoubles(v), highMean);
        low = f64x2.add(low, f64x2.mul(a, a));
        high = f64x2.add(high, f64x2.mul(b, b));
      }
      v128.store(y, toFloats(f64x2.div(low, over), f64x2.div(high, over)));
    }
    for (; i < inner; i++, x += 4, y += 4) {
      const mean = meanOf(x, n, step);
      let squares: f64 = 0;
      for (let at = x; at < x + all; at += step) {
        const d = <f64>load<f32>(at) - mean;
        squares += d * d;
      }
      store<f32>(y, <f32>(squares / divisor));
    }
  }
}

/** dx = factor dy (x - mean). */
export function varianceAxisBackward(
  dx: usize, dy: usize, x: usize, outer: i32, n: i32, inner: i32, factor: f64,
): void {
  const step = <usize>inner << 2, all = <usize>n * step;
  for (let o = 0; o < outer; o++, x += all - step, dx += all - step) {
    for (let i = 0; i < inner; i++, x += 4, dx += 4, dy += 4) {
      const mean = meanOf(x, n, step), scale = factor * <f64>load<f32>(dy);
      for (let k: usize = 0; k < all; k += step) {
        store<f32>(dx + k, <f32>(scale * (<f64>load<f32>(x + k) - mean)));
      }
    }
  }
}
