/**
 * Random floats as a function of seed, stream, step, sample and index: Philox 4x32-10 (Salmon et
 * al., 2011), four blocks side by side. The numbers are those of `new Random(seed, stream, step,
 * sample)` in src/core/random.ts, which counts the blocks of four words in the first word of its
 * counter and hands out each block's words from the last to the first. src/core/streams.ts lists
 * the streams.
 */

import { logScalar } from '../core/math';

// Each constant fills one vector: TABLE + 16 * index.
// prettier-ignore
const TABLE = memory.data<u32>([
  0xd2511f53, 0xd2511f53, 0xd2511f53, 0xd2511f53, //   0 multipliers
  0xcd9e8d57, 0xcd9e8d57, 0xcd9e8d57, 0xcd9e8d57, //  16
  0x9e3779b9, 0x9e3779b9, 0x9e3779b9, 0x9e3779b9, //  32 what is added to the keys
  0xbb67ae85, 0xbb67ae85, 0xbb67ae85, 0xbb67ae85, //  48
  0, 1, 2, 3, //                                      64
], 16);

/** The upper words of products, from those of lanes 0 and 1 and of lanes 2 and 3. */
@inline
function upper(low: v128, high: v128): v128 {
  return v128.shuffle<i32>(low, high, 1, 3, 5, 7);
}

@inline
function lower(low: v128, high: v128): v128 {
  return v128.shuffle<i32>(low, high, 0, 2, 4, 6);
}

/**
 * Draws n numbers of a sample from one of its blocks on, sixteen a turn. With x = 0 their 32 bits
 * are stored; otherwise y is x times `scale` where the number is at least `limit` 2^-24, and 0
 * elsewhere.
 */
function draw(
  y: usize, x: usize, n: i32, limit: i32, scale: f32, seedLow: i32, seedHigh: i32, stream: i32,
  step: i32, sample: i32, block: i32,
): void {
  const end = <usize>n << 2;
  for (let i: usize = 0; i < end; i += 64, block += 4) {
    let c0 = i32x4.add(i32x4.splat(block), v128.load(TABLE, 64));
    let c1 = i32x4.splat(stream), c2 = i32x4.splat(step), c3 = i32x4.splat(sample);
    let k0 = i32x4.splat(seedLow), k1 = i32x4.splat(seedHigh);
    for (let round = 0; round < 10; round++) {
      const low0 = i64x2.extmul_low_i32x4_u(c0, v128.load(TABLE));
      const high0 = i64x2.extmul_high_i32x4_u(c0, v128.load(TABLE));
      const low1 = i64x2.extmul_low_i32x4_u(c2, v128.load(TABLE, 16));
      const high1 = i64x2.extmul_high_i32x4_u(c2, v128.load(TABLE, 16));
      c0 = v128.xor(v128.xor(upper(low1, high1), c1), k0);
      c2 = v128.xor(v128.xor(upper(low0, high0), c3), k1);
      c1 = lower(low1, high1);
      c3 = lower(low0, high0);
      k0 = i32x4.add(k0, v128.load(TABLE, 32));
      k1 = i32x4.add(k1, v128.load(TABLE, 48));
    }
    // A lane is a block: turned, so that a vector is one, with its last word first.
    const low32 = v128.shuffle<i32>(c3, c2, 0, 4, 1, 5), low10 = v128.shuffle<i32>(c1, c0, 0, 4, 1, 5);
    const high32 = v128.shuffle<i32>(c3, c2, 2, 6, 3, 7);
    const high10 = v128.shuffle<i32>(c1, c0, 2, 6, 3, 7);
    finish(y, x, i, end, v128.shuffle<i32>(low32, low10, 0, 1, 4, 5), limit, scale);
    finish(y, x, i + 16, end, v128.shuffle<i32>(low32, low10, 2, 3, 6, 7), limit, scale);
    finish(y, x, i + 32, end, v128.shuffle<i32>(high32, high10, 0, 1, 4, 5), limit, scale);
    finish(y, x, i + 48, end, v128.shuffle<i32>(high32, high10, 2, 3, 6, 7), limit, scale);
  }
}

@inline
function finish(
  y: usize, x: usize, i: usize, end: usize, bits: v128, limit: i32, scale: f32,
): void {
  if (i >= end) return;
  let result = bits;
  if (x != 0) {
    const dropped = i32x4.lt_s(i32x4.shr_u(bits, 8), i32x4.splat(limit));
    result = v128.andnot(f32x4.mul(v128.load(x + i), f32x4.splat(scale)), dropped);
  }
  if (i + 16 <= end) {
    v128.store(y + i, result);
    return;
  }
  // What follows belongs to the next row, which another thread may be writing.
  v128.store32_lane(y + i, result, 0);
  if (i + 4 < end) v128.store32_lane(y + i + 4, result, 1);
  if (i + 8 < end) v128.store32_lane(y + i + 8, result, 2);
}

