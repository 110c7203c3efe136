/**
 * Scaled dot-product attention (https://arxiv.org/abs/1706.03762), fused: the scores of one head of
 * one sample at a time, in scratch, forward and backward alike. As in FlashAttention the backward
 * needs only the log-sum-exp of each query: the probabilities are computed again, and the dropout
 * mask is drawn again from its counter.
 *
 * Every row of the result is made by the same operations in the same order, whatever the number of
 * queries, and masked keys add nothing, so that one query against a key-value cache gives the same
 * bits as the full pass.
 */

import { LEFT_ABOVE, LEFT_BELOW, NR, RESULT_BELOW, WHOLE, gemmBand, bandScratch } from '../core/gemm';
import { padded } from '../core/pack';
import { expRaised, logScalar, lowered, sum4 } from '../core/math';
import { draw } from '../core/philox';
import { dotRow } from '../core/rows';
import { rowMax } from '../losses/softmax';

/**
 * Arguments of attention, 4 bytes per field, in the order in which src/nn/ops/attention.ts writes
 * them.
 *
 * A row of queries, keys, values or outputs stands at base + (b T + t) ld + h width floats, so that
 * projections packed side by side need no copy. With `causal` a query at t sees the keys up to t +
 * offset, and of sample b the first lengths[b] alone (i32; 0 for the pointer: all). A probability
 * is dropped if its number of 24 bits is below `dropThreshold`; `dropoutKeys` holds the stream of
 * the first head and the sample of each row of the batch, two i32.
 *
 * With `offsets` samples are sequences of different lengths, one behind the other without padding:
 * rows offsets[b] to offsets[b + 1] (i32) are sample b, and `queries` and `keys` the longest.
 */
@unmanaged
class AttentionArgs {
  q: usize;
  k: usize;
  v: usize;
  lengths: usize;
  batch: i32;
  heads: i32;
  queries: i32;
  keys: i32;
  /** Columns of a head. */
  width: i32;
  ldq: i32;
  ldk: i32;
  ldy: i32;
  causal: i32;
  offset: i32;
  dropThreshold: i32;
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
  offsets: usize;
  /**
   * 0, or (heads, 2 reach + 1): what the score of a key d rows behind its query gets, d + reach.
   */
  bias: usize;
  reach: i32;
  /** (batch, heads, 2 reach + 1): the gradient of `bias` in each sample. */
  dBias: usize;

  @inline
  get scale(): f32 {
    return <f32>(1 / sqrt(<f64>this.width));
  }

  /** First row of sample b, a sequence. */
  @inline
  begin(b: i32): i32 {
    return load<i32>(this.offsets + (<usize>b << 2));
  }

  /** Number of queries of sample b. */
  @inline
  queryCount(b: i32): i32 {
    return this.offsets == 0 ? this.queries : this.begin(b + 1) - this.begin(b);
  }

  /** Number of keys of sample b. */
  @inline
  keyCount(b: i32): i32 {
    if (this.offsets != 0) return this.begin(b + 1) - this.begin(b);
    return this.lengths == 0 ? this.keys : load<i32>(this.lengths + (<usize>b << 2));
  }

  /** Number of the first n keys that the query at t sees. */
  @inline
  visibleKeys(t: i32, n: i32): i32 {
    return this.causal ? min(n, t + this.offset + 1) : n;
  }

  /** Part of a product that is computed: all of it, or the triangle `causal` of causal attention. */
  @inline
  band(causal: i32): i32 {
    return this.causal ? causal : WHOLE;
  }

  /** Floats from a row of scores to the next. */
  @inline
  rowLength(b: i32): i32 {
    return padded(this.offsets == 0 ? this.keys : this.queryCount(b), NR);
  }

  /** Row at which sample b begins, of arrays with so many rows per sample. */
  @inline
  rowOffset(b: i32, rows: i32): usize {
    return this.offsets == 0 ? <usize>b * <usize>rows : <usize>this.begin(b);
  }

  /** Bytes from the base of queries, or of an array with their layout, to a head of a sample. */
  @inline
  queryOffset(b: i32, h: i32): usize {
    return (this.rowOffset(b, this.queries) * <usize>this.ldq + <usize>(h * this.width)) << 2;
  }

  @inline
  keyOffset(b: i32, h: i32): usize {
    return (this.rowOffset(b, this.keys) * <usize>this.ldk + <usize>(h * this.width)) << 2;
  }

  @inline
  outputOffset(b: i32, h: i32): usize {
    return (this.rowOffset(b, this.queries) * <usize>this.ldy + <usize>(h * this.width)) << 2;
  }

  /** Bytes from the base of the log-sum-exps to those of a head of a sample. */
  @inline
  sumOffset(b: i32, h: i32): usize {
    const row = this.rowOffset(b, this.queries) * <usize>this.heads;
    return (row + <usize>h * <usize>this.queryCount(b)) << 2;
  }

