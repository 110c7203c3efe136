/**
 * The kernels that the contrastive losses share: for N rows and M columns of unit vectors, the sums
 * of exp(scale cos) over the negatives of each row and of each column, and the gradient through
 * these sums. The N x M matrix is never stored.
 *
 * NT-Xent (https://arxiv.org/abs/2002.05709), SupCon (https://arxiv.org/abs/2004.11362), InfoNCE
 * (https://arxiv.org/abs/1807.03748) and CLIP (https://arxiv.org/abs/2103.00020) differ in what
 * the rows and columns are, in which pairs are masked, and in their epilogues; all make two passes
 * over tiles of TILE x TILE logits, as FlashAttention does:
 *
 *   sums:       tile -> masked pairs to -inf -> exp -> sums of its rows and of its columns
 *   gradients:  tile again -> exp (r_i + c_j) = W -> dRows += W columns, dColumns += W' rows
 *
 * with an epilogue in between, from the sums to the loss and to the coefficients r_i and c_j.
 *
 * As many tiles as there is room for are kept from the first pass to the second; the others are
 * computed again, to the same bits.
 *
 * Where rows and columns are the same vectors (`self`), a tile and its mirror image are one: only
 * those on and above the diagonal are computed.
 *
 * The positive is left out of the sums and taken in f64 on its own, so that a loss near zero keeps
 * its digits: -log(p / (p + n)) = softplus(log n - log p).
 *
 * A cosine is at most 1, so exp(scale cos - scale) can't overflow, and for scale <= 40 it can't
 * underflow either. Above that the shift of each row and column is its running maximum, as in online
 * softmax.
 */

import { MR, NR, RESULT_BELOW, WHOLE, multiplyRows } from '../core/gemm';
import { storeColumns } from '../core/lanes';
import { padded } from '../core/pack';
import { expNegative, expScalar, logScalar, max4, sigmoid, softplus, sum4 } from '../core/math';
import { TILE, addProduct } from './tiles';

/** Largest scale at which exp(scale (cos - 1)) and its inverse stay normal f32 numbers. */
const FIXED_SHIFT_SCALE: f32 = 40;

/** Bytes of scratch that the two passes need: a tile, its weights twice, a row of columns. */
export function contrastiveScratch(): i32 {
  return (3 * TILE * TILE + TILE) * 4;
}

/**
 * Address of the tile at (i0, j0): the first `keptTiles` in order stay in `kept`, others use
 * `scratch`.
 */
function tileAddress(
  i0: i32, j0: i32, columns: i32, self: bool, kept: usize, keptTiles: i32, scratch: usize,
): usize {
  const row = i0 / TILE, across = (columns + TILE - 1) / TILE;
  const missing = self ? (row * (row + 1)) / 2 : 0;
  const index = row * across + j0 / TILE - missing;
  return index < keptTiles ? kept + ((<usize>index * TILE * TILE) << 2) : scratch;
}

/** Masks a tile: sets to -inf the pairs that are not negatives, and the padding. */
function maskTile(
  t: usize, i0: i32, i1: i32, j0: i32, j1: i32, pairOffset: i32, ids: usize, columnIds: usize,
  idColumns: i32,
): void {
  const rows = i1 - i0, columns = j1 - j0;
  const paddedRows = padded(rows, MR), paddedColumns = padded(columns, NR);
  for (let r = 0; r < paddedRows; r++) {
    const from = r < rows ? columns : 0;
    for (let c = from; c < paddedColumns; c++) {
      store<f32>(t + (<usize>(r * TILE + c) << 2), -Infinity);
    }
  }
  if (pairOffset >= 0) maskDiagonal(t, i0, i1, j0, j1, 0);
  if (pairOffset > 0) {
    maskDiagonal(t, i0, i1, j0, j1, pairOffset);
    maskDiagonal(t, i0, i1, j0, j1, -pairOffset);
  }
  if (ids == 0) return;
  const end = min(j1, idColumns) - j0;
  for (let r = 0; r < rows; r++) {
    const id = load<i32>(ids + (<usize>(i0 + r) << 2));
    for (let c = 0; c < end; c++) {
      if (load<i32>(columnIds + (<usize>(j0 + c) << 2)) == id) {
        store<f32>(t + (<usize>(r * TILE + c) << 2), -Infinity);
      }
    }
  }
}

/** Masks the elements (i, i + offset) of a tile. */
function maskDiagonal(t: usize, i0: i32, i1: i32, j0: i32, j1: i32, offset: i32): void {
  const end = min(i1, j1 - offset);
  for (let i = max(i0, j0 - offset); i < end; i++) {
    store<f32>(t + (<usize>((i - i0) * TILE + (i + offset - j0)) << 2), -Infinity);
  }
}

