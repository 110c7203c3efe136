/** What images show, as far as it decides how random views of them are made. */

import { type AugmentOptions, defaultAugmentation, type ImageKind } from './augment.js';
import type { ImageDataset } from './dataset.js';

/** Images that are looked at. */
const LOOKED_AT = 256;
/** Levels from black or white within which a pixel counts as such. */
const NEAR = 32;
/** Share of pixels in between from which on images show things. */
const SHADES = 0.2;

/**
 * Whether gray images are signs, written or drawn, which are nearly all black and white, or things,
 * which have shades. Images in color are things.
 */
export function imageKind(images: ImageDataset): ImageKind {
  if (images.shape.channels > 1) return 'photo';
  const count = Math.min(LOOKED_AT, images.count);
  const rows = Array.from({ length: count }, (_, i) => Math.floor((i * images.count) / count));
  const { pixels } = images.read(rows);
  let shades = 0;
  for (const pixel of pixels) if (pixel > NEAR && pixel < 255 - NEAR) shades++;
  return shades > SHADES * pixels.length ? 'photo' : 'glyph';
}

/** How views of these images are made unless told otherwise. */
export function augmentationFor(
  images: ImageDataset,
  kind: ImageKind = imageKind(images),
): Required<AugmentOptions> {
  return defaultAugmentation(images.shape, kind);
}
