/**
 * Scaled dot-product attention (https://arxiv.org/abs/1706.03762), fused: the scores of one head of
 * one sample at a time, in scratch, forward and backward alike. What is kept for the backward is
 * the log-sum-exp of each query, from which the probabilities come again, and so does the mask of
 * their dropout, from its counter.
 *
 * Every row of results is made by the same operations in the same order whatever the number of
 * queries, and what a query may not see adds nothing, so that one query against a cache gives the
 * same bits as the whole pass.
 */

import { LEFT_ABOVE, LEFT_BELOW, NR, RESULT_BELOW, WHOLE, gemmBand, bandScratch } from '../core/gemm';
import { padded } from '../core/pack';
import { expNegative, logScalar, sum4 } from '../core/math';
import { dropoutRow } from './random';
import { dotRow } from '../core/rows';
import { largest } from '../losses/softmax';

/**
 * Arguments of attention, 4 bytes per field, in the order in which src/nn/ops/attention.ts writes
 * them.
 *
 * A row of queries, keys, values or outputs stands at base + (b T + t) ld + h width floats, so that
 * projections packed side by side need no copy. With `causal` a query at t sees the keys up to t +
 * offset, and of sample b the first lengths[b] alone (i32; 0 for the pointer: all). A probability
 * is dropped if its number of 24 bits is below `limit`; `dropoutKeys` holds the stream of the first
 * head and the sample of each row of the batch, two i32.
 */
@unmanaged
class Plan {
  q: usize;
  k: usize;
  v: usize;
  lengths: usize;
  batch: i32;
  heads: i32;
  queries: i32;
  keys: i32;
  /** Of a head. */
  width: i32;
  ldq: i32;
  ldk: i32;
  ldy: i32;
  causal: i32;
  offset: i32;
  limit: i32;
  seedLow: i32;
  seedHigh: i32;
  step: i32;
  dropoutKeys: usize;
  /**
   * Floats, 0 where a query may not look at a key: (…, queries, keys); 0 for the pointer: all 1.
   */
  mask: usize;
  /** Floats from one sample, and from one head, of the mask to the next. */
  maskBatch: i32;
  maskHead: i32;

  @inline
  get scale(): f32 {
    return <f32>(1 / sqrt(<f64>this.width));
  }

  /** Number of keys of sample b. */
  @inline
  keysOf(b: i32): i32 {
    return this.lengths == 0 ? this.keys : load<i32>(this.lengths + (<usize>b << 2));
  }

  /** Number of the first n keys that the query at t sees. */
  @inline
  seen(t: i32, n: i32): i32 {
    return this.causal ? min(n, t + this.offset + 1) : n;
  }

  /** The part of a product that is computed: all of it, or a triangle if attention is `causal`. */
  @inline
  band(causal: i32): i32 {
    return this.causal ? causal : WHOLE;
  }

  /** Bytes from the base of queries, or of an array laid out like them, to a head of a sample. */
  @inline
  queryOffset(b: i32, h: i32): usize {
    return (<usize>b * <usize>(this.queries * this.ldq) + <usize>(h * this.width)) << 2;
  }

  @inline
  keyOffset(b: i32, h: i32): usize {
    return (<usize>b * <usize>(this.keys * this.ldk) + <usize>(h * this.width)) << 2;
  }

  @inline
  outputOffset(b: i32, h: i32): usize {
    return (<usize>b * <usize>(this.queries * this.ldy) + <usize>(h * this.width)) << 2;
  }

  /** The first n scores of a query become -inf where the mask has 0. */
  @inline
  hide(row: usize, b: i32, h: i32, t: i32, n: i32): void {
    if (this.mask == 0) return;
    const at = b * this.maskBatch + h * this.maskHead + t * this.keys;
    const mask = this.mask + (<usize>at << 2);
    for (let i: usize = 0; i < <usize>n << 2; i += 4) {
      if (load<f32>(mask + i) == 0) store<f32>(row + i, -Infinity);
    }
  }

  /** Drops probabilities of a query, or gradients of them, and scales the others up. */
  @inline
  drop(row: usize, b: i32, h: i32, t: i32, n: i32): void {
    if (this.limit == 0) return;
    const key = this.dropoutKeys + (<usize>b << 3);
    // Fixed strides, so that a sample's mask does not depend on how far its batch is padded.
    dropoutRow(
      row, n, this.limit, this.seedLow, this.seedHigh, load<i32>(key) + (h << 8), this.step,
      load<i32>(key, 4), t << 16,
    );
  }
}

