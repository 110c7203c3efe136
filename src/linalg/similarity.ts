/** Products and similarities of rows. */

import searchCode from '#wasm/search';
import { kernels } from '../core/kernels.js';
import {
  checkWidth,
  copyIn,
  copyOut,
  type Matrix,
  type MatrixInput,
  type MatrixLike,
  type NumberArray,
  readMatrix,
} from '../core/matrix.js';
import { type Pointer, type Scope, scoped } from '../core/memory.js';
import { multiply } from '../core/products.js';
import { checkFlag, checkOptions, rangeError } from '../core/validation.js';

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
  a: MatrixInput,
  b: MatrixInput,
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
    const pa = copyIn(scope, a);
    const pb = a.data === b.data ? pa : copyIn(scope, b);
    const result = scope.f32(m * n);
    multiply(result, pa, pb, m, n, k, transposeA, transposeB, false);
    return copyOut(name, result, m, n);
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
    const { unit } = copyInUnitRows(scope, source);
    return copyOut('normalize', unit, source.rows, source.cols);
  });
}

/** Rows of unit length in WASM memory. */
export interface UnitRows {
  unit: Pointer;
  /** Their lengths before, f64. */
  norms: Pointer;
  rows: number;
  cols: number;
  /** Matrix that they come from; none where they come from several. */
  input?: MatrixInput;
}

/** Copies a matrix to WASM memory and normalizes its rows there. */
export function copyInUnitRows(scope: Scope, input: MatrixInput): UnitRows {
  const { rows, cols } = input;
  return normalizeInPlace(scope, copyIn(scope, input), rows, cols, input);
}

/** Normalizes rows in WASM memory. */
export function normalizeInPlace(
  scope: Scope,
  unit: Pointer,
  rows: number,
  cols: number,
  input?: MatrixInput,
): UnitRows {
  const norms = scope.f64(rows);
  kernels().normalizeRows(unit, norms, unit, rows, cols);
  return { unit, norms, rows, cols, ...(input && { input }) };
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
    const pa = copyIn(scope, first);
    const pb = copyIn(scope, second);
    return kernels(searchCode).cosine(pa, pb, first.cols);
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
    const sides = loadSides(scope, left, right, metric);
    const result = scope.f32(m * n);
    const a = packRows(scope, sides.left, m, depth, core.MR.value);
    const b = packRows(scope, sides.right, n, depth, core.NR.value);
    const edge = scope.f32(core.MR.value * core.NR.value);
    const kind = METRICS.indexOf(metric);
    kernels(searchCode).scoreRows(
      result,
      a,
      b,
      0,
      m,
      0,
      n,
      m,
      n,
      depth,
      n,
      kind,
      sides.factor,
      edge,
    );
    return copyOut(name, result, m, n);
  });
}

/** Rows of two matrices as their scores are made from: of unit length, or scaled to be squared. */
interface Sides {
  left: Pointer;
  /** The same address where both are one matrix. */
  right: Pointer;
  /** What distances have to be multiplied by. */
  factor: number;
}

function loadSides(scope: Scope, left: MatrixInput, right: MatrixInput, metric: Metric): Sides {
  const read = (source: MatrixInput): Pointer =>
    metric === 'cosine' ? copyInUnitRows(scope, source).unit : copyIn(scope, source);
  const a = read(left);
  const b = right === left ? a : read(right);
  if (metric !== 'euclidean') return { left: a, right: b, factor: 1 };
  const [sizeA, sizeB] = [left.rows * left.cols, right.rows * right.cols];
  const scale = squareScale(
    Math.max(kernels(searchCode).maxAbs(a, sizeA), kernels(searchCode).maxAbs(b, sizeB)),
  );
  if (scale !== 1) {
    kernels(searchCode).scaleArray(a, sizeA, scale);
    if (b !== a) kernels(searchCode).scaleArray(b, sizeB, scale);
  }
  return { left: a, right: b, factor: 1 / scale };
}

/** Rows in slivers of `width`, as products of rows read them. */
export function packRows(
  scope: Scope,
  at: Pointer,
  rows: number,
  depth: number,
  width: number,
): Pointer {
  const core = kernels();
  const packed = scope.f32(core.packedLength(rows, depth, width));
  core.packBlocks(packed, at, rows, depth, depth, 1, width, 0, rows);
  return packed;
}

/** Floats of scores that are in WASM memory at a time: 4 MiB, but always a few rows. */
const BLOCK = 1 << 20;

/**
 * Scores of all rows of one matrix with all rows of another, larger being nearer, a block of rows
 * at a time, so that no matrix of all of them is ever there.
 *
 * @param visit is given the address of a row's scores, valid until it returns, and the row's number
 */
export function forEachScoreRow(
  scope: Scope,
  left: MatrixInput,
  right: MatrixInput,
  metric: Metric,
  visit: (scores: Pointer, row: number) => void,
): void {
  const core = kernels();
  const [m, n, depth] = [left.rows, right.rows, left.cols];
  const sides = loadSides(scope, left, right, metric);
  const [mr, nr] = [core.MR.value, core.NR.value];
  const packed = packRows(scope, sides.right, n, depth, nr);
  const rows = Math.min(m, Math.max(4 * mr, Math.floor(BLOCK / n / mr) * mr));
  const block = scope.f32(core.packedLength(rows, depth, mr));
  // Kernels read four scores at a glance, past the end of the last row too.
  const scores = scope.f32(rows * n + 4);
  const edge = scope.f32(mr * nr);
  const kind = METRICS.indexOf(metric);
  for (let first = 0; first < m; first += rows) {
    const live = Math.min(rows, m - first);
    const from = sides.left + 4 * first * depth;
    core.packBlocks(block, from, live, depth, depth, 1, mr, 0, live);
    kernels(searchCode).scoreRows(
      scores,
      block,
      packed,
      0,
      live,
      0,
      n,
      live,
      n,
      depth,
      n,
      kind,
      -sides.factor,
      edge,
    );
    for (let i = 0; i < live; i++) visit(scores + 4 * i * n, first + i);
  }
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
