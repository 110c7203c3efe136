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

/** Rankings of a corpus by queries. */
interface Rankings {
  readonly queries: MatrixInput;
  readonly corpus: MatrixInput;
  readonly metric: Metric;
  readonly groups: Groups;
  /** Gives the group of a query. */
  groupOf(query: number): number;
  /** Gives the row of the corpus that a query leaves out of its ranking; -1 for none. */
  leftOutOf(query: number): number;
}

/** Relevant rows of one query. */
export interface RelevantRanks {
  readonly query: number;
  /** Address of their ranks (i32, from 0, rising). */
  readonly ranks: Pointer;
  /** Address of the rows (i32) in the same order. */
  readonly rows: Pointer;
  readonly count: number;
}

/**
 * Ranks the rows of each query's group among all of the corpus; queries without a relevant row are
 * skipped.
 *
 * @returns number of queries that were visited
 */
export function forEachRanking(
  scope: Scope,
  { queries, corpus, metric, groups: { rows, starts }, groupOf, leftOutOf }: Rankings,
  visit: (found: RelevantRanks) => void,
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
  forEachScoreRow(scope, queries, corpus, metric, (at, query) => {
    const group = groupOf(query);
    const start = starts[group] as number;
    const length = (starts[group + 1] as number) - start;
    if (length === 0) return;
    const [list, leftOut] = [lists + 4 * start, leftOutOf(query)];
    const count = core.relevantRanks(ranks, at, corpus.rows, list, length, leftOut, best, indices);
    if (count === 0) return;
    visited++;
    visit({ query, ranks, rows: indices, count });
  });
  return visited;
}
