/** Pixels as rows: the baseline of an encoder. */

import type { Matrix } from '../../core/matrix.js';
import type { ImageDataset } from './dataset.js';

/**
 * Makes a row of each image's pixels.
 * @returns (images that can be read, pixels and channels), 0 to 1
 */
export function pixelRows(images: ImageDataset): Matrix {
  const { pixels, rows } = images.read(Array.from({ length: images.count }, (_, row) => row));
  const data = Float32Array.from(pixels, (byte) => byte / 255);
  return { data, rows: rows.length, cols: data.length / rows.length };
}
