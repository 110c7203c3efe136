/**
 * Channels of images (outer x channels x inner): their sums, a factor and a summand for each, and
 * batch normalization (https://arxiv.org/abs/1502.03167) without them. Sums run in f64 in the order
 * of the samples, the variance in a second pass, as in layernorm.ts. From one sample to the next it
 * is `ld` floats, so that a call can be for some of the channels.
 */

import { squaresAround } from '../nn/layernorm';
import { sumArray } from '../core/reduce';
import { dotRow } from '../core/rows';

/** sums[c] (channels) = the sum of x over all but its channels. */
export function channelSums(
  sums: usize, x: usize, outer: i32, channels: i32, inner: i32, ld: i32,
): void {
  const length = <usize>inner << 2, sample = <usize>ld << 2;
  for (let c = 0; c < channels; c++, x += length) {
    let sum: f64 = 0;
    for (let b = 0; b < outer; b++) sum += sumArray(x + <usize>b * sample, inner);
    store<f32>(sums + (<usize>c << 2), <f32>sum);
  }
}

/**
 * y = x factor[c] + summand[c] (factor, summand: channels); y may be x. Either pointer may be 0,
 * for a factor of 1 or no summand.
 */
export function affineChannels(
  y: usize, x: usize, factor: usize, summand: usize, outer: i32, channels: i32, inner: i32,
  ld: i32,
): void {
  const length = <usize>inner << 2, skipped = <usize>(ld - channels * inner) << 2;
  for (let b = 0; b < outer; b++, x += skipped, y += skipped) {
    for (let c = 0; c < channels; c++, x += length, y += length) {
      const at = <usize>c << 2;
      const f = factor == 0 ? <f32>1 : load<f32>(factor + at);
      const s = summand == 0 ? <f32>0 : load<f32>(summand + at);
      const factors = f32x4.splat(f), summands = f32x4.splat(s);
      let i: usize = 0;
      for (; i + 16 <= length; i += 16) {
        v128.store(y + i, f32x4.add(f32x4.mul(v128.load(x + i), factors), summands));
      }
      for (; i < length; i += 4) store<f32>(y + i, load<f32>(x + i) * f + s);
    }
  }
}

/** products[c] (channels) = the sum of dy x over all but the channels: the gradient of a factor. */
export function channelProducts(
  products: usize, dy: usize, x: usize, outer: i32, channels: i32, inner: i32,
  ld: i32,
): void {
  const length = <usize>inner << 2, sample = <usize>ld << 2;
  for (let c = 0; c < channels; c++, x += length, dy += length) {
    let sum: f64 = 0;
    for (let b = 0; b < outer; b++) {
      sum += dotRow(dy + <usize>b * sample, x + <usize>b * sample, inner);
    }
    store<f32>(products + (<usize>c << 2), <f32>sum);
  }
}

/**
 * y = (x - mean) / sqrt(variance + eps) of each channel, its mean and its biased variance
 * (channels).
 */
export function standardizeChannels(
  y: usize, mean: usize, variance: usize, x: usize, outer: i32, channels: i32, inner: i32,
  ld: i32, eps: f64,
): void {
  const length = <usize>inner << 2, sample = <usize>ld << 2;
  const count = <f64>outer * <f64>inner;
  for (let c = 0; c < channels; c++, x += length, y += length, mean += 4, variance += 4) {
    let sum: f64 = 0, squares: f64 = 0;
    for (let b = 0; b < outer; b++) sum += sumArray(x + <usize>b * sample, inner);
    const center = sum / count;
    for (let b = 0; b < outer; b++) squares += squaresAround(x + <usize>b * sample, inner, center);
    store<f32>(mean, <f32>center);
    store<f32>(variance, <f32>(squares / count));
    const inverse = <f32>(1 / sqrt(squares / count + eps));
    // The mean as two floats: the rounding of one alone would show where a channel is far from 0.
    const head = <f32>center, low = <f32>(center - <f64>head);
    const h = f32x4.splat(head), l = f32x4.splat(low), f = f32x4.splat(inverse);
    for (let b = 0; b < outer; b++) {
      const from = x + <usize>b * sample, to = y + <usize>b * sample;
      let i: usize = 0;
      for (; i + 16 <= length; i += 16) {
        v128.store(to + i, f32x4.mul(f32x4.sub(f32x4.sub(v128.load(from + i), h), l), f));
      }
      for (; i < length; i += 4) store<f32>(to + i, (load<f32>(from + i) - head - low) * inverse);
    }
  }
}

/** dx = (dy - mean of dy - y mean of dy y) / sqrt(variance + eps) of each channel. */
export function standardizeChannelsBackward(
  dx: usize, dy: usize, y: usize, variance: usize, outer: i32, channels: i32, inner: i32,
  ld: i32, eps: f64,
): void {
  const length = <usize>inner << 2, sample = <usize>ld << 2;
  const count = <f64>outer * <f64>inner;
  for (let c = 0; c < channels; c++, dx += length, dy += length, y += length, variance += 4) {
    let sum: f64 = 0, product: f64 = 0;
    for (let b = 0; b < outer; b++) {
      const at = <usize>b * sample;
      sum += sumArray(dy + at, inner);
      product += dotRow(dy + at, y + at, inner);
    }
    const inverse = <f32>(1 / sqrt(<f64>load<f32>(variance) + eps));
    const meanDy = <f32>(sum / count), meanProduct = <f32>(product / count);
    const m = f32x4.splat(meanDy), p = f32x4.splat(meanProduct), f = f32x4.splat(inverse);
    for (let b = 0; b < outer; b++) {
      const at = <usize>b * sample;
      let i: usize = at;
      for (const end = at + (length & ~15); i < end; i += 16) {
        const along = f32x4.mul(v128.load(y + i), p);
        const d = f32x4.sub(f32x4.sub(v128.load(dy + i), m), along);
        v128.store(dx + i, f32x4.mul(d, f));
      }
      for (const end = at + length; i < end; i += 4) {
        const d: f32 = load<f32>(dy + i) - meanDy - load<f32>(y + i) * meanProduct;
        store<f32>(dx + i, d * inverse);
      }
    }
  }
}