/** Copies what lies below a tile's diagonal to above it, four by four. */
function mirror(t: usize, rows: i32): void {
  const down = <usize>TILE << 2;
  for (let r = 4; r < rows; r += 4) {
    for (let c = 0; c < r; c += 4) {
      const from = t + (<usize>(r * TILE + c) << 2), to = t + (<usize>(c * TILE + r) << 2);
      storeColumns(
        to, down, v128.load(from), v128.load(from + down), v128.load(from + 2 * down),
        v128.load(from + 3 * down),
      );
    }
  }
}

/** Computes the cosines of rows i0..i1 and columns j0..j1; masked pairs are -inf. */
@inline
function cosineTile(
  t: usize, left: usize, right: usize, i0: i32, i1: i32, j0: i32, j1: i32,
  rows: i32, columns: i32, depth: i32, pairOffset: i32, ids: usize, columnIds: usize,
  idColumns: i32, self: bool,
): void {
  // Whole slivers on both sides: their padding is zeros, so no tile has an edge.
  const iEnd = i0 + padded(i1 - i0, MR), jEnd = j0 + padded(j1 - j0, NR);
  // A tile on the diagonal is its own mirror image, to the bit.
  const half = self && i0 == j0;
  const band = half ? RESULT_BELOW : WHOLE;
  multiplyRows(t, left, right, i0, iEnd, j0, jEnd, rows, columns, depth, TILE, false, 0, band);
  if (half) mirror(t, iEnd - i0);
  maskTile(t, i0, i1, j0, j1, pairOffset, ids, columnIds, idColumns);
}

/** Adds a tile's exp(scale (cos - 1)) to the sums of its rows and, if wanted, of its columns. */
function addFixedShift(
  rowSums: usize, columnSums: usize, t: usize, columnRow: usize,
  rows: i32, columns: i32, scale: f32, wantColumns: bool,
): void {
  const s = f32x4.splat(scale);
  const width = <usize>padded(columns, NR) << 2;
  memory.fill(columnRow, 0, width);
  for (let r = 0; r < rows; r++) {
    const row = t + (<usize>(r * TILE) << 2);
    let sum = f32x4.splat(0);
    // Slivers are two vectors wide.
    for (let c: usize = 0; c < width; c += 32) {
      const d = expNegative(f32x4.sub(f32x4.mul(v128.load(row + c), s), s));
      const e = expNegative(f32x4.sub(f32x4.mul(v128.load(row + c, 16), s), s));
      sum = f32x4.add(f32x4.add(sum, d), e);
      if (!wantColumns) continue;
      v128.store(columnRow + c, f32x4.add(v128.load(columnRow + c), d));
      v128.store(columnRow + c, f32x4.add(v128.load(columnRow + c, 16), e), 16);
    }
    const at = rowSums + (<usize>r << 3);
    store<f64>(at, load<f64>(at) + <f64>sum4(sum));
  }
  if (!wantColumns) return;
  for (let c = 0; c < columns; c++) {
    const at = columnSums + (<usize>c << 3);
    store<f64>(at, load<f64>(at) + <f64>load<f32>(columnRow + (<usize>c << 2)));
  }
}

/** Online softmax: raises a running maximum to `largest` and rescales the sum so far. */
@inline
function raiseShift(sum: usize, shift: usize, largest: f32): void {
  const old = load<f32>(shift);
  if (largest <= old) return;
  store<f32>(shift, largest);
  // No sum yet where the shift is still -inf.
  if (old != -Infinity) store<f64>(sum, load<f64>(sum) * expScalar(<f64>old - <f64>largest));
}

/** Adds a tile's exp(scale cos - shift) to the sums of its rows, raising their shifts first. */
function addRunningRows(sums: usize, shifts: usize, t: usize, rows: i32, columns: i32, scale: f32): void {
  const s = f32x4.splat(scale);
  const width = <usize>padded(columns, NR) << 2;
  for (let r = 0; r < rows; r++) {
    const row = t + (<usize>(r * TILE) << 2);
    const sum = sums + (<usize>r << 3), shift = shifts + (<usize>r << 2);
    let top = f32x4.splat(-Infinity);
    for (let c: usize = 0; c < width; c += 16) top = f32x4.pmax(top, v128.load(row + c));
    const largest = max4(top) * scale;
    if (largest == -Infinity) continue;
    raiseShift(sum, shift, largest);
    const m = f32x4.splat(load<f32>(shift));
    let added = f32x4.splat(0);
    for (let c: usize = 0; c < width; c += 16) {
      added = f32x4.add(added, expNegative(f32x4.sub(f32x4.mul(v128.load(row + c), s), m)));
    }
    store<f64>(sum, load<f64>(sum) + <f64>sum4(added));
  }
}

