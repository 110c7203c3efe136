/** What pictures show, as far as it decides how random views of them are made. */

import { type AugmentOptions, defaultAugmentation, type PictureKind } from './augment.js';
import type { Pictures } from './dataset.js';

/** Pictures that are looked at. */
const LOOKED_AT = 256;
/** Levels from black or white within which a pixel counts as such. */
const NEAR = 32;
/** Share of pixels in between from which on pictures show things. */
const SHADES = 0.2;

/**
 * Whether grey pictures are signs, written or drawn, which are nearly all black and white, or things,
 * which have shades. Pictures in colour are things.
 */
export function pictureKind(pictures: Pictures): PictureKind {
  if (pictures.shape.channels > 1) return 'things';
  const count = Math.min(LOOKED_AT, pictures.count);
  const rows = Array.from({ length: count }, (_, i) => Math.floor((i * pictures.count) / count));
  const { pixels } = pictures.read(rows);
  let shades = 0;
  for (const pixel of pixels) if (pixel > NEAR && pixel < 255 - NEAR) shades++;
  return shades > SHADES * pixels.length ? 'things' : 'signs';
}

/** How views of these pictures are made unless told otherwise. */
export function augmentationFor(
  pictures: Pictures,
  kind: PictureKind = pictureKind(pictures),
): Required<AugmentOptions> {
  return defaultAugmentation(pictures.shape, kind);
}
