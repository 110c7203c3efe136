/**
 * Inference over sequences of different lengths, one behind the other without padding: rows
 * offsets[s] to offsets[s + 1] (i32) are sequence s. Attention, token embeddings and pooling of one
 * sequence never read another, so that its bits do not depend on what else is there.
 */

import { NR, WHOLE, bandScratch, gemmBand } from '../core/gemm';
import { padded } from '../core/pack';
import { softmaxRow } from '../nn/attention';
import { loadHalf4, loadHalf } from './half';

/** Type of a table's numbers. */
const F32: i32 = 0;
const F16: i32 = 1;

/** Pooling modes, which make one row of a sequence; src/models/sentence/pooling.ts has the same order. */
const CLS: i32 = 0;
const MAX: i32 = 1;
const MEAN: i32 = 2;
const MEAN_SQRT: i32 = 3;
const WEIGHTED_MEAN: i32 = 4;

/** Floats of scratch that `sequenceAttention` needs for sequences of at most `length` rows. */
export function sequenceScratch(length: i32, width: i32): i32 {
  const packed = max(bandScratch(length, length, width), bandScratch(length, width, length));
  return length * padded(length, NR) + packed + 4;
}

/** row = scale row + bias, n floats. */
@inline
function addBias(row: usize, bias: usize, n: i32, scale: f32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 4) {
    store<f32>(row + i, load<f32>(row + i) * scale + load<f32>(bias + i));
  }
}

/**
 * y (rows, heads width) = softmax(q k' / sqrt(width) + bias) v within each of `count` sequences
 * from `first` on, where qkv (rows, 3 heads width) holds queries, keys and values side by side.
 *
 * @param bias 0, or (heads, 2 reach + 1): what the score of a key d rows behind its query gets is
 * at reach + d
 */
export function sequenceAttention(
  y: usize, qkv: usize, offsets: usize, heads: i32, width: i32, bias: usize, reach: i32,
  scratch: usize, first: i32, count: i32,
): void {
  const cols = heads * width, ld = 3 * cols;
  const part = <usize>cols << 2;
  const scale = <f32>(1 / sqrt(<f64>width));
  for (let s = first; s < first + count; s++) {
    const begin = load<i32>(offsets + (<usize>s << 2));
    const n = load<i32>(offsets + (<usize>s << 2), 4) - begin;
    const stride = padded(n, NR);
    const packed = scratch + ((<usize>n * <usize>stride) << 2);
    for (let h = 0; h < heads; h++) {
      const q = qkv + ((<usize>begin * <usize>ld + <usize>(h * width)) << 2);
      gemmBand(scratch, q, q + part, n, n, width, stride, ld, 1, ld, 1, false, packed, WHOLE, 0);
      for (let t = 0; t < n; t++) {
        const row = scratch + ((<usize>t * <usize>stride) << 2);
        if (bias == 0) {
          softmaxRow(row, n, stride, scale, false);
        } else {
          addBias(row, bias + (<usize>(h * (2 * reach + 1) + reach - t) << 2), n, scale);
          softmaxRow(row, n, stride, 1, false);
        }
      }
      const to = y + ((<usize>begin * <usize>cols + <usize>(h * width)) << 2);
      gemmBand(
        to, scratch, q + 2 * part, n, width, n, cols, stride, 1, 1, ld, false, packed, WHOLE, 0,
      );
    }
  }
}

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
 * y[i] = row ids[i] of a table of `type`, plus row positions[i] of another (0: without) and one
 * more row (0: without), both f32.
 */
export function embedTokens(
  y: usize, table: usize, type: i32, ids: usize, positionTable: usize, positions: usize,
  more: usize, count: i32, cols: i32,
): void {
  for (let k = 0; k < count; k++) {
    const at = <usize>k << 2;
    const row = <usize>load<u32>(ids + at) * <usize>cols;
    const position = positionTable == 0
      ? 0
      : positionTable + ((<usize>load<u32>(positions + at) * <usize>cols) << 2);
    let i = 0;
    for (; i + 4 <= cols; i += 4, y += 16) {
      let v = load4(table, type, row + <usize>i);
      if (more != 0) v = f32x4.add(v, v128.load(more + (<usize>i << 2)));
      if (position != 0) v = f32x4.add(v, v128.load(position + (<usize>i << 2)));
      v128.store(y, v);
    }
    for (; i < cols; i++, y += 4) {
      let v = load1(table, type, row + <usize>i);
      if (more != 0) v += load<f32>(more + (<usize>i << 2));
      if (position != 0) v += load<f32>(position + (<usize>i << 2));
      store<f32>(y, v);
    }
  }
}

/** row += weight times a row of a table of `type`. */
@inline
function addTableRow(
  row: usize, table: usize, type: i32, from: usize, weight: f32, cols: i32,
): void {
  const w = f32x4.splat(weight);
  let i = 0;
  for (; i + 4 <= cols; i += 4, row += 16) {
    v128.store(row, f32x4.add(v128.load(row), f32x4.mul(load4(table, type, from + <usize>i), w)));
  }
  for (; i < cols; i++, row += 4) {
    store<f32>(row, load<f32>(row) + load1(table, type, from + <usize>i) * weight);
  }
}