/** Adds a tile's exp(scale cos - shift) to the sums of its columns, raising their shifts first. */
function addRunningColumns(sums: usize, shifts: usize, t: usize, rows: i32, columns: i32, scale: f32): void {
  const s = f32x4.splat(scale);
  for (let c = 0; c < columns; c += 4) {
    const first = t + (<usize>c << 2);
    let top = f32x4.splat(-Infinity);
    for (let r = 0; r < rows; r++) {
      top = f32x4.pmax(top, v128.load(first + (<usize>(r * TILE) << 2)));
    }
    top = f32x4.mul(top, s);
    const sum = sums + (<usize>c << 3), shift = shifts + (<usize>c << 2);
    raiseShift(sum, shift, f32x4.extract_lane(top, 0));
    raiseShift(sum + 8, shift + 4, f32x4.extract_lane(top, 1));
    raiseShift(sum + 16, shift + 8, f32x4.extract_lane(top, 2));
    raiseShift(sum + 24, shift + 12, f32x4.extract_lane(top, 3));
    // A column that has met nothing yet has a shift of -inf and only -inf to add.
    const m = f32x4.pmax(f32x4.splat(-3.4028235e38), v128.load(shift));
    let added = f32x4.splat(0);
    for (let r = 0; r < rows; r++) {
      const v = v128.load(first + (<usize>(r * TILE) << 2));
      added = f32x4.add(added, expNegative(f32x4.sub(f32x4.mul(v, s), m)));
    }
    store<f64>(sum, load<f64>(sum) + <f64>f32x4.extract_lane(added, 0));
    store<f64>(sum + 8, load<f64>(sum + 8) + <f64>f32x4.extract_lane(added, 1));
    store<f64>(sum + 16, load<f64>(sum + 16) + <f64>f32x4.extract_lane(added, 2));
    store<f64>(sum + 24, load<f64>(sum + 24) + <f64>f32x4.extract_lane(added, 3));
  }
}

@inline
function initialShift(scale: f32): f32 {
  return scale <= FIXED_SHIFT_SCALE ? scale : -Infinity;
}

/** Sets n sums to zero and their shifts to `start`. */
function initSums(sums: usize, shifts: usize, n: i32, start: f32): void {
  memory.fill(sums, 0, <usize>n << 3);
  for (let i = 0; i < n; i++) store<f32>(shifts + (<usize>i << 2), start);
}

/**
 * Initializes the sums (f64) and shifts (f32) of `contrastiveSums` for rows and columns, padded to
 * NR. Without `wantColumns` the columns' shifts are set so that a coefficient of 0 gives 0.
 */
export function contrastiveInit(
  rowSums: usize, rowShifts: usize, columnSums: usize, columnShifts: usize, rows: i32, columns: i32,
  scale: f32, self: bool, wantColumns: bool,
): void {
  initSums(rowSums, rowShifts, padded(rows, NR), initialShift(scale));
  if (self) return;
  // Above every logit, also those of cosines that rounding has taken past 1.
  const start: f32 = wantColumns ? initialShift(scale) : scale * 1.0001;
  initSums(columnSums, columnShifts, padded(columns, NR), start);
}

/**
 * sums[i] = sum over i's negatives j of exp(scale cos(i, j) - shifts[i]), for rows and, if
 * `wantColumns`, for columns, of the tiles of rows iFirst to iEnd and columns jFirst to jEnd; with
 * `self` those below the diagonal are skipped. A tile comes after those to its left and above
 * it, wherever it is computed, so that every sum has its order.
 *
 * left, right: unit rows packed by `packBlocks` with MR and NR; pairs (i, i) and (i, i +-
 * pairOffset) are left out unless pairOffset is -1, and those where the row's id is the column's in
 * the first `idColumns` columns (ids 0: none).
 * With `self` the columns' arrays are the rows'. Sums and shifts are padded to NR. The first
 * `keptTiles` tiles stay in `kept`, TILE x TILE floats each.
 */
