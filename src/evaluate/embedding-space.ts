/**
 * Measures of an embedding space: alignment and uniformity (https://arxiv.org/abs/2005.10242), and
 * the effective rank.
 */

import analysisCode from '#wasm/analysis';
import { kernels } from '../core/kernels.js';
import { checkLoss, checkShape, copyIn, type MatrixLike, readMatrix } from '../core/matrix.js';
import { scoped } from '../core/memory.js';
import { checkNoOptions, readOptions } from '../core/options.js';
import { checkPositive, type NoOptions, rangeError } from '../core/validation.js';
import { copyInUnitRows } from '../linalg/similarity.js';
import { TiledLogits } from '../losses/contrastive.js';

/** Options of {@link alignment}. */
export interface AlignmentOptions {
  /**
   * Power of the distance; greater than 0.
   * @default 2
   */
  alpha?: number | undefined;
}

/**
 * Measures how far positives lie apart: the mean of ‖x − y‖^alpha over pairs of rows, which are
 * normalized first. It is 0 where every pair points the same way.
 *
 * @param a (n, d) f32
 * @param b (n, d) f32: row i is the positive of row i of a
 * @param options alpha
 * @returns alignment, at least 0; lower is better
 * @throws {RangeError} if the shapes differ or a value is not finite
 * @see https://arxiv.org/abs/2005.10242
 */
export function alignment(a: MatrixLike, b: MatrixLike, options?: AlignmentOptions): number {
  const name = 'alignment';
  const inputA = readMatrix(name, 'a', a);
  const inputB = readMatrix(name, 'b', b);
  checkShape(inputB, inputA);
  const reader = readOptions(name, options);
  const alpha = reader.read('alpha', checkPositive, 2);
  reader.done();
  const { rows, cols } = inputA;
  return scoped((scope) => {
    const unitA = copyInUnitRows(scope, inputA).unit;
    const unitB = copyInUnitRows(scope, inputB).unit;
    const value = kernels(analysisCode).alignmentRows(unitA, unitB, rows, cols, alpha);
    return checkLoss(name, value);
  });
}

/** Options of {@link uniformity}. */
export interface UniformityOptions {
  /**
   * Factor of the squared distances: larger counts near pairs more; from above 0 to 1e37.
   * @default 2
   */
  t?: number | undefined;
}

/**
 * Measures how evenly rows spread over the sphere: the logarithm of the mean of exp(−t ‖x − y‖²)
 * over all pairs of rows, which are normalized first.
 *
 * It is 0 where all rows point the same way. The matrix of the pairs is never stored.
 *
 * @param x (n, d) f32, at least two rows
 * @param options t
 * @returns uniformity, at most 0; lower is more even
 * @throws {RangeError} if x has one row or a value is not finite
 * @see https://arxiv.org/abs/2005.10242
 */
export function uniformity(x: MatrixLike, options?: UniformityOptions): number {
  const name = 'uniformity';
  const input = readMatrix(name, 'x', x);
  if (input.rows < 2) rangeError(name, 'x', 'of at least two rows', input.rows);
  const reader = readOptions(name, options);
  const t = reader.read('t', checkPositive, 2);
  reader.done();
  // Beyond this the scale 2t, and its products, would leave f32's range.
  if (t > 1e37) rangeError(name, 't', 'at most 1e37', t);
  return scoped((scope) => {
    const unitRows = copyInUnitRows(scope, input);
    const scale = 2 * t;
    const { sums, shifts } = new TiledLogits(scope, unitRows, unitRows, { scale }).rows;
    const { norms, rows } = unitRows;
    return kernels(analysisCode).uniformityFromSums(sums, shifts, norms, rows, scale);
  });
}

/**
 * Measures in how many dimensions rows extend: exp of the entropy of the singular values of x, as
 * fractions of their sum.
 *
 * It goes from 1, where all rows are multiples of one, to the smaller of rows and columns, and is 0
 * if all rows are 0.
 *
 * @param x (n, d) f32, as given: neither centered nor normalized
 * @param options none yet
 * @returns effective rank
 * @throws {RangeError} if a value is not finite
 * @see https://arxiv.org/abs/2210.02885
 */
export function effectiveRank(x: MatrixLike, options?: NoOptions): number {
  const input = readMatrix('effectiveRank', 'x', x);
  checkNoOptions('effectiveRank', options);
  const { rows, cols } = input;
  const order = Math.min(rows, cols);
  return scoped((scope) => {
    const core = kernels(analysisCode);
    const at = copyIn(scope, input);
    const origin = scope.zeros(2 * cols);
    const ld = core.gramStride(order);
    const gram = scope.f64(ld * ld);
    const scratch = scope.f64(core.gramScratch(order));
    core.centeredGram(gram, at, origin, rows, cols, cols <= rows, scratch);
    const values = scope.f64(ld);
    core.symmetricEigen(values, scope.f64(order * ld), gram, order, scope.f64(2 * ld));
    return core.effectiveRank(values, order);
  });
}
