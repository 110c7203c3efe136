/** Sheets of images and augmented views of them. */

import type { DecodedImage } from '../../data/images/resize.js';
import { type Augmentation, type ImageDataset, imagesToTensor } from '../../models/index.js';
import { tidy } from '../../nn/index.js';
import { contactSheet } from '../../report/png.js';

/**
 * Draws a row for each image: the image, then random views of it.
 *
 * @param rows indices of the images
 * @param count views of each image
 */
export function viewsSheet(
  augmentation: Augmentation,
  images: ImageDataset,
  rows: readonly number[],
  count: number,
): DecodedImage {
  return tidy(() => {
    const { pixels } = images.read(rows);
    const views = Array.from({ length: count }, (_, view) =>
      augmentation.views(pixels, { seed: 0, step: 0, view }),
    );
    return contactSheet([imagesToTensor(pixels, images.shape), ...views]);
  });
}
