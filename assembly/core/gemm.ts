/**
 * Matrix products (GEMM) over packed slivers, with BLIS's names: KC, MC, MR, NR, micro-kernel.
 *
 * A product of rows with rows, c[i][j] = sum over k of a[i][k] b[j][k], is the one shape: what a
 * transpose changes is only the strides that the packing reads with. Packing lays a block of KC
 * steps of k out so that the inner loop (micro.ts) reads both sides in order, and fills edges with
 * zeros:
 *
 *   left:   slivers of MR rows     k0: a0 a1 a2 a3   k1: a0 a1 a2 a3 ...
 *   right:  slivers of NR rows     k0: b0 .. b7      k1: b0 .. b7 ...
 *
 * A sum runs over k in order, in blocks of KC, whatever the sizes and wherever the tile lies, so
 * equal rows give equal bits everywhere.
 */

import { MR, NR, TALL, distanceMicroKernel, microKernel, tallMicroKernel } from './micro';
import { KC, pack, packTall, packedLength, padded, tallLength } from './pack';

export { MR, NR } from './micro';

/** Rows of the left side that are taken through all of the right side before the next ones. */
const MC: i32 = 128;
/** MC where slivers have TALL rows. */
const BAND_MC: i32 = 25 * TALL;
/** Floats of a packed block of rows of whole products, which should stay in the second cache. */
const TALL_SIZE: i32 = 240 * KC;
/** Steps of k up to which whole products take all of them at a time. */
const TALL_KC: i32 = 2 * KC;

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
 * through `edge`, room for one tile, so that c is written only where it is; what `band` leaves out
 * is left out tile by tile.
 */
export function multiplyPacked(
  c: usize, left: usize, right: usize, m: i32, n: i32, k: i32, ldc: i32, accumulate: bool,
  squaredDistance: bool, edge: usize, band: i32 = WHOLE,
): void {
  const row = <usize>ldc << 2;
  for (let i0 = 0; i0 < m; i0 += MC) {
    const i1 = min(i0 + MC, m);
    for (let j = 0; j < n; j += NR) {
      for (let i = i0; i < i1; i += MR) {
        if (band == RESULT_BELOW && j >= i + MR) continue;
        const a = left + ((<usize>i * <usize>k) << 2);
        const b = right + ((<usize>j * <usize>k) << 2);
        const at = c + <usize>i * row + (<usize>j << 2);
        if (i + MR <= m && j + NR <= n) {
          if (squaredDistance) distanceMicroKernel(at, row, a, b, k, accumulate);
          else microKernel(at, row, a, b, k, accumulate);
          continue;
        }
        if (squaredDistance) distanceMicroKernel(edge, NR << 2, a, b, k, false);
        else microKernel(edge, NR << 2, a, b, k, false);
        storeEdge(at, row, edge, min(MR, m - i), min(NR, n - j), accumulate, 0);
      }
    }
  }
}

/** Floats of scratch that `gemmBand` needs. */
export function bandScratch(m: i32, n: i32, k: i32): i32 {
  const depth = min(k, KC);
  return tallLength(m, depth) + packedLength(n, depth, NR) + TALL * NR;
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
  const right = left + (<usize>tallLength(m, depth) << 2);
  const edge = right + (<usize>packedLength(n, depth, NR) << 2);
  for (let k0 = 0; k0 < k; k0 += KC) {
    const kc = min(KC, k - k0);
    packTall(left, a + ((<usize>k0 * <usize>aDepth) << 2), m, kc, aRow, aDepth);
    pack(right, b + ((<usize>k0 * <usize>bDepth) << 2), n, kc, bRow, bDepth, NR);
    // Counted from the block's first step, the diagonal of the left side lies k0 steps lower.
    const from = band == LEFT_BELOW ? offset - k0 : offset + k0;
    const diagonal = band == RESULT_BELOW ? offset : from;
    multiplyBand(c, left, right, m, n, kc, ldc, accumulate || k0 > 0, edge, band, diagonal);
  }
}

