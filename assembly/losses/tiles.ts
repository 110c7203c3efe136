/** Tiles of the similarities of rows with rows, and the products of their weights with the rows. */

import { MR, NR } from '../core/gemm';
import { microKernel } from '../core/micro';
import { padded } from '../core/pack';

/** Rows and columns of a tile: three of them fit the second-level cache, one nearly the first. */
export const TILE: i32 = 128;

/**
 * dy (rows at y0, padded(depth, NR) floats per row) += w (rows x k) times rows x0..x0+k of factor.
 */
@inline
export function addProduct(
  dy: usize, w: usize, factor: usize, y0: i32, rows: i32, x0: i32, k: i32, factorRows: i32,
  depth: i32,
): void {
  const ld = <usize>padded(depth, NR) << 2;
  for (let c = 0; c < depth; c += NR) {
    const b = factor + ((<usize>c * <usize>factorRows + <usize>(x0 * NR)) << 2);
    for (let r = 0; r < rows; r += MR) {
      const to = dy + <usize>(y0 + r) * ld + (<usize>c << 2);
      microKernel(to, ld, w + (<usize>(r * TILE) << 2), b, k, true);
    }
  }
}