/** Floats of scratch for both passes: two matrices of scores and the largest packed product. */
export function attentionScratch(queries: i32, keys: i32, width: i32): i32 {
  let packed = bandScratch(queries, keys, width);
  packed = max(packed, bandScratch(queries, width, keys));
  packed = max(packed, bandScratch(keys, width, queries));
  return 2 * queries * padded(keys, NR) + packed;
}

/** Fills a row of n floats up to whole vectors. */
@inline
function fillUp(row: usize, n: i32, value: f32): void {
  for (let i = n; i & 3; i++) store<f32>(row + (<usize>i << 2), value);
}

/** x = exp(scale x - shift) for n floats, n whole vectors, none of them above 1; their sum. */
@inline
function expScaled(x: usize, n: i32, scale: f32, shift: f32): f64 {
  const s = f32x4.splat(scale), m = f32x4.splat(shift);
  let total: f64 = 0;
  const end = x + (<usize>n << 2);
  while (x < end) {
    // Sums of f32 that are short enough for their rounding not to add up.
    const stop = min(end, x + 1024);
    let sum = f32x4.splat(0);
    for (; x < stop; x += 16) {
      const e = expNegative(f32x4.sub(f32x4.mul(v128.load(x), s), m));
      sum = f32x4.add(sum, e);
      v128.store(x, e);
    }
    total += <f64>sum4(sum);
  }
  return total;
}

/**
 * Scores of a query become probabilities, zero where it does not look; gives their log-sum-exp. A
 * query that may look nowhere has zeros, and infinity, which makes zeros of them in the backward.
 */
@inline
export function toProbabilities(row: usize, seen: i32, ld: i32, scale: f32, masked: bool): f32 {
  fillUp(row, seen, -Infinity);
  const n = padded(seen, 4);
  const m = largest(row, n) * scale;
  if (masked && m == -Infinity) {
    memory.fill(row, 0, <usize>ld << 2);
    return Infinity;
  }
  const sum = expScaled(row, n, scale, m);
  const factor = f32x4.splat(<f32>(1 / sum));
  const end = <usize>n << 2;
  for (let i: usize = 0; i < end; i += 16) {
    v128.store(row + i, f32x4.mul(v128.load(row + i), factor));
  }
  memory.fill(row + end, 0, <usize>(ld - n) << 2);
  return <f32>(logScalar(sum) + <f64>m);
}

/**
 * y (batch x queries x heads width) and the log-sum-exp of each query and head, for the backward,
 * of `count` heads from `first` on, those of the first sample being the first.
 */
export function attention(
  y: usize, logSums: usize, at: usize, scratch: usize, first: i32, count: i32,
): void {
  const plan = changetype<Plan>(at);
  const queries = plan.queries, width = plan.width, scale = plan.scale;
  const ldq = plan.ldq, ldk = plan.ldk, offset = plan.offset;
  const ld = padded(plan.keys, NR);
  const packed = scratch + ((<usize>(2 * queries * ld)) << 2);
  logSums += (<usize>first * <usize>queries) << 2;
  for (let i = first; i < first + count; i++) {
    const b = i / plan.heads, h = i % plan.heads;
    const keys = plan.keysOf(b);
    const k = plan.keyOffset(b, h);
    gemmBand(
      scratch, plan.q + plan.queryOffset(b, h), plan.k + k, queries, keys, width, ld, ldq, 1, ldk, 1,
      false, packed, plan.band(RESULT_BELOW), offset,
    );
    for (let t = 0; t < queries; t++, logSums += 4) {
      const row = scratch + ((<usize>t * <usize>ld) << 2);
      const seen = plan.seen(t, keys);
      plan.hide(row, b, h, t, seen);
      store<f32>(logSums, toProbabilities(row, seen, ld, scale, plan.mask != 0));
      plan.drop(row, b, h, t, seen);
    }
    gemmBand(
      y + plan.outputOffset(b, h), scratch, plan.v + k, queries, width, keys, plan.ldy, ld, 1, 1, ldk,
      false, packed, plan.band(LEFT_BELOW), offset,
    );
  }
}

