/**
 * Products of integers: weights with a scale per output, activations with a scale per row, exact
 * sums of 32 bits. Twice the multiplications of f32 per instruction, and half of its memory; sums
 * of integers have no rounding, so a row's bits depend on nothing but the row.
 *
 * Weights have 11 bits, not 8: with 8, rows of MiniLM's shortest texts fell to a cosine of 0.996,
 * and the sums take no longer. Activations have the remaining bits of the 32, 13 to 16.
 *
 * Files hold weights of 8 bits with a whole factor for each 16 inputs of an output: 11 bits again,
 * up to rounding that is finer where the weights are small.
 *
 *   weights:      slivers of 8 outputs   k0 k1: w0k0 w0k1 w1k0 w1k1 .. w7k0 w7k1    k2 k3: ..
 *   activations:  slivers of 4 rows      k0 k1: a0k0 a0k1 .. a3k0 a3k1              k2 k3: ..
 */

import { maxAbs } from '../core/rows';
import { floatToInt8 } from './half';

/** Outputs of a sliver of weights. */
const NR: i32 = 8;
/** Rows of a sliver of activations. */
const MR: i32 = 4;
/** Rows that pass through all weights before the next ones: they stay in a core's cache. */
const MC: i32 = 64;
/** Largest weight. */
const W_MAX: f64 = 1023;
/** Inputs that share a factor in a file. */
const BLOCK: i32 = 16;
/** Largest weight of 8 bits, and largest factor. */
const Q_MAX: f64 = 127;
const FACTOR_MAX: f64 = 8;

@inline
function roundUp(n: i32, step: i32): i32 {
  return (n + step - 1) & -step;
}

/** Bytes of packed weights or activations, (rows, cols). */
export function integerBytes(rows: i32, cols: i32): i32 {
  return 2 * roundUp(rows, NR) * roundUp(cols, 2);
}

/** Address of weight k of output r among packed weights of `depth` inputs. */
@inline
function weightAt(packed: usize, r: i32, k: i32, depth: i32): usize {
  const lane = r & (NR - 1);
  return packed + ((<usize>(r - lane) * <usize>depth + <usize>((k >> 1) * 2 * NR + 2 * lane + (k & 1))) << 1);
}

/** Largest activation with which no sum leaves 32 bits, of weights that sum to `maxSum`. */
@inline
function limitOf(maxSum: i64): i32 {
  return <i32>min<i64>(32767, 2147483647 / maxSum);
}

/** Factors of an output. */
@inline
function blocksOf(cols: i32): i32 {
  return (cols + BLOCK - 1) / BLOCK;
}

/**
 * Rounds weights (rows, cols) f32 to 8 bits (y, i8) with a factor from 1 to 8 for each block of
 * inputs (u8) and a scale for each output (f32): weight = y factor scale.
 */
export function quantizeBlocks(
  y: usize, factors: usize, scales: usize, x: usize, rows: i32, cols: i32,
): void {
  for (let r = 0; r < rows; r++, x += <usize>cols << 2, y += cols, factors += blocksOf(cols)) {
    const largest = <f64>maxAbs(x, cols);
    const scale = largest / (Q_MAX * FACTOR_MAX);
    store<f32>(scales + (<usize>r << 2), <f32>scale);
    for (let b = 0; b < blocksOf(cols); b++) {
      const first = b * BLOCK, end = min(cols, first + BLOCK);
      const largestOfBlock = <f64>maxAbs(x + (<usize>first << 2), end - first);
      const factor = scale == 0 ? 1 : max(1, min(FACTOR_MAX, ceil(largestOfBlock / scale / Q_MAX - 1e-6)));
      store<u8>(factors + b, <u8>factor);
      const step = scale * factor;
      for (let k = first; k < end; k++) {
        const value = step == 0 ? 0 : nearest(<f64>load<f32>(x + (<usize>k << 2)) / step);
        store<i8>(y + k, <i8>min(max(value, -Q_MAX), Q_MAX));
      }
    }
  }
}

/**
 * Packs weights of `quantizeBlocks` (rows, cols) for products. Returns the largest activation with
 * which no sum leaves 32 bits.
 */
export function packBlockWeights(y: usize, x: usize, factors: usize, rows: i32, cols: i32): i32 {
  const depth = roundUp(cols, 2);
  let maxSum: i64 = 1;
  memory.fill(y, 0, integerBytes(rows, cols));
  for (let r = 0; r < rows; r++, x += cols, factors += blocksOf(cols)) {
    let sum: i64 = 0;
    for (let k = 0; k < cols; k++) {
      const value = <i32>load<i8>(x + k) * <i32>load<u8>(factors + k / BLOCK);
      sum += abs(value);
      store<i16>(weightAt(y, r, k, depth), <i16>value);
    }
    maxSum = max(maxSum, sum);
  }
  return limitOf(maxSum);
}