export function contrastiveSums(
  rowSums: usize, rowShifts: usize, columnSums: usize, columnShifts: usize, wantColumns: bool,
  left: usize, right: usize, rows: i32, columns: i32, depth: i32, scale: f32,
  pairOffset: i32, ids: usize, columnIds: usize, idColumns: i32, self: bool,
  kept: usize, keptTiles: i32, scratch: usize, iFirst: i32, iEnd: i32, jFirst: i32, jEnd: i32,
): void {
  const columnRow = scratch + ((3 * TILE * TILE) << 2);
  for (let i0 = iFirst; i0 < iEnd; i0 += TILE) {
    const i1 = min(i0 + TILE, rows);
    const sums = rowSums + (<usize>i0 << 3), shifts = rowShifts + (<usize>i0 << 2);
    for (let j0 = self ? max(i0, jFirst) : jFirst; j0 < jEnd; j0 += TILE) {
      const j1 = min(j0 + TILE, columns);
      const both = self ? i0 != j0 : wantColumns;
      const t = tileAddress(i0, j0, columns, self, kept, keptTiles, scratch);
      cosineTile(
        t, left, right, i0, i1, j0, j1, rows, columns, depth, pairOffset, ids, columnIds,
        idColumns, self,
      );
      const sumsBelow = columnSums + (<usize>j0 << 3);
      if (scale <= FIXED_SHIFT_SCALE) {
        addFixedShift(sums, sumsBelow, t, columnRow, i1 - i0, j1 - j0, scale, both);
      } else {
        addRunningRows(sums, shifts, t, i1 - i0, j1 - j0, scale);
        if (both) {
          const shiftsBelow = columnShifts + (<usize>j0 << 2);
          addRunningColumns(sumsBelow, shiftsBelow, t, i1 - i0, j1 - j0, scale);
        }
      }
    }
  }
}

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

/**
 * Adds to dLeft and dRight (padded to MR rows of padded(depth, NR) floats, 0 at first) what flows
 * back to the unit rows through the sums: with r_i the derivative of the loss by logit (i, j) over
 * exp(logit - shift_i), times scale, and c_j the same by columns,
 *   dLeft[i] += sum over j of W[i][j] right[j],   dRight[j] += sum over i of W[i][j] left[i].
 *
 * leftFactor, rightFactor: the unit rows again, packed by columns (`pack` with rowStride 1, depth =
 * rows, width NR). Coefficients and shifts are padded to NR, with coefficients 0. Where dRight is 0
 * it is not computed. With `self`
 * dRight is dLeft and the columns' arrays are the rows'. Tiles, their order, and those that were
 * kept as in `contrastiveSums`.
 */
export function contrastiveGradients(
  dLeft: usize, dRight: usize, leftFactor: usize, rightFactor: usize,
  rowCoefficients: usize, rowShifts: usize, columnCoefficients: usize, columnShifts: usize,
  left: usize, right: usize, rows: i32, columns: i32, depth: i32, scale: f32,
  pairOffset: i32, ids: usize, columnIds: usize, idColumns: i32, self: bool,
  kept: usize, keptTiles: i32, scratch: usize, iFirst: i32, iEnd: i32, jFirst: i32, jEnd: i32,
): void {
  const w = scratch + ((TILE * TILE) << 2);
  const across = w + ((TILE * TILE) << 2);
  for (let i0 = iFirst; i0 < iEnd; i0 += TILE) {
    const i1 = min(i0 + TILE, rows);
    for (let j0 = self ? max(i0, jFirst) : jFirst; j0 < jEnd; j0 += TILE) {
      const j1 = min(j0 + TILE, columns);
      const both = dRight != 0 && (!self || i0 != j0);
      const t = tileAddress(i0, j0, columns, self, kept, keptTiles, scratch);
      if (t == scratch) {
        cosineTile(
          t, left, right, i0, i1, j0, j1, rows, columns, depth, pairOffset, ids, columnIds,
          idColumns, self,
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

/**
 * Computes the loss of NT-Xent, InfoNCE or CLIP from the sums of the negatives, for rows or for
 * columns. A row i with the positive's cosine p_i and the negatives' sum n_i has the loss
 * softplus(log n_i + shift_i - scale p_i); returns the sum over rows of weight times that.
 * `coefficients` become the r_i (or c_j) of `contrastiveGradients`; the derivative by p_i is added to
 * `positiveCoefficients`. With `decoupled` the positive is not in its own sum: the loss is
 * log n_i + shift_i - scale p_i.
 */
export function contrastiveRows(
  coefficients: usize, positiveCoefficients: usize, sums: usize, shifts: usize, positives: usize,
  rows: i32, weight: f64, scale: f64, decoupled: bool,
): f64 {
  let loss: f64 = 0;
  for (let i = 0; i < rows; i++) {
    const sum = load<f64>(sums + (<usize>i << 3));
    const shift = <f64>load<f32>(shifts + (<usize>i << 2));
    const positive = load<f64>(positives + (<usize>i << 3)) * scale;
    const gap = sum == 0 ? -Infinity : logScalar(sum) + shift - positive;
    loss += weight * (decoupled ? gap : softplus(gap));
    const grad = weight * scale * (decoupled ? 1 : sigmoid(gap));
    store<f32>(coefficients + (<usize>i << 2), sum == 0 ? 0 : <f32>(grad / sum));
    const at = positiveCoefficients + (<usize>i << 2);
    store<f32>(at, <f32>(<f64>load<f32>(at) - grad));
  }
  return loss;
}
