/**
 * What an embedding space looks like: alignment and uniformity (https://arxiv.org/abs/2005.10242)
 * and the effective rank.
 */

import analysisCode from '#wasm/analysis';
import { kernels } from '../core/kernels.js';
import { checkLoss, checkShape, copyIn, type MatrixLike, readMatrix } from '../core/matrix.js';
import { scoped } from '../core/memory.js';
import { checkOptions, checkPositive, rangeError } from '../core/validation.js';
import { copyInUnitRows } from '../linalg/similarity.js';
import { Contrast } from '../losses/contrastive.js';

export interface AlignmentOptions {
  /** The power of the distance (default 2). */
  alpha?: number | undefined;
}

/**
 * How far positives lie apart: the mean of ‖x − y‖^alpha over pairs of rows, which are normalised
 * first. 0 where every pair points the same way.
 *
 * @param a (n, d)
 * @param b (n, d): row i is the positive of row i of a
 */
export function alignment(a: MatrixLike, b: MatrixLike, options?: AlignmentOptions): number {
  const name = 'alignment';
  const left = readMatrix(name, 'a', a);
  const right = readMatrix(name, 'b', b);
  checkShape(right, left);
  checkOptions(name, options, ['alpha']);
  const alpha = checkPositive(name, 'alpha', options?.alpha, 2);
  return scoped((scope) => {
    const first = copyInUnitRows(scope, left).unit;
    const second = copyInUnitRows(scope, right).unit;
    const { rows, cols } = left;
    return checkLoss(name, kernels(analysisCode).alignmentRows(first, second, rows, cols, alpha));
  });
}

export interface UniformityOptions {
  /** How sharply near pairs count (default 2). */
  t?: number | undefined;
}

/**
 * How evenly rows spread over the sphere: the logarithm of the mean of exp(−t ‖x − y‖²) over all
 * pairs of rows, which are normalised first. 0 where all point the same way; lower is more even.
 * No matrix of the pairs is stored.
 *
 * @param x (n, d), at least two rows
 */
export function uniformity(x: MatrixLike, options?: UniformityOptions): number {
  const name = 'uniformity';
  const source = readMatrix(name, 'x', x);
  if (source.rows < 2) rangeError(name, 'x', 'of at least two rows', source.rows);
  checkOptions(name, options, ['t']);
  const t = checkPositive(name, 't', options?.t, 2);
  // Beyond this the scale 2t, and what it is multiplied by, would leave f32's range.
  if (t > 1e37) rangeError(name, 't', 'at most 1e37', t);
  return scoped((scope) => {
    const side = copyInUnitRows(scope, source);
    const scale = 2 * t;
    const { sums, shifts } = new Contrast(scope, side, side, { scale }).rows;
    return kernels(analysisCode).uniformityFromSums(sums, shifts, side.norms, source.rows, scale);
  });
}

/**
 * In how many dimensions rows really extend: exp of the entropy of the singular values of x as
 * shares of their sum (Roy and Vetterli 2007; of embeddings, https://arxiv.org/abs/2210.02885).
 * From 1, where all rows are multiples of one, to the smaller of rows and columns; 0 if all are 0.
 *
 * @param x (n, d), as given: neither centred nor normalised
 */
export function effectiveRank(x: MatrixLike): number {
  const source = readMatrix('effectiveRank', 'x', x);
  const { rows, cols } = source;
  const order = Math.min(rows, cols);
  return scoped((scope) => {
    const core = kernels(analysisCode);
    const at = copyIn(scope, source);
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
