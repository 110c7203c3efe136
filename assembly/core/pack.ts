/**
 * Packing: both operands of a product are stored in slivers (panels of a few rows or columns), in the
 * order in which its inner loop (gemm.ts) reads them.
 */

import { storeColumns } from './lanes';

/** Steps of k that are packed, and multiplied, at a time. */
export const KC: i32 = 256;

/** n rounded up to whole slivers of `width`, a power of two. */
@inline
export function padded(n: i32, width: i32): i32 {
  return (n + width - 1) & -width;
}

/** Floats of a packed side: `rows` vectors of `depth` in slivers of `width`. */
export function packedLength(rows: i32, depth: i32, width: i32): i32 {
  return padded(rows, width) * depth;
}

/** Floats of a side that `packTall` packs. */
@inline
export function tallLength(rows: i32, depth: i32): i32 {
  return (rows + 4) / 5 * 5 * depth;
}

/** Four vectors of k steps each, four steps at a time, into lanes 0-3 of a sliver. */
@inline
function packTransposed(
  y: usize, x: usize, valid: i32, depth: i32, stride: usize, step: usize,
): void {
  const x1 = valid > 1 ? x + stride : x;
  const x2 = valid > 2 ? x1 + stride : x;
  const x3 = valid > 3 ? x2 + stride : x;
  // Lanes without a row are packed as zeros.
  const mask = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(valid));
  const whole = depth & ~3;
  for (let k = 0; k < whole; k += 4) {
    const at = <usize>k << 2;
    const r0 = v128.load(x + at);
    const r1 = v128.load(x1 + at);
    const r2 = v128.load(x2 + at);
    const r3 = v128.load(x3 + at);
    const p0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    const p1 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    const p2 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    const p3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    v128.store(y, v128.and(mask, v128.shuffle<f32>(p0, p1, 0, 1, 4, 5)));
    v128.store(y + step, v128.and(mask, v128.shuffle<f32>(p0, p1, 2, 3, 6, 7)));
    v128.store(y + 2 * step, v128.and(mask, v128.shuffle<f32>(p2, p3, 0, 1, 4, 5)));
    v128.store(y + 3 * step, v128.and(mask, v128.shuffle<f32>(p2, p3, 2, 3, 6, 7)));
    y += 4 * step;
  }
  for (let k = whole; k < depth; k++) {
    const at = <usize>k << 2;
    v128.store(
      y,
      v128.and(
        mask,
        f32x4(load<f32>(x + at), load<f32>(x1 + at), load<f32>(x2 + at), load<f32>(x3 + at)),
      ),
    );
    y += step;
  }
}

/**
 * Sixteen neighbors at each of k steps, as they lie: whole lines, where slivers would take parts.
 */
@inline
function packLines(
  y0: usize, y1: usize, y2: usize, y3: usize, x: usize, depth: i32, stride: usize, step: usize,
): void {
  for (let k = 0; k < depth; k++) {
    v128.store(y0, v128.load(x));
    v128.store(y1, v128.load(x, 16));
    v128.store(y2, v128.load(x, 32));
    v128.store(y3, v128.load(x, 48));
    x += stride;
    y0 += step;
    y1 += step;
    y2 += step;
    y3 += step;
  }
}

/** Up to four neighbors at each of k steps, as they lie, into lanes 0-3 of a sliver. */
@inline
function packContiguous(
  y: usize, x: usize, valid: i32, depth: i32, stride: usize, step: usize,
): void {
  for (let k = 0; k < depth; k++) {
    let v = f32x4.splat(0);
    if (valid >= 4) {
      v = v128.load(x);
    } else {
      if (valid > 0) v = f32x4.replace_lane(v, 0, load<f32>(x));
      if (valid > 1) v = f32x4.replace_lane(v, 1, load<f32>(x, 4));
      if (valid > 2) v = f32x4.replace_lane(v, 2, load<f32>(x, 8));
    }
    v128.store(y, v);
    x += stride;
    y += step;
  }
}

/** Where the four vectors from r on begin in slivers of `width`. */
@inline
function sliver(y: usize, r: i32, depth: i32, width: i32): usize {
  const lane = r & (width - 1);
  return y + ((<usize>(r - lane) * <usize>depth + <usize>lane) << 2);
}

/**
 * Packs `rows` vectors of `depth` steps into slivers of `width`. One of the strides, both in
 * floats, is 1: `depthStride` where the vectors are rows, `rowStride` where they are columns.
 */
export function pack(
  y: usize, x: usize, rows: i32, depth: i32, rowStride: i32, depthStride: i32, width: i32,
): void {
  const step = <usize>width << 2;
  const paddedRows = padded(rows, width);
  let r = 0;
  if (depthStride != 1) {
    for (; r + 16 <= rows; r += 16) {
      packLines(
        sliver(y, r, depth, width), sliver(y, r + 4, depth, width), sliver(y, r + 8, depth, width),
        sliver(y, r + 12, depth, width), x + (<usize>r << 2), depth, <usize>depthStride << 2, step,
      );
    }
  }
  for (; r < paddedRows; r += 4) {
    const to = sliver(y, r, depth, width);
    const valid = min(max(rows - r, 0), 4);
    const from = x + ((<usize>r * <usize>rowStride) << 2);
    if (depthStride == 1 && valid > 0) {
      packTransposed(to, from, valid, depth, <usize>rowStride << 2, step);
    } else {
      packContiguous(to, from, valid, depth, <usize>depthStride << 2, step);
    }
  }
}

