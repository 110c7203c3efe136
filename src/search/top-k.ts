/** Exact search of the nearest rows, without a matrix of scores. */

import searchCode from '#wasm/search';
import { kernels } from '../core/kernels.js';
import {
  checkWidth,
  copyFloatsOut,
  copyIn,
  copyRowsIn,
  type MatrixInput,
  type MatrixLike,
  type NumberArray,
  readMatrix,
} from '../core/matrix.js';
import { i32, type Pointer, type Scope, scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import { integerIn, oneOf } from '../core/validation.js';
import { METRICS, type Metric, squareScale } from '../linalg/similarity.js';

/** Options of {@link topK}. */
export interface TopKOptions {
  /**
   * Score that rows are ranked by.
   * @default 'cosine'
   */
  metric?: Metric | undefined;
}

/** Result of {@link topK}; k is cut to the rows of the corpus. */
export interface TopK {
  /** (queries, k), row-major: indices of rows of the corpus, best first. */
  indices: Int32Array;
  /** (queries, k), row-major: their scores; larger is nearer, so euclidean ones are −distance. */
  scores: Float32Array;
}

/** Floats of the corpus in WASM memory at a time: 256 KiB, which a core's cache holds twice. */
const CHUNK = 1 << 16;

/**
 * Finds the k nearest rows of the corpus for each query, best first, ties to the lower index.
 *
 * The corpus passes through WASM memory in chunks, and each query keeps its k best in a heap.
 *
 * @param queries (q, d) f32, or one vector
 * @param corpus (n, d) f32
 * @param k number of rows per query, at least 1; past n it gives all n
 * @param options metric
 * @returns indices and scores, (q, min(k, n)) each
 * @throws {RangeError} if the widths differ or a value is not finite
 * @example const { indices, scores } = topK(query, corpus, 10);
 */
export function topK(
  queries: MatrixLike | NumberArray,
  corpus: MatrixLike,
  k: number,
  options?: TopKOptions,
): TopK {
  const name = 'topK';
  const query = readMatrix(name, 'queries', queries, true);
  const input = readMatrix(name, 'corpus', corpus);
  checkWidth(input, query);
  const count = Math.min(integerIn(1)(name, 'k', k), input.rows);
  const reader = readOptions(name, options);
  const metric = reader.read('metric', oneOf(METRICS), 'cosine');
  reader.done();
  const length = query.rows * count;
  return scoped((scope) => {
    const { scores, indices } = nearest(scope, query, input, count, metric);
    return {
      indices: i32().slice(indices / 4, indices / 4 + length),
      scores: copyFloatsOut(name, scores, length),
    };
  });
}

/**
 * Finds the nearest rows of the corpus for each query.
 *
 * @param count rows per query, at most those of the corpus
 * @returns addresses of (queries, count) indices and scores, best first
 */
export function nearest(
  scope: Scope,
  query: MatrixInput,
  corpus: MatrixInput,
  count: number,
  metric: Metric,
): { scores: Pointer; indices: Pointer } {
  const { rows, cols } = query;
  const core = kernels();
  const search = kernels(searchCode);
  const kind = METRICS.indexOf(metric);
  const mr = core.MR.value;
  const nr = core.NR.value;
  const queries = copyIn(scope, query);
  const queryLength = core.packedLength(rows, cols, mr);
  const packedQueries = scope.f32(queryLength);
  let queryScale = 1;
  const maxQuery = search.maxAbs(queries, rows * cols);
  if (metric === 'cosine') core.normalizeRows(queries, scope.f64(rows), queries, rows, cols);
  core.packBlocks(packedQueries, queries, rows, cols, cols, 1, mr, 0, rows);
  const chunkRows = Math.min(corpus.rows, Math.max(64, Math.floor(CHUNK / cols)));
  const chunk = scope.f32(chunkRows * cols);
  const packed = scope.f32(core.packedLength(chunkRows, cols, nr));
  const norms = scope.f64(chunkRows);
  const scores = scope.f32(rows * count);
  const indices = scope.i32(rows * count);
  const scratch = scope.f32(search.topKScratch());
  search.topKStart(scores, indices, rows * count);
  for (let first = 0; first < corpus.rows; first += chunkRows) {
    const n = Math.min(chunkRows, corpus.rows - first);
    copyRowsIn(corpus, chunk, first, first + n);
    if (metric === 'cosine') core.normalizeRows(chunk, norms, chunk, n, cols);
    if (metric === 'euclidean') {
      const scale = squareScale(Math.max(maxQuery, search.maxAbs(chunk, n * cols)));
      if (scale !== 1) search.scaleArray(chunk, n * cols, scale);
      if (scale !== queryScale) {
        // From the queries as given: what one chunk's scale takes away, the next may need.
        core.packBlocks(packedQueries, queries, rows, cols, cols, 1, mr, 0, rows);
        if (scale !== 1) search.scaleArray(packedQueries, queryLength, scale);
        queryScale = scale;
      }
    }
    core.packBlocks(packed, chunk, n, cols, cols, 1, nr, 0, n);
    search.topKUpdate(
      scores,
      indices,
      packedQueries,
      packed,
      0,
      rows,
      rows,
      n,
      cols,
      count,
      first,
      kind,
      -1 / queryScale,
      scratch,
    );
  }
  search.topKFinish(scores, indices, rows, count);
  return { scores, indices };
}
