/** Sheets of images that a masked autoencoder reconstructs. */

import type { DecodedImage } from '../../data/images/resize.js';
import { type ImageDataset, imagesToTensor, type MAE } from '../../models/index.js';
import { concat, slice, type Tensor, tidy } from '../../nn/index.js';
import { contactSheet } from '../../report/png.js';

/** Names of the rows of a sheet. */
export const SHEET_ROWS = ['original', 'visible', 'reconstructed'];

/**
 * Draws three rows, a column for each image: the original, the visible patches, the reconstruction.
 *
 * @param max number of images
 * @param maskRatio fraction of the patches that is hidden, the model's unless given
 */
export function reconstructionSheet(
  model: MAE,
  images: ImageDataset,
  max: number,
  maskRatio = model.config.maskRatio,
): DecodedImage {
  const rows = Array.from({ length: Math.min(max, images.count) }, (_, row) => row);
  return tidy(() => {
    const { pixels } = images.read(rows);
    const original = imagesToTensor(pixels, images.shape);
    const { masked, reconstructed } = model.reconstruct(original, { maskRatio });
    const column = (i: number): Tensor =>
      concat([original, masked, reconstructed].map((part) => slice(part, 0, i, i + 1)));
    return contactSheet(Array.from({ length: original.shape[0] as number }, (_, i) => column(i)));
  });
}
