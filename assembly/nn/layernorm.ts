/**
 * Layer normalization (https://arxiv.org/abs/1607.06450): rows minus their mean, divided by their
 * standard deviation. Statistics and the sums of the backward run in f64, the variance in a second
 * pass, so that a row far from 0 keeps its digits.
 */

import { highDoubles, lowDoubles, sum2 } from '../core/lanes';
import { storeSums, sumArray } from '../core/reduce';

/** Rows whose gradients of weight and bias are summed before they join what is there. */
const BLOCK: i32 = 256;

/** Sum of (x - mean)^2 over n floats. */
export function squaresAround(x: usize, n: i32, mean: f64): f64 {
  const m = f64x2.splat(mean);
  let a = f64x2.splat(0), b = f64x2.splat(0);
  let i = 0;
  for (; i + 4 <= n; i += 4, x += 16) {
    const v = v128.load(x);
    const low = f64x2.sub(lowDoubles(v), m), high = f64x2.sub(highDoubles(v), m);
    a = f64x2.add(a, f64x2.mul(low, low));
    b = f64x2.add(b, f64x2.mul(high, high));
  }
  const sum = f64x2.add(a, b);
  let total = sum2(sum);
  for (; i < n; i++, x += 4) {
    const d = <f64>load<f32>(x) - mean;
    total += d * d;
  }
  return total;
}

/**
 * y = (x - mean) rstd weight + bias of each row (y, x: rows x cols; weight, bias: cols), and its
 * mean and rstd = 1 / sqrt(variance + eps) (rows), the biased variance. weight and bias may be 0; y
 * may be x.
 */
export function layerNormRows(
  y: usize, mean: usize, rstd: usize, x: usize, weight: usize, bias: usize, rows: i32, cols: i32,
  eps: f64,
): void {
  const stride = <usize>cols << 2;
  for (let r = 0; r < rows; r++, x += stride, y += stride, mean += 4, rstd += 4) {
    const center = sumArray(x, cols) / <f64>cols;
    const inverse = <f32>(1 / sqrt(squaresAround(x, cols, center) / <f64>cols + eps));
    // The mean as two floats: the rounding of one alone would show where the row is far from 0.
    const head = <f32>center, low = <f32>(center - <f64>head);
    store<f32>(mean, head);
    store<f32>(rstd, inverse);
    const h = f32x4.splat(head), l = f32x4.splat(low), f = f32x4.splat(inverse);
    let i: usize = 0;
    for (; i + 16 <= stride; i += 16) {
      let v = f32x4.mul(f32x4.sub(f32x4.sub(v128.load(x + i), h), l), f);
      if (weight != 0) v = f32x4.mul(v, v128.load(weight + i));
      if (bias != 0) v = f32x4.add(v, v128.load(bias + i));
      v128.store(y + i, v);
    }
    for (; i < stride; i += 4) {
      let v: f32 = (load<f32>(x + i) - head - low) * inverse;
      if (weight != 0) v *= load<f32>(weight + i);
      if (bias != 0) v += load<f32>(bias + i);
      store<f32>(y + i, v);
    }
  }
}

/**
 * With z = (x - mean) rstd and d = dy weight, a row's dx = rstd (d - mean of d - z mean of d z).
 * weight may be 0; dx may be dy or x.
 */
export function layerNormRowsBackward(
  dx: usize, dy: usize, x: usize, mean: usize, rstd: usize, weight: usize, rows: i32, cols: i32,
): void {
  for (let r = 0; r < rows; r++) {
    const at = (<usize>r * <usize>cols) << 2, k = <usize>r << 2;
    backwardRow(dx + at, dy + at, x + at, load<f32>(mean + k), load<f32>(rstd + k), weight, cols);
  }
}

/**
 * dWeight += the sum over rows of dy z, dBias += that of dy, of `cols` columns of rows of `ld`
 * floats; either may be 0.
 */
export function layerNormColumnsBackward(
  dWeight: usize, dBias: usize, dy: usize, x: usize, mean: usize, rstd: usize, rows: i32, cols: i32,
  ld: i32,
): void {
  for (let start = 0; start < rows; start += BLOCK) {
    const count = min(BLOCK, rows - start);
    const from = (<usize>start * <usize>ld) << 2, row = <usize>start << 2;
    addColumns(dWeight, dBias, dy + from, x + from, mean + row, rstd + row, count, cols, ld);
  }
}