  /** Bytes of the biases, or of their gradients, of a head. */
  @inline
  get biasSize(): usize {
    return <usize>(2 * this.reach + 1) << 2;
  }

  /** Scores of a query of n keys, scaled, plus the biases of their distances. */
  @inline
  addBias(row: usize, h: i32, t: i32, n: i32): void {
    const bias = this.bias + <usize>h * this.biasSize + (<usize>(this.reach - t) << 2);
    const scale = this.scale;
    for (let i: usize = 0, end = <usize>n << 2; i < end; i += 4) {
      store<f32>(row + i, load<f32>(row + i) * scale + load<f32>(bias + i));
    }
  }

  /** Adds the gradients of a query's scores to those of the biases. */
  @inline
  addBiasGrads(row: usize, b: i32, h: i32, t: i32, n: i32): void {
    const head = this.dBias + <usize>(b * this.heads + h) * this.biasSize;
    const to = head + (<usize>(this.reach - t) << 2);
    for (let i: usize = 0, end = <usize>n << 2; i < end; i += 4) {
      store<f32>(to + i, load<f32>(to + i) + load<f32>(row + i));
    }
  }

  /** Sets the first n scores of a query to -inf where the mask has 0. */
  @inline
  applyMask(row: usize, b: i32, h: i32, t: i32, n: i32): void {
    if (this.mask == 0) return;
    const at = b * this.maskBatch + h * this.maskHead + t * this.keys;
    const mask = this.mask + (<usize>at << 2);
    for (let i: usize = 0; i < <usize>n << 2; i += 4) {
      if (load<f32>(mask + i) == 0) store<f32>(row + i, -Infinity);
    }
  }

  /** Draws the numbers of a query's n probabilities: 24 bits each, above 8 others. */
  @inline
  drawDropout(bits: usize, b: i32, h: i32, t: i32, n: i32): void {
    if (this.dropThreshold == 0) return;
    const key = this.dropoutKeys + (<usize>b << 3);
    // Fixed strides, so that a sample's mask does not depend on how far its batch is padded.
    draw(
      bits, 0, n, 0, 0, this.seedLow, this.seedHigh, load<i32>(key) + (h << 8), this.step,
      load<i32>(key, 4), t << 16,
    );
  }

  /**
   * Drops probabilities of a query, or gradients of them, and scales the others up. What follows
   * the n numbers, up to a whole vector, may be written too.
   */
  @inline
  applyDropout(row: usize, bits: usize, n: i32): void {
    if (this.dropThreshold == 0) return;
    const limit = i32x4.splat(this.dropThreshold);
    const scale = f32x4.splat(<f32>(16777216.0 / <f64>(16777216 - this.dropThreshold)));
    for (let i: usize = 0, end = <usize>n << 2; i < end; i += 16) {
      const dropped = i32x4.lt_s(i32x4.shr_u(v128.load(bits + i), 8), limit);
      v128.store(row + i, v128.andnot(f32x4.mul(v128.load(row + i), scale), dropped));
    }
  }
}

/**
 * Floats of scratch for both passes: two matrices of scores, a row of random numbers and the largest
 * packed product.
 */
export function attentionScratch(queries: i32, keys: i32, width: i32): i32 {
  let packed = bandScratch(queries, keys, width);
  packed = max(packed, bandScratch(queries, width, keys));
  packed = max(packed, bandScratch(keys, width, queries));
  return (2 * queries + 1) * padded(keys, NR) + packed;
}

/** Fills what a row has from n on up to its `ld` floats, a multiple of 8. */
@inline
function fillRow(row: usize, n: i32, ld: i32, value: f32): void {
  let i = n;
  for (; i & 3; i++) store<f32>(row + (<usize>i << 2), value);
  const v = f32x4.splat(value);
  for (; i < ld; i += 4) v128.store(row + (<usize>i << 2), v);
}

/** 2^64 exp(scale x - shift) of the four floats at x. */
@inline
function expAt(x: usize, scale: v128, shift: v128): v128 {
  return expRaised(f32x4.sub(f32x4.mul(v128.load(x), scale), shift));
}

/**
 * x = 2^64 exp(scale x - shift) for n floats, a multiple of 8, none of the exponentials above 1;
 * returns their sum, with the factor. Sums have a loop of their own, as in `expRow` of softmax.ts.
 */
