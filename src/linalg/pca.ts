/** Principal component analysis. */

import analysisCode from '#wasm/analysis';
import { kernels } from '../core/kernels.js';
import {
  checkWidth,
  copyFloatsOut,
  copyIn,
  copyOut,
  type Matrix,
  type MatrixLike,
  type NumberArray,
  readMatrix,
} from '../core/matrix.js';
import { type Pointer, type Scope, scoped } from '../core/memory.js';
import { checkNoOptions, readOptions } from '../core/options.js';
import { integerIn, isNumberArray, type NoOptions, typeError } from '../core/validation.js';

/** Options of {@link pca}. */
export interface PcaOptions {
  /**
   * Number of components, from 1 to the smaller of rows and columns.
   * @default 2, or what there is
   */
  components?: number | undefined;
}

/** Result of {@link pca}. */
export interface Pca {
  /** (n, components): the rows of x along the components. */
  projected: Matrix;
  /** (components, d): orthogonal unit vectors, each with its largest loading positive. */
  components: Matrix;
  /** d numbers: the mean of each column. */
  mean: Float32Array;
  /** Variance along each component, with the divisor n − 1. */
  explainedVariance: Float32Array;
  /** Fraction of the variance of all columns together that lies along each component. */
  explainedVarianceRatio: Float32Array;
}

/**
 * Fits a principal component analysis: the directions in which rows vary most.
 *
 * They are the eigenvectors, in f64, of the Gram matrix of the centered data on its shorter side.
 * Where rows don't vary any more, the variance is 0 and components complete the basis.
 *
 * @param x (n, d) f32
 * @param options components
 * @returns the components, the projected rows, the mean and the variances
 * @throws {RangeError} if there are fewer components than asked for
 * @example const { projected } = pca(embeddings, { components: 2 });
 */
export function pca(x: MatrixLike, options?: PcaOptions): Pca {
  const input = readMatrix('pca', 'x', x);
  const { rows, cols } = input;
  const order = Math.min(rows, cols);
  const reader = readOptions('pca', options);
  const check = integerIn(1, order, 'the smaller of rows and columns');
  const count = reader.read('components', check, Math.min(2, order));
  reader.done();
  return scoped((scope) => {
    const core = kernels(analysisCode);
    const at = copyIn(scope, input);
    const { mean, ...found } = findComponents(scope, at, rows, cols, count);
    const projected = scope.f32(rows * count);
    core.projectRows(projected, at, mean, found.components, rows, cols, count);
    return {
      projected: copyOut('pca', projected, rows, count),
      components: copyOut('pca', found.components, count, cols),
      mean: copyFloatsOut('pca', mean, cols),
      explainedVariance: copyFloatsOut('pca', found.variances, count),
      explainedVarianceRatio: copyFloatsOut('pca', found.ratios, count),
    };
  });
}

/**
 * Finds the components of {@link pca} alone, without projecting the rows on them.
 *
 * @returns components (count, d) and the variance along each, largest first
 */
export function principalComponents(
  x: Matrix,
  count: number,
): { components: Matrix; variances: Float32Array } {
  const name = 'principalComponents';
  return scoped((scope) => {
    const at = copyIn(scope, readMatrix(name, 'x', x));
    const { components, variances } = findComponents(scope, at, x.rows, x.cols, count);
    return {
      components: copyOut(name, components, count, x.cols),
      variances: copyFloatsOut(name, variances, count),
    };
  });
}

/** Components (count, cols), their variances and ratios, and the mean of x (rows, cols): all f32. */
function findComponents(
  scope: Scope,
  at: Pointer,
  rows: number,
  cols: number,
  count: number,
): { components: Pointer; variances: Pointer; ratios: Pointer; mean: Pointer } {
  const core = kernels(analysisCode);
  const order = Math.min(rows, cols);
  const mean64 = scope.f64(cols);
  core.columnMeans(mean64, at, rows, cols);
  const ld = core.gramStride(order);
  const gram = scope.f64(ld * ld);
  const scratch = scope.f64(core.gramScratch(order));
  core.centeredGram(gram, at, mean64, rows, cols, cols <= rows, scratch);
  const total = core.trace(gram, order);
  const values = scope.f64(ld);
  const vectors = scope.f64(order * ld);
  core.symmetricEigen(values, vectors, gram, order, scope.f64(2 * ld));
  const components = scope.f32(count * cols);
  const variances = scope.f32(count);
  const ratios = scope.f32(count);
  core.principalComponents(
    ...([components, variances, ratios, values, vectors] as const),
    ...([at, mean64, rows, cols, count, total, scope.f64(count * cols)] as const),
  );
  const mean = scope.f32(cols);
  core.demote(mean, mean64, cols);
  return { components, variances, ratios, mean };
}

/**
 * Projects rows along components found by {@link pca}: those of its own x come out as its
 * `projected`.
 *
 * @param x (m, d) f32, or one vector
 * @param fitted result of `pca`, or its `components` and `mean` alone
 * @param options none yet
 * @returns (m, components)
 * @throws {RangeError} if the widths differ or a value is not finite
 * @example const points = pcaTransform(newEmbeddings, pca(embeddings));
 */
export function pcaTransform(
  x: MatrixLike | NumberArray,
  fitted: { readonly components: MatrixLike; readonly mean: NumberArray },
  options?: NoOptions,
): Matrix {
  const name = 'pcaTransform';
  const input = readMatrix(name, 'x', x, true);
  if (typeof fitted !== 'object' || fitted === null) {
    typeError(name, 'fitted', 'the result of pca', fitted);
  }
  const components = readMatrix(name, 'fitted.components', fitted.components);
  // An array of rows would pass for a matrix below.
  if (!isNumberArray(fitted.mean) || typeof fitted.mean[0] === 'object') {
    typeError(name, 'fitted.mean', 'an array of numbers', fitted.mean);
  }
  const mean = readMatrix(name, 'fitted.mean', fitted.mean, true);
  checkWidth(mean, components);
  checkWidth(input, components);
  checkNoOptions(name, options);
  const { rows, cols } = input;
  return scoped((scope) => {
    const at = copyIn(scope, input);
    const result = scope.f32(rows * components.rows);
    kernels(analysisCode).projectRows(
      result,
      at,
      copyIn(scope, mean),
      copyIn(scope, components),
      rows,
      cols,
      components.rows,
    );
    return copyOut(name, result, rows, components.rows);
  });
}
