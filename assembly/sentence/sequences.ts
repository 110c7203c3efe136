/**
 * Inference over sequences of different lengths, one behind the other without padding: rows
 * offsets[s] to offsets[s + 1] (i32) are sequence s. Attention and pooling of one sequence never read
 * another, so that its bits do not depend on what else is there.
 */

import { NR, WHOLE, bandScratch, gemmBand } from '../core/gemm';
import { padded } from '../core/pack';
import { softmaxRow } from '../nn/attention';

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

/** row += weight x, n floats. */
@inline
function addRow(row: usize, x: usize, weight: f32, n: i32): void {
  const w = f32x4.splat(weight);
  let i = 0;
  for (; i + 4 <= n; i += 4, row += 16, x += 16) {
    v128.store(row, f32x4.add(v128.load(row), f32x4.mul(v128.load(x), w)));
  }
  for (; i < n; i++, row += 4, x += 4) store<f32>(row, load<f32>(row) + load<f32>(x) * weight);
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
      addRow(y, from + <usize>r * stride, weight, cols);
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

/** y += weight x, n floats. */
@inline
function addScaledRow(y: usize, x: usize, weight: f32, n: i32): void {
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 4) {
    store<f32>(y + i, load<f32>(y + i) + load<f32>(x + i) * weight);
  }
}

/**
 * Backward of `poolSequences`: dx += the gradient of the rows; the largest number of a column, the
 * first of equals, has the gradient of the maximum.
 */
export function poolSequencesBackward(
  dx: usize, dy: usize, ldy: i32, x: usize, offsets: usize, count: i32, cols: i32, mode: i32,
  skipped: i32,
): void {
  const stride = <usize>cols << 2;
  for (let s = 0; s < count; s++, dy += <usize>ldy << 2) {
    const begin = load<i32>(offsets + (<usize>s << 2));
    const rows = load<i32>(offsets + (<usize>s << 2), 4) - begin;
    const from = x + <usize>begin * stride, to = dx + <usize>begin * stride;
    if (rows == 0) continue;
    if (mode == CLS) {
      addScaledRow(to + <usize>(skipped < rows ? skipped : 0) * stride, dy, 1, cols);
      continue;
    }
    if (skipped >= rows) continue;
    if (mode == MAX) {
      for (let i: usize = 0; i < stride; i += 4) {
        let best = <usize>skipped * stride + i;
        for (let r = skipped + 1; r < rows; r++) {
          const at = <usize>r * stride + i;
          if (load<f32>(from + at) > load<f32>(from + best)) best = at;
        }
        store<f32>(to + best, load<f32>(to + best) + load<f32>(dy + i));
      }
      continue;
    }
    if (mode > WEIGHTED_MEAN) {
      addScaledRow(to + <usize>(rows - 1) * stride, dy, 1, cols);
      continue;
    }
    let total: f64 = 0;
    for (let r = skipped; r < rows; r++) total += mode == WEIGHTED_MEAN ? <f64>(r + 1) : 1;
    const divisor = mode == MEAN_SQRT ? sqrt(total) : total;
    for (let r = skipped; r < rows; r++) {
      const weight: f64 = mode == WEIGHTED_MEAN ? <f64>(r + 1) : 1;
      addScaledRow(to + <usize>r * stride, dy, <f32>(weight / divisor), cols);
    }
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
