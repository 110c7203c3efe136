/**
 * The second pass of the contrastive losses over their tiles (contrastive.ts): the gradient that
 * flows back to the unit rows through the sums of exponentials.
 */

import { FIXED_SHIFT_SCALE, TILE, cosineTile, placeOfTile } from './contrastive';
import { MR, NR, tile } from '../core/gemm';
import { storeColumns } from '../core/lanes';
import { padded } from '../core/pack';
import { expNegative } from '../core/math';

/** exp(scale cos - shift) of four lanes, times the coefficient that goes with the shift. */
@inline
function weight(logits: v128, shift: v128, coefficient: v128): v128 {
  return f32x4.mul(expNegative(f32x4.sub(logits, shift)), coefficient);
}

/**
 * A tile's weights W = exp(l - shift_i) r_i + exp(l - shift_j) c_j, packed as the left side of the
 * two products: `w` in slivers of four rows, `wTransposed` in slivers of four columns.
 */
function packWeights(
  w: usize, wTransposed: usize, t: usize, rowCoefficients: usize, columnCoefficients: usize,
  rowShifts: usize, columnShifts: usize, rows: i32, columns: i32, scale: f32,
): void {
  const s = f32x4.splat(scale);
  const fixed = scale <= FIXED_SHIFT_SCALE;
  for (let r = 0; r < rows; r += MR) {
    const row = t + (<usize>(r * TILE) << 2);
    const at = <usize>r << 2;
    const r0 = v128.load32_splat(rowCoefficients + at);
    const r1 = v128.load32_splat(rowCoefficients + at, 4);
    const r2 = v128.load32_splat(rowCoefficients + at, 8);
    const r3 = v128.load32_splat(rowCoefficients + at, 12);
    const sliver = w + (<usize>(r * TILE) << 2);
    for (let c = 0; c < columns; c += 4) {
      const from = row + (<usize>c << 2);
      const cc = v128.load(columnCoefficients + (<usize>c << 2));
      let w0 = f32x4.mul(v128.load(from), s);
      let w1 = f32x4.mul(v128.load(from, TILE << 2), s);
      let w2 = f32x4.mul(v128.load(from, TILE << 3), s);
      let w3 = f32x4.mul(v128.load(from, TILE * 12), s);
      if (fixed) {
        w0 = weight(w0, s, f32x4.add(r0, cc));
        w1 = weight(w1, s, f32x4.add(r1, cc));
        w2 = weight(w2, s, f32x4.add(r2, cc));
        w3 = weight(w3, s, f32x4.add(r3, cc));
      } else {
        const m = v128.load(columnShifts + (<usize>c << 2));
        const n = rowShifts + at;
        w0 = f32x4.add(weight(w0, v128.load32_splat(n), r0), weight(w0, m, cc));
        w1 = f32x4.add(weight(w1, v128.load32_splat(n, 4), r1), weight(w1, m, cc));
        w2 = f32x4.add(weight(w2, v128.load32_splat(n, 8), r2), weight(w2, m, cc));
        w3 = f32x4.add(weight(w3, v128.load32_splat(n, 12), r3), weight(w3, m, cc));
      }
      if (wTransposed != 0) {
        const across = wTransposed + (<usize>(c * TILE + r * 4) << 2);
        v128.store(across, w0);
        v128.store(across, w1, 16);
        v128.store(across, w2, 32);
        v128.store(across, w3, 48);
      }
      storeColumns(sliver + (<usize>c << 4), 16, w0, w1, w2, w3);
    }
  }
}

/** dy (rows at y0, padded(depth, NR) floats a row) += w (rows x k) times rows x0..x0+k of factor. */
@inline
function addProduct(
  dy: usize, w: usize, factor: usize, y0: i32, rows: i32, x0: i32, k: i32, factorRows: i32,
  depth: i32,
): void {
  const ld = <usize>padded(depth, NR) << 2;
  for (let c = 0; c < depth; c += NR) {
    const b = factor + ((<usize>c * <usize>factorRows + <usize>(x0 * NR)) << 2);
    for (let r = 0; r < rows; r += MR) {
      const to = dy + <usize>(y0 + r) * ld + (<usize>c << 2);
      tile(to, ld, w + (<usize>(r * TILE) << 2), b, k, true);
    }
  }
}

/**
 * Adds to dLeft and dRight (padded to MR rows of padded(depth, NR) floats, 0 at first) what flows
 * back to the unit rows through the sums: with r_i the derivative of the loss by logit (i, j) over
 * exp(logit - shift_i), times scale, and c_j the same by columns,
 *   dLeft[i] += sum over j of W[i][j] right[j],   dRight[j] += sum over i of W[i][j] left[i].
 *
 * leftFactor, rightFactor: the unit rows again, packed by columns (`pack` with rowStride 1, depth =
 * rows, width NR). Coefficients and shifts are padded to NR, with coefficients 0. With `self`
 * dRight is dLeft and the columns' arrays are the rows'. Tiles, their order, and those that were
 * kept as in `contrastiveSums`.
 */
export function contrastiveGradients(
  dLeft: usize, dRight: usize, leftFactor: usize, rightFactor: usize,
  rowCoefficients: usize, rowShifts: usize, columnCoefficients: usize, columnShifts: usize,
  left: usize, right: usize, rows: i32, columns: i32, depth: i32, scale: f32,
  pairOffset: i32, ids: usize, idColumns: i32, self: bool,
  kept: usize, keptTiles: i32, scratch: usize, iFirst: i32, iEnd: i32, jFirst: i32, jEnd: i32,
): void {
  const w = scratch + ((TILE * TILE) << 2);
  const across = w + ((TILE * TILE) << 2);
  for (let i0 = iFirst; i0 < iEnd; i0 += TILE) {
    const i1 = min(i0 + TILE, rows);
    for (let j0 = self ? max(i0, jFirst) : jFirst; j0 < jEnd; j0 += TILE) {
      const j1 = min(j0 + TILE, columns);
      const both = !self || i0 != j0;
      const t = placeOfTile(i0, j0, columns, self, kept, keptTiles, scratch);
      if (t == scratch) {
        cosineTile(
          t, left, right, i0, i1, j0, j1, rows, columns, depth, pairOffset, ids, idColumns,
          self,
        );
      }
      packWeights(
        w, both ? across : 0, t,
        rowCoefficients + (<usize>i0 << 2), columnCoefficients + (<usize>j0 << 2),
        rowShifts + (<usize>i0 << 2), columnShifts + (<usize>j0 << 2),
        padded(i1 - i0, MR), padded(j1 - j0, NR), scale,
      );
      addProduct(dLeft, w, rightFactor, i0, i1 - i0, j0, j1 - j0, columns, depth);
      if (both) addProduct(dRight, across, leftFactor, j0, j1 - j0, i0, i1 - i0, rows, depth);
    }
  }
}
