/** What a contrastive model sees: pictures as they are, and random views of them beside. */

import type { DecodedImage } from '../../data/images/decode.js';
import { type Augmentation, type ImageDataset, imagesToTensor } from '../../models/index.js';
import { tidy } from '../../nn/index.js';
import { contactSheet } from '../../report/png.js';

/**
 * A line for each picture: the picture, then its views.
 * @param rows which pictures
 */
export function viewsSheet(
  augmentation: Augmentation,
  pictures: ImageDataset,
  rows: readonly number[],
  views: number,
): DecodedImage {
  return tidy(() => {
    const { pixels } = pictures.read(rows);
    const seen = Array.from({ length: views }, (_, view) =>
      augmentation.views(pixels, { seed: 0, step: 0, view }),
    );
    return contactSheet([imagesToTensor(pixels, pictures.shape), ...seen]);
  });
}
