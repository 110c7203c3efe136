/** Pixels as rows: what one has of pictures without any network. */

import type { Matrix } from '../../core/matrix.js';
import type { Pictures } from './dataset.js';

/** @returns (pictures that can be read, pixels and channels), 0 to 1 */
export function pixelRows(pictures: Pictures): Matrix {
  const { pixels, rows } = pictures.read(Array.from({ length: pictures.count }, (_, row) => row));
  const data = Float32Array.from(pixels, (byte) => byte / 255);
  return { data, rows: rows.length, cols: data.length / rows.length };
}
