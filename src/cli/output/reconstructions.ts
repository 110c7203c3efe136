/** What a masked autoencoder makes of pictures: as they are, what it sees of them, what it made up. */

import type { DecodedImage } from '../../data/images/decode.js';
import { type ImageDataset, imagesToTensor, type MAE } from '../../models/index.js';
import { concat, slice, type Tensor, tidy } from '../../nn/index.js';
import { contactSheet } from '../../report/png.js';

/** Three lines, a column for each picture: original, masked, reconstructed. */
export function reconstructionSheet(
  model: MAE,
  pictures: ImageDataset,
  most: number,
): DecodedImage {
  const rows = Array.from({ length: Math.min(most, pictures.count) }, (_, row) => row);
  return tidy(() => {
    const { pixels } = pictures.read(rows);
    const original = imagesToTensor(pixels, pictures.shape);
    const { masked, reconstructed } = model.reconstruct(original);
    const column = (i: number): Tensor =>
      concat([original, masked, reconstructed].map((lines) => slice(lines, 0, i, i + 1)));
    return contactSheet(Array.from({ length: original.shape[0] as number }, (_, i) => column(i)));
  });
}
