/**
 * Symmetric InfoNCE of rows and of their first columns, all at once (Matryoshka,
 * https://arxiv.org/abs/2205.13147). The prefixes are cut into blocks of columns: the products of
 * rows with rows are computed for each block once, and added up from the first block on, so that a
 * prefix costs no more than the columns that it has before the next one. Backward the weights of all
 * prefixes that a block belongs to are added up first, and multiply its columns once.
 *
 *   cos_p(i, j) = (sum over blocks b <= p of a_i[b] b_j[b]) / (|a_i|_p |b_j|_p)
 *   da_i[b] = sum over j of V_b(i, j) b_j[b] - s_b(i) a_i[b]
 *   V_b(i, j) = sum over p >= b of W_p(i, j) / (|a_i|_p |b_j|_p)
 *   s_b(i) = sum over p >= b of (sum over j of W_p(i, j) cos_p(i, j)) / |a_i|_p^2
 *
 * W_p(i, j) is the derivative of the loss by cos_p(i, j). Rows have unit length over all columns, and
 * logits are at most 40, so that exp(scale (cos - 1)) needs no shift of its own (contrastive.ts).
 *
 * P prefixes end before the columns `ends` (i32), increasing. What there is of each prefix lies one
 * after the other: of `rows` rows padded to whole slivers of NR, of which the padding is 0.
 */

import { MR, NR, multiplyPacked } from '../core/gemm';
import { storeColumns } from '../core/lanes';
import { expNegative, sum4 } from '../core/math';
import { padded } from '../core/pack';
import { dotRow, toF32 } from '../core/rows';
import { TILE, addProduct } from './tiles';

/** Bytes of scratch that the kernels need: a tile, its weights twice, a row of columns. */
export function prefixScratch(): i32 {
  return (3 * TILE * TILE + TILE) * 4;
}

@inline
function endOf(ends: usize, p: i32): i32 {
  return p < 0 ? 0 : load<i32>(ends + (<usize>p << 2));
}

/** Address of number i of prefix p among those of `rows` rows each, `size` bytes a number. */
@inline
function ofPrefix(at: usize, p: i32, rows: i32, i: i32, size: usize): usize {
  return at + <usize>(p * padded(rows, NR) + i) * size;
}

/**
 * inverses (f32) = 1 over the lengths of the prefixes of unit rows x (rows, cols), 0 for those of
 * zeros. Returns the shortest of the other lengths, at most 1.
 */
export function prefixInverses(
  inverses: usize, x: usize, rows: i32, cols: i32, ends: usize, prefixes: i32,
): f64 {
  let shortest: f64 = 1;
  for (let r = 0; r < rows; r++, x += <usize>cols << 2) {
    let squares: f64 = 0;
    for (let p = 0; p < prefixes; p++) {
      const begin = endOf(ends, p - 1), at = x + (<usize>begin << 2);
      squares += dotRow(at, at, endOf(ends, p) - begin);
      const norm = sqrt(squares);
      if (norm > 0) shortest = min(shortest, norm);
      store<f32>(ofPrefix(inverses, p, rows, r, 4), norm > 0 ? <f32>(1 / norm) : 0);
    }
  }
  return shortest;
}

/** y (f64) = the cosines of the prefixes of rows a with those of rows b, row by row. */
export function prefixPositives(
  y: usize, a: usize, b: usize, rows: i32, cols: i32, ends: usize, prefixes: i32,
): void {
  const stride = <usize>cols << 2;
  for (let r = 0; r < rows; r++, a += stride, b += stride) {
    let aa: f64 = 0, bb: f64 = 0, ab: f64 = 0;
    for (let p = 0; p < prefixes; p++) {
      const begin = endOf(ends, p - 1), n = endOf(ends, p) - begin;
      const i = a + (<usize>begin << 2), j = b + (<usize>begin << 2);
      aa += dotRow(i, i, n);
      bb += dotRow(j, j, n);
      ab += dotRow(i, j, n);
      const product = aa * bb;
      store<f64>(ofPrefix(y, p, rows, r, 8), product > 0 ? ab / sqrt(product) : 0);
    }
  }
}