function backwardRow(
  dx: usize, dy: usize, x: usize, mean: f32, rstd: f32, weight: usize, cols: i32,
): void {
  const stride = <usize>cols << 2;
  const m = f32x4.splat(mean), f = f32x4.splat(rstd);
  let a = f64x2.splat(0), b = f64x2.splat(0), dz0 = f64x2.splat(0), dz1 = f64x2.splat(0);
  let i: usize = 0;
  for (; i + 16 <= stride; i += 16) {
    let d = v128.load(dy + i);
    if (weight != 0) d = f32x4.mul(d, v128.load(weight + i));
    const dz = f32x4.mul(d, f32x4.mul(f32x4.sub(v128.load(x + i), m), f));
    a = f64x2.add(a, lowDoubles(d));
    b = f64x2.add(b, highDoubles(d));
    dz0 = f64x2.add(dz0, lowDoubles(dz));
    dz1 = f64x2.add(dz1, highDoubles(dz));
  }
  a = f64x2.add(a, b);
  dz0 = f64x2.add(dz0, dz1);
  let sum = sum2(a);
  let product = sum2(dz0);
  for (; i < stride; i += 4) {
    const d = load<f32>(dy + i) * (weight == 0 ? <f32>1 : load<f32>(weight + i));
    sum += <f64>d;
    product += <f64>(d * ((load<f32>(x + i) - mean) * rstd));
  }
  const meanD = <f32>(sum / <f64>cols), meanDz = <f32>(product / <f64>cols);
  const s = f32x4.splat(meanD), p = f32x4.splat(meanDz);
  for (i = 0; i + 16 <= stride; i += 16) {
    let d = v128.load(dy + i);
    if (weight != 0) d = f32x4.mul(d, v128.load(weight + i));
    const z = f32x4.mul(f32x4.sub(v128.load(x + i), m), f);
    v128.store(dx + i, f32x4.mul(f32x4.sub(f32x4.sub(d, s), f32x4.mul(z, p)), f));
  }
  for (; i < stride; i += 4) {
    const d = load<f32>(dy + i) * (weight == 0 ? <f32>1 : load<f32>(weight + i));
    const z: f32 = (load<f32>(x + i) - mean) * rstd;
    store<f32>(dx + i, (d - meanD - z * meanDz) * rstd);
  }
}

/** The sums over rows of dy z and of dy, eight columns at a time, added to dWeight and dBias. */
function addColumns(
  dWeight: usize, dBias: usize, dy: usize, x: usize, mean: usize, rstd: usize, rows: i32, cols: i32,
  ld: i32,
): void {
  const width = <usize>cols << 2, stride = <usize>ld << 2, end = <usize>rows << 2;
  let i: usize = 0;
  for (; i + 32 <= width; i += 32) {
    let g0 = f64x2.splat(0), g1 = f64x2.splat(0), g2 = f64x2.splat(0), g3 = f64x2.splat(0);
    let b0 = f64x2.splat(0), b1 = f64x2.splat(0), b2 = f64x2.splat(0), b3 = f64x2.splat(0);
    let at = i;
    for (let r: usize = 0; r < end; r += 4, at += stride) {
      const m = v128.load32_splat(mean + r), f = v128.load32_splat(rstd + r);
      const d = v128.load(dy + at);
      const dz = f32x4.mul(d, f32x4.mul(f32x4.sub(v128.load(x + at), m), f));
      g0 = f64x2.add(g0, lowDoubles(dz));
      g1 = f64x2.add(g1, highDoubles(dz));
      b0 = f64x2.add(b0, lowDoubles(d));
      b1 = f64x2.add(b1, highDoubles(d));
      const e = v128.load(dy + at, 16);
      const ez = f32x4.mul(e, f32x4.mul(f32x4.sub(v128.load(x + at, 16), m), f));
      g2 = f64x2.add(g2, lowDoubles(ez));
      g3 = f64x2.add(g3, highDoubles(ez));
      b2 = f64x2.add(b2, lowDoubles(e));
      b3 = f64x2.add(b3, highDoubles(e));
    }
    if (dWeight != 0) {
      storeSums(dWeight + i, g0, g1, true);
      storeSums(dWeight + i + 16, g2, g3, true);
    }
    if (dBias != 0) {
      storeSums(dBias + i, b0, b1, true);
      storeSums(dBias + i + 16, b2, b3, true);
    }
  }
  for (; i < width; i += 4) {
    let g: f64 = 0, b: f64 = 0;
    let at = i;
    for (let r: usize = 0; r < end; r += 4, at += stride) {
      const d = load<f32>(dy + at);
      g += <f64>(d * ((load<f32>(x + at) - load<f32>(mean + r)) * load<f32>(rstd + r)));
      b += <f64>d;
    }
    if (dWeight != 0) store<f32>(dWeight + i, <f32>(<f64>load<f32>(dWeight + i) + g));
    if (dBias != 0) store<f32>(dBias + i, <f32>(<f64>load<f32>(dBias + i) + b));
  }
}
