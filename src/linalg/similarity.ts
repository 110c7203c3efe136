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
import { checkNoOptions, readOptions } from '../core/options.js';
import { gemm } from '../core/products.js';
import { checkFlag, type NoOptions, rangeError } from '../core/validation.js';

/** Options of {@link matmul}. */
export interface MatmulOptions {
  /**
   * Multiply by the transpose of a is multiplied.
   * @default false
   */
  transposeA?: boolean | undefined;
  /**
   * Multiply by the transpose of b is multiplied.
   * @default false
   */
  transposeB?: boolean | undefined;
}

/**
 * Multiplies two matrices, either of them transposed if asked for.
 *
 * @param a (m, k) f32, or (k, m) with `transposeA`
 * @param b (k, n) f32, or (n, k) with `transposeB`
 * @param options transposeA, transposeB
 * @returns (m, n)
 * @throws {RangeError} if the inner sizes differ or the product leaves f32's range
 * @example const c = matmul(a, b, { transposeB: true });
 */
export function matmul(a: MatrixLike, b: MatrixLike, options?: MatmulOptions): Matrix {
  const name = 'matmul';
  const inputA = readMatrix(name, 'a', a);
  const inputB = readMatrix(name, 'b', b);
  const reader = readOptions(name, options);
  const transposeA = reader.read('transposeA', checkFlag, false);
  const transposeB = reader.read('transposeB', checkFlag, false);
  reader.done();
  return product(name, inputA, inputB, transposeA, transposeB);
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
    const atA = copyIn(scope, a);
    const atB = a.data === b.data ? atA : copyIn(scope, b);
    const result = scope.f32(m * n);
    gemm(result, atA, atB, m, n, k, transposeA, transposeB, false);
    return copyOut(name, result, m, n);
  });
}

/**
 * Divides every row by its length; a row of zeros stays zero.
 *
 * @param x (n, d) f32, or one vector
 * @param options none yet
 * @returns (n, d)
 * @throws {RangeError} if a value is not finite
 * @example const unit = normalize(embeddings);
 */