/**
 * exps and cosines (rows, padded columns) of a prefix, of a tile of dot products t, and what the
 * rows and columns add to their sums of exps.
 */
@inline
function addTile(
  exps: usize, cosines: usize, rowSums: usize, columnSums: usize, t: usize, columnRow: usize,
  rowInverses: usize, columnInverses: usize, ids: usize, columnIds: usize, rows: i32, columns: i32,
  ld: usize, scale: f32,
): void {
  const s = f32x4.splat(scale), lowest = i32x4.splat(-1);
  const width = <usize>padded(columns, NR) << 2;
  memory.fill(columnRow, 0, width);
  for (let r = 0; r < rows; r++, exps += ld, cosines += ld, t += TILE << 2) {
    const inverse = v128.load32_splat(rowInverses + (<usize>r << 2));
    const id = v128.load32_splat(ids + (<usize>r << 2));
    let sum = f32x4.splat(0);
    for (let c: usize = 0; c < width; c += 16) {
      const dot = f32x4.mul(v128.load(t + c), inverse);
      const cosine = f32x4.mul(dot, v128.load(columnInverses + c));
      const other = v128.load(columnIds + c);
      const isNegative = v128.and(i32x4.ne(id, other), i32x4.ge_s(other, lowest));
      const e = v128.and(isNegative, expNegative(f32x4.sub(f32x4.mul(cosine, s), s)));
      v128.store(exps + c, e);
      v128.store(cosines + c, cosine);
      v128.store(columnRow + c, f32x4.add(v128.load(columnRow + c), e));
      sum = f32x4.add(sum, e);
    }
    const at = rowSums + (<usize>r << 3);
    store<f64>(at, load<f64>(at) + <f64>sum4(sum));
  }
  for (let r = rows; r < padded(rows, MR); r++, exps += ld, cosines += ld) {
    memory.fill(exps, 0, width);
    memory.fill(cosines, 0, width);
  }
  for (let c = 0; c < columns; c++) {
    const at = columnSums + (<usize>c << 3);
    store<f64>(at, load<f64>(at) + <f64>load<f32>(columnRow + (<usize>c << 2)));
  }
}

/**
 * Adds to rowSums and columnSums (f64, 0 at first) the sums of exp(scale (cos - 1)) over the
 * negatives of each row and column, and keeps these numbers and the cosines: exps and cosines (padded
 * rows, padded columns) of each prefix.
 *
 * left, right: for each block of columns the unit rows packed by `pack`, with MR and NR. Pairs of
 * equal ids (i32) are no negatives; columns have the id -1 if they are negatives of every row, and
 * the padding has -2.
 */
export function prefixSums(
  rowSums: usize, columnSums: usize, exps: usize, cosines: usize, left: usize, right: usize,
  rowInverses: usize, columnInverses: usize, ids: usize, columnIds: usize, rows: i32, columns: i32,
  ends: usize, prefixes: i32, scale: f32, scratch: usize,
): void {
  const columnRow = scratch + ((3 * TILE * TILE) << 2);
  const ld = <usize>padded(columns, NR) << 2;
  const leftRows = padded(rows, MR), rightRows = padded(columns, NR);
  for (let i0 = 0; i0 < rows; i0 += TILE) {
    const height = min(TILE, rows - i0);
    for (let j0 = 0; j0 < columns; j0 += TILE) {
      const width = min(TILE, columns - j0);
      for (let p = 0; p < prefixes; p++) {
        const begin = endOf(ends, p - 1), depth = endOf(ends, p) - begin;
        const a = left + (<usize>(leftRows * begin + i0 * depth) << 2);
        const b = right + (<usize>(rightRows * begin + j0 * depth) << 2);
        multiplyPacked(
          scratch, a, b, padded(height, MR), padded(width, NR), depth, TILE, p > 0, false, 0,
        );
        const at = ofPrefix(0, p, rows, i0, 1) * ld + (<usize>j0 << 2);
        addTile(
          exps + at, cosines + at,
          ofPrefix(rowSums, p, rows, i0, 8), ofPrefix(columnSums, p, columns, j0, 8),
          scratch, columnRow,
          ofPrefix(rowInverses, p, rows, i0, 4), ofPrefix(columnInverses, p, columns, j0, 4),
          ids + (<usize>i0 << 2), columnIds + (<usize>j0 << 2), height, width, ld, scale,
        );
      }
    }
  }
}

