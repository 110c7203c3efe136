/** Hybrid search: rankings by words and by embeddings, fused by reciprocal ranks. */

import { checkWidth, type MatrixLike, type NumberArray, readMatrix } from '../core/matrix.js';
import { readOptions } from '../core/options.js';
import {
  checkIntegers,
  checkNonNegative,
  checkNumbers,
  checkPositive,
  integerIn,
  isNumberArray,
  oneOf,
  rangeError,
  show,
  typeError,
} from '../core/validation.js';
import { METRICS, type Metric } from '../linalg/similarity.js';
import { Bm25, checkTextList, readQueries } from './bm25.js';
import { selectTop } from './select-top.js';
import { type TopK, topK } from './top-k.js';

/** Options of {@link reciprocalRankFusion}. */
export interface RankFusionOptions {
  /**
   * Added to each rank, greater than 0: larger lets lower ranks count more.
   * @default 60
   */
  rrfK?: number | undefined;
  /** Weight of each ranking, at least 0; by default all are 1. */
  weights?: NumberArray | undefined;
}

/** Options of {@link hybridSearch}. */
export interface HybridSearchOptions {
  /**
   * Added to each rank, greater than 0: larger lets lower ranks count more.
   * @default 60
   */
  rrfK?: number | undefined;
  /**
   * Weights of the ranking by words and of that by embeddings, at least 0.
   * @default [1, 1]
   */
  weights?: NumberArray | undefined;
  /**
   * Documents that each ranking brings into the fusion, at least 1.
   * @default Math.max(100, 10 * k)
   */
  depth?: number | undefined;
  /**
   * Score that embeddings are ranked by.
   * @default 'cosine'
   */
  metric?: Metric | undefined;
}

/** Queries of {@link hybridSearch}: row i of the embeddings is that of text i. */
export interface HybridQueries {
  /** One text or several. */
  readonly texts: string | readonly string[];
  /** (q, d) f32, or one vector. */
  readonly embeddings: MatrixLike | NumberArray;
}

/** Documents of {@link hybridSearch}: row i of the embeddings is that of text i. */
export interface HybridCorpus {
  /** Texts, or the index of their words, which many searches may share. */
  readonly texts: Bm25 | readonly string[];
  /** (n, d) f32. */
  readonly embeddings: MatrixLike;
}

/**
 * Fuses rankings of the same documents: a document's score is the sum over the rankings that have it
 * of weight / (rrfK + rank), ranks counted from 1.
 *
 * @param rankings lists of document indices, best first; -1 ends a list
 * @param k number of documents, at least 1; cut to how many the rankings have
 * @param options rrfK, weights
 * @returns indices and scores, best first, ties to the lower index
 * @throws {RangeError} if a ranking has a document twice, or an index is below -1
 * @see https://plg.uwaterloo.ca/~gvcormac/cormacksigir09-rrf.pdf
 * @example const { indices } = reciprocalRankFusion([[4, 0, 2], [0, 7]], 10); // 0, 4, 7, 2
 */
export function reciprocalRankFusion(
  rankings: readonly NumberArray[],
  k: number,
  options?: RankFusionOptions,
): TopK {
  const name = 'reciprocalRankFusion';
  if (!Array.isArray(rankings)) typeError(name, 'rankings', 'an array of rankings', rankings);
  if (rankings.length === 0) rangeError(name, 'rankings', 'at least one ranking long', 0);
  const range = { valid: (index: number) => index >= -1, what: 'at least -1' };
  const lists = Array.from(rankings, (ranking: unknown, r) =>
    checkIntegers(name, `rankings[${r}]`, ranking, undefined, range),
  );
  const wanted = integerIn(1)(name, 'k', k);
  const reader = readOptions(name, options);
  const rrfK = reader.read('rrfK', checkPositive, 60);
  const weights = reader.read(
    'weights',
    weightsOf(lists.length),
    lists.map(() => 1),
  );
  reader.done();
  lists.forEach((list, r) => {
    const seen = new Set<number>();
    for (let i = 0; i < list.length && list[i] !== -1; i++) {
      const index = list[i] as number;
      if (seen.has(index)) {
        rangeError(name, `rankings[${r}][${i}]`, 'a document that is not in it before', index);
      }
      seen.add(index);
    }
  });
  const fused = fuse(lists, weights, rrfK);
  const length = Math.min(wanted, fused.size);
  const result = { indices: new Int32Array(length), scores: new Float32Array(length) };
  selectFused(fused, result.indices, result.scores);
  return result;
}

/** Makes a check for weights of `count` rankings. */
function weightsOf(count: number): (name: string, argument: string, value: unknown) => NumberArray {
  return (name, argument, value) => {
    const length = { of: count, what: 'one per ranking' };
    const weights = checkNumbers(name, argument, value, length);
    for (let i = 0; i < count; i++) checkNonNegative(name, `${argument}[${i}]`, weights[i]);
    return weights;
  };
}

