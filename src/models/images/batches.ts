/** Images in batches that fit memory, and the rows that came of the batches together again. */

import type { Matrix } from '../../core/matrix.js';
import type { ImageDataset } from '../../data/images/dataset.js';

/** Reads images batch by batch, in order; those that can't be read are left out. */
export function* imageBatches(
  data: ImageDataset,
  batchSize: number,
): Generator<{ from: number; pixels: Uint8Array; rows: number[] }> {
  for (let from = 0; from < data.count; from += batchSize) {
    const length = Math.min(batchSize, data.count - from);
    const batch = data.read(Array.from({ length }, (_, i) => from + i));
    if (batch.rows.length > 0) yield { from, ...batch };
  }
}

/** Stacks parts of a matrix, one under the other. */
export function stackRows(parts: readonly Float32Array[], cols: number): Matrix {
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  return { data, rows: data.length / cols, cols };
}
