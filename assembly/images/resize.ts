/**
 * Images resized: a part of one, by a triangle filter as wide as the larger of a pixel before and a
 * pixel after. That is bilinear interpolation where images grow, and a weighted mean over all
 * pixels that a new one covers where they shrink.
 */

/** Weight of pixel k for the new pixel around `middle`, before they are brought to sum 1. */
@inline
function weightOf(k: i32, middle: f64, support: f64): f64 {
  return max<f64>(0, 1 - abs(<f64>k + 0.5 - middle) / support);
}

/**
 * y (outHeight, outWidth, C) = the part (height, width) from x on, in rows of `stride` bytes, C
 * bytes a pixel. `scratch` has room for height outWidth C floats.
 */
export function resizeImage(
  y: usize, x: usize, scratch: usize, channels: i32, stride: i32, height: i32, width: i32,
  outHeight: i32, outWidth: i32,
): void {
  const line = outWidth * channels;
  for (let i = 0; i < height; i++) {
    const to = scratch + (<usize>(i * line) << 2), from = x + i * stride;
    for (let j = 0; j < outWidth; j++) {
      for (let c = 0; c < channels; c++) {
        const value = covered(from + c, width, channels, outWidth, j, false);
        store<f32>(to + (<usize>(j * channels + c) << 2), value);
      }
    }
  }
  for (let i = 0; i < outHeight; i++) {
    for (let j = 0; j < line; j++, y++) {
      const value = covered(scratch + (<usize>j << 2), height, line << 2, outHeight, i, true);
      store<u8>(y, <u8>min<f32>(255, max<f32>(0, nearest<f32>(value))));
    }
  }
}

/** New pixel i of `outCount` on a line of `count` pixels, `step` bytes apart, bytes or floats. */
@inline
function covered(line: usize, count: i32, step: i32, outCount: i32, i: i32, floats: bool): f32 {
  const scale = <f64>count / <f64>outCount, support = max<f64>(1, scale);
  const middle = (<f64>i + 0.5) * scale;
  const first = max(0, <i32>floor(middle - support)), last = min(count - 1, <i32>(middle + support));
  let sum: f64 = 0, weights: f64 = 0;
  for (let k = first, at = line + first * step; k <= last; k++, at += step) {
    const weight = weightOf(k, middle, support);
    weights += weight;
    sum += weight * <f64>(floats ? load<f32>(at) : <f32>load<u8>(at));
  }
  return <f32>(sum / weights);
}