/**
 * Adds the weights of a prefix to those of a tile, in slivers of four columns, `across`, and in
 * slivers of four rows, `w`; and W cos to the sums of the rows and columns.
 */
@inline
function addWeights(
  w: usize, across: usize, exps: usize, cosines: usize, rowCoefficients: usize,
  columnCoefficients: usize, rowInverses: usize, columnInverses: usize, rowTangents: usize,
  columnTangents: usize, columnRow: usize, rows: i32, columns: i32, ld: usize, isFirst: bool,
): void {
  const width = padded(columns, NR);
  memory.fill(columnRow, 0, <usize>width << 2);
  for (let r = 0; r < rows; r += MR) {
    const at = <usize>r << 2;
    const tangents = rowTangents + at;
    for (let k: usize = 0; k < 4; k++) {
      const coefficient = v128.load32_splat(rowCoefficients + at + (k << 2));
      const inverse = v128.load32_splat(rowInverses + at + (k << 2));
      const from = (<usize>r + k) * ld;
      let sum = f32x4.splat(0);
      for (let c = 0; c < width; c += 4) {
        const i = <usize>c << 2;
        const weights = f32x4.mul(
          v128.load(exps + from + i), f32x4.add(coefficient, v128.load(columnCoefficients + i)),
        );
        const tangent = f32x4.mul(weights, v128.load(cosines + from + i));
        sum = f32x4.add(sum, tangent);
        v128.store(columnRow + i, f32x4.add(v128.load(columnRow + i), tangent));
        const to = across + (<usize>(c * TILE + r * 4) << 2) + (k << 4);
        let v = f32x4.mul(f32x4.mul(weights, inverse), v128.load(columnInverses + i));
        if (!isFirst) v = f32x4.add(v128.load(to), v);
        v128.store(to, v);
      }
      const own = tangents + (k << 2);
      store<f32>(own, load<f32>(own) + sum4(sum));
    }
    const sliver = w + (<usize>(r * TILE) << 2);
    for (let c = 0; c < width; c += 4) {
      const from = across + (<usize>(c * TILE + r * 4) << 2);
      storeColumns(
        sliver + (<usize>c << 4), 16, v128.load(from), v128.load(from, 16), v128.load(from, 32),
        v128.load(from, 48),
      );
    }
  }
  for (let c: usize = 0; c < <usize>width << 2; c += 16) {
    const sum = f32x4.add(v128.load(columnTangents + c), v128.load(columnRow + c));
    v128.store(columnTangents + c, sum);
  }
}

/** Floats of all blocks of `rows` rows before block p, each padded to whole slivers of NR columns. */
@inline
function blocksBefore(ends: usize, p: i32, rows: i32): usize {
  let columns = 0;
  for (let b = 0; b < p; b++) columns += padded(endOf(ends, b) - endOf(ends, b - 1), NR);
  return <usize>columns * <usize>rows;
}

/**
 * Adds to dLeft and dRight (0 at first) the products of the weights with the other side's rows, for
 * each block (rows padded to MR, block's columns padded to NR), and to the tangents (f32, 0 at
 * first) of rows and columns the sums of W cos.
 *
 * leftFactor, rightFactor: for each block the unit rows packed by columns, with NR. W is exps times
 * the sum of the coefficients (f32) of row and column.
 */