/**
 * A query's scores become its probabilities p, and `grad`, their gradient, that of the scores
 * times `scale`: p (grad - along) scale, where `along` is the sum of p grad.
 */
@inline
function toScoreGrads(
  row: usize, grad: usize, seen: i32, ld: i32, scale: f32, logSum: f32, along: f32,
): void {
  fillUp(row, seen, -Infinity);
  fillUp(grad, seen, 0);
  const n = padded(seen, 4);
  expScaled(row, n, scale, logSum);
  const a = f32x4.splat(along), s = f32x4.splat(scale);
  const end = <usize>n << 2;
  for (let i: usize = 0; i < end; i += 16) {
    const less = f32x4.sub(v128.load(grad + i), a);
    v128.store(grad + i, f32x4.mul(f32x4.mul(v128.load(row + i), less), s));
  }
  memory.fill(row + end, 0, <usize>(ld - n) << 2);
  memory.fill(grad + end, 0, <usize>(ld - n) << 2);
}

/** Zeros in the rows of a head's gradient from `keys` on, which no query sees. */
function clearUnseen(d: usize, keys: i32, all: i32, width: i32, ld: i32): void {
  for (let j = keys; j < all; j++) {
    memory.fill(d + ((<usize>j * <usize>ld) << 2), 0, <usize>width << 2);
  }
}

/**
 * Backward of `attention`: with P the probabilities, M their dropout and D = M dy v',
 *   dv = (M P)' dy,   dS = P (D - dy . y) scale,   dq = dS k,   dk = dS' q.
 * dq, dk and dv are laid out as q, k and v, and overwritten. Heads as in `attention`.
 */
export function attentionBackward(
  dq: usize, dk: usize, dv: usize, dy: usize, y: usize, logSums: usize, at: usize, scratch: usize,
  first: i32, count: i32,
): void {
  const plan = changetype<Plan>(at);
  const queries = plan.queries, width = plan.width, scale = plan.scale;
  const ldq = plan.ldq, ldk = plan.ldk, ldy = plan.ldy, offset = plan.offset;
  const ld = padded(plan.keys, NR);
  const grads = scratch + ((<usize>(queries * ld)) << 2);
  const packed = grads + ((<usize>(queries * ld)) << 2);
  const square = plan.band(RESULT_BELOW), below = plan.band(LEFT_BELOW);
  const above = plan.band(LEFT_ABOVE);
  logSums += (<usize>first * <usize>queries) << 2;
  for (let i = first; i < first + count; i++) {
    const b = i / plan.heads, h = i % plan.heads;
    const keys = plan.keysOf(b);
    const q = plan.queryOffset(b, h), k = plan.keyOffset(b, h), o = plan.outputOffset(b, h);
    gemmBand(
      scratch, plan.q + q, plan.k + k, queries, keys, width, ld, ldq, 1, ldk, 1, false, packed,
      square, offset,
    );
    gemmBand(
      grads, dy + o, plan.v + k, queries, keys, width, ld, ldy, 1, ldk, 1, false, packed,
      square, offset,
    );
    for (let t = 0; t < queries; t++, logSums += 4) {
      const from = (<usize>t * <usize>ld) << 2;
      const out = o + ((<usize>(t * ldy)) << 2);
      const seen = plan.seen(t, keys);
      const along = <f32>dotRow(dy + out, y + out, width);
      plan.drop(grads + from, b, h, t, seen);
      plan.hide(scratch + from, b, h, t, seen);
      toScoreGrads(scratch + from, grads + from, seen, ld, scale, load<f32>(logSums), along);
      plan.drop(scratch + from, b, h, t, seen);
    }
    gemmBand(
      dv + k, scratch, dy + o, keys, width, queries, ldk, 1, ld, 1, ldy, false, packed,
      above, offset,
    );
    gemmBand(
      dq + q, grads, plan.k + k, queries, width, keys, ldq, ld, 1, 1, ldk, false, packed,
      below, offset,
    );
    gemmBand(
      dk + k, grads, plan.q + q, keys, width, queries, ldk, 1, ld, 1, ldq, false, packed,
      above, offset,
    );
    clearUnseen(dk + k, keys, plan.keys, width, ldk);
    clearUnseen(dv + k, keys, plan.keys, width, ldk);
  }
}
