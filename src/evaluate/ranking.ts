/** Ranks of relevant rows among all scores of a query. */

import analysisCode from '#wasm/analysis';
import { kernels } from '../core/kernels.js';
import type { MatrixInput } from '../core/matrix.js';
import type { Pointer, Scope } from '../core/memory.js';
import { forEachScoreRow, type Metric } from '../linalg/similarity.js';

/** Rows of the corpus in groups: group g has those from starts[g] to starts[g + 1]. */
export interface Groups {
  rows: ArrayLike<number>;
  starts: readonly number[];
}

/**
 * Ranks the rows of each query's group among all of the corpus. A query that is of the corpus
 * itself is left out; queries without a relevant row are skipped.
 *
 * @param groupOf gives the group of a query
 * @param visit is called with the address of the ranks (i32, from 0, rising) and their number
 * @returns number of queries that were visited
 */
export function forEachRanking(
  scope: Scope,
  queries: MatrixInput,
  corpus: MatrixInput,
  metric: Metric,
  { rows, starts }: Groups,
  groupOf: (query: number) => number,
  visit: (ranks: Pointer, count: number) => void,
): number {
  const core = kernels(analysisCode);
  const lists = scope.i32From(rows);
  const maxLength = starts.reduce(
    (max, start, g) => Math.max(max, start - (starts[g - 1] ?? 0)),
    0,
  );
  const ranks = scope.i32(maxLength);
  const [best, indices] = [scope.f32(2 * maxLength), scope.i32(2 * maxLength)];
  let visited = 0;
  forEachScoreRow(scope, queries, corpus, metric, (at, row) => {
    const group = groupOf(row);
    const start = starts[group] as number;
    const length = (starts[group + 1] as number) - start;
    if (length === 0) return;
    const self = queries === corpus ? row : -1;
    const list = lists + 4 * start;
    const count = core.relevantRanks(ranks, at, corpus.rows, list, length, self, best, indices);
    if (count === 0) return;
    visited++;
    visit(ranks, count);
  });
  return visited;
}
