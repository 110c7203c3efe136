/** Images in parts that fit memory, and the rows that came of the parts together again. */

import type { Matrix } from '../../core/matrix.js';
import type { ImageDataset } from '../../data/images/dataset.js';

/** Pixels of so many images at a time, in order, from a place on; unreadable ones are left out. */
export function* imageBatches(
  data: ImageDataset,
  size: number,
): Generator<{ from: number; pixels: Uint8Array; rows: number[] }> {
  for (let from = 0; from < data.count; from += size) {
    const length = Math.min(size, data.count - from);
    const part = data.read(Array.from({ length }, (_, i) => from + i));
    if (part.rows.length > 0) yield { from, ...part };
  }
}

/** Parts of a matrix, one under the other. */
export function stackRows(parts: readonly Float32Array[], cols: number): Matrix {
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return { data, rows: data.length / cols, cols };
}
