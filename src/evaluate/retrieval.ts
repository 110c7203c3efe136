/** How well rows find what belongs to them: the field's measures of a ranking. */

import analysisCode from '#wasm/analysis';
import { kernels } from '../core/kernels.js';
import { indexLabels } from '../core/labels.js';
import {
  checkWidth,
  type MatrixInput,
  type MatrixLike,
  type NumberArray,
  readMatrix,
} from '../core/matrix.js';
import { type Pointer, type Scope, scoped } from '../core/memory.js';
import {
  checkChoice,
  checkCount,
  checkIntegers,
  checkOptions,
  isNumberArray,
  rangeError,
  typeError,
} from '../core/validation.js';
import { forEachScoreRow, METRICS, type Metric } from '../linalg/similarity.js';

export interface EvaluateRetrievalOptions {
  /** Lengths of the rankings' beginnings that are looked at, at most the corpus (default 1 and 10). */
  ks?: readonly number[] | undefined;
  /** What rows are compared by (default `'cosine'`). */
  metric?: Metric | undefined;
}

export interface RetrievalMetrics {
  /** Share of a query's relevant rows that are among the first k, by k. */
  recall: Record<number, number>;
  /** Share of the first k rows that are relevant, by k. */
  precision: Record<number, number>;
  /** Discounted gain of the first k rows, 1 / log2(place + 1) a hit, as a share of the most, by k. */
  ndcg: Record<number, number>;
  /** Mean of 1 / the place of the first relevant row, over the whole ranking. */
  mrr: number;
  /** Mean over a query's relevant rows of the precision at their places, over the whole ranking. */
  map: number;
}

/** Rows of the corpus that belong together: group g has those from starts[g] to starts[g + 1]. */
interface Groups {
  rows: ArrayLike<number>;
  starts: readonly number[];
}

/**
 * Ranks the rows of each query's group among all of the corpus, a query that is of the corpus
 * itself left out; queries without any are passed over.
 *
 * @param groupOf the group of each query
 * @param visit is given the address of the ranks (i32, from 0, rising) and how many there are
 * @returns how many queries were visited
 */
function eachRanking(
  scope: Scope,
  queries: MatrixInput,
  corpus: MatrixInput,
  metric: Metric,
  groups: Groups,
  groupOf: (query: number) => number,
  visit: (ranks: Pointer, count: number) => void,
): number {
  const core = kernels(analysisCode);
  const { starts } = groups;
  const lists = scope.i32From(groups.rows);
  const most = starts.reduce((m, start, g) => Math.max(m, start - (starts[g - 1] ?? 0)), 0);
  const ranks = scope.i32(most);
  const [best, indices] = [scope.f32(2 * most), scope.i32(2 * most)];
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

/**
 * Recall, precision and NDCG of the beginnings of the rankings, mean reciprocal rank and mean
 * average precision of the whole of them, each a mean over the queries that have relevant rows.
 * Equal scores rank by the lower index, as in {@link topK}.
 *
 * @param queries (q, d), or one vector
 * @param corpus (n, d)
 * @param relevant for each query the numbers of its relevant rows of the corpus; one that comes
 *   twice counts once
 */
export function evaluateRetrieval(
  queries: MatrixLike | NumberArray,
  corpus: MatrixLike,
  relevant: readonly ArrayLike<number>[],
  options?: EvaluateRetrievalOptions,
): RetrievalMetrics {
  const name = 'evaluateRetrieval';
  const query = readMatrix(name, 'queries', queries, true);
  const source = readMatrix(name, 'corpus', corpus);
  checkWidth(source, query);
  const groups = readRelevant(name, relevant, query.rows, source.rows);
  checkOptions(name, options, ['ks', 'metric']);
  const ks = readKs(name, options?.ks, source.rows);
  const metric = checkChoice(name, 'metric', options?.metric, METRICS, 'cosine');
  const sums = ks.map(() => ({ recall: 0, precision: 0, ndcg: 0 }));
  let mrr = 0;
  let map = 0;
  const visited = scoped((scope) => {
    const core = kernels(analysisCode);
    const same = (row: number): number => row;
    return eachRanking(scope, query, source, metric, groups, same, (ranks, count) => {
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
    typeError(name, 'relevant', 'an array with an array of row numbers for each query', relevant);
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

function readKs(name: string, ks: unknown, corpus: number): number[] {
  if (ks === undefined) return [...new Set([1, 10].map((k) => Math.min(k, corpus)))];
  if (!isNumberArray(ks)) typeError(name, 'ks', 'an array of whole numbers', ks);
  if (ks.length === 0) rangeError(name, 'ks', 'at least one number long', 0);
  const what = 'the rows of corpus';
  return Array.from(ks, (k, i) => checkCount(name, `ks[${i}]`, k, undefined, corpus, what));
}

export interface EmbeddingMetrics {
  /** Share of rows whose nearest other row has their label. */
  precisionAt1: number;
  /** Share of a row's label among its R nearest, R being how many others have it. */
  rPrecision: number;
  /** Mean of the precisions at the places of those R that are hits, misses counting 0. */
  mapAtR: number;
}

/**
 * How well labels sort by cosine, each row a query of all others: precision at 1, R-precision and
 * MAP@R (https://arxiv.org/abs/2003.08505). A row whose label nobody shares is left out of the
 * means, but not of the others' rankings.
 *
 * @param embeddings (n, d)
 * @param labels n whole numbers
 */
export function evaluateEmbeddings(
  embeddings: MatrixLike,
  labels: ArrayLike<number>,
): EmbeddingMetrics {
  const name = 'evaluateEmbeddings';
  const source = readMatrix(name, 'embeddings', embeddings);
  checkIntegers(name, 'labels', labels, { of: source.rows, what: 'the rows of embeddings' });
  const { classes, indices: numbers } = indexLabels(labels);
  if (classes.length === source.rows) {
    throw new RangeError(`${name}: labels must have one that at least two rows share`);
  }
  const groups = groupRows(numbers, classes.length);
  let precisionAt1 = 0;
  let rPrecision = 0;
  let mapAtR = 0;
  const visited = scoped((scope) => {
    const core = kernels(analysisCode);
    const groupOf = (row: number): number => numbers[row] as number;
    return eachRanking(scope, source, source, 'cosine', groups, groupOf, (ranks, count) => {
      const hits = core.hitsWithin(ranks, count, count);
      precisionAt1 += core.hitsWithin(ranks, count, 1);
      rPrecision += hits / count;
      mapAtR += core.precisionSum(ranks, hits) / count;
    });
  });
  return {
    precisionAt1: precisionAt1 / visited,
    rPrecision: rPrecision / visited,
    mapAtR: mapAtR / visited,
  };
}

/** Row numbers sorted by class. */
function groupRows(numbers: Int32Array, classes: number): Groups {
  const starts = new Array<number>(classes + 1).fill(0);
  for (const place of numbers) starts[place + 1] = (starts[place + 1] as number) + 1;
  for (let g = 0; g < classes; g++) {
    starts[g + 1] = (starts[g + 1] as number) + (starts[g] as number);
  }
  const next = starts.slice();
  const rows = new Int32Array(numbers.length);
  numbers.forEach((place, row) => {
    const at = next[place] as number;
    rows[at] = row;
    next[place] = at + 1;
  });
  return { rows, starts };
}
