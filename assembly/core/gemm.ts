/**
 * Matrix products (GEMM) over packed slivers, with BLIS's names: KC, MC, MR, NR, micro-kernel.
 *
 * A product of rows with rows, c[i][j] = sum over k of a[i][k] b[j][k], is the one shape: what a
 * transpose changes is only the strides that the packing reads with. Packing lays a block of KC
 * steps of k out so that the inner loop reads both sides in order, and fills edges with zeros:
 *
 *   left:   slivers of MR rows     k0: a0 a1 a2 a3   k1: a0 a1 a2 a3 ...
 *   right:  slivers of NR rows     k0: b0 .. b7      k1: b0 .. b7 ...
 *
 * The tile of MR x NR sums stays in registers: eight accumulators, two loads, one splat, and one
 * temporary of the sixteen. A sum runs over k in order, in blocks of KC, whatever the sizes and
 * wherever the tile lies, so equal rows give equal bits everywhere.
 */

import { KC, pack, packedLength, padded } from './pack';

export const MR: i32 = 4;
export const NR: i32 = 8;

/** Rows of the left side that are taken through all of the right side before the next ones. */
const MC: i32 = 128;

/**
 * The micro-kernel: c (MR x NR, ldc bytes per row) = or += left sliver x right sliver over k steps.
 *
 * A turn of the loop takes two steps, with the test for an odd last one between them: in one block
 * a compiler would load the numbers of both first, and have no registers left for the sums. Two
 * steps a turn are 8 % faster than one on Node 20 and 22, 2 % on 26, and 6 % slower on 24.
 */
export function microKernel(
  c: usize, ldc: usize, a: usize, b: usize, k: i32, accumulate: bool,
): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  const end = a + (<usize>k << 4), last = end - 16;
  for (; a < end; a += 32, b += 64) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let s = v128.load32_splat(a);
    c00 = f32x4.add(c00, f32x4.mul(s, b0));
    c01 = f32x4.add(c01, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 4);
    c10 = f32x4.add(c10, f32x4.mul(s, b0));
    c11 = f32x4.add(c11, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 8);
    c20 = f32x4.add(c20, f32x4.mul(s, b0));
    c21 = f32x4.add(c21, f32x4.mul(s, b1));
    s = v128.load32_splat(a, 12);
    c30 = f32x4.add(c30, f32x4.mul(s, b0));
    c31 = f32x4.add(c31, f32x4.mul(s, b1));
    if (a == last) break;
    const d0 = v128.load(b, 32), d1 = v128.load(b, 48);
    s = v128.load32_splat(a, 16);
    c00 = f32x4.add(c00, f32x4.mul(s, d0));
    c01 = f32x4.add(c01, f32x4.mul(s, d1));
    s = v128.load32_splat(a, 20);
    c10 = f32x4.add(c10, f32x4.mul(s, d0));
    c11 = f32x4.add(c11, f32x4.mul(s, d1));
    s = v128.load32_splat(a, 24);
    c20 = f32x4.add(c20, f32x4.mul(s, d0));
    c21 = f32x4.add(c21, f32x4.mul(s, d1));
    s = v128.load32_splat(a, 28);
    c30 = f32x4.add(c30, f32x4.mul(s, d0));
    c31 = f32x4.add(c31, f32x4.mul(s, d1));
  }
  storeTile(c, ldc, accumulate, c00, c01, c10, c11, c20, c21, c30, c31);
}

/** Micro-kernel of squared distances: c = or += sum over k of (a - b)^2, without cancellation. */
export function distanceMicroKernel(
  c: usize, ldc: usize, a: usize, b: usize, k: i32, accumulate: bool,
): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  for (const end = a + (<usize>k << 4); a < end; a += 16, b += 32) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let s = v128.load32_splat(a);
    let d = f32x4.sub(s, b0), e = f32x4.sub(s, b1);
    c00 = f32x4.add(c00, f32x4.mul(d, d));
    c01 = f32x4.add(c01, f32x4.mul(e, e));
    s = v128.load32_splat(a, 4);
    d = f32x4.sub(s, b0); e = f32x4.sub(s, b1);
    c10 = f32x4.add(c10, f32x4.mul(d, d));
    c11 = f32x4.add(c11, f32x4.mul(e, e));
    s = v128.load32_splat(a, 8);
    d = f32x4.sub(s, b0); e = f32x4.sub(s, b1);
    c20 = f32x4.add(c20, f32x4.mul(d, d));
    c21 = f32x4.add(c21, f32x4.mul(e, e));
    s = v128.load32_splat(a, 12);
    d = f32x4.sub(s, b0); e = f32x4.sub(s, b1);
    c30 = f32x4.add(c30, f32x4.mul(d, d));
    c31 = f32x4.add(c31, f32x4.mul(e, e));
  }
  storeTile(c, ldc, accumulate, c00, c01, c10, c11, c20, c21, c30, c31);
}

