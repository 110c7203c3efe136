/** Metrics of retrieval: recall, precision, NDCG, MRR and MAP. */

import analysisCode from '#wasm/analysis';
import { kernels } from '../core/kernels.js';
import { checkWidth, type MatrixLike, type NumberArray, readMatrix } from '../core/matrix.js';
import { scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import {
  checkIntegers,
  integerIn,
  isNumberArray,
  oneOf,
  rangeError,
  typeError,
} from '../core/validation.js';
import { METRICS, type Metric } from '../linalg/similarity.js';
import { forEachRanking, type Groups } from './ranking.js';

/** Options of {@link evaluateRetrieval}. */
export interface EvaluateRetrievalOptions {
  /**
   * Cutoffs k of recall, precision and NDCG, each at least 1; one may be past the corpus.
   * @default [1, 10]
   */
  ks?: readonly number[] | undefined;
  /**
   * Score that rows are ranked by.
   * @default 'cosine'
   */
  metric?: Metric | undefined;
}

/** Result of {@link evaluateRetrieval}: means over the queries that have relevant rows. */
export interface RetrievalMetrics {
  /** Fraction of a query's relevant rows that are among the first k, by k: `recall[10]`. */
  recall: Record<number, number>;
  /** Fraction of the first k rows that are relevant, by k. */
  precision: Record<number, number>;
  /** Discounted gain of the first k rows, 1 / log2(rank + 1) per hit, over the best possible, by k. */
  ndcg: Record<number, number>;
  /** Mean of 1 / rank of the first relevant row, over the whole ranking. */
  mrr: number;
  /** Mean over a query's relevant rows of the precision at their ranks, over the whole ranking. */
  map: number;
}

/**
 * Ranks the corpus for each query and computes recall, precision and NDCG of the first k rows, and
 * the mean reciprocal rank and mean average precision of the whole ranking.
 *
 * Each is a mean over the queries that have relevant rows. Equal scores rank by the lower index, as
 * in {@link topK}.
 *
 * @param queries (q, d) f32, or one vector
 * @param corpus (n, d) f32
 * @param relevant for each query the indices of its relevant rows of the corpus; one that is listed
 *   twice counts once
 * @param options ks, metric
 * @returns the metrics, from 0 to 1
 * @throws {RangeError} if no query has a relevant row, or an index is out of range
 * @example const { recall, mrr } = evaluateRetrieval(queries, corpus, [[3], [0, 7]]);
 */
export function evaluateRetrieval(
  queries: MatrixLike | NumberArray,
  corpus: MatrixLike,
  relevant: readonly ArrayLike<number>[],
  options?: EvaluateRetrievalOptions,
): RetrievalMetrics {
  const name = 'evaluateRetrieval';
  const query = readMatrix(name, 'queries', queries, true);
  const input = readMatrix(name, 'corpus', corpus);
  checkWidth(input, query);
  const groups = readRelevant(name, relevant, query.rows, input.rows);
  const reader = readOptions(name, options);
  const ks = reader.read('ks', readCutoffs, [1, 10]);
  const metric = reader.read('metric', oneOf(METRICS), 'cosine');
  reader.done();
  const sums = ks.map(() => ({ recall: 0, precision: 0, ndcg: 0 }));
  let mrr = 0;
  let map = 0;
  const visited = scoped((scope) => {
    const core = kernels(analysisCode);
    const own = (row: number): number => row;
    return forEachRanking(scope, query, input, metric, groups, own, (ranks, count) => {
      ks.forEach((k, i) => {
        const hits = core.hitsWithin(ranks, count, k);
        const sum = sums[i] as { recall: number; precision: number; ndcg: number };
        sum.recall += hits / count;
        sum.precision += hits / k;
        sum.ndcg += core.dcg(ranks, hits) / core.idealDcg(Math.min(k, count));
      });
      mrr += core.precisionSum(ranks, 1);
      map += core.precisionSum(ranks, count) / count;
    });
  });
  const means = (field: 'recall' | 'precision' | 'ndcg'): Record<number, number> =>
    Object.fromEntries(ks.map((k, i) => [k, (sums[i]?.[field] as number) / visited]));
  return {
    recall: means('recall'),
    precision: means('precision'),
    ndcg: means('ndcg'),
    mrr: mrr / visited,
    map: map / visited,
  };
}

function readRelevant(name: string, relevant: unknown, queries: number, corpus: number): Groups {
  if (!Array.isArray(relevant)) {
    typeError(name, 'relevant', 'an array with an array of row indices for each query', relevant);
  }
  if (relevant.length !== queries) {
    rangeError(name, 'relevant', `${queries} long (the rows of queries)`, relevant.length);
  }
  const range = {
    valid: (row: number) => row >= 0 && row < corpus,
    what: `from 0 to ${corpus - 1} (the rows of corpus)`,
  };
  const lists = Array.from(relevant, (list: unknown, query) => {
    const rows = checkIntegers(name, `relevant[${query}]`, list, undefined, range);
    return [...new Set(Array.from(rows))];
  });
  const starts = [0];
  for (const { length } of lists) starts.push((starts.at(-1) as number) + length);
  if (starts.at(-1) === 0) {
    throw new RangeError(`${name}: relevant must have a row for at least one query`);
  }
  return { rows: lists.flat(), starts };
}

function readCutoffs(name: string, argument: string, ks: unknown): number[] {
  if (!isNumberArray(ks)) typeError(name, argument, 'an array of whole numbers', ks);
  if (ks.length === 0) rangeError(name, argument, 'at least one number long', 0);
  return Array.from(ks, (k, i) => integerIn(1)(name, `${argument}[${i}]`, k));
}
