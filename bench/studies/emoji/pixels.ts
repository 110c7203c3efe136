/** Retrieves by raw pixels: the baseline for CLIP. */

import { topK } from 'nearfar';
import type { ImageDataset } from 'nearfar/models';

/** Recall@1, @5 and @10 of the image with the same name in another set, by raw pixels. */
export function pixelRecall(queries: ImageDataset, corpus: ImageDataset): Record<number, number> {
  const rows = ({
    count,
    read,
  }: ImageDataset): { data: Float32Array; rows: number; cols: number } => {
    const { pixels } = read(Array.from({ length: count }, (_, row) => row));
    return { data: Float32Array.from(pixels), rows: count, cols: pixels.length / count };
  };
  const max = 10;
  const { indices } = topK(rows(queries), rows(corpus), max, { metric: 'euclidean' });
  const found = (k: number): number => {
    let hits = 0;
    for (let row = 0; row < queries.count; row++) {
      if (indices.subarray(row * max, row * max + k).includes(row)) hits++;
    }
    return hits / queries.count;
  };
  return { 1: found(1), 5: found(5), 10: found(10) };
}
