/** Bags of rows of a table: their sum, mean or largest numbers, forward next to backward. */

import { toFloats } from '../core/lanes';

/**
 * Reads one number of each line of n rows of `width` bytes: they lie anywhere in a table that no
 * cache holds, and reads with nothing between them wait together. Returns what its caller stores,
 * so that no compiler leaves them out.
 */
@inline
function touchRows(table: usize, ids: usize, end: usize, stride: usize, width: usize): i32 {
  let all = 0;
  for (; ids < end; ids += 4) {
    let at = table + <usize>load<u32>(ids) * stride;
    for (const last = at + width; at < last; at += 64) all |= <i32>load<u8>(at);
  }
  return all;
}

/** The f64 of two floats at an address. */
@inline
function load2(at: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at));
}

/** y (16 floats) = f times the sum of 16 columns of rows, which stays in registers. */
@inline
function sumColumns(
  y: usize, table: usize, ids: usize, end: usize, weights: usize, stride: usize, f: v128,
  weighted: bool,
): void {
  let s0 = f64x2.splat(0), s1 = f64x2.splat(0), s2 = f64x2.splat(0), s3 = f64x2.splat(0);
  let s4 = f64x2.splat(0), s5 = f64x2.splat(0), s6 = f64x2.splat(0), s7 = f64x2.splat(0);
  for (; ids < end; ids += 4) {
    const at = table + <usize>load<u32>(ids) * stride;
    if (weighted) {
      const w = f64x2.splat(<f64>load<f32>(weights));
      weights += 4;
      s0 = f64x2.add(s0, f64x2.mul(load2(at), w));
      s1 = f64x2.add(s1, f64x2.mul(load2(at + 8), w));
      s2 = f64x2.add(s2, f64x2.mul(load2(at + 16), w));
      s3 = f64x2.add(s3, f64x2.mul(load2(at + 24), w));
      s4 = f64x2.add(s4, f64x2.mul(load2(at + 32), w));
      s5 = f64x2.add(s5, f64x2.mul(load2(at + 40), w));
      s6 = f64x2.add(s6, f64x2.mul(load2(at + 48), w));
      s7 = f64x2.add(s7, f64x2.mul(load2(at + 56), w));
    } else {
      s0 = f64x2.add(s0, load2(at));
      s1 = f64x2.add(s1, load2(at + 8));
      s2 = f64x2.add(s2, load2(at + 16));
      s3 = f64x2.add(s3, load2(at + 24));
      s4 = f64x2.add(s4, load2(at + 32));
      s5 = f64x2.add(s5, load2(at + 40));
      s6 = f64x2.add(s6, load2(at + 48));
      s7 = f64x2.add(s7, load2(at + 56));
    }
  }
  v128.store(y, toFloats(f64x2.mul(s0, f), f64x2.mul(s1, f)));
  v128.store(y, toFloats(f64x2.mul(s2, f), f64x2.mul(s3, f)), 16);
  v128.store(y, toFloats(f64x2.mul(s4, f), f64x2.mul(s5, f)), 32);
  v128.store(y, toFloats(f64x2.mul(s6, f), f64x2.mul(s7, f)), 48);
}

/**
 * y[b] = the sum of rows ids[k] of the table, each times weights[k] (0 for the pointer: 1), over
 * k from offsets[b] to before offsets[b + 1]; with `mean` over how many there are. No rows give 0.
 * Sums are taken in f64. `cols` columns of rows of `ld` floats.
 */
export function bagRows(
  y: usize, table: usize, ids: usize, offsets: usize, weights: usize, bags: i32, cols: i32, ld: i32,
  mean: bool,
): void {
  const stride = <usize>ld << 2, width = <usize>cols << 2;
  for (let b = 0; b < bags; b++, y += stride, offsets += 4) {
    const first = <usize>load<i32>(offsets) << 2, last = <usize>load<i32>(offsets, 4) << 2;
    const factor = mean && last > first ? 1 / <f64>((last - first) >> 2) : 1;
    const f = f64x2.splat(factor);
    const from = ids + first, to = ids + last, w = weights + first;
    store<i32>(y, touchRows(table, from, to, stride, width));
    let c: usize = 0;
    for (; c + 64 <= width; c += 64) {
      if (weights == 0) sumColumns(y + c, table + c, from, to, 0, stride, f, false);
      else sumColumns(y + c, table + c, from, to, w, stride, f, true);
    }
    for (; c < width; c += 4) {
      let sum: f64 = 0;
      for (let k: usize = 0; k < last - first; k += 4) {
        const weight = weights == 0 ? 1 : <f64>load<f32>(w + k);
        sum += <f64>load<f32>(table + <usize>load<u32>(from + k) * stride + c) * weight;
      }
      store<f32>(y + c, <f32>(sum * factor));
    }
  }
}

/** Row ids[k] of dTable += dy[b] times what `bagRows` multiplied it by, one k after the other. */
export function bagRowsBackward(
  dTable: usize, dy: usize, ids: usize, offsets: usize, weights: usize, bags: i32, cols: i32,
  ld: i32, mean: bool,
): void {
  const stride = <usize>ld << 2, width = <usize>cols << 2;
  for (let b = 0; b < bags; b++, dy += stride, offsets += 4) {
    const from = <usize>load<i32>(offsets) << 2, to = <usize>load<i32>(offsets, 4) << 2;
    const each = mean && to > from ? <f32>(1 / <f64>((to - from) >> 2)) : 1;
    for (let k = from; k < to; k += 4) {
      const row = dTable + <usize>load<u32>(ids + k) * stride;
      const factor = weights == 0 ? each : load<f32>(weights + k);
      const factors = f32x4.splat(factor);
      let i: usize = 0;
      for (; i + 16 <= width; i += 16) {
        const added = f32x4.mul(factors, v128.load(dy + i));
        v128.store(row + i, f32x4.add(v128.load(row + i), added));
      }
      for (; i < width; i += 4) {
        store<f32>(row + i, load<f32>(row + i) + factor * load<f32>(dy + i));
      }
    }
  }
}