/** Index of the first number of the row that token k of a bag has in the table. */
@inline
function rowOf(ids: usize, mapping: usize, k: i32, cols: i32): usize {
  const id = <usize>load<u32>(ids + (<usize>k << 2));
  return (mapping == 0 ? id : <usize>load<u32>(mapping + (id << 2))) * <usize>cols;
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
      const at = rowOf(ids, mapping, k, cols) + <usize>i;
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
      const at = rowOf(ids, mapping, k, cols) + <usize>i;
      sum += load1(table, type, at) * weightOf(ids, weights, k);
    }
    store<f32>(y, sum * factor);
  }
}

/**
 * y[s] = the mean over the ids of bag s of weights[id] table[mapping[id]], `type` being the
 * table's; without ids 0. mapping (i32) and weights (f32) may be 0.
 */
export function embeddingBags(
  y: usize, table: usize, type: i32, mapping: usize, weights: usize, ids: usize, offsets: usize,
  bags: i32, cols: i32,
): void {
  const stride = <usize>cols << 2;
  for (let s = 0; s < bags; s++, y += stride) {
    const begin = load<i32>(offsets + (<usize>s << 2));
    const n = load<i32>(offsets + (<usize>s << 2), 4) - begin;
    const from = ids + (<usize>begin << 2);
    if (n == 0) memory.fill(y, 0, stride);
    else if (type == F32) meanOfRows(y, table, F32, mapping, weights, from, n, cols);
    else if (type == F16) meanOfRows(y, table, F16, mapping, weights, from, n, cols);
    else meanOfRows(y, table, 2, mapping, weights, from, n, cols);
  }
}

@inline
function scaleRow(row: usize, cols: i32, factor: f32): void {
  for (let i: usize = 0, end = <usize>cols << 2; i < end; i += 4) {
    store<f32>(row + i, load<f32>(row + i) * factor);
  }
}

/**
 * y[s] (ldy floats per row) = the rows of sequence s pooled by `mode`, the first `skipped` rows left
 * out where others follow; a sequence without rows gives 0. The weights of the weighted mean are
 * 1, 2, … from the first row on, counted or not. Where all rows are left out, the mean is 0 and the
 * other modes have the first row or 0, as PyTorch's.
 */
export function poolSequences(
  y: usize, ldy: i32, x: usize, offsets: usize, count: i32, cols: i32, mode: i32, skipped: i32,
): void {
  const stride = <usize>cols << 2;
  for (let s = 0; s < count; s++, y += <usize>ldy << 2) {
    const begin = load<i32>(offsets + (<usize>s << 2));
    const rows = load<i32>(offsets + (<usize>s << 2), 4) - begin;
    const from = x + <usize>begin * stride;
    memory.fill(y, 0, stride);
    if (rows == 0) continue;
    if (mode == CLS) {
      memory.copy(y, from + <usize>(skipped < rows ? skipped : 0) * stride, stride);
      continue;
    }
    if (skipped >= rows) continue;
    if (mode == MAX || mode > WEIGHTED_MEAN) {
      const last = from + <usize>(rows - 1) * stride;
      memory.copy(y, last, stride);
      if (mode == MAX) {
        for (let r = skipped; r < rows - 1; r++) maxRow(y, from + <usize>r * stride, cols);
      }
      continue;
    }
    let total: f64 = 0;
    for (let r = skipped; r < rows; r++) {
      const weight: f32 = mode == WEIGHTED_MEAN ? <f32>(r + 1) : 1;
      total += <f64>weight;
      addTableRow(y, from, F32, <usize>r * <usize>cols, weight, cols);
    }
    scaleRow(y, cols, <f32>(1 / (mode == MEAN_SQRT ? sqrt(total) : total)));
  }
}

@inline
function maxRow(y: usize, x: usize, cols: i32): void {
  for (let i: usize = 0, end = <usize>cols << 2; i < end; i += 4) {
    store<f32>(y + i, max(load<f32>(y + i), load<f32>(x + i)));
  }
}

/** y (m, n) = minus the sum over columns of |a - b|, of rows of a with rows of b. */
export function manhattanRows(y: usize, a: usize, b: usize, m: i32, n: i32, cols: i32): void {
  const stride = <usize>cols << 2;
  for (let i = 0; i < m; i++, a += stride) {
    for (let j = 0; j < n; j++, y += 4) {
      const other = b + <usize>j * stride;
      let sum: f64 = 0;
      for (let k: usize = 0; k < stride; k += 4) {
        sum += abs(<f64>load<f32>(a + k) - <f64>load<f32>(other + k));
      }
      store<f32>(y, <f32>-sum);
    }
  }
}
