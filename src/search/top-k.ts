/** Exact nearest rows, without a matrix of scores. */

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

export interface TopKOptions {
  /** What rows are compared by (default `'cosine'`). */
  metric?: Metric | undefined;
}

export interface TopK {
  /** (queries, k), row-major: row numbers in the corpus, best first. */
  indices: Int32Array;
  /** (queries, k), row-major: their scores; larger is nearer, so euclidean ones are -distance. */
  scores: Float32Array;
}

/** Floats of the corpus in WASM memory at a time: 256 KiB, which a core's cache holds, packed and not. */
const CHUNK = 1 << 16;

/**
 * The k nearest corpus rows of each query, best first, ties to the lower index. The corpus passes
 * through WASM memory in chunks, and each query keeps its k best in a heap.
 *
 * @param queries (q, d), or one vector
 * @param corpus (n, d)
 * @param k at least 1; past n it is n
 */
export function topK(
  queries: MatrixLike | NumberArray,
  corpus: MatrixLike,
  k: number,
  options?: TopKOptions,
): TopK {
  const query = readMatrix('topK', 'queries', queries, true);
  const source = readMatrix('topK', 'corpus', corpus);
  checkWidth(source, query);
  const { rows } = query;
  const count = Math.min(integerIn(1)('topK', 'k', k), source.rows);
  const reader = readOptions('topK', options);
  const metric = reader.read('metric', oneOf(METRICS), 'cosine');
  reader.done();
  return scoped((scope) => {
    const { scores, indices } = nearest(scope, query, source, count, metric);
    return {
      indices: i32().slice(indices / 4, indices / 4 + rows * count),
      scores: copyFloatsOut('topK', scores, rows * count),
    };
  });
}

/** The k nearest rows of the corpus for each query, (queries, k), best first. */
export function nearest(
  scope: Scope,
  query: MatrixInput,
  source: MatrixInput,
  count: number,
  metric: Metric,
): { scores: Pointer; indices: Pointer } {
  const { rows, cols } = query;
  const core = kernels();
  const search = kernels(searchCode);
  const kind = METRICS.indexOf(metric);
  const mr = core.MR.value;
  const nr = core.NR.value;
  const q = copyIn(scope, query);
  const queryWords = core.packedLength(rows, cols, mr);
  const packedQueries = scope.f32(queryWords);
  let queryScale = 1;
  const largestQuery = search.maxAbs(q, rows * cols);
  if (metric === 'cosine') core.normalizeRows(q, scope.f64(rows), q, rows, cols);
  core.packBlocks(packedQueries, q, rows, cols, cols, 1, mr, 0, rows);
  const chunkRows = Math.min(source.rows, Math.max(64, Math.floor(CHUNK / cols)));
  const chunk = scope.f32(chunkRows * cols);
  const packed = scope.f32(core.packedLength(chunkRows, cols, nr));
  const norms = scope.f64(chunkRows);
  const scores = scope.f32(rows * count);
  const indices = scope.i32(rows * count);
  const scratch = scope.f32(search.topKScratch());
  search.topKStart(scores, indices, rows * count);
  for (let first = 0; first < source.rows; first += chunkRows) {
    const n = Math.min(chunkRows, source.rows - first);
    copyRowsIn(source, chunk, first, first + n);
    if (metric === 'cosine') core.normalizeRows(chunk, norms, chunk, n, cols);
    if (metric === 'euclidean') {
      const scale = squareScale(Math.max(largestQuery, search.maxAbs(chunk, n * cols)));
      if (scale !== 1) search.scaleArray(chunk, n * cols, scale);
      if (scale !== queryScale) {
        // From the queries as given: what one chunk's scale takes away, the next may need.
        core.packBlocks(packedQueries, q, rows, cols, cols, 1, mr, 0, rows);
        if (scale !== 1) search.scaleArray(packedQueries, queryWords, scale);
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
