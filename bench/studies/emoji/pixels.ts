/** What raw pixels find: the baseline that training has to beat. */

import { topK } from 'nearfar';
import type { ImageDataset } from 'nearfar/models';

/** Shares of pictures whose namesake in the other set is among the nearest 1, 5 and 10 by pixels. */
export function pixelRecall(queries: ImageDataset, corpus: ImageDataset): Record<number, number> {
  const rows = ({
    count,
    read,
  }: ImageDataset): { data: Float32Array; rows: number; cols: number } => {
    const { pixels } = read(Array.from({ length: count }, (_, row) => row));
    return { data: Float32Array.from(pixels), rows: count, cols: pixels.length / count };
  };
  const most = 10;
  const { indices } = topK(rows(queries), rows(corpus), most, { metric: 'euclidean' });
  const found = (k: number): number => {
    let hits = 0;
    for (let row = 0; row < queries.count; row++) {
      if (indices.subarray(row * most, row * most + k).includes(row)) hits++;
    }
    return hits / queries.count;
  };
  return { 1: found(1), 5: found(5), 10: found(10) };
}
