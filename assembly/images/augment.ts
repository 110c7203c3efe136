/**
 * Images for networks: bytes (B, H, W, C) to planes (B, C, H, W) of f32 in [-1, 1], as they are or
 * as the random views that views.ts has sampled. Colors are worked on in [0, 1].
 */

import { expScalar } from '../core/math';

/** Parameters of a view; views.ts lists them. */
const VIEW = 17;

@inline
function field(view: usize, i: i32): f32 {
  return load<f32>(view + (<usize>i << 2));
}

/** y (count, C, pixels) = bytes (count, pixels, C) / 255, stretched to [-1, 1]. */
export function imagesToPlanes(y: usize, bytes: usize, count: i32, pixels: i32, channels: i32): void {
  for (let k = 0; k < count; k++, bytes += pixels * channels) {
    for (let c = 0; c < channels; c++) {
      for (let p = 0, at = bytes + c; p < pixels; p++, at += channels, y += 4) {
        store<f32>(y, stretched(<f32>load<u8>(at) / 255));
      }
    }
  }
}

@inline
function stretched(x: f32): f32 {
  return x + x - 1;
}

@inline
function clipped(x: f32): f32 {
  return min<f32>(max<f32>(x, 0), 1);
}

/**
 * y (count, C, outHeight, outWidth): the views (count, 17) of bytes (count, height, width, C). C is
 * 1 or 3. `scratch` has room for a plane and the weights of a blur: outHeight outWidth +
 * 2 radius + 1 floats.
 */
export function renderViews(
  y: usize, bytes: usize, views: usize, scratch: usize, count: i32, channels: i32, height: i32,
  width: i32, outHeight: i32, outWidth: i32, radius: i32,
): void {
  const pixels = outHeight * outWidth;
  for (let k = 0; k < count; k++, views += VIEW << 2, bytes += height * width * channels) {
    sample(y, bytes, views, channels, height, width, outHeight, outWidth);
    jitter(y, views, channels, pixels);
    if (channels == 3 && field(views, 11) != 0) blendWithGray(y, pixels, 0);
    const sigma = field(views, 12);
    if (sigma > 0) {
      for (let c = 0; c < channels; c++) {
        const plane = y + ((<usize>c * pixels) << 2);
        blur(plane, scratch, outHeight, outWidth, radius, <f64>sigma);
      }
    }
    cutout(y, views, channels, outHeight, outWidth);
    const end = y + ((<usize>channels * pixels) << 2);
    for (; y < end; y += 4) store<f32>(y, stretched(load<f32>(y)));
  }
}

/** Bilinear, between the middles of pixels; beyond the image its border is repeated. */
function sample(
  y: usize, bytes: usize, view: usize, channels: i32, height: i32, width: i32, outHeight: i32,
  outWidth: i32,
): void {
  const right = <f32>(width - 1), bottom = <f32>(height - 1);
  const plane = (<usize>outHeight * outWidth) << 2;
  for (let i = 0; i < outHeight; i++) {
    for (let j = 0; j < outWidth; j++, y += 4) {
      const sx = field(view, 0) * <f32>j + field(view, 1) * <f32>i + field(view, 2);
      const sy = field(view, 3) * <f32>j + field(view, 4) * <f32>i + field(view, 5);
      const x = min<f32>(max<f32>(sx, 0), right), row = min<f32>(max<f32>(sy, 0), bottom);
      const x0 = <i32>x, y0 = <i32>row;
      const fx = x - <f32>x0, fy = row - <f32>y0;
      const top = bytes + (y0 * width + x0) * channels;
      const east: usize = x0 + 1 < width ? channels : 0;
      const south: usize = y0 + 1 < height ? width * channels : 0;
      for (let c = 0; c < channels; c++) {
        const p = top + c;
        const a = <f32>load<u8>(p), b = <f32>load<u8>(p + east);
        const d = <f32>load<u8>(p + south), e = <f32>load<u8>(p + south + east);
        const upper = a + (b - a) * fx, lower = d + (e - d) * fx;
        store<f32>(y + <usize>c * plane, (upper + (lower - upper) * fy) / 255);
      }
    }
  }
}

/** Brightness, contrast, saturation and hue, in the view's order, each clipped. */
function jitter(y: usize, view: usize, channels: i32, pixels: i32): void {
  let remaining = 0x3210, order = <i32>field(view, 6);
  for (let n = 4; n > 0; n--) {
    const pick = (order % n) << 2;
    order /= n;
    const what = (remaining >> pick) & 15;
    remaining = (remaining & ((1 << pick) - 1)) | ((remaining >> (pick + 4)) << pick);
    const factor = field(view, 7 + what);
    if (what == 3) {
      if (channels == 3 && factor != 0) shiftHue(y, pixels, factor);
    } else if (factor == 1) {
      continue;
    } else if (what == 0) {
      blendWith(y, channels * pixels, factor, 0);
    } else if (what == 1) {
      blendWith(y, channels * pixels, factor, meanLuma(y, channels, pixels));
    } else if (channels == 3) {
      blendWithGray(y, pixels, factor);
    }
  }
}