/** y (32 floats) = the sum of 32 columns of rows, each times its factor, which stays in registers. */
@inline
function sumColumns32(
  y: usize, x: usize, indices: usize, end: usize, factors: usize, stride: usize, weighted: bool,
): void {
  let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
  let s4 = f32x4.splat(0), s5 = f32x4.splat(0), s6 = f32x4.splat(0), s7 = f32x4.splat(0);
  for (; indices < end; indices += 4) {
    const at = x + <usize>load<u32>(indices) * stride;
    let v0 = v128.load(at), v1 = v128.load(at, 16), v2 = v128.load(at, 32), v3 = v128.load(at, 48);
    let v4 = v128.load(at, 64), v5 = v128.load(at, 80);
    let v6 = v128.load(at, 96), v7 = v128.load(at, 112);
    if (weighted) {
      const f = v128.load32_splat(factors);
      factors += 4;
      v0 = f32x4.mul(f, v0);
      v1 = f32x4.mul(f, v1);
      v2 = f32x4.mul(f, v2);
      v3 = f32x4.mul(f, v3);
      v4 = f32x4.mul(f, v4);
      v5 = f32x4.mul(f, v5);
      v6 = f32x4.mul(f, v6);
      v7 = f32x4.mul(f, v7);
    }
    s0 = f32x4.add(s0, v0);
    s1 = f32x4.add(s1, v1);
    s2 = f32x4.add(s2, v2);
    s3 = f32x4.add(s3, v3);
    s4 = f32x4.add(s4, v4);
    s5 = f32x4.add(s5, v5);
    s6 = f32x4.add(s6, v6);
    s7 = f32x4.add(s7, v7);
  }
  v128.store(y, s0);
  v128.store(y, s1, 16);
  v128.store(y, s2, 32);
  v128.store(y, s3, 48);
  v128.store(y, s4, 64);
  v128.store(y, s5, 80);
  v128.store(y, s6, 96);
  v128.store(y, s7, 112);
}

/**
 * y[r] = the sum of x[indices[e]] times factors[e] (f32; 0 for the pointer: 1), in f32, where e runs
 * from starts[r] to before starts[r + 1]; indices and starts are i32. `cols` columns of rows without
 * a gap. With the positions of each row sorted by rows it is `bagRowsBackward`, to the same bits.
 */
export function sumListedRows(
  y: usize, x: usize, indices: usize, factors: usize, starts: usize, rows: i32, cols: i32,
): void {
  const stride = <usize>cols << 2;
  for (let r = 0; r < rows; r++, y += stride, starts += 4) {
    const first = <usize>load<i32>(starts) << 2, last = <usize>load<i32>(starts, 4) << 2;
    const from = indices + first, to = indices + last, f = factors + first;
    store<i32>(y, touchRows(x, from, to, stride, stride));
    let c: usize = 0;
    for (; c + 128 <= stride; c += 128) {
      if (factors == 0) sumColumns32(y + c, x + c, from, to, 0, stride, false);
      else sumColumns32(y + c, x + c, from, to, f, stride, true);
    }
    for (; c < stride; c += 4) {
      let sum: f32 = 0;
      for (let e: usize = 0; e < last - first; e += 4) {
        const factor: f32 = factors == 0 ? 1 : load<f32>(f + e);
        sum += factor * load<f32>(x + <usize>load<u32>(from + e) * stride + c);
      }
      store<f32>(y + c, sum);
    }
  }
}

/**
 * y[b] = the largest number of each column over the rows of bag b, and in `indices` (i32) the row
 * that it came from, the first of equal ones; 0 and -1 where there is none.
 */
export function bagMax(
  y: usize, indices: usize, table: usize, ids: usize, offsets: usize, bags: i32, cols: i32, ld: i32,
): void {
  const stride = <usize>ld << 2;
  for (let b = 0; b < bags; b++, y += stride, indices += stride, offsets += 4) {
    const from = <usize>load<i32>(offsets) << 2, to = <usize>load<i32>(offsets, 4) << 2;
    for (let c = 0; c < cols; c++) {
      const column = <usize>c << 2;
      let best: f32 = 0, index = -1;
      for (let k = from; k < to; k += 4) {
        const id = load<i32>(ids + k), value = load<f32>(table + <usize>id * stride + column);
        if (index < 0 || value > best || (value != value && best == best)) {
          best = value;
          index = id;
        }
      }
      store<f32>(y + column, best);
      store<i32>(indices + column, index);
    }
  }
}

/** dTable += dy at the rows that `bagMax` took, bag after bag. */
export function bagMaxBackward(
  dTable: usize, dy: usize, indices: usize, bags: i32, cols: i32, ld: i32,
): void {
  const stride = <usize>ld << 2;
  for (let b = 0; b < bags; b++, dy += stride, indices += stride) {
    for (let column: usize = 0; column < <usize>cols << 2; column += 4) {
      const index = load<i32>(indices + column);
      if (index < 0) continue;
      const to = dTable + <usize>index * stride + column;
      store<f32>(to, load<f32>(to) + load<f32>(dy + column));
    }
  }
}
