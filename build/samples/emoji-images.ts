/** Emoji as images with captions. */

import { type ImageDataset, imagesFrom } from 'nearfar/models';
import type { Emoji } from './emoji.js';

/** Selects the drawings of some names by some vendors; all names if none are given. */
export function emojiImages(
  { side, captions, pixels, vendors }: Emoji,
  by: readonly string[],
  names: readonly number[] = captions.map((_, name) => name),
): ImageDataset {
  const size = side * side * 3;
  const rows = names.flatMap((name) =>
    by.map((vendor) => name * vendors.length + vendors.indexOf(vendor)),
  );
  const data = new Uint8Array(rows.length * size);
  rows.forEach((row, i) => {
    data.set(pixels.subarray(row * size, (row + 1) * size), i * size);
  });
  return {
    ...imagesFrom(data, { height: side, width: side, channels: 3 }),
    captions: rows.map((row) => captions[Math.floor(row / vendors.length)] as string),
  };
}