export function prefixGradients(
  dLeft: usize, dRight: usize, rowTangents: usize, columnTangents: usize, exps: usize,
  cosines: usize, leftFactor: usize, rightFactor: usize, rowCoefficients: usize,
  columnCoefficients: usize, rowInverses: usize, columnInverses: usize, rows: i32, columns: i32,
  ends: usize, prefixes: i32, scratch: usize,
): void {
  const w = scratch + ((TILE * TILE) << 2);
  const across = w + ((TILE * TILE) << 2);
  const columnRow = across + ((TILE * TILE) << 2);
  const ld = <usize>padded(columns, NR) << 2;
  for (let i0 = 0; i0 < rows; i0 += TILE) {
    const height = min(TILE, rows - i0);
    for (let j0 = 0; j0 < columns; j0 += TILE) {
      const width = min(TILE, columns - j0);
      for (let p = prefixes - 1; p >= 0; p--) {
        const at = ofPrefix(0, p, rows, i0, 1) * ld + (<usize>j0 << 2);
        addWeights(
          w, across, exps + at, cosines + at,
          ofPrefix(rowCoefficients, p, rows, i0, 4), ofPrefix(columnCoefficients, p, columns, j0, 4),
          ofPrefix(rowInverses, p, rows, i0, 4), ofPrefix(columnInverses, p, columns, j0, 4),
          ofPrefix(rowTangents, p, rows, i0, 4), ofPrefix(columnTangents, p, columns, j0, 4),
          columnRow, height, width, ld, p == prefixes - 1,
        );
        const depth = endOf(ends, p) - endOf(ends, p - 1);
        const toLeft = dLeft + (blocksBefore(ends, p, padded(rows, MR)) << 2);
        const toRight = dRight + (blocksBefore(ends, p, padded(columns, NR)) << 2);
        const a = leftFactor + (blocksBefore(ends, p, rows) << 2);
        const b = rightFactor + (blocksBefore(ends, p, columns) << 2);
        addProduct(toLeft, w, b, i0, height, j0, width, columns, depth);
        addProduct(toRight, across, a, j0, width, i0, height, rows, depth);
      }
    }
  }
}

/**
 * dx (rows, cols) = the gradient of rows as given: of x, unit rows of the lengths `norms` (f64),
 * from the products (blocks of `gradRows` rows), the tangents, and through the cosines `positives`
 * (f64) of the first `pairs` rows with those of `other`, whose coefficients are `positiveCoefficients`
 * (f32).
 */
export function prefixBackward(
  dx: usize, products: usize, gradRows: i32, x: usize, norms: usize, inverses: usize,
  tangents: usize, other: usize, otherInverses: usize, otherRows: i32, positives: usize,
  positiveCoefficients: usize, pairs: i32, rows: i32, cols: i32, ends: usize, prefixes: i32,
): void {
  const stride = <usize>cols << 2;
  for (let r = 0; r < rows; r++, dx += stride, x += stride, other += stride) {
    const norm = load<f64>(norms + (<usize>r << 3));
    const inverse = norm == 0 ? 0 : 1 / norm;
    let own: f64 = 0, across: f64 = 0;
    for (let p = prefixes - 1; p >= 0; p--) {
      const length = <f64>load<f32>(ofPrefix(inverses, p, rows, r, 4));
      let tangent = <f64>load<f32>(ofPrefix(tangents, p, rows, r, 4));
      if (r < pairs) {
        const coefficient = <f64>load<f32>(ofPrefix(positiveCoefficients, p, pairs, r, 4));
        tangent += coefficient * load<f64>(ofPrefix(positives, p, pairs, r, 8));
        across += coefficient * length * <f64>load<f32>(ofPrefix(otherInverses, p, otherRows, r, 4));
      }
      own += tangent * length * length;
      const begin = endOf(ends, p - 1), end = endOf(ends, p);
      const ld = <usize>padded(end - begin, NR) << 2;
      let from = products + (blocksBefore(ends, p, gradRows) << 2) + <usize>r * ld;
      for (let c = begin; c < end; c++, from += 4) {
        const i = <usize>c << 2;
        let d = <f64>load<f32>(from) - <f64>load<f32>(x + i) * own;
        if (r < pairs) d += <f64>load<f32>(other + i) * across;
        store<f32>(dx + i, toF32(d * inverse));
      }
    }
  }
}
