/**
 * Tables of 4 bits a number: one of 16 levels, times a scale of its row and one of its column. The
 * levels are those that lose least of normally distributed numbers (Lloyd, 1982, and Max, 1960), as
 * integers. Two numbers a byte, the even column in the low half; a row begins with a byte of its own.
 */

import { highDoubles, lowDoubles, sum2 } from '../core/lanes';
import { dotRow } from '../core/rows';

/** Root mean square of the levels, as often as normally distributed numbers have each. */
const LEVEL_RMS: f64 = 46.25;
/** Rounds of choosing levels for a scale and a scale for levels; few rows need as many. */
const MAX_ROUNDS: i32 = 16;

/** Bytes of a row. */
@inline
export function int4Stride(cols: i32): usize {
  return <usize>((cols + 1) >> 1);
}

/** Levels of the 16 codes: 0 to 7 are negative, from the lowest on. */
@inline
function levels(): v128 {
  return i8x16(-127, -96, -75, -58, -44, -31, -18, -6, 6, 18, 31, 44, 58, 75, 96, 127);
}

/** Levels (i8) of 16 columns whose codes are the 8 bytes at an address. */
@inline
export function loadLevels16(at: usize): v128 {
  const bytes = v128.load64_zero(at);
  const mask = i8x16.splat(0x0f);
  const even = v128.and(bytes, mask), odd = v128.and(i16x8.shr_u(bytes, 4), mask);
  const codes = i8x16.shuffle(even, odd, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  return i8x16.swizzle(levels(), codes);
}

/** Level of column i of the row at an address. */
@inline
export function loadLevel(row: usize, i: i32): f32 {
  const code = (load<u8>(row + <usize>(i >> 1)) >> (<u8>(i & 1) << 2)) & 0x0f;
  return <f32>i8x16.extract_lane_s(i8x16.swizzle(levels(), i8x16.splat(<i8>code)), 0);
}

/** `amount` in the lanes whose size is at least `start`. */
@inline
function above(sizes: v128, start: f32, amount: f32): v128 {
  return v128.and(f32x4.ge(sizes, f32x4.splat(start)), f32x4.splat(amount));
}

/** The positive levels nearest to four sizes, which are given in units of the row's scale. */
@inline
function nearestLevels(sizes: v128): v128 {
  let level = f32x4.add(f32x4.splat(6), above(sizes, 12, 12));
  level = f32x4.add(level, above(sizes, 24.5, 13));
  level = f32x4.add(level, above(sizes, 37.5, 13));
  level = f32x4.add(level, above(sizes, 51, 14));
  level = f32x4.add(level, above(sizes, 66.5, 17));
  level = f32x4.add(level, above(sizes, 85.5, 21));
  return f32x4.add(level, above(sizes, 111.5, 31));
}

/** Number of the nearest positive level of a size in units of the row's scale, from 0 on. */
@inline
function levelNumber(size: f32): i32 {
  return i32(size >= 12) + i32(size >= 24.5) + i32(size >= 37.5) + i32(size >= 51)
    + i32(size >= 66.5) + i32(size >= 85.5) + i32(size >= 111.5);
}

/** The scale with the least squared error for the levels that are nearest at `scale`. */
@inline
function fittedScale(row: usize, n: i32, scale: f32): f32 {
  const s = f32x4.splat(scale);
  let product = f64x2.splat(0), square = f64x2.splat(0);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
    const x = f32x4.abs(v128.load(row + i));
    // The lanes past the row's end hold 0, which adds nothing to the products.
    const level = nearestLevels(f32x4.div(x, s));
    const p = f32x4.mul(x, level);
    product = f64x2.add(product, f64x2.add(lowDoubles(p), highDoubles(p)));
    const q = f32x4.mul(level, level);
    square = f64x2.add(square, f64x2.add(lowDoubles(q), highDoubles(q)));
  }
  const extra = <f64>(-n & 3) * 36;
  return <f32>(sum2(product) / (sum2(square) - extra));
}

/**
 * Scale of a row of n numbers, 0 up to the next multiple of four: for the levels that are nearest,
 * the scale with the least squared error, and so on until neither changes.
 */
function scaleOf(row: usize, n: i32): f32 {
  let scale = <f32>(sqrt(dotRow(row, row, n) / <f64>n) / LEVEL_RMS);
  for (let round = 0; round < MAX_ROUNDS && scale > 0; round++) {
    const next = fittedScale(row, n, scale);
    if (next == scale) break;
    scale = next;
  }
  return scale;
}

/**
 * Rounds a table (rows, cols) f32 to 4 bits: codes in y, a scale per row and one per column (f32).
 * A column's scale is its root mean square, or 1 where that is 0. `scratch` is room for a row of
 * whole vectors.
 */
export function packInt4(
  y: usize, rowScales: usize, columnScales: usize, x: usize, rows: i32, cols: i32, scratch: usize,
): void {
  const width = <usize>cols << 2;
  for (let c: usize = 0; c < width; c += 4) {
    let squares: f64 = 0;
    for (let r = 0; r < rows; r++) {
      const value = <f64>load<f32>(x + <usize>r * width + c);
      squares += value * value;
    }
    const scale = <f32>sqrt(squares / <f64>rows);
    store<f32>(columnScales + c, scale > 0 ? scale : 1);
  }
  const stride = int4Stride(cols);
  memory.fill(y, 0, <usize>rows * stride);
  memory.fill(scratch, 0, (width + 15) & -16);
  for (let r = 0; r < rows; r++, y += stride, x += width) {
    for (let i: usize = 0; i < width; i += 4) {
      store<f32>(scratch + i, load<f32>(x + i) / load<f32>(columnScales + i));
    }
    const scale = scaleOf(scratch, cols);
    store<f32>(rowScales + (<usize>r << 2), scale);
    for (let i = 0; i < cols; i++) {
      const value = load<f32>(scratch + (<usize>i << 2));
      const number = scale > 0 ? levelNumber(abs(value) / scale) : 0;
      const code = value < 0 ? 7 - number : 8 + number;
      const at = y + <usize>(i >> 1);
      store<u8>(at, load<u8>(at) | <u8>(code << ((i & 1) << 2)));
    }
  }
}

/** y (rows, cols) f32 = a table of 4 bits. */
export function int4ToFloat(
  y: usize, x: usize, rowScales: usize, columnScales: usize, rows: i32, cols: i32,
): void {
  for (let r = 0; r < rows; r++, x += int4Stride(cols)) {
    const scale = load<f32>(rowScales + (<usize>r << 2));
    for (let i = 0; i < cols; i++, y += 4) {
      store<f32>(y, loadLevel(x, i) * scale * load<f32>(columnScales + (<usize>i << 2)));
    }
  }
}
