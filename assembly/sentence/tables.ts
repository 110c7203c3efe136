/**
 * Tables of one row per token, in the type of their file: rows of tokens plus those of their
 * positions, and means of the rows of bags of tokens. Every sum runs over the tokens in their order.
 */

import { loadHalf4, loadHalf } from './half';
import { int4Stride, loadLevel, loadLevels16 } from './int4';

/** Type of a table's numbers; src/models/sentence/weights.ts names them in this order. */
const F32: i32 = 0;
const F16: i32 = 1;
const I8: i32 = 2;

/** So many i8 fit a sum of 16 bits. */
const MAX_INT8_SUM: i32 = 255;

/** Four numbers of a table of `type`, f32, f16 or i8, from index i on. */
@inline
function load4(table: usize, type: i32, i: usize): v128 {
  if (type == F32) return v128.load(table + (i << 2));
  if (type == F16) return loadHalf4(table + (i << 1));
  const bytes = v128.load32_zero(table + i);
  return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(bytes)));
}

@inline
function load1(table: usize, type: i32, i: usize): f32 {
  if (type == F32) return load<f32>(table + (i << 2));
  if (type == F16) return loadHalf(table + (i << 1));
  return <f32>load<i8>(table + i);
}

/**
 * y[i] = row ids[i] of a table of `type` times its scale in `scales` (0: without), plus row
 * positions[i] of another (0: without) and one more row (0: without), both f32.
 */
export function embedTokens(
  y: usize, table: usize, type: i32, scales: usize, ids: usize, positionTable: usize,
  positions: usize, more: usize, count: i32, cols: i32,
): void {
  for (let k = 0; k < count; k++) {
    const at = <usize>k << 2;
    const id = <usize>load<u32>(ids + at);
    const row = id * <usize>cols;
    const scale: f32 = scales == 0 ? 1 : load<f32>(scales + (id << 2));
    const position = positionTable == 0
      ? 0
      : positionTable + ((<usize>load<u32>(positions + at) * <usize>cols) << 2);
    let i = 0;
    for (; i + 4 <= cols; i += 4, y += 16) {
      let v = f32x4.mul(load4(table, type, row + <usize>i), f32x4.splat(scale));
      if (more != 0) v = f32x4.add(v, v128.load(more + (<usize>i << 2)));
      if (position != 0) v = f32x4.add(v, v128.load(position + (<usize>i << 2)));
      v128.store(y, v);
    }
    for (; i < cols; i++, y += 4) {
      let v = load1(table, type, row + <usize>i) * scale;
      if (more != 0) v += load<f32>(more + (<usize>i << 2));
      if (position != 0) v += load<f32>(position + (<usize>i << 2));
      store<f32>(y, v);
    }
  }
}

/** Row of the table that token k of a bag has. */
@inline
function rowOf(ids: usize, mapping: usize, k: i32): usize {
  const id = <usize>load<u32>(ids + (<usize>k << 2));
  return mapping == 0 ? id : <usize>load<u32>(mapping + (id << 2));
}

@inline
function weightOf(ids: usize, weights: usize, k: i32): f32 {
  return weights == 0 ? 1 : load<f32>(weights + (<usize>load<u32>(ids + (<usize>k << 2)) << 2));
}