/**
 * Five rows of k steps, four steps at a time, as one sliver of five. Of fewer rows the first stands
 * in for the others: what is made of those is never stored.
 */
@inline
function packFiveRows(y: usize, x: usize, valid: i32, depth: i32, stride: usize): void {
  const x1 = valid > 1 ? x + stride : x;
  const x2 = valid > 2 ? x1 + stride : x;
  const x3 = valid > 3 ? x2 + stride : x;
  const x4 = valid > 4 ? x3 + stride : x;
  let at: usize = 0;
  for (const end = <usize>(depth & ~3) << 2; at < end; at += 16, y += 80) {
    const last = v128.load(x4 + at);
    storeColumns(y, 20, v128.load(x + at), v128.load(x1 + at), v128.load(x2 + at), v128.load(x3 + at));
    v128.store32_lane(y, last, 0, 16);
    v128.store32_lane(y, last, 1, 36);
    v128.store32_lane(y, last, 2, 56);
    v128.store32_lane(y, last, 3, 76);
  }
  for (const end = <usize>depth << 2; at < end; at += 4, y += 20) {
    store<f32>(y, load<f32>(x + at));
    store<f32>(y, load<f32>(x1 + at), 4);
    store<f32>(y, load<f32>(x2 + at), 8);
    store<f32>(y, load<f32>(x3 + at), 12);
    store<f32>(y, load<f32>(x4 + at), 16);
  }
}

/** Twenty neighbors at each of k steps as four slivers of five. */
@inline
function packTwenty(y: usize, x: usize, depth: i32, stride: usize): void {
  const size = <usize>(depth * 20);
  let y1 = y + size, y2 = y1 + size, y3 = y2 + size;
  for (const end = y + size; y < end; y += 20, y1 += 20, y2 += 20, y3 += 20, x += stride) {
    v128.store(y, v128.load(x));
    store<f32>(y, load<f32>(x, 16), 16);
    v128.store(y1, v128.load(x, 20));
    store<f32>(y1, load<f32>(x, 36), 16);
    v128.store(y2, v128.load(x, 40));
    store<f32>(y2, load<f32>(x, 56), 16);
    v128.store(y3, v128.load(x, 60));
    store<f32>(y3, load<f32>(x, 76), 16);
  }
}

/** As `pack`, into slivers of five, the rows of the tile of whole products. */
export function packTall(
  y: usize, x: usize, rows: i32, depth: i32, rowStride: i32, depthStride: i32,
): void {
  const row = <usize>rowStride << 2, step = <usize>depthStride << 2;
  const size = <usize>(depth * 20);
  let r = 0;
  if (depthStride == 1) {
    for (; r < rows; r += 5, x += 5 * row, y += size) {
      packFiveRows(y, x, min(5, rows - r), depth, row);
    }
    return;
  }
  for (; r + 20 <= rows; r += 20, x += 80, y += 4 * size) packTwenty(y, x, depth, step);
  for (; r < rows; r += 5, x += 20) {
    const valid = min(5, rows - r);
    for (let k = 0, from = x; k < depth; k++, from += step, y += 20) {
      if (valid >= 4) {
        v128.store(y, v128.load(from));
        store<f32>(y, valid > 4 ? load<f32>(from, 16) : 0, 16);
        continue;
      }
      for (let i = 0; i < 5; i++) {
        store<f32>(y + (<usize>i << 2), i < valid ? load<f32>(from + (<usize>i << 2)) : 0);
      }
    }
  }
}

/**
 * Packs vectors over their whole depth, KC steps at a time: block p of the result holds all slivers
 * of steps p KC to p KC + KC. Of `rows` vectors only `count` from `first` on, the start of a
 * sliver.
 */
export function packBlocks(
  y: usize, x: usize, rows: i32, depth: i32, rowStride: i32, depthStride: i32, width: i32,
  first: i32, count: i32,
): void {
  const from = x + ((<usize>first * <usize>rowStride) << 2);
  for (let k = 0; k < depth; k += KC) {
    const steps = min(KC, depth - k);
    const at = (<usize>k * <usize>padded(rows, width) + <usize>first * <usize>steps) << 2;
    const begin = from + ((<usize>k * <usize>depthStride) << 2);
    pack(y + at, begin, count, steps, rowStride, depthStride, width);
  }
}

/** Packs all rows of a dense matrix. */
export function packRows(y: usize, x: usize, rows: i32, depth: i32, width: i32): void {
  packBlocks(y, x, rows, depth, depth, 1, width, 0, rows);
}

/** The inverse of `packBlocks`: rows of `depth` floats out of slivers of `width`. */
export function unpackBlocks(y: usize, x: usize, rows: i32, depth: i32, width: i32): void {
  for (let k = 0; k < depth; k += KC) {
    const steps = min(KC, depth - k);
    const block = x + ((<usize>k * <usize>padded(rows, width)) << 2);
    for (let r = 0; r < rows; r++) {
      const lane = r & (width - 1);
      let from = block + ((<usize>(r - lane) * <usize>steps + <usize>lane) << 2);
      let to = y + ((<usize>r * <usize>depth + <usize>k) << 2);
      for (const end = to + (<usize>steps << 2); to < end; to += 4) {
        store<f32>(to, load<f32>(from));
        from += <usize>width << 2;
      }
    }
  }
}
