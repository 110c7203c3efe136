/** Kind of images, which decides how random views of them are made. */

import { checkNoOptions } from '../../core/options.js';
import { type NoOptions, oneOf } from '../../core/validation.js';
import {
  type AugmentOptions,
  defaultAugmentation,
  IMAGE_KINDS,
  type ImageKind,
} from './augment.js';
import { checkImages, type ImageDataset } from './dataset.js';

/** Images that are looked at. */
const SAMPLE = 256;
/** Levels from black or white within which a pixel counts as such. */
const TOLERANCE = 32;
/** Fraction of pixels in between from which on images are photos. */
const MIN_SHADES = 0.2;

/**
 * Tells photos from glyphs: gray images that are nearly all black and white are glyphs, those with
 * shades and those in color are photos.
 *
 * @param data images
 * @param options none
 * @returns `'photo'` or `'glyph'`
 * @throws {TypeError} if it is not a dataset
 */
export function imageKind(data: ImageDataset, options?: NoOptions): ImageKind {
  checkNoOptions('imageKind', options);
  checkImages('imageKind', data, data?.shape);
  if (data.shape.channels > 1) return 'photo';
  const count = Math.min(SAMPLE, data.count);
  const rows = Array.from({ length: count }, (_, i) => Math.floor((i * data.count) / count));
  const { pixels } = data.read(rows);
  let shades = 0;
  for (const pixel of pixels) if (pixel > TOLERANCE && pixel < 255 - TOLERANCE) shades++;
  return shades > MIN_SHADES * pixels.length ? 'photo' : 'glyph';
}

/**
 * Gives the augmentation that suits some images.
 *
 * @param data images
 * @param kind kind of the images, told from the pixels if left out
 * @param options none
 * @returns all options of `Augmentation`
 * @throws {TypeError | RangeError} if an argument is not valid
 */
export function augmentationFor(
  data: ImageDataset,
  kind?: ImageKind,
  options?: NoOptions,
): Required<AugmentOptions> {
  checkNoOptions('augmentationFor', options);
  checkImages('augmentationFor', data, data?.shape);
  const known =
    kind === undefined ? imageKind(data) : oneOf(IMAGE_KINDS)('augmentationFor', 'kind', kind);
  return defaultAugmentation(data.shape, known);
}