/** The 32 bits of n draws, as u32; y has room for a multiple of 16. */
export function fillBits(
  y: usize, n: i32, seedLow: i32, seedHigh: i32, stream: i32, step: i32,
): void {
  draw(y, 0, n, 0, 0, seedLow, seedHigh, stream, step, 0, 0);
}

/** n numbers in [low, high): multiples of 2^-24 of the way, the nearest f32 of each. */
export function fillUniform(
  y: usize, n: i32, low: f32, high: f32, seedLow: i32, seedHigh: i32, stream: i32, step: i32,
): void {
  draw(y, 0, n, 0, 0, seedLow, seedHigh, stream, step, 0, 0);
  const start = <f64>low, way = <f64>high - start;
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 4) {
    const part = <f64>(load<u32>(y + i) >> 8) * 5.9604644775390625e-8;
    store<f32>(y + i, <f32>(start + way * part));
  }
}

/**
 * Rows of numbers in [0, 1), row r those of sample `samples`[r], an i32. The columns are a multiple
 * of 4.
 */
export function fillUniformRows(
  y: usize, rows: i32, cols: i32, seedLow: i32, seedHigh: i32, stream: i32, step: i32, samples: usize,
): void {
  for (let r = 0, row = y; r < rows; r++, row += <usize>cols << 2) {
    const sample = load<i32>(samples + (<usize>r << 2));
    draw(row, 0, cols, 0, 0, seedLow, seedHigh, stream, step, sample, 0);
  }
  for (const end = y + ((<usize>rows * cols) << 2); y < end; y += 4) {
    store<f32>(y, <f32>(load<u32>(y) >> 8) * <f32>5.9604644775390625e-8);
  }
}

/** n numbers of the normal distribution, each from one draw. */
export function fillNormal(
  y: usize, n: i32, mean: f32, std: f32, seedLow: i32, seedHigh: i32, stream: i32, step: i32,
): void {
  draw(y, 0, n, 0, 0, seedLow, seedHigh, stream, step, 0, 0);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 4) {
    // The middle of the draw's 2^-32, less 1/2: exact, and neither end is ever reached.
    const q = (<f64>load<u32>(y + i) + 0.5) * 2.3283064365386963e-10 - 0.5;
    store<f32>(y + i, <f32>(<f64>mean + <f64>std * normalQuantile(q)));
  }
}

/**
 * The z with P(X < z) = 1/2 + q for |q| < 1/2 - 1.4e-11, to about 1e-7: Wichura's PPND7
 * (Applied Statistics 37, 1988, algorithm AS 241).
 */
function normalQuantile(q: f64): f64 {
  if (abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    const over = ((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179;
    return (q * over) / (((67.18756360 * r + 78.757757664) * r + 17.895169469) * r + 1);
  }
  const r = sqrt(-logScalar(0.5 - abs(q))) - 1.6;
  const over = ((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777;
  const z = over / ((0.12021132975 * r + 0.73700164250) * r + 1);
  return q < 0 ? -z : z;
}

/**
 * Dropout of rows of `cols` floats that are `ld` floats apart: y = x / (1 - rate) where the number
 * of an element, of [0, 1), is at least `rate`; 0 elsewhere. The same call on dy is the backward. y
 * may be x. `keys` holds the stream and the sample of each row, two i32. Numbers begin at `block`,
 * of four each.
 */
export function dropoutRows(
  y: usize, x: usize, rows: i32, cols: i32, ld: i32, rate: f32, seedLow: i32, seedHigh: i32, step: i32,
  keys: usize, block: i32,
): void {
  const limit = <i32>ceil(<f64>rate * 16777216.0);
  const scale = <f32>(1 / (1 - <f64>rate));
  const stride = <usize>ld << 2;
  for (let r = 0; r < rows; r++, y += stride, x += stride, keys += 8) {
    const stream = load<i32>(keys), sample = load<i32>(keys, 4);
    draw(y, x, cols, limit, scale, seedLow, seedHigh, stream, step, sample, block);
  }
}

/** Dropout of one row in place, whose numbers begin at `block`, with limit = rate 2^24. */
export function dropoutRow(
  x: usize, n: i32, limit: i32, seedLow: i32, seedHigh: i32, stream: i32, step: i32, sample: i32,
  block: i32,
): void {
  const scale = <f32>(16777216.0 / <f64>(16777216 - limit));
  draw(x, x, n, limit, scale, seedLow, seedHigh, stream, step, sample, block);
}
