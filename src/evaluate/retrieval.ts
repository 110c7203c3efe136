/** Metrics of retrieval: recall, precision, NDCG, MRR, MAP and accuracy. */

import { checkWidth, type MatrixLike, type NumberArray, readMatrix } from '../core/matrix.js';
import { i32, scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import { checkFlag, checkIntegers, oneOf, rangeError, typeError } from '../core/validation.js';
import { METRICS, type Metric } from '../linalg/similarity.js';
import { forEachRanking } from './ranking.js';
import { type Relevant, readRelevant } from './relevance.js';
import {
  MetricSums,
  type PerQueryMetrics,
  type RetrievalMetrics,
  readCutoffs,
} from './retrieval-metrics.js';

/** Options of {@link evaluateRankings}. */
export interface EvaluateRankingsOptions {
  /**
   * Cutoffs k, each at least 1; one may be past the ranking.
   * @default [1, 10]
   */
  ks?: readonly number[] | undefined;
  /**
   * Give the metrics of each query too.
   * @default false
   */
  perQuery?: boolean | undefined;
}

/** Options of {@link evaluateRetrieval}. */
export interface EvaluateRetrievalOptions {
  /**
   * Cutoffs k of the metrics, each at least 1; one may be past the corpus.
   * @default [1, 10]
   */
  ks?: readonly number[] | undefined;
  /**
   * Score that rows are ranked by.
   * @default 'cosine'
   */
  metric?: Metric | undefined;
  /**
   * For each query the row of the corpus that is not in its ranking, as where the queries are rows of
   * the corpus; -1 for none.
   */
  leaveOut?: ArrayLike<number> | undefined;
  /**
   * Give the metrics of each query too.
   * @default false
   */
  perQuery?: boolean | undefined;
}

/** Metrics as means and of each query. */
export interface RetrievalMetricsPerQuery extends RetrievalMetrics {
  /** Metrics of each query that has relevant rows. */
  perQuery: PerQueryMetrics;
}

/**
 * Ranks the corpus for each query and computes recall, precision, NDCG, MRR, MAP and accuracy of the
 * first k rows, and MRR and MAP of the whole ranking. The definitions are those of
 * sentence-transformers' InformationRetrievalEvaluator.
 *
 * Each is a mean over the queries that have relevant rows. Equal scores rank by the lower index, as
 * in {@link topK}.
 *
 * @param queries (q, d) f32, or one vector
 * @param corpus (n, d) f32
 * @param relevant for each query the indices of its relevant rows of the corpus; one that is listed
 *   twice counts once. A Map from indices to grades sets the gains of `ndcg`
 * @param options ks, metric, leaveOut, perQuery
 * @returns the metrics, from 0 to 1
 * @throws {RangeError} if no query has a relevant row, or an index is out of range
 * @see https://sbert.net/docs/package_reference/sentence_transformer/evaluation.html
 * @example const { recall, mrrAt } = evaluateRetrieval(queries, corpus, [[3], [0, 7]]);
 */
export function evaluateRetrieval(
  queries: MatrixLike | NumberArray,
  corpus: MatrixLike,
  relevant: Relevant,
  options: EvaluateRetrievalOptions & { perQuery: true },
): RetrievalMetricsPerQuery;
export function evaluateRetrieval(
  queries: MatrixLike | NumberArray,
  corpus: MatrixLike,
  relevant: Relevant,
  options?: EvaluateRetrievalOptions,
): RetrievalMetrics;
export function evaluateRetrieval(
  queries: MatrixLike | NumberArray,
  corpus: MatrixLike,
  relevant: Relevant,
  options?: EvaluateRetrievalOptions,
): RetrievalMetrics {
  const name = 'evaluateRetrieval';
  const query = readMatrix(name, 'queries', queries, true);
  const input = readMatrix(name, 'corpus', corpus);
  checkWidth(input, query);
  const groups = readRelevant(
    name,
    relevant,
    { of: query.rows, what: 'the rows of queries' },
    input.rows,
  );
  const reader = readOptions(name, options);
  const ks = reader.read('ks', readCutoffs, [1, 10]);
  const metric = reader.read('metric', oneOf(METRICS), 'cosine');
  const leaveOut = reader.optional('leaveOut', checkRows(query.rows, input.rows));
  const perQuery = reader.read('perQuery', checkFlag, false);
  reader.done();
  const leftOutOf = (row: number): number => leaveOut?.[row] ?? -1;
  const rankings = {
    queries: query,
    corpus: input,
    metric,
    groups,
    groupOf: (row: number) => row,
    leftOutOf,
  };
  return scoped((scope) => {
    const sums = new MetricSums(scope, ks, groups);
    const visited = forEachRanking(scope, rankings, (found) => {
      sums.add({ ...found, relevant: found.count, leftOut: leftOutOf(found.query) });
    });
    if (visited === 0) {
      throw new RangeError(`${name}: leaveOut must leave a relevant row to at least one query`);
    }
    return { ...sums.means(), ...(perQuery && { perQuery: sums.perQuery() }) };
  });
}

/** Makes a check for a row of the corpus, or -1, per query. */
function checkRows(
  queries: number,
  corpus: number,
): (name: string, argument: string, value: unknown) => ArrayLike<number> {
  const length = { of: queries, what: 'the rows of queries' };
  const range = {
    valid: (row: number) => row >= -1 && row < corpus,
    what: `from -1 to ${corpus - 1} (the rows of corpus)`,
  };
  return (name, argument, value) => checkIntegers(name, argument, value, length, range);
}

/**
 * Computes the metrics of {@link evaluateRetrieval} for rankings that are there already: of BM25, of
 * a hybrid or an approximate search.
 *
 * @param rankings for each query the indices of documents, best first; -1 ends a ranking. It may be
 *   cut off: a relevant document that it does not have counts as not found
 * @param relevant for each query the indices of its relevant documents, or a Map from indices to grades
 * @param options ks, perQuery
 * @returns the metrics, from 0 to 1
 * @throws {RangeError} if no query has a relevant document, or a ranking has one twice
 * @example
 * const { indices } = new Bm25(documents).topK(queries, 10);
 * const rankings = queries.map((_, i) => indices.subarray(10 * i, 10 * i + 10));
 * const { mrrAt } = evaluateRankings(rankings, relevant);
 */
export function evaluateRankings(
  rankings: readonly ArrayLike<number>[],
  relevant: Relevant,
  options: EvaluateRankingsOptions & { perQuery: true },
): RetrievalMetricsPerQuery;
export function evaluateRankings(
  rankings: readonly ArrayLike<number>[],
  relevant: Relevant,
  options?: EvaluateRankingsOptions,
): RetrievalMetrics;
export function evaluateRankings(
  rankings: readonly ArrayLike<number>[],
  relevant: Relevant,
  options?: EvaluateRankingsOptions,
): RetrievalMetrics {
  const name = 'evaluateRankings';
  if (!Array.isArray(rankings)) typeError(name, 'rankings', 'an array of rankings', rankings);
  const range = { valid: (index: number) => index >= -1, what: 'at least -1' };
  const lists = Array.from(rankings, (ranking: unknown, q) =>
    checkIntegers(name, `rankings[${q}]`, ranking, undefined, range),
  );
  const groups = readRelevant(
    name,
    relevant,
    { of: lists.length, what: 'one per ranking' },
    Number.POSITIVE_INFINITY,
  );
  const reader = readOptions(name, options);
  const ks = reader.read('ks', readCutoffs, [1, 10]);
  const perQuery = reader.read('perQuery', checkFlag, false);
  reader.done();
  const { rows, starts } = groups;
  return scoped((scope) => {
    const sums = new MetricSums(scope, ks, groups);
    const [ranks, found] = [scope.i32(rows.length), scope.i32(rows.length)];
    lists.forEach((list, query) => {
      const wanted = new Set(rows.slice(starts[query], starts[query + 1]));
      const relevant = wanted.size;
      if (relevant === 0) return;
      let count = 0;
      const seen = new Set<number>();
      for (let rank = 0; rank < list.length && list[rank] !== -1; rank++) {
        const row = list[rank] as number;
        if (seen.has(row)) {
          const expected = 'a document that is not in it before';
          rangeError(name, `rankings[${query}][${rank}]`, expected, row);
        }
        seen.add(row);
        if (!wanted.has(row)) continue;
        i32()[ranks / 4 + count] = rank;
        i32()[found / 4 + count] = row;
        count++;
      }
      sums.add({ query, ranks, rows: found, count, relevant, leftOut: -1 });
    });
    return { ...sums.means(), ...(perQuery && { perQuery: sums.perQuery() }) };
  });
}