/**
 * As `multiplyPacked`, of a left side in slivers of TALL. What `band` and `offset` say to be zero is
 * left out tile by tile, which changes no bit.
 */
function multiplyBand(
  c: usize, left: usize, right: usize, m: i32, n: i32, k: i32, ldc: i32, accumulate: bool,
  edge: usize, band: i32, offset: i32,
): void {
  const row = <usize>ldc << 2;
  for (let i0 = 0; i0 < m; i0 += BAND_MC) {
    const i1 = min(i0 + BAND_MC, m);
    for (let j = 0; j < n; j += NR) {
      for (let i = i0; i < i1; i += TALL) {
        if (band == RESULT_BELOW && j >= i + TALL + offset) continue;
        const first = band == LEFT_ABOVE ? min(k, max(0, i - offset)) : 0;
        const last = band == LEFT_BELOW ? min(k, max(0, i + TALL + offset)) : k;
        const at = c + <usize>i * row + (<usize>j << 2);
        const rows = min(TALL, m - i), columns = min(NR, n - j);
        if (first >= last) {
          if (!accumulate) clearTile(at, row, rows, columns);
          continue;
        }
        const a = left + ((<usize>i * <usize>k + <usize>(first * TALL)) << 2);
        const b = right + ((<usize>j * <usize>k + <usize>(first * NR)) << 2);
        if (rows == TALL && columns == NR) {
          tallMicroKernel(at, row, a, b, last - first, accumulate ? at : 0, row, 0);
          continue;
        }
        tallMicroKernel(edge, NR << 2, a, b, last - first, 0, 0, 0);
        storeEdge(at, row, edge, rows, columns, accumulate, 0);
      }
    }
  }
}

/** Zeros of a tile: rows that no step reaches. */
function clearTile(c: usize, ldc: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r++, c += ldc) memory.fill(c, 0, <usize>columns << 2);
}

/** Bytes of scratch that `gemmRows` needs: a block of rows, packed, and a tile. */
export function gemmScratch(): i32 {
  return (TALL_SIZE + TALL * NR) << 2;
}

/**
 * c (m x n) = or += a right, where a is as in `gemmBand` and right was packed by `packBlocks` with
 * NR, plus `bias` (n) in every row, if it is not 0. Of the n columns only `count` from `first` on,
 * the start of a sliver.
 */
export function gemmRows(
  c: usize, a: usize, right: usize, m: i32, n: i32, k: i32, aRow: i32, aDepth: i32,
  accumulate: bool, bias: usize, scratch: usize, first: i32, count: i32,
): void {
  const width = padded(n, NR);
  const tile = scratch + (TALL_SIZE << 2);
  const depth = k <= TALL_KC ? k : KC;
  // Blocks of equal size: a short one would read all of the right side for a few rows. Columns are
  // packed twenty at a time.
  const unit = aDepth == 1 ? TALL : 4 * TALL;
  const largest = TALL_SIZE / (max(depth, KC) * unit) * unit;
  const blocks = max((m + largest - 1) / largest, 1);
  const mc = (m + blocks * unit - 1) / (blocks * unit) * unit;
  for (let i = 0; i < m; i += mc) {
    const rows = min(mc, m - i);
    const to = c + ((<usize>i * <usize>n + <usize>first) << 2);
    const from = a + ((<usize>i * <usize>aRow) << 2);
    for (let k0 = 0; k0 < k; k0 += depth) {
      const kc = min(depth, k - k0), head = min(kc, KC), tail = kc - head;
      const left = scratch, left2 = left + (<usize>(mc * head) << 2);
      const start = from + ((<usize>k0 * <usize>aDepth) << 2);
      packTall(left, start, rows, head, aRow, aDepth);
      packTall(left2, start + ((<usize>head * <usize>aDepth) << 2), rows, tail, aRow, aDepth);
      const block = right + ((<usize>k0 * <usize>width) << 2);
      const b = block + ((<usize>first * <usize>head) << 2);
      const b2 = block + ((<usize>head * <usize>width + <usize>first * <usize>tail) << 2);
      const added: usize = bias == 0 || k0 + kc < k ? 0 : bias + (<usize>first << 2);
      const adds = accumulate || k0 > 0;
      multiplyTall(to, left, left2, b, b2, rows, count, head, tail, <usize>n << 2, adds, added, tile);
    }
  }
}