@inline
function expScaled(x: usize, n: i32, scale: f32, shift: f32): f64 {
  const s = f32x4.splat(scale), m = f32x4.splat(shift);
  let total: f64 = 0;
  const end = x + (<usize>n << 2);
  while (x < end) {
    // Sums of f32 that are short enough for their rounding not to add up.
    const stop = min(end, x + 1024);
    let at = x;
    for (; at + 64 <= stop; at += 64) {
      const a = expAt(at, s, m), b = expAt(at + 16, s, m);
      const c = expAt(at + 32, s, m), d = expAt(at + 48, s, m);
      v128.store(at, a);
      v128.store(at, b, 16);
      v128.store(at, c, 32);
      v128.store(at, d, 48);
    }
    if (at < stop) {
      const a = expAt(at, s, m), b = expAt(at + 16, s, m);
      v128.store(at, a);
      v128.store(at, b, 16);
    }
    let sum = f32x4.splat(0), other = sum;
    for (; x < stop; x += 32) {
      sum = f32x4.add(sum, v128.load(x));
      other = f32x4.add(other, v128.load(x, 16));
    }
    total += <f64>sum4(f32x4.add(sum, other));
  }
  return total;
}

/**
 * Softmax of the scores of a query, in place, zero past the visible keys; returns the log-sum-exp. A
 * query with all keys masked has zeros and a log-sum-exp of infinity, so that its gradients are zero.
 */
@inline
export function softmaxRow(row: usize, visibleKeys: i32, ld: i32, scale: f32, masked: bool): f32 {
  const n = padded(visibleKeys, 8);
  fillRow(row, visibleKeys, n, -Infinity);
  const m = rowMax(row, n) * scale;
  if (masked && m == -Infinity) {
    memory.fill(row, 0, <usize>ld << 2);
    return Infinity;
  }
  const sum = expScaled(row, n, scale, m) * 5.421010862427522e-20;
  const factor = f32x4.splat(<f32>(1 / sum));
  for (let at = row, end = row + (<usize>n << 2); at < end; at += 32) {
    const a = f32x4.mul(lowered(v128.load(at)), factor);
    const b = f32x4.mul(lowered(v128.load(at, 16)), factor);
    v128.store(at, a);
    v128.store(at, b, 16);
  }
  fillRow(row, n, ld, 0);
  return <f32>(logScalar(sum) + <f64>m);
}

/**
 * Computes y (batch x queries x heads width), and for the backward the log-sum-exp of each query and
 * head, of `count` heads from `first` on; the heads of the first sample come first.
 */
export function attention(
  y: usize, logSumExps: usize, at: usize, scratch: usize, first: i32, count: i32,
): void {
  const args = changetype<AttentionArgs>(at);
  const width = args.width, biased = args.bias != 0;
  const scale: f32 = biased ? 1 : args.scale;
  const ldq = args.ldq, ldk = args.ldk, offset = args.offset;
  for (let i = first; i < first + count; i++) {
    const b = i / args.heads, h = i % args.heads;
    const queries = args.queryCount(b), keys = args.keyCount(b), ld = args.rowLength(b);
    const bits = scratch + ((<usize>(2 * queries * ld)) << 2), packed = bits + (<usize>ld << 2);
    const k = args.keyOffset(b, h);
    let sums = logSumExps + args.sumOffset(b, h);
    gemmBand(
      scratch, args.q + args.queryOffset(b, h), args.k + k, queries, keys, width, ld, ldq, 1, ldk,
      1, false, packed, args.band(RESULT_BELOW), offset,
    );
    for (let t = 0; t < queries; t++, sums += 4) {
      const row = scratch + ((<usize>t * <usize>ld) << 2);
      const visibleKeys = args.visibleKeys(t, keys);
      if (biased) args.addBias(row, h, t, visibleKeys);
      args.applyMask(row, b, h, t, visibleKeys);
      store<f32>(sums, softmaxRow(row, visibleKeys, ld, scale, args.mask != 0));
      args.drawDropout(bits, b, h, t, visibleKeys);
      args.applyDropout(row, bits, visibleKeys);
    }
    gemmBand(
      y + args.outputOffset(b, h), scratch, args.v + k, queries, width, keys, args.ldy, ld, 1, 1,
      ldk, false, packed, args.band(LEFT_BELOW), offset,
    );
  }
}

/**
 * Backward of the softmax of a query, in place: its scores become the probabilities p, and `grad`,
 * the gradient of p, becomes that of the scores: p (grad - dot) scale, where dot = sum of p grad.
 */
