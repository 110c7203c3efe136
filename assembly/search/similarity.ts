/**
 * Similarity of rows with rows: blocks of scores out of packed rows, which the matrices store and
 * the search keeps the best of. One function makes the scores of both, so they agree to the bit.
 */

import { multiplyRows } from '../core/gemm';
import { clampCosines, squareRoots } from '../core/rows';

/** Metrics: a cosine (of rows already normalized), a dot product, or a distance. */
export const COSINE: i32 = 0;
export const DOT: i32 = 1;
export const EUCLIDEAN: i32 = 2;

/**
 * Scores of rows i0..i1 with rows j0..j1 into y, `ldy` floats per row. Both sides are packed by
 * `packBlocks`; i0 is a multiple of MR, j0 of NR. Distances are multiplied by `distanceFactor`,
 * which undoes a scaling of both sides and, where larger has to be nearer, turns the sign. `edge`
 * has room for one tile.
 */
export function scoreRows(
  y: usize, left: usize, right: usize, i0: i32, i1: i32, j0: i32, j1: i32,
  leftRows: i32, rightRows: i32, depth: i32, ldy: i32, metric: i32, distanceFactor: f32, edge: usize,
): void {
  const squared = metric == EUCLIDEAN;
  multiplyRows(
    y, left, right, i0, i1, j0, j1, leftRows, rightRows, depth, ldy, squared, edge,
  );
  if (metric == DOT) return;
  for (let i = 0; i < i1 - i0; i++) {
    const row = y + ((<usize>i * <usize>ldy) << 2);
    if (squared) squareRoots(row, j1 - j0, distanceFactor);
    else clampCosines(row, j1 - j0);
  }
}