/** y (rows, cols) i8 = packed weights without the factors of their blocks. */
export function unpackBlockWeights(y: usize, packed: usize, factors: usize, rows: i32, cols: i32): void {
  const depth = roundUp(cols, 2);
  for (let r = 0; r < rows; r++, y += cols, factors += blocksOf(cols)) {
    for (let k = 0; k < cols; k++) {
      const factor = max(1, <i32>load<u8>(factors + k / BLOCK));
      store<i8>(y + k, <i8>(<i32>load<i16>(weightAt(packed, r, k, depth)) / factor));
    }
  }
}

/** y (rows, cols) f32 = packed weights times the scales of their outputs. */
export function unpackIntegerWeights(y: usize, packed: usize, scales: usize, rows: i32, cols: i32): void {
  const depth = roundUp(cols, 2);
  for (let r = 0; r < rows; r++) {
    const scale = load<f32>(scales + (<usize>r << 2));
    for (let k = 0; k < cols; k++, y += 4) {
      store<f32>(y, <f32>load<i16>(weightAt(packed, r, k, depth)) * scale);
    }
  }
}

/** Rounds a table (rows, cols) f32 to 8 bits, with a scale for each row (f32). */
export function packInt8(y: usize, scales: usize, x: usize, rows: i32, cols: i32): void {
  for (let r = 0; r < rows; r++, x += <usize>cols << 2, y += cols) {
    const largest = <f64>maxAbs(x, cols);
    store<f32>(scales + (<usize>r << 2), <f32>(largest / Q_MAX));
    floatToInt8(y, x, cols, largest == 0 ? 0 : Q_MAX / largest);
  }
}

/** y (rows, cols) f32 = a table of 8 bits times the scales of its rows. */
export function int8RowsToFloat(y: usize, x: usize, scales: usize, rows: i32, cols: i32): void {
  for (let r = 0; r < rows; r++) {
    const scale = load<f32>(scales + (<usize>r << 2));
    for (let k = 0; k < cols; k++, x++, y += 4) store<f32>(y, <f32>load<i8>(x) * scale);
  }
}

/**
 * Packs weights (rows, cols) f32 as integers, with the scale of each row in `scales` (f32).
 * Returns the largest activation with which no sum leaves 32 bits.
 */
export function packIntegerWeights(
  y: usize, scales: usize, x: usize, rows: i32, cols: i32,
): i32 {
  const depth = roundUp(cols, 2);
  let maxSum: i64 = 1;
  memory.fill(y, 0, integerBytes(rows, cols));
  for (let r = 0; r < rows; r++) {
    const row = x + ((<usize>r * <usize>cols) << 2);
    const largest = <f64>maxAbs(row, cols);
    const factor = largest == 0 ? 0 : W_MAX / largest;
    store<f32>(scales + (<usize>r << 2), <f32>(largest / W_MAX));
    let sum: i64 = 0;
    for (let k = 0; k < cols; k++) {
      const value = <i32>nearest(<f64>load<f32>(row + (<usize>k << 2)) * factor);
      sum += abs(value);
      store<i16>(weightAt(y, r, k, depth), <i16>value);
    }
    maxSum = max(maxSum, sum);
  }
  return limitOf(maxSum);
}

/**
 * Packs activations (rows, cols) f32 as integers of at most `limit`, with the scale of each row in
 * `scales` (f32).
 */
export function packIntegerRows(
  y: usize, scales: usize, x: usize, rows: i32, cols: i32, limit: i32,
): void {
  const depth = roundUp(cols, 2);
  const top = <f32>limit;
  const step: usize = 4 * MR;
  for (let r = 0; r < roundUp(rows, MR); r++) {
    const lane = r & (MR - 1);
    let to = y + ((<usize>(r - lane) * <usize>depth) << 1) + <usize>(4 * lane);
    if (r >= rows) {
      for (let k = 0; k < depth; k += 2, to += step) store<i32>(to, 0);
      continue;
    }
    let row = x + ((<usize>r * <usize>cols) << 2);
    let m = f32x4.splat(0);
    let k = 0;
    for (; k + 4 <= cols; k += 4) m = f32x4.pmax(m, f32x4.abs(v128.load(row + (<usize>k << 2))));
    let largest = max(
      max(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1)),
      max(f32x4.extract_lane(m, 2), f32x4.extract_lane(m, 3)),
    );
    for (; k < cols; k++) largest = max(largest, abs(load<f32>(row + (<usize>k << 2))));
    store<f32>(scales + (<usize>r << 2), largest / top);
    const factor: f32 = largest == 0 ? 0 : top / largest;
    const f = f32x4.splat(factor);
    for (k = 0; k + 4 <= cols; k += 4, row += 16, to += 2 * step) {
      const whole = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(row), f)));
      const pairs = i16x8.narrow_i32x4_s(whole, whole);
      v128.store32_lane(to, pairs, 0);
      v128.store32_lane(to + step, pairs, 1);
    }
    for (; k < cols; k += 2, row += 8, to += step) {
      const first = <i16>nearest(load<f32>(row) * factor);
      const second = k + 1 < cols ? <i16>nearest(load<f32>(row, 4) * factor) : 0;
      store<i16>(to, first);
      store<i16>(to, <i16>second, 2);
    }
  }
}