/** Adds up the scores of all documents of some rankings. */
function fuse(
  rankings: readonly ArrayLike<number>[],
  weights: NumberArray,
  rrfK: number,
): Map<number, number> {
  const scores = new Map<number, number>();
  rankings.forEach((list, r) => {
    for (let i = 0; i < list.length && list[i] !== -1; i++) {
      const index = list[i] as number;
      scores.set(index, (scores.get(index) ?? 0) + (weights[r] as number) / (rrfK + i + 1));
    }
  });
  return scores;
}

/** Writes the best documents of fused rankings. */
function selectFused(
  scores: ReadonlyMap<number, number>,
  indices: Int32Array,
  best: Float32Array,
): void {
  selectTop([...scores.keys()], (document) => scores.get(document) as number, indices, best);
}

/**
 * Searches by words and by meaning: ranks the documents by BM25 of their texts and by their
 * embeddings, and fuses the two rankings by reciprocal ranks. It often finds more than either alone.
 *
 * @param queries texts and embeddings of the queries
 * @param corpus texts (or a {@link Bm25} of them, built once) and embeddings of the documents
 * @param k number of documents per query, at least 1; past the corpus it gives all
 * @param options rrfK, weights, depth, metric
 * @returns indices and fused scores, (queries, min(k, documents)) each, best first, ties to the lower
 *   index
 * @throws {RangeError} if there is not one row per text, or a value is not finite
 * @see https://plg.uwaterloo.ca/~gvcormac/cormacksigir09-rrf.pdf
 * @example
 * const index = new Bm25(documents);
 * const corpus = { texts: index, embeddings: encoder.encode(documents) };
 * const found = hybridSearch({ texts: query, embeddings: encoder.encode([query]) }, corpus, 10);
 */
export function hybridSearch(
  queries: HybridQueries,
  corpus: HybridCorpus,
  k: number,
  options?: HybridSearchOptions,
): TopK {
  const name = 'hybridSearch';
  const from = checkSides(name, 'queries', queries);
  const to = checkSides(name, 'corpus', corpus);
  const texts = readQueries(name, 'queries.texts', from.texts);
  const query = readMatrix(name, 'queries.embeddings', from.embeddings, true);
  const input = readMatrix(name, 'corpus.embeddings', to.embeddings);
  const wanted = integerIn(1)(name, 'k', k);
  const reader = readOptions(name, options);
  const rrfK = reader.read('rrfK', checkPositive, 60);
  const weights = reader.read('weights', weightsOf(2), [1, 1]);
  const given = reader.read('depth', integerIn(1), Math.max(100, 10 * wanted));
  const metric = reader.read('metric', oneOf(METRICS), 'cosine');
  reader.done();
  if (query.rows !== texts.length) {
    const expected = `of ${texts.length} rows, one per text`;
    rangeError(name, 'queries.embeddings', expected, query.rows);
  }
  checkWidth(input, query);
  const index =
    to.texts instanceof Bm25 ? to.texts : new Bm25(checkTextList(name, 'corpus.texts', to.texts));
  if (index.size !== input.rows) {
    rangeError(name, 'corpus.embeddings', `of ${index.size} rows, one per text`, input.rows);
  }
  const width = Math.min(wanted, index.size);
  const depth = Math.min(Math.max(given, width), index.size);
  const byWords = index.topK(texts, depth).indices;
  const embeddings = from.embeddings as MatrixLike;
  const nearest = topK(embeddings, to.embeddings as MatrixLike, depth, { metric }).indices;
  const indices = new Int32Array(texts.length * width);
  const scores = new Float32Array(texts.length * width);
  for (let q = 0; q < texts.length; q++) {
    const rankings = [byWords, nearest].map((all) => all.subarray(q * depth, (q + 1) * depth));
    const fused = fuse(rankings, weights, rrfK);
    const [first, end] = [q * width, (q + 1) * width];
    selectFused(fused, indices.subarray(first, end), scores.subarray(first, end));
  }
  return { indices, scores };
}

/** Checks that an argument has texts and embeddings. */
function checkSides(
  name: string,
  argument: string,
  value: unknown,
): { texts: unknown; embeddings: unknown } {
  const expected = 'an object with texts and embeddings';
  if (typeof value !== 'object' || value === null || isNumberArray(value)) {
    typeError(name, argument, expected, value);
  }
  if (!('texts' in value && 'embeddings' in value)) {
    throw new TypeError(`${name}: ${argument} must be ${expected}, got ${show(value)}`);
  }
  return value;
}