/** y = the mean of the rows of n tokens: sixteen columns at a time stay in registers. */
@inline
function meanOfRows(
  y: usize, table: usize, type: i32, mapping: usize, weights: usize, ids: usize, n: i32, cols: i32,
): void {
  const factor = <f32>(1 / <f64>n);
  const f = f32x4.splat(factor);
  let i = 0;
  for (; i + 16 <= cols; i += 16, y += 64) {
    let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
    for (let k = 0; k < n; k++) {
      const at = rowOf(ids, mapping, k) * <usize>cols + <usize>i;
      const w = f32x4.splat(weightOf(ids, weights, k));
      a = f32x4.add(a, f32x4.mul(load4(table, type, at), w));
      b = f32x4.add(b, f32x4.mul(load4(table, type, at + 4), w));
      c = f32x4.add(c, f32x4.mul(load4(table, type, at + 8), w));
      d = f32x4.add(d, f32x4.mul(load4(table, type, at + 12), w));
    }
    v128.store(y, f32x4.mul(a, f));
    v128.store(y, f32x4.mul(b, f), 16);
    v128.store(y, f32x4.mul(c, f), 32);
    v128.store(y, f32x4.mul(d, f), 48);
  }
  for (; i < cols; i++, y += 4) {
    let sum: f32 = 0;
    for (let k = 0; k < n; k++) {
      const at = rowOf(ids, mapping, k) * <usize>cols + <usize>i;
      sum += load1(table, type, at) * weightOf(ids, weights, k);
    }
    store<f32>(y, sum * factor);
  }
}

/** y (8 floats) = eight sums of i16, as f32, times f. */
@inline
function storeSums(y: usize, sums: v128, f: v128): void {
  v128.store(y, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(sums)), f));
  v128.store(y, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(sums)), f), 16);
}

/**
 * y = the mean of the i8 rows of n tokens without weights, at most MAX_INT8_SUM: sums of integers,
 * which are exact, so the bits are those of `meanOfRows`.
 */
function meanOfInt8Rows(
  y: usize, table: usize, mapping: usize, ids: usize, n: i32, cols: i32,
): void {
  const factor = <f32>(1 / <f64>n);
  const f = f32x4.splat(factor);
  let i = 0;
  for (; i + 64 <= cols; i += 64, y += 256) {
    let a = i16x8.splat(0), b = i16x8.splat(0), c = i16x8.splat(0), d = i16x8.splat(0);
    let e = i16x8.splat(0), g = i16x8.splat(0), h = i16x8.splat(0), j = i16x8.splat(0);
    for (let k = 0; k < n; k++) {
      const at = table + rowOf(ids, mapping, k) * <usize>cols + <usize>i;
      let v = v128.load(at);
      a = i16x8.add(a, i16x8.extend_low_i8x16_s(v));
      b = i16x8.add(b, i16x8.extend_high_i8x16_s(v));
      v = v128.load(at, 16);
      c = i16x8.add(c, i16x8.extend_low_i8x16_s(v));
      d = i16x8.add(d, i16x8.extend_high_i8x16_s(v));
      v = v128.load(at, 32);
      e = i16x8.add(e, i16x8.extend_low_i8x16_s(v));
      g = i16x8.add(g, i16x8.extend_high_i8x16_s(v));
      v = v128.load(at, 48);
      h = i16x8.add(h, i16x8.extend_low_i8x16_s(v));
      j = i16x8.add(j, i16x8.extend_high_i8x16_s(v));
    }
    storeSums(y, a, f);
    storeSums(y + 32, b, f);
    storeSums(y + 64, c, f);
    storeSums(y + 96, d, f);
    storeSums(y + 128, e, f);
    storeSums(y + 160, g, f);
    storeSums(y + 192, h, f);
    storeSums(y + 224, j, f);
  }
  for (; i + 8 <= cols; i += 8, y += 32) {
    let a = i16x8.splat(0);
    for (let k = 0; k < n; k++) {
      const at = table + rowOf(ids, mapping, k) * <usize>cols + <usize>i;
      a = i16x8.add(a, v128.load8x8_s(at));
    }
    storeSums(y, a, f);
  }
  for (; i < cols; i++, y += 4) {
    let sum = 0;
    for (let k = 0; k < n; k++) {
      sum += load<i8>(table + rowOf(ids, mapping, k) * <usize>cols + <usize>i);
    }
    store<f32>(y, <f32>sum * factor);
  }
}

