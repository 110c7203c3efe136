/**
 * Random floats as a function of seed, stream, step, sample and index, by Philox.
 * src/core/streams.ts lists the streams.
 */

import { logScalar } from '../core/math';
import { draw } from '../core/philox';

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
  const end = <usize>n << 2;
  let i: usize = 0;
  for (; i + 8 <= end; i += 8) {
    const words = v128.load64_zero(y + i);
    // The middle of the draw's 2^-32, less 1/2: exact, and neither end is ever reached.
    const q = f64x2.sub(
      f64x2.mul(
        f64x2.add(f64x2.convert_low_i32x4_u(words), f64x2.splat(0.5)),
        f64x2.splat(2.3283064365386963e-10),
      ),
      f64x2.splat(0.5),
    );
    let z: v128;
    if (v128.any_true(f64x2.gt(f64x2.abs(q), f64x2.splat(CENTER)))) {
      z = f64x2.splat(normalQuantile(f64x2.extract_lane(q, 0)));
      z = f64x2.replace_lane(z, 1, normalQuantile(f64x2.extract_lane(q, 1)));
    } else {
      z = centralQuantile2(q);
    }
    z = f64x2.add(f64x2.splat(<f64>mean), f64x2.mul(f64x2.splat(<f64>std), z));
    v128.store64_lane(y + i, f32x4.demote_f64x2_zero(z), 0);
  }
  for (; i < end; i += 4) {
    const q = (<f64>load<u32>(y + i) + 0.5) * 2.3283064365386963e-10 - 0.5;
    store<f32>(y + i, <f32>(<f64>mean + <f64>std * normalQuantile(q)));
  }
}

/** `normalQuantile` has another approximation for |q| above this. */
const CENTER: f64 = 0.425;

/** `normalQuantile` of two numbers of at most CENTER, to the same bits. */
@inline
function centralQuantile2(q: v128): v128 {
  const r = f64x2.sub(f64x2.splat(0.180625), f64x2.mul(q, q));
  let over = f64x2.add(f64x2.mul(f64x2.splat(59.10937472), r), f64x2.splat(159.29113202));
  over = f64x2.add(f64x2.mul(over, r), f64x2.splat(50.434271938));
  over = f64x2.add(f64x2.mul(over, r), f64x2.splat(3.3871327179));
  let under = f64x2.add(f64x2.mul(f64x2.splat(67.18756360), r), f64x2.splat(78.757757664));
  under = f64x2.add(f64x2.mul(under, r), f64x2.splat(17.895169469));
  under = f64x2.add(f64x2.mul(under, r), f64x2.splat(1));
  return f64x2.div(f64x2.mul(q, over), under);
}

/**
 * The z with P(X < z) = 1/2 + q for |q| < 1/2 - 1.4e-11, to about 1e-7: Wichura's PPND7
 * (Applied Statistics 37, 1988, algorithm AS 241).
 */
function normalQuantile(q: f64): f64 {
  if (abs(q) <= CENTER) {
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

/**
 * Dropout of `count` sequences of rows of `cols` floats, one behind the other: rows offsets[s] to
 * offsets[s + 1] (i32) are sequence s, and its numbers draw as one row of `dropoutRows` does.
 */
export function dropoutSequences(
  y: usize, x: usize, offsets: usize, count: i32, cols: i32, rate: f32, seedLow: i32,
  seedHigh: i32, step: i32, keys: usize,
): void {
  const stride = <usize>cols << 2;
  for (let s = 0; s < count; s++, offsets += 4, keys += 8) {
    const begin = load<i32>(offsets), rows = load<i32>(offsets, 4) - begin;
    const at = <usize>begin * stride, n = rows * cols;
    dropoutRows(y + at, x + at, 1, n, n, rate, seedLow, seedHigh, step, keys, 0);
  }
}
