/**
 * Scaled dot-product attention (https://arxiv.org/abs/1706.03762), fused: the scores of one head of
 * one sample at a time, in scratch, forward and backward alike. What is kept for the backward is
 * the log-sum-exp of each query, from which the probabilities come again.
 *
 * A row of queries, keys, values or outputs stands at base + (b T + t) ld + h D floats, so that
 * projections packed side by side need no copy. A query at t may see the keys up to t + offset
 * (`causal`), and of sample b the first lengths[b] alone (i32; 0 for the pointer: all).
 *
 * Every row of results is made by the same operations in the same order whatever the number of
 * queries, and keys that are masked add exact zeros, so that one query against a cache gives the
 * same bits as the whole pass.
 */

import { gemm, gemmScratch } from './gemm';
import { dotRow } from './rows';
import { expShifted, logSumExpRows } from './softmax';

/** Floats of scratch for both passes: two matrices of scores and the largest packed product. */
export function attentionScratch(queries: i32, keys: i32, width: i32): i32 {
  let packed = gemmScratch(queries, keys, width);
  packed = max(packed, gemmScratch(queries, width, keys));
  packed = max(packed, gemmScratch(keys, width, queries));
  return 2 * queries * keys + queries + packed;
}

/** scores = scale q k', with -inf where a query may not look. */
@inline
function maskedScores(
  scores: usize, q: usize, k: usize, queries: i32, keys: i32, width: i32, ldq: i32, ldk: i32,
  scale: f32, causal: bool, offset: i32, length: i32, packed: usize,
): void {
  gemm(scores, q, k, queries, keys, width, keys, ldq, 1, ldk, 1, false, packed);
  for (let t = 0; t < queries; t++) {
    const row = scores + ((<usize>t * <usize>keys) << 2);
    const seen = causal ? min(length, t + offset + 1) : length;
    for (let j = 0; j < keys; j++) {
      const at = row + (<usize>j << 2);
      store<f32>(at, j < seen ? load<f32>(at) * scale : -Infinity);
    }
  }
}

/** y (batch x queries x heads width) and the log-sum-exp of each query and head, for the backward. */
export function attention(
  y: usize, logSums: usize, q: usize, k: usize, v: usize, lengths: usize, batch: i32, heads: i32,
  queries: i32, keys: i32, width: i32, ldq: i32, ldk: i32, ldy: i32, scale: f32, causal: bool,
  offset: i32, scratch: usize,
): void {
  const packed = scratch + ((<usize>(2 * queries * keys + queries)) << 2);
  for (let b = 0; b < batch; b++) {
    const length = lengths == 0 ? keys : load<i32>(lengths + (<usize>b << 2));
    for (let h = 0; h < heads; h++) {
      const ofQuery = (<usize>b * <usize>(queries * ldq) + <usize>(h * width)) << 2;
      const ofKey = (<usize>b * <usize>(keys * ldk) + <usize>(h * width)) << 2;
      const ofOutput = (<usize>b * <usize>(queries * ldy) + <usize>(h * width)) << 2;
      const sums = logSums + ((<usize>((b * heads + h) * queries)) << 2);
      maskedScores(
        scratch, q + ofQuery, k + ofKey, queries, keys, width, ldq, ldk, scale, causal, offset,
        length, packed,
      );
      logSumExpRows(sums, scratch, queries, keys);
      for (let t = 0; t < queries; t++) {
        const row = scratch + ((<usize>t * <usize>keys) << 2);
        expShifted(row, row, keys, load<f32>(sums + (<usize>t << 2)));
      }
      gemm(
        y + ofOutput, scratch, v + ofKey, queries, width, keys, ldy, keys, 1, 1, ldk, false, packed,
      );
    }
  }
}

/**
 * Backward of `attention`: with P the probabilities and D = dy v',
 *   dv = P' dy,   dS = P (D - dy . y) scale,   dq = dS k,   dk = dS' q.
 * dq, dk and dv are laid out as q, k and v, and overwritten.
 */
export function attentionBackward(
  dq: usize, dk: usize, dv: usize, dy: usize, y: usize, logSums: usize, q: usize, k: usize,
  v: usize, lengths: usize, batch: i32, heads: i32, queries: i32, keys: i32, width: i32, ldq: i32,
  ldk: i32, ldy: i32, scale: f32, causal: bool, offset: i32, scratch: usize,
): void {
  const slopes = scratch + ((<usize>(queries * keys)) << 2);
  const packed = scratch + ((<usize>(2 * queries * keys + queries)) << 2);
  for (let b = 0; b < batch; b++) {
    const length = lengths == 0 ? keys : load<i32>(lengths + (<usize>b << 2));
    for (let h = 0; h < heads; h++) {
      const ofQuery = (<usize>b * <usize>(queries * ldq) + <usize>(h * width)) << 2;
      const ofKey = (<usize>b * <usize>(keys * ldk) + <usize>(h * width)) << 2;
      const ofOutput = (<usize>b * <usize>(queries * ldy) + <usize>(h * width)) << 2;
      const sums = logSums + ((<usize>((b * heads + h) * queries)) << 2);
      maskedScores(
        scratch, q + ofQuery, k + ofKey, queries, keys, width, ldq, ldk, scale, causal, offset,
        length, packed,
      );
      gemm(
        slopes, dy + ofOutput, v + ofKey, queries, keys, width, keys, ldy, 1, ldk, 1, false, packed,
      );
      for (let t = 0; t < queries; t++) {
        const at = (<usize>t * <usize>keys) << 2;
        const row = ofOutput + ((<usize>(t * ldy)) << 2);
        expShifted(scratch + at, scratch + at, keys, load<f32>(sums + (<usize>t << 2)));
        const along = <f32>dotRow(dy + row, y + row, width);
        for (let j = 0; j < keys; j++) {
          const p = at + (<usize>j << 2);
          const slope = load<f32>(scratch + p) * (load<f32>(slopes + p) - along);
          store<f32>(slopes + p, slope * scale);
        }
      }
      gemm(
        dv + ofKey, scratch, dy + ofOutput, keys, width, queries, ldk, 1, keys, 1, ldy, false,
        packed,
      );
      gemm(dq + ofQuery, slopes, k + ofKey, queries, width, keys, ldq, keys, 1, 1, ldk, false, packed);
      gemm(dk + ofKey, slopes, q + ofQuery, keys, width, queries, ldk, 1, keys, 1, ldq, false, packed);
    }
  }
}