@inline
function storeTile(
  c: usize, ldc: usize, accumulate: bool,
  c00: v128, c01: v128, c10: v128, c11: v128, c20: v128, c21: v128, c30: v128, c31: v128,
): void {
  const r1 = c + ldc, r2 = r1 + ldc, r3 = r2 + ldc;
  if (accumulate) {
    c00 = f32x4.add(v128.load(c), c00);
    c01 = f32x4.add(v128.load(c, 16), c01);
    c10 = f32x4.add(v128.load(r1), c10);
    c11 = f32x4.add(v128.load(r1, 16), c11);
    c20 = f32x4.add(v128.load(r2), c20);
    c21 = f32x4.add(v128.load(r2, 16), c21);
    c30 = f32x4.add(v128.load(r3), c30);
    c31 = f32x4.add(v128.load(r3, 16), c31);
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(r1, c10);
  v128.store(r1, c11, 16);
  v128.store(r2, c20);
  v128.store(r2, c21, 16);
  v128.store(r3, c30);
  v128.store(r3, c31, 16);
}

/** The part of a product that is computed; all else is known to be zero, or not needed. */
export const WHOLE: i32 = 0;
/** c[i][j] for j <= i + offset; what lies above may be written or not. */
export const RESULT_BELOW: i32 = 1;
/** All of c, where a[i][k] is zero for k > i + offset. */
export const LEFT_BELOW: i32 = 2;
/** All of c, where a[i][k] is zero for i > k + offset. */
export const LEFT_ABOVE: i32 = 3;

/**
 * c (m x n, ldc floats per row) = or += left x right, both packed for these k steps. Edge tiles go
 * through `edge`, room for one tile, so that c is written only where it is. What `band` and
 * `offset` say to be zero is left out tile by tile, which changes no bit.
 */
export function multiplyPacked(
  c: usize, left: usize, right: usize, m: i32, n: i32, k: i32, ldc: i32, accumulate: bool,
  squaredDistance: bool, edge: usize, band: i32 = WHOLE, offset: i32 = 0,
): void {
  const row = <usize>ldc << 2;
  for (let i0 = 0; i0 < m; i0 += MC) {
    const i1 = min(i0 + MC, m);
    for (let j = 0; j < n; j += NR) {
      for (let i = i0; i < i1; i += MR) {
        if (band == RESULT_BELOW && j >= i + MR + offset) continue;
        const first = band == LEFT_ABOVE ? min(k, max(0, i - offset)) : 0;
        const last = band == LEFT_BELOW ? min(k, max(0, i + MR + offset)) : k;
        const a = left + ((<usize>i * <usize>k + <usize>(first * MR)) << 2);
        const b = right + ((<usize>j * <usize>k + <usize>(first * NR)) << 2);
        const at = c + <usize>i * row + (<usize>j << 2);
        if (i + MR <= m && j + NR <= n) {
          if (squaredDistance) distanceMicroKernel(at, row, a, b, last - first, accumulate);
          else microKernel(at, row, a, b, last - first, accumulate);
          continue;
        }
        if (squaredDistance) distanceMicroKernel(edge, NR << 2, a, b, last - first, false);
        else microKernel(edge, NR << 2, a, b, last - first, false);
        const rows = min(MR, m - i), columns = min(NR, n - j);
        for (let r = 0; r < rows; r++) {
          for (let s = 0; s < columns; s++) {
            const to = at + <usize>r * row + (<usize>s << 2);
            const sum = load<f32>(edge + (<usize>(r * NR + s) << 2));
            store<f32>(to, accumulate ? load<f32>(to) + sum : sum);
          }
        }
      }
    }
  }
}

/** Floats of scratch that `gemmBand` needs. */
export function bandScratch(m: i32, n: i32, k: i32): i32 {
  const depth = min(k, KC);
  return packedLength(m, depth, MR) + packedLength(n, depth, NR) + MR * NR;
}

/**
 * c (m x n, ldc floats per row) = or += the part of a b that `band` and `offset` say, where a[i][k]
 * stands at a + i aRow + k aDepth and b[k][j] at b + j bRow + k bDepth (strides in floats; one of
 * each pair is 1).
 */
export function gemmBand(
  c: usize, a: usize, b: usize, m: i32, n: i32, k: i32, ldc: i32,
  aRow: i32, aDepth: i32, bRow: i32, bDepth: i32, accumulate: bool, scratch: usize,
  band: i32, offset: i32,
): void {
  const depth = min(k, KC);
  const left = scratch;
  const right = left + (<usize>packedLength(m, depth, MR) << 2);
  const edge = right + (<usize>packedLength(n, depth, NR) << 2);
  for (let k0 = 0; k0 < k; k0 += KC) {
    const kc = min(KC, k - k0);
    pack(left, a + ((<usize>k0 * <usize>aDepth) << 2), m, kc, aRow, aDepth, MR);
    pack(right, b + ((<usize>k0 * <usize>bDepth) << 2), n, kc, bRow, bDepth, NR);
    // Counted from the block's first step, the diagonal of the left side lies k0 steps lower.
    const from = band == LEFT_BELOW ? offset - k0 : offset + k0;
    const diagonal = band == RESULT_BELOW ? offset : from;
    const adds = accumulate || k0 > 0;
    multiplyPacked(c, left, right, m, n, kc, ldc, adds, false, edge, band, diagonal);
  }
}

/** Bytes of scratch that `gemmRows` needs: a block of rows, packed, and one tile. */
export function gemmScratch(): i32 {
  return (MC * KC + MR * NR) << 2;
}

/**
 * c (m x n) = or += a right, where a is as in `gemmBand` and right was packed by `packBlocks` with
 * NR. Of the n columns only `count` from `first` on, the start of a sliver.
 */
export function gemmRows(
  c: usize, a: usize, right: usize, m: i32, n: i32, k: i32, aRow: i32, aDepth: i32,
  accumulate: bool, scratch: usize, first: i32, count: i32,
): void {
  const edge = scratch + ((MC * KC) << 2);
  for (let i = 0; i < m; i += MC) {
    const rows = min(MC, m - i);
    const to = c + ((<usize>i * <usize>n + <usize>first) << 2);
    const from = a + ((<usize>i * <usize>aRow) << 2);
    for (let k0 = 0; k0 < k; k0 += KC) {
      const kc = min(KC, k - k0);
      const at = (<usize>k0 * <usize>padded(n, NR) + <usize>first * <usize>kc) << 2;
      pack(scratch, from + ((<usize>k0 * <usize>aDepth) << 2), rows, kc, aRow, aDepth, MR);
      const adds = accumulate || k0 > 0;
      multiplyPacked(to, scratch, right + at, rows, count, kc, n, adds, false, edge);
    }
  }
}

/**
 * A block of products of whole rows, both sides packed by `packBlocks`:
 * c (rows i0 to i1 of the left x rows j0 to j1 of the right; i0 and j0 on sliver borders), or the
 * part of it that `band` says.
 */
export function multiplyRows(
  c: usize, left: usize, right: usize, i0: i32, i1: i32, j0: i32, j1: i32,
  leftRows: i32, rightRows: i32, depth: i32, ldc: i32, squaredDistance: bool, edge: usize,
  band: i32 = WHOLE,
): void {
  const leftPadded = padded(leftRows, MR), rightPadded = padded(rightRows, NR);
  for (let k0 = 0; k0 < depth; k0 += KC) {
    const kc = min(KC, depth - k0);
    const a = left + ((<usize>k0 * <usize>leftPadded + <usize>i0 * <usize>kc) << 2);
    const b = right + ((<usize>k0 * <usize>rightPadded + <usize>j0 * <usize>kc) << 2);
    multiplyPacked(c, a, b, i1 - i0, j1 - j0, kc, ldc, k0 > 0, squaredDistance, edge, band);
  }
}
