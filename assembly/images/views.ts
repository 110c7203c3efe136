/**
 * Random views of images: the parameters of each view, from uniform numbers in [0, 1). Crops,
 * flips, rotations, shears and translations make one affine map from a pixel of the view to the
 * image.
 *
 * options, f32: 0 minimum and 1 maximum scale (fraction of the area that is kept), 2 minimum and 3
 * maximum ratio of its width to its height, 4 probability of a horizontal flip, 5 maximum rotation
 * in radians, 6 maximum shear, 7 probability of color jitter, maximum change of 8 brightness, 9
 * contrast, 10 saturation, 11 hue in turns, 12 probability of grayscale, 13 probability of blur, 14
 * its minimum and 15 its maximum sigma in pixels, 16 probability of a cutout, 17 its minimum and 18
 * its maximum fraction of the area, 19 maximum translation as a fraction of the image's sides.
 *
 * A view, 17 f32: source x = v0 x + v1 y + v2, y = v3 x + v4 y + v5; 6 which of the 24 orders of
 * jitter; factors of 7 brightness, 8 contrast, 9 saturation, 10 shift of the hue; 11 whether it is
 * grayscale; 12 sigma of the blur or 0; a cutout's 13 top, 14 left, 15 height (0: none), 16 width.
 */

import { expScalar, logScalar } from '../core/math';

/** Uniform numbers that a view is drawn from, and parameters of a view. */
const DRAWS = 44;
const VIEW = 17;
const ATTEMPTS = 10;

/** sin x for |x| <= pi, by its series, to 1e-10. */
function sine(x: f64): f64 {
  const z = x * x;
  let p: f64 = 1;
  for (let k: f64 = 22; k > 0; k -= 2) p = 1 - (z / (k * (k + 1))) * p;
  return x * p;
}

function cosine(x: f64): f64 {
  const half = sine(x * 0.5);
  return 1 - 2 * half * half;
}

@inline
function between(u: usize, i: i32, low: f64, high: f64): f64 {
  return low + (high - low) * <f64>load<f32>(u + (<usize>i << 2));
}

@inline
function option(options: usize, i: i32): f64 {
  return <f64>load<f32>(options + (<usize>i << 2));
}

/** True with this probability. */
@inline
function happens(u: usize, i: i32, probability: f64): bool {
  return <f64>load<f32>(u + (<usize>i << 2)) < probability;
}

@inline
function put(view: usize, i: i32, value: f64): void {
  store<f32>(view + (<usize>i << 2), <f32>value);
}

/** views (count, 17) of images of this size, from `uniforms` (count, 44). */
export function sampleViews(
  views: usize, uniforms: usize, count: i32, options: usize, height: i32, width: i32, outHeight: i32,
  outWidth: i32,
): void {
  for (let k = 0; k < count; k++, views += VIEW << 2, uniforms += DRAWS << 2) {
    sampleCrop(views, uniforms, options, <f64>height, <f64>width, <f64>outHeight, <f64>outWidth);
    sampleColors(views, uniforms, options);
    sampleCutout(views, uniforms, options, <f64>outHeight, <f64>outWidth);
  }
}

/**
 * The affine map of a view. A crop lies within the image, or the image within the crop where that
 * is larger; one that is too large is drawn again, and after ten attempts it is the whole image.
 * The translation comes on top.
 */
function sampleCrop(
  view: usize, u: usize, options: usize, height: f64, width: f64, outHeight: f64, outWidth: f64,
): void {
  const lowest = logScalar(option(options, 2)), highest = logScalar(option(options, 3));
  const maxScale = sqrt(max<f64>(1, option(options, 1)));
  let h = height, w = width;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area = between(u, 2 * attempt, option(options, 0), option(options, 1)) * height * width;
    const ratio = expScalar(between(u, 2 * attempt + 1, lowest, highest));
    const tall = sqrt(area / ratio), wide = sqrt(area * ratio);
    if (tall > height * maxScale || wide > width * maxScale) continue;
    h = tall;
    w = wide;
    break;
  }
  const translate = option(options, 19);
  const middleY = between(u, 20, 0, height - h) + h * 0.5 + between(u, 39, -translate, translate) * height;
  const middleX = between(u, 21, 0, width - w) + w * 0.5 + between(u, 40, -translate, translate) * width;
  const angle = between(u, 23, -option(options, 5), option(options, 5));
  const shear = between(u, 24, -option(options, 6), option(options, 6));
  const sin = sine(angle), cos = cosine(angle);
  // From the middle of the view: across by w, flipped or not, and down by h, sheared.
  const across = (happens(u, 22, option(options, 4)) ? -w : w) / outWidth, down = h / outHeight;
  const xx = cos * across, xy = (cos * shear - sin) * down;
  const yx = sin * across, yy = (sin * shear + cos) * down;
  const centerX = (outWidth - 1) * 0.5, centerY = (outHeight - 1) * 0.5;
  put(view, 0, xx);
  put(view, 1, xy);
  put(view, 2, middleX - 0.5 - xx * centerX - xy * centerY);
  put(view, 3, yx);
  put(view, 4, yy);
  put(view, 5, middleY - 0.5 - yx * centerX - yy * centerY);
}

function sampleColors(view: usize, u: usize, options: usize): void {
  const jitter = happens(u, 25, option(options, 7));
  put(view, 6, floor(between(u, 26, 0, 24)));
  for (let i = 0; i < 4; i++) {
    const neutral: f64 = i == 3 ? 0 : 1, strength = option(options, 8 + i);
    const drawn = between(u, 27 + i, neutral - strength, neutral + strength);
    put(view, 7 + i, !jitter ? neutral : i == 3 ? drawn : max<f64>(0, drawn));
  }
  put(view, 11, happens(u, 31, option(options, 12)) ? 1 : 0);
  const sigma = between(u, 33, option(options, 14), option(options, 15));
  put(view, 12, happens(u, 32, option(options, 13)) ? sigma : 0);
}

/**
 * A cutout of a side ratio from 0.3 to 1 / 0.3, at maxScale as large as the view, on whole pixels.
 */
function sampleCutout(view: usize, u: usize, options: usize, height: f64, width: f64): void {
  const area = between(u, 35, option(options, 17), option(options, 18)) * height * width;
  const edge = logScalar(0.3);
  const ratio = expScalar(between(u, 36, edge, -edge));
  const h = min<f64>(height, nearest<f64>(sqrt(area / ratio)));
  const w = min<f64>(width, nearest<f64>(sqrt(area * ratio)));
  put(view, 13, floor(between(u, 37, 0, height - h + 1)));
  put(view, 14, floor(between(u, 38, 0, width - w + 1)));
  put(view, 15, happens(u, 34, option(options, 16)) ? h : 0);
  put(view, 16, w);
}