/**
 * As `multiplyPacked`, of a left side in slivers of TALL, and over two blocks of k, `head` and
 * `tail` steps, of which the second may be empty: the sums of the first wait in `tile`, so that c,
 * whose rows are far apart, is read and written once. ldc is in bytes.
 *
 * Each tile reads a part of the sliver that comes next on the right: the weights of a layer do not
 * fit into the second cache, and from the third one they would come too late.
 */
@inline
function multiplyTall(
  c: usize, left: usize, left2: usize, right: usize, right2: usize, m: i32, n: i32, head: i32,
  tail: i32, ldc: usize, accumulate: bool, bias: usize, tile: usize,
): void {
  const size = <usize>(NR * head) << 2, size2 = <usize>(NR * tail) << 2;
  const tiles = <usize>max(m / TALL, 1);
  const part = size / tiles & ~3, part2 = size2 / tiles & ~3;
  let touched = 0;
  for (let j = 0; j < n; j += NR, right += size, right2 += size2) {
    const columns = min(NR, n - j);
    const added: usize = bias == 0 ? 0 : bias + (<usize>j << 2);
    let next = right + size, next2 = right2 + size2;
    for (let i = 0; i < m; i += TALL) {
      const a = left + (<usize>(i * head) << 2), a2 = left2 + (<usize>(i * tail) << 2);
      const at = c + <usize>i * ldc + (<usize>j << 2);
      if (i + TALL <= m && columns == NR) {
        if (j + NR < n) {
          touched |= touch(next, part) | touch(next2, part2);
          next += part;
          next2 += part2;
        }
        const sums: usize = accumulate ? at : 0;
        if (tail == 0) {
          tallMicroKernel(at, ldc, a, right, head, sums, ldc, added);
        } else {
          tallMicroKernel(tile, NR << 2, a, right, head, sums, ldc, 0);
          tallMicroKernel(at, ldc, a2, right2, tail, tile, NR << 2, added);
        }
        continue;
      }
      const rows = min(TALL, m - i);
      tallMicroKernel(tile, NR << 2, a, right, head, 0, 0, 0);
      storeEdge(at, ldc, tile, rows, columns, accumulate, tail == 0 ? added : 0);
      if (tail == 0) continue;
      tallMicroKernel(tile, NR << 2, a2, right2, tail, 0, 0, 0);
      storeEdge(at, ldc, tile, rows, columns, true, added);
    }
  }
  // Used, so that no compiler leaves the reading out.
  store<i32>(tile, touched);
}

/** Reads one number of each line of so many bytes, which brings them into the first cache. */
@inline
function touch(at: usize, bytes: usize): i32 {
  let all = 0;
  for (const end = at + bytes; at < end; at += 64) all |= load<i32>(at);
  return all;
}

/** The part of a tile that is within the product: c = or += its sums, plus the bias. */
function storeEdge(
  c: usize, ldc: usize, edge: usize, rows: i32, columns: i32, accumulate: bool, bias: usize,
): void {
  for (let r = 0; r < rows; r++, c += ldc, edge += NR << 2) {
    for (let s: usize = 0; s < <usize>columns << 2; s += 4) {
      let sum = load<f32>(edge + s);
      if (accumulate) sum = load<f32>(c + s) + sum;
      if (bias != 0) sum += load<f32>(bias + s);
      store<f32>(c + s, sum);
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
