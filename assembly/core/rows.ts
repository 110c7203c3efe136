/**
 * Rows: finding what is not finite, norms, normalization and its backward. Sums run in f64, two
 * lanes at a time, so that neither a row of 1e30 overflows nor one of 1e-30 vanishes.
 */

import { highDoubles, lowDoubles, sum2, toFloats } from './lanes';

/** Index of the first of n floats that is NaN or infinite, or -1. */
export function firstNonFinite(x: usize, n: i32): i32 {
  const exponent = i32x4.splat(0x7f800000);
  let i = 0;
  // Sixteen at a time until a block has one; then one by one.
  for (; i + 16 <= n; i += 16) {
    const at = x + (<usize>i << 2);
    const a = i32x4.eq(v128.and(v128.load(at), exponent), exponent);
    const b = i32x4.eq(v128.and(v128.load(at, 16), exponent), exponent);
    const c = i32x4.eq(v128.and(v128.load(at, 32), exponent), exponent);
    const d = i32x4.eq(v128.and(v128.load(at, 48), exponent), exponent);
    if (v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) break;
  }
  for (; i < n; i++) {
    if ((load<i32>(x + (<usize>i << 2)) & 0x7f800000) == 0x7f800000) return i;
  }
  return -1;
}

/** Maximum of |x| over n floats. */
export function maxAbs(x: usize, n: i32): f32 {
  let largest: f32 = 0;
  for (let i = 0; i < n; i++) largest = max(largest, abs(load<f32>(x + (<usize>i << 2))));
  return largest;
}

/** x *= factor (x: n), in place. */
export function scaleArray(x: usize, n: i32, factor: f32): void {
  for (let i = 0; i < n; i++) {
    const at = x + (<usize>i << 2);
    store<f32>(at, load<f32>(at) * factor);
  }
}

/** Sum over n of x y in f64. */
export function dotRow(x: usize, y: usize, n: i32): f64 {
  let even = f64x2.splat(0), odd = f64x2.splat(0);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const at = <usize>i << 2;
    const a = v128.load(x + at), b = v128.load(y + at);
    even = f64x2.add(even, f64x2.mul(lowDoubles(a), lowDoubles(b)));
    odd = f64x2.add(odd, f64x2.mul(highDoubles(a), highDoubles(b)));
  }
  let total = sum2(f64x2.add(even, odd));
  for (; i < n; i++) {
    const at = <usize>i << 2;
    total += <f64>load<f32>(x + at) * <f64>load<f32>(y + at);
  }
  return total;
}

/** The nearest f32 of a finite f64, cut to f32's range. */
@inline
export function toF32(x: f64): f32 {
  return <f32>max(min(x, 3.4028234663852886e38), -3.4028234663852886e38);
}

/**
 * y = x / |x|, row by row (y, x: rows x cols), and the norms |x| (f64, rows); a row of zeros stays
 * zero. y may be x.
 */
export function normalizeRows(y: usize, norms: usize, x: usize, rows: i32, cols: i32): void {
  for (let r = 0; r < rows; r++) {
    const at = (<usize>r * <usize>cols) << 2;
    const norm = sqrt<f64>(dotRow(x + at, x + at, cols));
    store<f64>(norms + (<usize>r << 3), norm);
    const inverse = norm == 0 ? 0 : 1 / norm;
    const factor = f64x2.splat(inverse);
    let i = 0;
    for (; i + 4 <= cols; i += 4) {
      const v = v128.load(x + at + (<usize>i << 2));
      const low = f64x2.mul(lowDoubles(v), factor), high = f64x2.mul(highDoubles(v), factor);
      v128.store(y + at + (<usize>i << 2), toFloats(low, high));
    }
    for (; i < cols; i++) {
      const p = at + (<usize>i << 2);
      store<f32>(y + p, <f32>(<f64>load<f32>(x + p) * inverse));
    }
  }
}

/**
 * Backward of `normalizeRows`: dx = (dy - y (y . dy)) / |x|, 0 for a row of zeros. dy has ldy
 * floats per row, dx `cols`; dx may be dy. Returns the sum over all rows of y . dy, which is what
 * a factor before the products of unit rows has as its gradient, times that factor.
 */
export function normalizeRowsBackward(
  dx: usize, dy: usize, y: usize, norms: usize, rows: i32, cols: i32, ldy: i32,
): f64 {
  let total: f64 = 0;
  for (let r = 0; r < rows; r++) {
    const to = dx + ((<usize>r * <usize>cols) << 2);
    const from = dy + ((<usize>r * <usize>ldy) << 2);
    const unit = y + ((<usize>r * <usize>cols) << 2);
    const norm = load<f64>(norms + (<usize>r << 3));
    const inverse = norm == 0 ? 0 : 1 / norm;
    const dot = dotRow(unit, from, cols);
    total += dot;
    for (let i = 0; i < cols; i++) {
      const p = <usize>i << 2;
      const d = <f64>load<f32>(from + p) - <f64>load<f32>(unit + p) * dot;
      store<f32>(to + p, toF32(d * inverse));
    }
  }
  return total;
}

