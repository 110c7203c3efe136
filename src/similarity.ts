/** Products and similarities of rows. */

import { checkFlag, checkOptions, rangeError } from './check.js';
import { kernels } from './kernels.js';
import {
  checkWidth,
  load,
  type Matrix,
  type MatrixLike,
  type NumberArray,
  readMatrix,
  type Source,
  takeMatrix,
} from './matrix.js';
import { type Pointer, type Scope, scoped } from './memory.js';

export interface MatmulOptions {
  /** Use the transpose of a (default false). */
  transposeA?: boolean | undefined;
  /** Use the transpose of b (default false). */
  transposeB?: boolean | undefined;
}

/**
 * The product of two matrices, either of them transposed if asked for.
 *
 * @param a (m, k), or (k, m) with `transposeA`
 * @param b (k, n), or (n, k) with `transposeB`
 * @returns (m, n)
 * @throws RangeError if the inner sizes differ or the product leaves f32's range
 */
export function matmul(a: MatrixLike, b: MatrixLike, options?: MatmulOptions): Matrix {
  const left = readMatrix('matmul', 'a', a);
  const right = readMatrix('matmul', 'b', b);
  checkOptions('matmul', options, ['transposeA', 'transposeB']);
  const transposeA = checkFlag('matmul', 'transposeA', options?.transposeA, false);
  const transposeB = checkFlag('matmul', 'transposeB', options?.transposeB, false);
  return product('matmul', left, right, transposeA, transposeB);
}

function product(
  name: string,
  a: Source,
  b: Source,
  transposeA: boolean,
  transposeB: boolean,
): Matrix {
  const [m, k] = transposeA ? [a.cols, a.rows] : [a.rows, a.cols];
  const [n, inner] = transposeB ? [b.rows, b.cols] : [b.cols, b.rows];
  if (inner !== k) {
    const side = transposeB ? 'wide' : 'rows high';
    rangeError(name, b.argument, `${k} ${side}, the inner size of ${a.argument}`, inner);
  }
  return scoped((scope) => {
    const core = kernels();
    const pa = load(scope, a);
    const pb = a.data === b.data ? pa : load(scope, b);
    const result = scope.words(m * n);
    const scratch = scope.words(core.gemmScratch(m, n, k));
    const [aRow, aDepth] = transposeA ? [1, a.cols] : [a.cols, 1];
    const [bRow, bDepth] = transposeB ? [b.cols, 1] : [1, b.cols];
    core.gemm(result, pa, pb, m, n, k, n, aRow, aDepth, bRow, bDepth, false, scratch);
    return takeMatrix(name, result, m, n);
  });
}

/**
 * Every row divided by its length; a row of zeros stays zero.
 *
 * @param x (n, d), or one vector
 * @returns (n, d)
 */
export function normalize(x: MatrixLike | NumberArray): Matrix {
  const source = readMatrix('normalize', 'x', x, true);
  return scoped((scope) => {
    const { unit } = loadUnitRows(scope, source);
    return takeMatrix('normalize', unit, source.rows, source.cols);
  });
}

/** Rows of unit length in WASM memory, and the lengths they had (f64). */
export interface UnitRows {
  unit: Pointer;
  norms: Pointer;
}

/** Loads a matrix and normalises its rows in place. */
export function loadUnitRows(scope: Scope, source: Source): UnitRows {
  const unit = load(scope, source);
  const norms = scope.doubles(source.rows);
  kernels().normalizeRows(unit, norms, unit, source.rows, source.cols);
  return { unit, norms };
}

/**
 * Cosine of the angle between two vectors, in [-1, 1]; 0 if either is all zeros.
 *
 * @param a, b vectors of the same length
 */
export function cosineSimilarity(a: MatrixLike | NumberArray, b: MatrixLike | NumberArray): number {
  const first = readMatrix('cosineSimilarity', 'a', a, true);
  const second = readMatrix('cosineSimilarity', 'b', b, true);
  for (const { argument, rows } of [first, second]) {
    if (rows !== 1) rangeError('cosineSimilarity', argument, 'one vector', `${rows} rows`);
  }
  checkWidth(second, first);
  return scoped((scope) => {
    const pa = load(scope, first);
    const pb = load(scope, second);
    return kernels().cosine(pa, pb, first.cols);
  });
}

/** What two rows are compared by. */
export type Metric = 'cosine' | 'dot' | 'euclidean';
export const METRICS: readonly Metric[] = ['cosine', 'dot', 'euclidean'];

/**
 * Cosine similarities of all rows of a with all rows of b, each in [-1, 1].
 *
 * @param a (m, d)
 * @param b (n, d), a itself if left out
 * @returns (m, n)
 */
export function cosineSimilarityMatrix(a: MatrixLike, b?: MatrixLike): Matrix {
  return scores('cosineSimilarityMatrix', a, b, 'cosine');
}

/**
 * Dot products of all rows of a with all rows of b.
 *
 * @param a (m, d)
 * @param b (n, d), a itself if left out
 * @returns (m, n)
 */
export function dotMatrix(a: MatrixLike, b?: MatrixLike): Matrix {
  return scores('dotMatrix', a, b, 'dot');
}

/**
 * Euclidean distances of all rows of a from all rows of b, from their differences, so that equal
 * rows are at exactly 0.
 *
 * @param a (m, d)
 * @param b (n, d), a itself if left out
 * @returns (m, n)
 */
export function euclideanDistanceMatrix(a: MatrixLike, b?: MatrixLike): Matrix {
  return scores('euclideanDistanceMatrix', a, b, 'euclidean');
}

function scores(name: string, a: unknown, b: unknown, metric: Metric): Matrix {
  const left = readMatrix(name, 'a', a);
  const right = b === undefined ? left : readMatrix(name, 'b', b);
  checkWidth(right, left);
  const m = left.rows;
  const n = right.rows;
  const depth = left.cols;
  return scoped((scope) => {
    const core = kernels();
    const pa = metric === 'cosine' ? loadUnitRows(scope, left).unit : load(scope, left);
    let pb = pa;
    if (right !== left) {
      pb = metric === 'cosine' ? loadUnitRows(scope, right).unit : load(scope, right);
    }
    let scale = 1;
    if (metric === 'euclidean') {
      const largest = Math.max(
        core.largestMagnitude(pa, m * depth),
        core.largestMagnitude(pb, n * depth),
      );
      scale = squareScale(largest);
      if (scale !== 1) {
        core.scaleArray(pa, m * depth, scale);
        if (pb !== pa) core.scaleArray(pb, n * depth, scale);
      }
    }
    const result = scope.words(m * n);
    const scratch = scope.words(core.scoreMatrixScratch(m, n, depth));
    const kind = METRICS.indexOf(metric);
    core.scoreMatrix(result, pa, pb, m, n, depth, kind, 1 / scale, scratch);
    return takeMatrix(name, result, m, n);
  });
}

/**
 * A power of two that brings numbers up to `largest` where their squares neither overflow f32 nor
 * vanish: 1 unless they are huge or tiny.
 */
export function squareScale(largest: number): number {
  if (largest === 0 || (largest > 2 ** -40 && largest < 2 ** 50)) return 1;
  let scale = 1;
  while (largest * scale >= 2) scale /= 2;
  while (largest * scale < 1 && scale < 2 ** 126) scale *= 2;
  return scale;
}