/** y = the mean of the rows of n tokens of a table of 4 bits. */
function meanOfInt4Rows(
  y: usize, table: usize, rowScales: usize, columnScales: usize, mapping: usize, weights: usize,
  ids: usize, n: i32, cols: i32,
): void {
  const stride = int4Stride(cols);
  const factor = <f32>(1 / <f64>n);
  const f = f32x4.splat(factor);
  let i = 0;
  for (; i + 16 <= cols; i += 16, y += 64, columnScales += 64) {
    let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
    for (let k = 0; k < n; k++) {
      const row = rowOf(ids, mapping, k);
      const w = f32x4.splat(load<f32>(rowScales + (row << 2)) * weightOf(ids, weights, k));
      const v = loadLevels16(table + row * stride + <usize>(i >> 1));
      const low = i16x8.extend_low_i8x16_s(v), high = i16x8.extend_high_i8x16_s(v);
      a = f32x4.add(a, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), w));
      b = f32x4.add(b, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), w));
      c = f32x4.add(c, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), w));
      d = f32x4.add(d, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), w));
    }
    v128.store(y, f32x4.mul(f32x4.mul(a, f), v128.load(columnScales)));
    v128.store(y, f32x4.mul(f32x4.mul(b, f), v128.load(columnScales, 16)), 16);
    v128.store(y, f32x4.mul(f32x4.mul(c, f), v128.load(columnScales, 32)), 32);
    v128.store(y, f32x4.mul(f32x4.mul(d, f), v128.load(columnScales, 48)), 48);
  }
  for (; i < cols; i++, y += 4, columnScales += 4) {
    let sum: f32 = 0;
    for (let k = 0; k < n; k++) {
      const row = rowOf(ids, mapping, k);
      const w = load<f32>(rowScales + (row << 2)) * weightOf(ids, weights, k);
      sum += loadLevel(table + row * stride, i) * w;
    }
    store<f32>(y, sum * factor * load<f32>(columnScales));
  }
}

/**
 * Reads one number of each line of the rows of n tokens: they lie anywhere in a table that no cache
 * holds, and reads with nothing between them wait together. Returns what its caller stores, so that
 * no compiler leaves them out.
 */
@inline
function touchRows(
  table: usize, type: i32, mapping: usize, ids: usize, n: i32, cols: i32,
): i32 {
  const numbers = <usize>cols;
  let bytes = int4Stride(cols);
  if (type == F32) bytes = numbers << 2;
  else if (type == F16) bytes = numbers << 1;
  else if (type == I8) bytes = numbers;
  let all = 0;
  for (let k = 0; k < n; k++) {
    let at = table + rowOf(ids, mapping, k) * bytes;
    for (const end = at + bytes; at < end; at += 64) all |= <i32>load<u8>(at);
  }
  return all;
}

/**
 * y[s] = the mean over the ids of bag s of weights[id] table[mapping[id]], `type` being the
 * table's; without ids 0. mapping (i32) and weights (f32) may be 0; the scales of rows and columns
 * (f32) are those of a table of 4 bits.
 */
export function embeddingBags(
  y: usize, table: usize, type: i32, rowScales: usize, columnScales: usize, mapping: usize,
  weights: usize, ids: usize, offsets: usize, bags: i32, cols: i32,
): void {
  const stride = <usize>cols << 2;
  for (let s = 0; s < bags; s++, y += stride) {
    const begin = load<i32>(offsets + (<usize>s << 2));
    const n = load<i32>(offsets + (<usize>s << 2), 4) - begin;
    const from = ids + (<usize>begin << 2);
    if (n > 0) store<i32>(y, touchRows(table, type, mapping, from, n, cols));
    if (n == 0) memory.fill(y, 0, stride);
    else if (type == F32) meanOfRows(y, table, F32, mapping, weights, from, n, cols);
    else if (type == F16) meanOfRows(y, table, F16, mapping, weights, from, n, cols);
    else if (type == I8 && weights == 0 && n <= MAX_INT8_SUM) {
      meanOfInt8Rows(y, table, mapping, from, n, cols);
    } else if (type == I8) meanOfRows(y, table, I8, mapping, weights, from, n, cols);
    else meanOfInt4Rows(y, table, rowScales, columnScales, mapping, weights, from, n, cols);
  }
}
