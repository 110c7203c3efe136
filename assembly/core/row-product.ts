/**
 * The product of one row with a packed matrix: what a query costs where a product of matrices would
 * compute four rows to get one. Its sums have the order of gemm.ts, so the bits are the same.
 */

import { NR } from './micro';
import { KC, padded } from './pack';

/** Adds a vector of sums to what is there, or stores it. */
@inline
function put(y: usize, sum: v128, accumulate: bool): void {
  v128.store(y, accumulate ? f32x4.add(v128.load(y), sum) : sum);
}

/**
 * y (n) = or += x (k) right, where right (k x n) was packed by `packBlocks` with NR; y has room for
 * n padded to NR.
 */
export function multiplyRow(
  y: usize, x: usize, right: usize, n: i32, k: i32, accumulate: bool,
): void {
  const width = padded(n, NR);
  for (let k0 = 0; k0 < k; k0 += KC) {
    const kc = min(KC, k - k0);
    const adds = accumulate || k0 > 0;
    const sliver = <usize>(kc * NR) << 2;
    const begin = x + (<usize>k0 << 2), end = begin + (<usize>kc << 2);
    let b = right + ((<usize>k0 * <usize>width) << 2);
    let j = 0;
    // Four slivers at a time: eight sums hide how long an addition takes.
    for (; j + 4 * NR <= width; j += 4 * NR, b += 4 * sliver) {
      let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
      let s4 = f32x4.splat(0), s5 = f32x4.splat(0), s6 = f32x4.splat(0), s7 = f32x4.splat(0);
      let b0 = b, b1 = b + sliver, b2 = b + 2 * sliver, b3 = b + 3 * sliver;
      let at = begin;
      for (const whole = end - (<usize>(kc & ~3) << 2); at < whole; at += 4) {
        const v = v128.load32_splat(at);
        s7 = f32x4.add(s7, f32x4.mul(v, v128.load(b3, 16)));
        s6 = f32x4.add(s6, f32x4.mul(v, v128.load(b3)));
        s5 = f32x4.add(s5, f32x4.mul(v, v128.load(b2, 16)));
        s4 = f32x4.add(s4, f32x4.mul(v, v128.load(b2)));
        s3 = f32x4.add(s3, f32x4.mul(v, v128.load(b1, 16)));
        s2 = f32x4.add(s2, f32x4.mul(v, v128.load(b1)));
        s1 = f32x4.add(s1, f32x4.mul(v, v128.load(b0, 16)));
        s0 = f32x4.add(s0, f32x4.mul(v, v128.load(b0)));
        b0 += 32, b1 += 32, b2 += 32, b3 += 32;
      }
      // Four steps of k a turn, from the last sum to the first: in any other order V8 spills sums.
      for (; at < end; at += 16, b0 += 128, b1 += 128, b2 += 128, b3 += 128) {
        let v = v128.load32_splat(at);
        s7 = f32x4.add(s7, f32x4.mul(v, v128.load(b3, 16)));
        s6 = f32x4.add(s6, f32x4.mul(v, v128.load(b3)));
        s5 = f32x4.add(s5, f32x4.mul(v, v128.load(b2, 16)));
        s4 = f32x4.add(s4, f32x4.mul(v, v128.load(b2)));
        s3 = f32x4.add(s3, f32x4.mul(v, v128.load(b1, 16)));
        s2 = f32x4.add(s2, f32x4.mul(v, v128.load(b1)));
        s1 = f32x4.add(s1, f32x4.mul(v, v128.load(b0, 16)));
        s0 = f32x4.add(s0, f32x4.mul(v, v128.load(b0)));
        v = v128.load32_splat(at, 4);
        s7 = f32x4.add(s7, f32x4.mul(v, v128.load(b3, 48)));
        s6 = f32x4.add(s6, f32x4.mul(v, v128.load(b3, 32)));
        s5 = f32x4.add(s5, f32x4.mul(v, v128.load(b2, 48)));
        s4 = f32x4.add(s4, f32x4.mul(v, v128.load(b2, 32)));
        s3 = f32x4.add(s3, f32x4.mul(v, v128.load(b1, 48)));
        s2 = f32x4.add(s2, f32x4.mul(v, v128.load(b1, 32)));
        s1 = f32x4.add(s1, f32x4.mul(v, v128.load(b0, 48)));
        s0 = f32x4.add(s0, f32x4.mul(v, v128.load(b0, 32)));
        v = v128.load32_splat(at, 8);
        s7 = f32x4.add(s7, f32x4.mul(v, v128.load(b3, 80)));
        s6 = f32x4.add(s6, f32x4.mul(v, v128.load(b3, 64)));
        s5 = f32x4.add(s5, f32x4.mul(v, v128.load(b2, 80)));
        s4 = f32x4.add(s4, f32x4.mul(v, v128.load(b2, 64)));
        s3 = f32x4.add(s3, f32x4.mul(v, v128.load(b1, 80)));
        s2 = f32x4.add(s2, f32x4.mul(v, v128.load(b1, 64)));
        s1 = f32x4.add(s1, f32x4.mul(v, v128.load(b0, 80)));
        s0 = f32x4.add(s0, f32x4.mul(v, v128.load(b0, 64)));
        v = v128.load32_splat(at, 12);
        s7 = f32x4.add(s7, f32x4.mul(v, v128.load(b3, 112)));
        s6 = f32x4.add(s6, f32x4.mul(v, v128.load(b3, 96)));
        s5 = f32x4.add(s5, f32x4.mul(v, v128.load(b2, 112)));
        s4 = f32x4.add(s4, f32x4.mul(v, v128.load(b2, 96)));
        s3 = f32x4.add(s3, f32x4.mul(v, v128.load(b1, 112)));
        s2 = f32x4.add(s2, f32x4.mul(v, v128.load(b1, 96)));
        s1 = f32x4.add(s1, f32x4.mul(v, v128.load(b0, 112)));
        s0 = f32x4.add(s0, f32x4.mul(v, v128.load(b0, 96)));
      }
      const to = y + (<usize>j << 2);
      put(to, s0, adds);
      put(to + 16, s1, adds);
      put(to + 32, s2, adds);
      put(to + 48, s3, adds);
      put(to + 64, s4, adds);
      put(to + 80, s5, adds);
      put(to + 96, s6, adds);
      put(to + 112, s7, adds);
    }
    for (; j < width; j += NR, b += sliver) {
      let s0 = f32x4.splat(0), s1 = f32x4.splat(0);
      let from = b;
      for (let at = begin; at < end; at += 4, from += 32) {
        const v = v128.load32_splat(at);
        s0 = f32x4.add(s0, f32x4.mul(v, v128.load(from)));
        s1 = f32x4.add(s1, f32x4.mul(v, v128.load(from, 16)));
      }
      put(y + (<usize>j << 2), s0, adds);
      put(y + (<usize>j << 2) + 16, s1, adds);
    }
  }
}
