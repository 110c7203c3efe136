/** Comparison of two rankings: the paired bootstrap. */

import analysisCode from '#wasm/analysis';
import { kernels } from '../core/kernels.js';
import type { NumberArray } from '../core/matrix.js';
import { f64, scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import { STREAMS } from '../core/streams.js';
import { checkNumber, checkNumbers, integerIn, rangeError } from '../core/validation.js';

/** Options of {@link compareRankings}. */
export interface CompareRankingsOptions {
  /**
   * Number of samples, at least 1.
   * @default 2000
   */
  samples?: number | undefined;
  /**
   * Level of the interval, greater than 0 and less than 1.
   * @default 0.95
   */
  level?: number | undefined;
  /**
   * Seed of the samples, from 0.
   * @default 0
   */
  seed?: number | undefined;
}

/** Result of {@link compareRankings}. */
export interface RankingComparison {
  /** Mean of after − before. */
  difference: number;
  /** Bounds of the difference at the level: 0 outside of them says that the rankings differ. */
  interval: [low: number, high: number];
}

/** Checks a level: a number between 0 and 1. */
function checkLevel(name: string, argument: string, value: unknown): number {
  const level = checkNumber(name, argument, value);
  if (level > 0 && level < 1) return level;
  rangeError(name, argument, 'greater than 0 and less than 1', level);
}

/**
 * Compares two rankings by a metric of each query, as `perQuery` of {@link evaluateRetrieval} has it:
 * the mean difference, and its percentile interval by a paired bootstrap over the queries. The same
 * seed gives the same interval, to the bit.
 *
 * @param before one number per query
 * @param after one number per query, in the same order
 * @param options samples, level, seed
 * @returns the difference and its interval
 * @throws {RangeError} if there is not one number per query on both sides
 * @example
 * const before = evaluateRetrieval(queries, corpus, relevant, { perQuery: true }).perQuery;
 * const after = evaluateRetrieval(tuned, corpus, relevant, { perQuery: true }).perQuery;
 * const { difference, interval } = compareRankings(before.mrrAt[10], after.mrrAt[10]);
 */
export function compareRankings(
  before: NumberArray,
  after: NumberArray,
  options?: CompareRankingsOptions,
): RankingComparison {
  const name = 'compareRankings';
  const from = checkNumbers(name, 'before', before);
  const n = from.length;
  if (n === 0) rangeError(name, 'before', 'at least one number long', 0);
  const to = checkNumbers(name, 'after', after, { of: n, what: 'as before' });
  const reader = readOptions(name, options);
  const samples = reader.read('samples', integerIn(1, 2 ** 31 - 1), 2000);
  const level = reader.read('level', checkLevel, 0.95);
  const seed = reader.read('seed', integerIn(0), 0);
  reader.done();
  const differences = Float64Array.from({ length: n }, (_, i) => {
    return (to[i] as number) - (from[i] as number);
  });
  const { mean, means } = bootstrapMeans(differences, samples, seed);
  const tail = (1 - level) / 2;
  return { difference: mean, interval: [quantile(means, tail), quantile(means, 1 - tail)] };
}

/** The mean of numbers, and the means of samples of them that are drawn with replacement, sorted. */
export function bootstrapMeans(
  numbers: Float64Array,
  samples: number,
  seed: number,
): { mean: number; means: Float64Array } {
  const n = numbers.length;
  let sum = 0;
  for (const number of numbers) sum += number;
  const means = scoped((scope) => {
    const [y, x] = [scope.f64(samples), scope.f64(n)];
    const bits = scope.i32(16 * Math.ceil(n / 16));
    f64().set(numbers, x / 8);
    const [low, high] = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
    kernels(analysisCode).bootstrapMeans(y, x, n, samples, bits, low, high, STREAMS.bootstrap);
    return f64().slice(y / 8, y / 8 + samples);
  });
  return { mean: sum / n, means: means.sort() };
}

/** Quantile of sorted numbers, between two of them in proportion. */
export function quantile(sorted: Float64Array, fraction: number): number {
  const at = fraction * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (at - below);
}