/** y = factor y + (1 - factor) level, clipped. */
function blendWith(y: usize, n: i32, factor: f32, level: f32): void {
  const other = (<f32>1 - factor) * level;
  for (const end = y + (<usize>n << 2); y < end; y += 4) {
    store<f32>(y, clipped(factor * load<f32>(y) + other));
  }
}

@inline
function luma(r: f32, g: f32, b: f32): f32 {
  return <f32>0.299 * r + <f32>0.587 * g + <f32>0.114 * b;
}

function meanLuma(y: usize, channels: i32, pixels: i32): f32 {
  const plane = <usize>pixels << 2;
  let sum: f64 = 0;
  for (const end = y + plane; y < end; y += 4) {
    const r = load<f32>(y);
    sum += <f64>(channels == 1 ? r : luma(r, load<f32>(y + plane), load<f32>(y + 2 * plane)));
  }
  return <f32>(sum / <f64>pixels);
}

/** Blends each pixel with its own gray: y = factor y + (1 - factor) gray, clipped. */
function blendWithGray(y: usize, pixels: i32, factor: f32): void {
  const plane = <usize>pixels << 2;
  for (const end = y + plane; y < end; y += 4) {
    const r = load<f32>(y), g = load<f32>(y + plane), b = load<f32>(y + 2 * plane);
    const other = (<f32>1 - factor) * luma(r, g, b);
    store<f32>(y, clipped(factor * r + other));
    store<f32>(y + plane, clipped(factor * g + other));
    store<f32>(y + 2 * plane, clipped(factor * b + other));
  }
}

/**
 * Moves each pixel's hue by `shift` turns around the hexagon of hues; its maximum and minimum stay.
 */
function shiftHue(y: usize, pixels: i32, shift: f32): void {
  const plane = <usize>pixels << 2;
  for (const end = y + plane; y < end; y += 4) {
    const r = load<f32>(y), g = load<f32>(y + plane), b = load<f32>(y + 2 * plane);
    const largest = max(max(r, g), b), range = largest - min(min(r, g), b);
    if (range == 0) continue;
    const side: f32 = largest == r ? (g - b) / range : largest == g ? (b - r) / range + 2 : (r - g) / range + 4;
    const hue = side + shift * 6;
    store<f32>(y, hueChannel(hue + 5, largest, range));
    store<f32>(y + plane, hueChannel(hue + 3, largest, range));
    store<f32>(y + 2 * plane, hueChannel(hue + 1, largest, range));
  }
}

@inline
function hueChannel(shifted: f32, largest: f32, range: f32): f32 {
  const k = shifted - 6 * floor<f32>(shifted / 6);
  return clipped(largest - range * clipped(min<f32>(k, 4 - k)));
}

/** Gaussian, first across, then down; beyond the plane its border is repeated. */
function blur(
  y: usize, scratch: usize, height: i32, width: i32, radius: i32, sigma: f64,
): void {
  const weights = scratch + ((<usize>height * width) << 2);
  let sum: f64 = 0;
  for (let t = -radius; t <= radius; t++) {
    sum += expScalar((-0.5 * <f64>(t * t)) / (sigma * sigma));
  }
  for (let t = -radius; t <= radius; t++) {
    const weight = expScalar((-0.5 * <f64>(t * t)) / (sigma * sigma)) / sum;
    store<f32>(weights + (<usize>(t + radius) << 2), <f32>weight);
  }
  convolve(scratch, y, weights, radius, height, width, width, 1);
  convolve(y, scratch, weights, radius, width, height, 1, width);
}

/** Each of `lines` lines of x, `length` long, with the weights; steps in floats. */
function convolve(
  y: usize, x: usize, weights: usize, radius: i32, lines: i32, length: i32, lineStep: i32,
  step: i32,
): void {
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < length; i++) {
      let sum: f32 = 0;
      for (let t = -radius; t <= radius; t++) {
        const from = min(max(i + t, 0), length - 1);
        const at = x + (<usize>(line * lineStep + from * step) << 2);
        sum += load<f32>(weights + (<usize>(t + radius) << 2)) * load<f32>(at);
      }
      store<f32>(y + (<usize>(line * lineStep + i * step) << 2), sum);
    }
  }
}

/** Fills the view's cutout with black. */
function cutout(y: usize, view: usize, channels: i32, height: i32, width: i32): void {
  const top = <i32>field(view, 13), left = <i32>field(view, 14);
  const bottom = top + <i32>field(view, 15), right = left + <i32>field(view, 16);
  for (let c = 0; c < channels; c++, y += (<usize>height * width) << 2) {
    for (let i = top; i < bottom; i++) {
      for (let j = left; j < right; j++) store<f32>(y + (<usize>(i * width + j) << 2), 0);
    }
  }
}
