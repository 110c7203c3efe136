/** Bags of rows of a table: their sum, mean or largest numbers, forward next to backward. */

import { highDoubles, lowDoubles, toFloats } from '../core/lanes';

/**
 * y[b] = the sum of rows ids[k] of the table, each times weights[k] (0 for the pointer: 1), over
 * k from offsets[b] to before offsets[b + 1]; with `mean` over how many there are. No rows give 0.
 * Sums are taken in f64. `cols` columns of rows of `ld` floats.
 */
export function bagRows(
  y: usize, table: usize, ids: usize, offsets: usize, weights: usize, bags: i32, cols: i32, ld: i32,
  mean: bool,
): void {
  const stride = <usize>ld << 2;
  for (let b = 0; b < bags; b++, y += stride, offsets += 4) {
    const from = <usize>load<i32>(offsets) << 2, to = <usize>load<i32>(offsets, 4) << 2;
    const factor = mean && to > from ? 1 / <f64>((to - from) >> 2) : 1;
    let c: usize = 0;
    for (; c + 16 <= <usize>cols << 2; c += 16) {
      let low = f64x2.splat(0), high = f64x2.splat(0);
      for (let k = from; k < to; k += 4) {
        const v = v128.load(table + <usize>load<u32>(ids + k) * stride + c);
        const w = f64x2.splat(weights == 0 ? 1 : <f64>load<f32>(weights + k));
        low = f64x2.add(low, f64x2.mul(lowDoubles(v), w));
        high = f64x2.add(high, f64x2.mul(highDoubles(v), w));
      }
      const f = f64x2.splat(factor);
      v128.store(y + c, toFloats(f64x2.mul(low, f), f64x2.mul(high, f)));
    }
    for (; c < <usize>cols << 2; c += 4) {
      let sum: f64 = 0;
      for (let k = from; k < to; k += 4) {
        const w = weights == 0 ? 1 : <f64>load<f32>(weights + k);
        sum += <f64>load<f32>(table + <usize>load<u32>(ids + k) * stride + c) * w;
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