@inline
function softmaxRowBackward(
  row: usize, grad: usize, visibleKeys: i32, ld: i32, scale: f32, logSumExp: f32, dot: f32,
): void {
  const n = padded(visibleKeys, 8);
  fillRow(row, visibleKeys, n, -Infinity);
  fillRow(grad, visibleKeys, n, 0);
  const s = f32x4.splat(scale), m = f32x4.splat(logSumExp), d = f32x4.splat(dot);
  const end = <usize>n << 2;
  for (let i: usize = 0; i < end; i += 32) {
    const at = row + i, from = grad + i;
    const a = lowered(expAt(at, s, m)), b = lowered(expAt(at + 16, s, m));
    const x = f32x4.mul(f32x4.sub(v128.load(from), d), s);
    const y = f32x4.mul(f32x4.sub(v128.load(from, 16), d), s);
    v128.store(at, a);
    v128.store(at, b, 16);
    v128.store(from, f32x4.mul(a, x));
    v128.store(from, f32x4.mul(b, y), 16);
  }
  fillRow(row, n, ld, 0);
  fillRow(grad, n, ld, 0);
}

@inline
function scaleRow(row: usize, n: i32, scale: f32): void {
  const s = f32x4.splat(scale);
  for (const end = row + (<usize>n << 2); row < end; row += 16) {
    v128.store(row, f32x4.mul(v128.load(row), s));
  }
}

/** Zeros the gradients of a head's keys from `keys` on, which are padding. */
function clearPadding(d: usize, keys: i32, all: i32, width: i32, ld: i32): void {
  for (let j = keys; j < all; j++) {
    memory.fill(d + ((<usize>j * <usize>ld) << 2), 0, <usize>width << 2);
  }
}

/**
 * Backward of `attention`: with P the probabilities, M their dropout and D = M dy v',
 *   dv = (M P)' dy,   dS = P (D - dy . y) scale,   dq = dS k,   dk = dS' q.
 * dq, dk and dv have the layout of q, k and v, and are overwritten. Heads as in `attention`.
 */
export function attentionBackward(
  dq: usize, dk: usize, dv: usize, dy: usize, y: usize, logSumExps: usize, at: usize,
  scratch: usize, first: i32, count: i32,
): void {
  const args = changetype<AttentionArgs>(at);
  const width = args.width, biased = args.bias != 0;
  const scale: f32 = biased ? 1 : args.scale;
  const ldq = args.ldq, ldk = args.ldk, ldy = args.ldy, offset = args.offset;
  const square = args.band(RESULT_BELOW), below = args.band(LEFT_BELOW);
  const above = args.band(LEFT_ABOVE);
  for (let i = first; i < first + count; i++) {
    const b = i / args.heads, h = i % args.heads;
    const queries = args.queryCount(b), keys = args.keyCount(b), ld = args.rowLength(b);
    const grads = scratch + ((<usize>(queries * ld)) << 2);
    const bits = grads + ((<usize>(queries * ld)) << 2), packed = bits + (<usize>ld << 2);
    let sums = logSumExps + args.sumOffset(b, h);
    if (biased) memory.fill(args.dBias + <usize>i * args.biasSize, 0, args.biasSize);
    const q = args.queryOffset(b, h), k = args.keyOffset(b, h), o = args.outputOffset(b, h);
    gemmBand(
      scratch, args.q + q, args.k + k, queries, keys, width, ld, ldq, 1, ldk, 1, false, packed,
      square, offset,
    );
    gemmBand(
      grads, dy + o, args.v + k, queries, keys, width, ld, ldy, 1, ldk, 1, false, packed,
      square, offset,
    );
    for (let t = 0; t < queries; t++, sums += 4) {
      const from = (<usize>t * <usize>ld) << 2;
      const out = o + ((<usize>(t * ldy)) << 2);
      const visibleKeys = args.visibleKeys(t, keys);
      const dot = <f32>dotRow(dy + out, y + out, width);
      args.drawDropout(bits, b, h, t, visibleKeys);
      args.applyDropout(grads + from, bits, visibleKeys);
      if (biased) args.addBias(scratch + from, h, t, visibleKeys);
      args.applyMask(scratch + from, b, h, t, visibleKeys);
      softmaxRowBackward(
        scratch + from, grads + from, visibleKeys, ld, scale, load<f32>(sums), dot,
      );
      if (biased) {
        args.addBiasGrads(grads + from, b, h, t, visibleKeys);
        scaleRow(grads + from, visibleKeys, args.scale);
      }
      args.applyDropout(scratch + from, bits, visibleKeys);
    }
    gemmBand(
      dv + k, scratch, dy + o, keys, width, queries, ldk, 1, ld, 1, ldy, false, packed,
      above, offset,
    );
    gemmBand(
      dq + q, grads, args.k + k, queries, width, keys, ldq, ld, 1, 1, ldk, false, packed,
      below, offset,
    );
    gemmBand(
      dk + k, grads, args.q + q, keys, width, queries, ldk, 1, ld, 1, ldq, false, packed,
      above, offset,
    );
    if (args.offsets != 0) continue;
    clearPadding(dk + k, keys, args.keys, width, ldk);
    clearPadding(dv + k, keys, args.keys, width, ldk);
  }
}