/** y[i] (f64, rows) = the dot product of row i of a and row i of b (rows x cols). */
export function rowDots(y: usize, a: usize, b: usize, rows: i32, cols: i32): void {
  const stride = <usize>cols << 2;
  for (let r = 0; r < rows; r++, a += stride, b += stride) {
    store<f64>(y + (<usize>r << 3), dotRow(a, b, cols));
  }
}

/** y[row i] += weights[i] x[row i] for each row; y has ldy floats per row, x `cols`. */
export function addScaledRows(
  y: usize, x: usize, weights: usize, rows: i32, cols: i32, ldy: i32,
): void {
  for (let r = 0; r < rows; r++) {
    const weight = load<f32>(weights + (<usize>r << 2));
    const to = y + ((<usize>r * <usize>ldy) << 2);
    const from = x + ((<usize>r * <usize>cols) << 2);
    for (let i = 0; i < cols; i++) {
      const p = <usize>i << 2;
      store<f32>(to + p, load<f32>(to + p) + weight * load<f32>(from + p));
    }
  }
}

/** Clamps n cosines to [-1, 1], which rounding may exceed by an ulp. */
export function clampCosines(x: usize, n: i32): void {
  const one = f32x4.splat(1), minusOne = f32x4.splat(-1);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const at = x + (<usize>i << 2);
    v128.store(at, f32x4.max(minusOne, f32x4.min(one, v128.load(at))));
  }
  for (; i < n; i++) {
    const at = x + (<usize>i << 2);
    store<f32>(at, max<f32>(-1, min<f32>(1, load<f32>(at))));
  }
}

/** x = sqrt(x) times factor for n floats: squared distances become distances. */
export function squareRoots(x: usize, n: i32, factor: f32): void {
  const f = f32x4.splat(factor);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const at = x + (<usize>i << 2);
    v128.store(at, f32x4.mul(f, f32x4.sqrt(v128.load(at))));
  }
  for (; i < n; i++) {
    const at = x + (<usize>i << 2);
    store<f32>(at, factor * sqrt<f32>(load<f32>(at)));
  }
}

/** Cosine of two rows in f64, within [-1, 1]; 0 if either is all zeros. */
export function cosine(a: usize, b: usize, cols: i32): f64 {
  const lengths = sqrt(dotRow(a, a, cols)) * sqrt(dotRow(b, b, cols));
  return lengths == 0 ? 0 : max<f64>(-1, min<f64>(1, dotRow(a, b, cols) / lengths));
}

/** Sum of n doubles, one after the other. */
export function sumDoubles(x: usize, n: i32): f64 {
  let sum: f64 = 0;
  for (const end = x + (<usize>n << 3); x < end; x += 8) sum += load<f64>(x);
  return sum;
}

/**
 * y[r] (two i32, rows) = a hash of row r of x (rows x cols): equal numbers give equal hashes, 0 and
 * -0 too.
 */
export function hashRows(y: usize, x: usize, rows: i32, cols: i32): void {
  for (let r = 0; r < rows; r++) {
    let a: u32 = 0x811c9dc5, b: u32 = 0x9e3779b9;
    for (let c = 0; c < cols; c++, x += 4) {
      const bits = reinterpret<u32>(load<f32>(x) + 0);
      a = (a ^ bits) * 0x01000193;
      b = rotl<u32>(b, 7) * 0x85ebca6b + bits;
    }
    store<u32>(y + (<usize>r << 3), a);
    store<u32>(y + (<usize>r << 3), b, 4);
  }
}

/** y (rows x cols) = the first `cols` columns of x, whose rows have ldx floats. */
export function copyPrefix(y: usize, x: usize, rows: i32, cols: i32, ldx: i32): void {
  const width = <usize>cols << 2;
  for (let r = 0; r < rows; r++, y += width, x += <usize>ldx << 2) memory.copy(y, x, width);
}

/** The first `cols` columns of y, whose rows have ldy floats, += factor x (rows x cols). */
export function addPrefix(
  y: usize, x: usize, rows: i32, cols: i32, ldy: i32, factor: f32,
): void {
  const skip = <usize>(ldy - cols) << 2;
  for (let r = 0; r < rows; r++, y += skip) {
    for (let c = 0; c < cols; c++, x += 4, y += 4) {
      store<f32>(y, load<f32>(y) + factor * load<f32>(x));
    }
  }
}