/** Four sums as f32: times the row's scale, times the outputs' scales, plus the bias. */
@inline
function finish(sum: v128, row: f32, outputs: v128, bias: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(sum), f32x4.splat(row)), outputs), bias);
}

/** Stores the first n of four numbers. */
@inline
function storeSome(to: usize, v: v128, n: i32): void {
  if (n >= 4) {
    v128.store(to, v);
    return;
  }
  if (n > 0) store<f32>(to, f32x4.extract_lane(v, 0));
  if (n > 1) store<f32>(to, f32x4.extract_lane(v, 1), 4);
  if (n > 2) store<f32>(to, f32x4.extract_lane(v, 2), 8);
}

/**
 * y (m, n) = a w' + bias, of activations packed by `packIntegerRows` and weights packed by
 * `packIntegerWeights`.
 * Of the n outputs only `count` from `first` on, the start of a sliver. Scales and bias are padded
 * to whole slivers.
 */
export function integerProduct(
  y: usize, a: usize, aScales: usize, w: usize, wScales: usize, bias: usize, m: i32, n: i32, k: i32,
  first: i32, count: i32,
): void {
  const depth = roundUp(k, 2);
  const ld = <usize>n << 2;
  for (let i0 = 0; i0 < m; i0 += MC) {
    const i1 = min(m, i0 + MC);
    for (let j = first; j < first + count; j += NR) {
      const weights = w + ((<usize>j * <usize>depth) << 1);
      const s0 = v128.load(wScales + (<usize>j << 2)), s1 = v128.load(wScales + (<usize>j << 2), 16);
      const b0 = v128.load(bias + (<usize>j << 2)), b1 = v128.load(bias + (<usize>j << 2), 16);
      for (let i = i0; i < i1; i += MR) {
        let c00 = i32x4.splat(0), c01 = i32x4.splat(0);
        let c10 = i32x4.splat(0), c11 = i32x4.splat(0);
        let c20 = i32x4.splat(0), c21 = i32x4.splat(0);
        let c30 = i32x4.splat(0), c31 = i32x4.splat(0);
        let p = a + ((<usize>i * <usize>depth) << 1);
        let q = weights;
        for (const end = q + (<usize>(depth * NR) << 1); q < end; q += 32, p += 16) {
          const w0 = v128.load(q), w1 = v128.load(q, 16);
          let s = v128.load32_splat(p);
          c00 = i32x4.add(c00, i32x4.dot_i16x8_s(s, w0));
          c01 = i32x4.add(c01, i32x4.dot_i16x8_s(s, w1));
          s = v128.load32_splat(p, 4);
          c10 = i32x4.add(c10, i32x4.dot_i16x8_s(s, w0));
          c11 = i32x4.add(c11, i32x4.dot_i16x8_s(s, w1));
          s = v128.load32_splat(p, 8);
          c20 = i32x4.add(c20, i32x4.dot_i16x8_s(s, w0));
          c21 = i32x4.add(c21, i32x4.dot_i16x8_s(s, w1));
          s = v128.load32_splat(p, 12);
          c30 = i32x4.add(c30, i32x4.dot_i16x8_s(s, w0));
          c31 = i32x4.add(c31, i32x4.dot_i16x8_s(s, w1));
        }
        const columns = n - j;
        let to = y + <usize>i * ld + (<usize>j << 2);
        const scale = aScales + (<usize>i << 2);
        let r = load<f32>(scale);
        storeSome(to, finish(c00, r, s0, b0), columns);
        storeSome(to + 16, finish(c01, r, s1, b1), columns - 4);
        if (i + 1 >= m) continue;
        r = load<f32>(scale, 4);
        to += ld;
        storeSome(to, finish(c10, r, s0, b0), columns);
        storeSome(to + 16, finish(c11, r, s1, b1), columns - 4);
        if (i + 2 >= m) continue;
        r = load<f32>(scale, 8);
        to += ld;
        storeSome(to, finish(c20, r, s0, b0), columns);
        storeSome(to + 16, finish(c21, r, s1, b1), columns - 4);
        if (i + 3 >= m) continue;
        r = load<f32>(scale, 12);
        to += ld;
        storeSome(to, finish(c30, r, s0, b0), columns);
        storeSome(to + 16, finish(c31, r, s1, b1), columns - 4);
      }
    }
  }
}
