/** Mining of hard negatives: rows that are near to a query and do not belong to it. */

import { kernels } from '../core/kernels.js';
import {
  checkWidth,
  copyRowsIn,
  type MatrixInput,
  type MatrixLike,
  type NumberArray,
  readMatrix,
} from '../core/matrix.js';
import { f32, f64, i32, scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import { Random } from '../core/random.js';
import { STREAMS } from '../core/streams.js';
import {
  checkIntegers,
  checkNonNegative,
  checkNumber,
  integerIn,
  oneOf,
  rangeError,
  typeError,
} from '../core/validation.js';
import { DisjointSets, mergeEqualRows } from '../linalg/equal-rows.js';
import { nearest } from './top-k.js';

/** Options of {@link mineHardNegatives}. */
export interface MineHardNegativesOptions {
  /**
   * Negatives per query, at least 1.
   * @default 5
   */
  k?: number | undefined;
  /**
   * Absolute margin, at least 0: where it is greater than 0, a negative's cosine is at least this much
   * below that of the query's nearest positive.
   * @default 0
   */
  margin?: number | undefined;
  /**
   * Relative margin, at least 0: a negative's cosine is at most p − |p| · relativeMargin, p being that
   * of the query's nearest positive.
   */
  relativeMargin?: number | undefined;
  /** Smallest cosine of a negative. */
  minScore?: number | undefined;
  /** Largest cosine of a negative. */
  maxScore?: number | undefined;
  /**
   * Number of the nearest rows that are skipped, which may be positives that are not listed.
   * @default 0
   */
  rangeMin?: number | undefined;
  /**
   * Number of the nearest rows that negatives are taken from, at least rangeMin + k.
   * @default rangeMin + k + the largest number of positives, or + 10 k with a margin or maxScore
   */
  rangeMax?: number | undefined;
  /**
   * Take the nearest of these rows, or draw among them.
   * @default 'top'
   */
  sampling?: 'top' | 'random' | undefined;
  /**
   * Seed of what is drawn, from 0.
   * @default 0
   */
  seed?: number | undefined;
}

const SAMPLING = ['top', 'random'] as const;
/** Floats of queries that are searched for at a time: 16 MiB. */
const BLOCK = 1 << 22;

/** Settings of one call. */
interface Settings {
  readonly k: number;
  readonly margin: number;
  readonly relativeMargin: number | undefined;
  readonly minScore: number;
  readonly maxScore: number;
  readonly rangeMin: number;
  readonly rangeMax: number;
  readonly sampling: 'top' | 'random';
  readonly seed: number;
}

/**
 * Mines hard negatives: for each query the rows of a corpus that are nearest by cosine and do not
 * belong to it. The options mean what those of sentence-transformers' `mine_hard_negatives` do.
 *
 * A row with the numbers of a positive, or of the query itself, is never a negative; of rows with
 * equal numbers the first stands for all. Memory stays bounded, whatever the sizes; threads are used
 * where they are set.
 *
 * @param queries (n, d) f32
 * @param corpus (m, d) f32
 * @param positives for each query the rows of the corpus that belong to it
 * @param options k, margin, relativeMargin, minScore, maxScore, rangeMin, rangeMax, sampling, seed
 * @returns (n, k), row-major: rows of the corpus, nearest first; -1 where there is none
 * @throws {RangeError} if the widths differ, a row is out of range or a value is not finite
 * @see https://arxiv.org/abs/2407.15831
 * @example const negatives = mineHardNegatives(queries, documents, positives, { k: 3, relativeMargin: 0.05 });
 */
export function mineHardNegatives(
  queries: MatrixLike,
  corpus: MatrixLike,
  positives: readonly NumberArray[],
  options?: MineHardNegativesOptions,
): Int32Array {
  const name = 'mineHardNegatives';
  const query = readMatrix(name, 'queries', queries);
  const input = readMatrix(name, 'corpus', corpus);
  checkWidth(input, query);
  const lists = readPositives(name, positives, query.rows, input.rows);
  const maxPositives = lists.reduce((max, { length }) => Math.max(max, length), 0);
  const settings = readSettings(name, options, maxPositives);
  const same = sameRows(query, input);
  const unique = same.corpus.flatMap((first, row) => (first === row ? [row] : []));
  const searched = unique.length === input.rows ? input : selectInput(input, unique);
  const count = Math.min(settings.rangeMax + maxPositives, searched.rows);
  const found = new Int32Array(query.rows * settings.k).fill(-1);
  const step = Math.max(1, Math.floor(BLOCK / query.cols));
  for (let first = 0; first < query.rows; first += step) {
    const rows = Math.min(step, query.rows - first);
    const block = sliceInput(query, first, rows);
    const { scores, indices } = scoped((scope) => {
      const best = nearest(scope, block, searched, count, 'cosine');
      return {
        scores: f32().slice(best.scores / 4, best.scores / 4 + rows * count),
        indices: i32().slice(best.indices / 4, best.indices / 4 + rows * count),
      };
    });
    const tops = positiveScores(query, input, lists, first, rows, settings);
    for (let r = 0; r < rows; r++) {
      const q = first + r;
      const excluded = new Set(Array.from(lists[q] as NumberArray, (row) => same.corpus[row]));
      const own = same.queries[q];
      if (own !== undefined) excluded.add(own);
      const candidates: number[] = [];
      const limit = limitOf(tops[r] as number, settings);
      for (let i = 0; i < count; i++) {
        const score = scores[r * count + i] as number;
        const row = unique[indices[r * count + i] as number] as number;
        if (excluded.has(row) || score > limit || score < settings.minScore) continue;
        candidates.push(row);
      }
      found.set(choose(candidates, settings, q), q * settings.k);
    }
  }
  return found;
}

/** The largest cosine of a negative, by the cosine of the nearest positive; -inf for none. */
function limitOf(positive: number, { margin, relativeMargin, maxScore }: Settings): number {
  let limit = maxScore;
  if (positive === Number.NEGATIVE_INFINITY) return limit;
  if (margin > 0) limit = Math.min(limit, positive - margin);
  if (relativeMargin !== undefined) {
    limit = Math.min(limit, positive - Math.abs(positive) * relativeMargin);
  }
  return limit;
}

/** Takes the negatives of a query among its candidates, nearest first. */
function choose(candidates: number[], settings: Settings, query: number): number[] {
  const { k, rangeMin, rangeMax, sampling, seed } = settings;
  const range = candidates.slice(rangeMin, rangeMax);
  if (sampling === 'top' || range.length <= k) return range.slice(0, k);
  const random = new Random(seed, STREAMS.hardNegatives, query);
  const order = random.shuffle(range.map((_, i) => i)).slice(0, k);
  return order.sort((i, j) => i - j).map((i) => range[i] as number);
}

function readPositives(
  name: string,
  positives: unknown,
  queries: number,
  corpus: number,
): ArrayLike<number>[] {
  if (!Array.isArray(positives)) {
    typeError(name, 'positives', 'an array with an array of rows for each query', positives);
  }
  if (positives.length !== queries) {
    rangeError(name, 'positives', `${queries} long (the rows of queries)`, positives.length);
  }
  const range = {
    valid: (row: number) => row >= 0 && row < corpus,
    what: `from 0 to ${corpus - 1} (the rows of corpus)`,
  };
  return Array.from(positives, (list: unknown, q) =>
    checkIntegers(name, `positives[${q}]`, list, undefined, range),
  );
}

function readSettings(name: string, options: unknown, maxPositives: number): Settings {
  const reader = readOptions(name, options);
  const k = reader.read('k', integerIn(1), 5);
  const margin = reader.read('margin', checkNonNegative, 0);
  const relativeMargin = reader.optional('relativeMargin', checkNonNegative);
  const minScore = reader.read('minScore', checkNumber, Number.NEGATIVE_INFINITY);
  const maxScore = reader.read('maxScore', checkNumber, Number.POSITIVE_INFINITY);
  const rangeMin = reader.read('rangeMin', integerIn(0), 0);
  const filtered = margin > 0 || relativeMargin !== undefined || Number.isFinite(maxScore);
  const depth = rangeMin + (filtered ? 10 * k : k) + maxPositives;
  const given = reader.optional('rangeMax', integerIn(1));
  const sampling = reader.read('sampling', oneOf(SAMPLING), 'top');
  const seed = reader.read('seed', integerIn(0), 0);
  reader.done();
  const rangeMax = given ?? depth;
  if (rangeMax < rangeMin + k) {
    rangeError(name, 'rangeMax', `at least rangeMin + k = ${rangeMin + k}`, rangeMax);
  }
  return { k, margin, relativeMargin, minScore, maxScore, rangeMin, rangeMax, sampling, seed };
}

/** The first row of the corpus with the numbers of each of its rows, and with those of each query. */
function sameRows(
  queries: MatrixInput,
  corpus: MatrixInput,
): { corpus: number[]; queries: (number | undefined)[] } {
  const sets = new DisjointSets(corpus.rows + queries.rows);
  mergeEqualRows(sets, [corpus, queries], [0, corpus.rows]);
  const roots = sets.roots();
  return {
    corpus: Array.from(roots.subarray(0, corpus.rows)),
    queries: Array.from(roots.subarray(corpus.rows), (root) => {
      return root < corpus.rows ? root : undefined;
    }),
  };
}

/** Some rows of a matrix, as a matrix. */
function selectInput(input: MatrixInput, rows: readonly number[]): MatrixInput {
  const { cols } = input;
  const data = new Float32Array(rows.length * cols);
  scoped((scope) => {
    const at = scope.f32(cols);
    rows.forEach((row, i) => {
      copyRowsIn(input, at, row, row + 1);
      data.set(f32().subarray(at / 4, at / 4 + cols), i * cols);
    });
  });
  return { name: input.name, argument: input.argument, rows: rows.length, cols, data };
}

/** Rows `first` to `first + rows` of a matrix. */
function sliceInput(input: MatrixInput, first: number, rows: number): MatrixInput {
  if (first === 0 && rows === input.rows) return input;
  return selectInput(
    input,
    Array.from({ length: rows }, (_, i) => first + i),
  );
}

/** Largest cosine of each query and its positives, where a margin asks for it; -inf without one. */
function positiveScores(
  query: MatrixInput,
  corpus: MatrixInput,
  lists: readonly ArrayLike<number>[],
  first: number,
  rows: number,
  { margin, relativeMargin }: Settings,
): number[] {
  const core = kernels();
  const { cols } = query;
  return Array.from({ length: rows }, (_, r) => {
    const list = lists[first + r] as ArrayLike<number>;
    const { length } = list;
    if (length === 0 || (margin === 0 && relativeMargin === undefined)) {
      return Number.NEGATIVE_INFINITY;
    }
    return scoped((scope) => {
      const [a, b] = [scope.f32(length * cols), scope.f32(length * cols)];
      const [norms, y] = [scope.f64(length), scope.f64(length)];
      for (let i = 0; i < length; i++) {
        copyRowsIn(query, a + 4 * i * cols, first + r, first + r + 1);
        copyRowsIn(corpus, b + 4 * i * cols, list[i] as number, (list[i] as number) + 1);
      }
      core.normalizeRows(a, norms, a, length, cols);
      core.normalizeRows(b, norms, b, length, cols);
      core.rowDots(y, a, b, length, cols);
      return Math.max(...f64().subarray(y / 8, y / 8 + length));
    });
  });
}