export function normalize(x: MatrixLike | NumberArray, options?: NoOptions): Matrix {
  const input = readMatrix('normalize', 'x', x, true);
  checkNoOptions('normalize', options);
  return scoped((scope) => {
    const { unit } = copyInUnitRows(scope, input);
    return copyOut('normalize', unit, input.rows, input.cols);
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
 * Computes the cosine of the angle between two vectors; 0 if either is all zeros.
 *
 * @param a d numbers, or a matrix of one row
 * @param b d numbers, or a matrix of one row
 * @param options none yet
 * @returns cosine, from -1 to 1
 * @throws {RangeError} if the lengths differ or a value is not finite
 * @example cosineSimilarity([1, 0], [1, 1]); // 0.7071…
 */
export function cosineSimilarity(
  a: MatrixLike | NumberArray,
  b: MatrixLike | NumberArray,
  options?: NoOptions,
): number {
  const name = 'cosineSimilarity';
  const inputA = readMatrix(name, 'a', a, true);
  const inputB = readMatrix(name, 'b', b, true);
  for (const { argument, rows } of [inputA, inputB]) {
    if (rows !== 1) rangeError(name, argument, 'one vector', `${rows} rows`);
  }
  checkWidth(inputB, inputA);
  checkNoOptions(name, options);
  return scoped((scope) => {
    const atA = copyIn(scope, inputA);
    const atB = copyIn(scope, inputB);
    return kernels(searchCode).cosine(atA, atB, inputA.cols);
  });
}

/** Score of two rows: cosine, dot product, or Euclidean distance. */
export type Metric = 'cosine' | 'dot' | 'euclidean';
export const METRICS: readonly Metric[] = ['cosine', 'dot', 'euclidean'];

/**
 * Computes the cosine similarities of all rows of a with all rows of b.
 *
 * @param a (m, d) f32
 * @param b (n, d) f32; a itself if left out
 * @param options none yet
 * @returns (m, n), each from -1 to 1
 * @throws {RangeError} if the widths differ or a value is not finite
 * @example const similarities = cosineSimilarityMatrix(queries, corpus);
 */
export function cosineSimilarityMatrix(a: MatrixLike, b?: MatrixLike, options?: NoOptions): Matrix {
  return scoreMatrix('cosineSimilarityMatrix', a, b, options, 'cosine');
}

/**
 * Computes the dot products of all rows of a with all rows of b.
 *
 * @param a (m, d) f32
 * @param b (n, d) f32; a itself if left out
 * @param options none yet
 * @returns (m, n)
 * @throws {RangeError} if the widths differ, or a value or product is not finite
 */
export function dotMatrix(a: MatrixLike, b?: MatrixLike, options?: NoOptions): Matrix {
  return scoreMatrix('dotMatrix', a, b, options, 'dot');
}

/**
 * Computes the Euclidean distances of all rows of a from all rows of b, from their differences, so
 * that equal rows have a distance of exactly 0.
 *
 * @param a (m, d) f32
 * @param b (n, d) f32; a itself if left out
 * @param options none yet
 * @returns (m, n)
 * @throws {RangeError} if the widths differ, or a value or distance is not finite
 */
export function euclideanDistanceMatrix(
  a: MatrixLike,
  b?: MatrixLike,
  options?: NoOptions,
): Matrix {
  return scoreMatrix('euclideanDistanceMatrix', a, b, options, 'euclidean');
}

function scoreMatrix(
  name: string,
  a: unknown,
  b: unknown,
  options: unknown,
  metric: Metric,
): Matrix {
  const inputA = readMatrix(name, 'a', a);
  const inputB = b === undefined ? inputA : readMatrix(name, 'b', b);
  checkWidth(inputB, inputA);
  checkNoOptions(name, options);
  const m = inputA.rows;
  const n = inputB.rows;
  const depth = inputA.cols;
  return scoped((scope) => {
    const { MR, NR } = kernels();
    const operands = copyInOperands(scope, inputA, inputB, metric);
    const result = scope.f32(m * n);
    const packedA = packRows(scope, operands.a, m, depth, MR.value);
    const packedB = packRows(scope, operands.b, n, depth, NR.value);
    const edge = scope.f32(MR.value * NR.value);
    kernels(searchCode).scoreRows(
      result,
      packedA,
      packedB,
      0,
      m,
      0,
      n,
      m,
      n,
      depth,
      n,
      METRICS.indexOf(metric),
      operands.factor,
      edge,
    );
    return copyOut(name, result, m, n);
  });
}

/** Rows of two matrices that scores are computed from: of unit length, or scaled to be squared. */
interface Operands {
  a: Pointer;
  /** The address of a where both are one matrix. */
  b: Pointer;
  /** Factor of the distances. */
  factor: number;
}

function copyInOperands(scope: Scope, a: MatrixInput, b: MatrixInput, metric: Metric): Operands {
  const read = (input: MatrixInput): Pointer =>
    metric === 'cosine' ? copyInUnitRows(scope, input).unit : copyIn(scope, input);
  const atA = read(a);
  const atB = a === b ? atA : read(b);
  if (metric !== 'euclidean') return { a: atA, b: atB, factor: 1 };
  const { maxAbs, scaleArray } = kernels(searchCode);
  const [sizeA, sizeB] = [a.rows * a.cols, b.rows * b.cols];
  const scale = squareScale(Math.max(maxAbs(atA, sizeA), maxAbs(atB, sizeB)));
  if (scale !== 1) {
    scaleArray(atA, sizeA, scale);
    if (atA !== atB) scaleArray(atB, sizeB, scale);
  }
  return { a: atA, b: atB, factor: 1 / scale };
}

/** Packs rows in slivers of `width`, as products of rows read them. */
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
 * Computes the scores of all rows of one matrix with all rows of another, larger being nearer, a
 * block of rows at a time, so that their whole matrix is never in memory.
 *
 * @param visit is called with the address of a row's scores, valid until it returns, and the row's
 *   index
 */
export function forEachScoreRow(
  scope: Scope,
  queries: MatrixInput,
  corpus: MatrixInput,
  metric: Metric,
  visit: (scores: Pointer, row: number) => void,
): void {
  const core = kernels();
  const [m, n, depth] = [queries.rows, corpus.rows, queries.cols];
  const operands = copyInOperands(scope, queries, corpus, metric);
  const [mr, nr] = [core.MR.value, core.NR.value];
  const packed = packRows(scope, operands.b, n, depth, nr);
  const rows = Math.min(m, Math.max(4 * mr, Math.floor(BLOCK / n / mr) * mr));
  const block = scope.f32(core.packedLength(rows, depth, mr));
  // Kernels read four scores at once, past the end of the last row too.
  const scores = scope.f32(rows * n + 4);
  const edge = scope.f32(mr * nr);
  for (let first = 0; first < m; first += rows) {
    const count = Math.min(rows, m - first);
    const from = operands.a + 4 * first * depth;
    core.packBlocks(block, from, count, depth, depth, 1, mr, 0, count);
    kernels(searchCode).scoreRows(
      scores,
      block,
      packed,
      0,
      count,
      0,
      n,
      count,
      n,
      depth,
      n,
      METRICS.indexOf(metric),
      -operands.factor,
      edge,
    );
    for (let i = 0; i < count; i++) visit(scores + 4 * i * n, first + i);
  }
}

/**
 * Finds a power of two that scales numbers of magnitude up to `max` so that their squares neither
 * overflow f32 nor vanish: 1 unless they are huge or tiny.
 */
export function squareScale(max: number): number {
  if (max === 0 || (max > 2 ** -40 && max < 2 ** 50)) return 1;
  let scale = 1;
  while (max * scale >= 2) scale /= 2;
  while (max * scale < 1 && scale < 2 ** 126) scale *= 2;
  return scale;
}
