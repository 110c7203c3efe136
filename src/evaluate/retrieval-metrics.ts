/** The metrics of rankings, summed up query by query. */

import analysisCode from '#wasm/analysis';
import { kernels } from '../core/kernels.js';
import { f64, i32, type Scope } from '../core/memory.js';
import { integerIn, isNumberArray, rangeError, typeError } from '../core/validation.js';
import type { RelevantRanks } from './ranking.js';
import type { RelevantRows } from './relevance.js';

/** Metrics by cutoff k, and over the whole ranking: one number each, or one per query. */
interface Figures<T> {
  /** Fraction of a query's relevant rows that are among the first k, by k: `recall[10]`. */
  recall: Record<number, T>;
  /** Fraction of the first k rows that are relevant, by k. */
  precision: Record<number, T>;
  /**
   * Discounted gain of the first k rows, grade / log2(rank + 1) per relevant row, over the best
   * possible, by k. The grade is 1 where none is given.
   */
  ndcg: Record<number, T>;
  /** 1 / rank of the first relevant row, 0 where it is not among the first k, by k. */
  mrrAt: Record<number, T>;
  /**
   * Mean over a query's relevant rows, at most k of them, of the precision at their ranks; rows that
   * are not among the first k count 0. By k.
   */
  mapAt: Record<number, T>;
  /** 1 where a relevant row is among the first k, else 0, by k. */
  accuracyAt: Record<number, T>;
  /** 1 / rank of the first relevant row, over the whole ranking. */
  mrr: T;
  /** Mean over a query's relevant rows of the precision at their ranks, over the whole ranking. */
  map: T;
}

/** Means of the metrics over the queries that have relevant rows, from 0 to 1. */
export interface RetrievalMetrics extends Figures<number> {}

/** Metrics of each query that has relevant rows. */
export interface PerQueryMetrics extends Figures<Float32Array> {
  /** The rows of those queries: number i of every metric is of query `queries[i]`. */
  queries: Int32Array;
}

const AT_K = ['recall', 'precision', 'ndcg', 'mrrAt', 'mapAt', 'accuracyAt'] as const;
const WHOLE = ['mrr', 'map'] as const;

/** Reads the cutoffs of metrics. */
export function readCutoffs(name: string, argument: string, ks: unknown): number[] {
  if (!isNumberArray(ks)) typeError(name, argument, 'an array of whole numbers', ks);
  if (ks.length === 0) rangeError(name, argument, 'at least one number long', 0);
  return Array.from(ks, (k, i) => integerIn(1)(name, `${argument}[${i}]`, k));
}

/** Relevant rows that a ranking has, of all that a query has. */
interface Found extends RelevantRanks {
  /** Number of relevant rows, in the ranking or not. */
  readonly relevant: number;
  /** The row that is left out of the ranking; -1 for none. */
  readonly leftOut: number;
}

/** Sums of the metrics of queries, and if wanted the metrics of each. */
export class MetricSums {
  readonly #ks: readonly number[];
  readonly #grades: RelevantRows['grades'];
  readonly #gains: number;
  readonly #ideal: number;
  readonly #queries: number[] = [];
  /** Figures of the queries: first those by k, then those of the whole ranking. */
  readonly #figures: number[][] = [];

  /** Takes memory for the grades of one query from `scope`. */
  constructor(scope: Scope, ks: readonly number[], { rows, grades }: RelevantRows) {
    this.#ks = ks;
    this.#grades = grades;
    const graded = grades.some((map) => map !== undefined);
    [this.#gains, this.#ideal] = graded ? [scope.f64(rows.length), scope.f64(rows.length)] : [0, 0];
  }

  /** Adds the metrics of a query. */
  add({ query, ranks, rows, count, relevant, leftOut }: Found): void {
    const core = kernels(analysisCode);
    const graded = this.#writeGains(query, rows, count, leftOut);
    const [gains, ideal] = graded ? [this.#gains, this.#ideal] : [0, 0];
    const figures = this.#ks.flatMap((k) => {
      const hits = core.hitsWithin(ranks, count, k);
      const best = Math.min(k, relevant);
      return [
        hits / relevant,
        hits / k,
        core.dcg(ranks, gains, hits) / core.dcg(0, ideal, best),
        core.precisionSum(ranks, Math.min(hits, 1)),
        core.precisionSum(ranks, hits) / best,
        hits > 0 ? 1 : 0,
      ];
    });
    figures.push(
      core.precisionSum(ranks, Math.min(count, 1)),
      core.precisionSum(ranks, count) / relevant,
    );
    this.#queries.push(query);
    this.#figures.push(figures);
  }

  /** Writes the grades of the rows that were found, and the grades of all in falling order. */
  #writeGains(query: number, rows: number, count: number, leftOut: number): boolean {
    const grades = this.#grades[query];
    if (grades === undefined) return false;
    const found = i32().subarray(rows / 4, rows / 4 + count);
    const ideal: number[] = [];
    for (const [row, grade] of grades) if (row !== leftOut) ideal.push(grade);
    ideal.sort((a, b) => b - a);
    f64().set(
      Float64Array.from(found, (row) => grades.get(row) as number),
      this.#gains / 8,
    );
    f64().set(ideal, this.#ideal / 8);
    return true;
  }

  /** Means over the queries. */
  means(): RetrievalMetrics {
    const count = this.#figures.length;
    return this.#collect((at) => {
      let sum = 0;
      for (const figures of this.#figures) sum += figures[at] as number;
      return sum / count;
    });
  }

  /** Metrics of each query. */
  perQuery(): PerQueryMetrics {
    const column = (at: number): Float32Array =>
      Float32Array.from(this.#figures, (figures) => figures[at] as number);
    return { queries: Int32Array.from(this.#queries), ...this.#collect(column) };
  }

  #collect<T>(valueAt: (at: number) => T): Figures<T> {
    const byK = (metric: number): [string, Record<number, T>] => [
      AT_K[metric] as string,
      Object.fromEntries(this.#ks.map((k, i) => [k, valueAt(i * AT_K.length + metric)])),
    ];
    const whole = (metric: string, i: number): [string, T] => [
      metric,
      valueAt(this.#ks.length * AT_K.length + i),
    ];
    return Object.fromEntries<unknown>([
      ...AT_K.map((_, metric) => byK(metric)),
      ...WHOLE.map(whole),
    ]) as unknown as Figures<T>;
  }
}
