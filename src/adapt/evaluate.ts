/** Metrics on held-out samples, with and without an adapter: one value per query, row, pair or triplet. */

import { kernels } from '../core/kernels.js';
import {
  copyFloatsOut,
  copyIn,
  copyRowsIn,
  type Matrix,
  type MatrixInput,
  readMatrix,
} from '../core/matrix.js';
import { f64, scoped } from '../core/memory.js';
import { Random } from '../core/random.js';
import { STREAMS } from '../core/streams.js';
import { evaluateRetrieval } from '../evaluate/retrieval.js';
import { doubledRanks } from '../evaluate/spearman.js';
import type { Adapter } from './adapter.js';
import { type Kind, nodeOf, type Task } from './data.js';

/**
 * Metric of each kind of data.
 *
 * That of labels must add up what each hit is worth, as NDCG does. An adapter gathers the rows that it was
 * trained on by their labels, right or wrong, so that rankings become all hits or none; MAP, where a
 * hit is worth more after others, calls that a gain even where labels are random.
 */
export const METRICS = {
  pairs: 'mrr@10',
  scores: 'spearman',
  labels: 'ndcg@10',
  triplets: 'accuracy',
} as const satisfies Readonly<Record<Kind, string>>;

export type AdapterMetric = (typeof METRICS)[Kind];

/** Cutoff of the metrics of rankings. */
export const CUTOFF = 10;

/** Queries and documents of an evaluation at most. */
export interface EvaluationLimits {
  readonly queries: number;
  readonly documents: number;
}

/**
 * Documents for each query: a few queries tell so little that a larger corpus would only take time.
 * Not less than the smallest corpus, in which the nearest document is not found by chance.
 */
const DOCUMENTS_PER_QUERY = 50;
const MIN_DOCUMENTS = 1000;

/** Rows of a matrix by index. */
export function selectRows(input: MatrixInput, rows: ArrayLike<number>): Matrix {
  return scoped((scope) => {
    const { cols } = input;
    const at = scope.f32(rows.length * cols);
    for (let i = 0; i < rows.length; i++) {
      copyRowsIn(input, at + 4 * i * cols, rows[i] as number, (rows[i] as number) + 1);
    }
    return { data: copyFloatsOut(input.name, at, rows.length * cols), rows: rows.length, cols };
  });
}

/** Held-out samples, prepared once and evaluated for many adapters. */
export class Evaluation {
  readonly #task: Task;
  readonly #queries: Matrix;
  readonly #documents: Matrix;
  /** Evaluates what is given as the rows of both. */
  readonly #measure: (queries: Matrix, documents: Matrix) => Float64Array;
  /**
   * For each value what it hangs together with, once by each kind of row that several may have in
   * common: values of one group are not independent.
   */
  readonly groupings: readonly Int32Array[];
  /** Weight of each value in the mean, which its value has in it. */
  readonly weights: Float64Array;
  /** Number of rows that are searched; undefined where nothing is. */
  readonly searched: number | undefined;

  /**
   * @param samples held-out samples
   * @param limits how much is searched at most
   */
  constructor(task: Task, samples: Int32Array, limits: EvaluationLimits, seed: number) {
    this.#task = task;
    const parts =
      task.kind === 'pairs'
        ? rankedPairs(task, samples, limits, seed)
        : task.kind === 'labels'
          ? rankedLabels(task, samples, limits, seed)
          : comparedRows(task, samples);
    this.#queries = selectRows(task.queries, parts.queries);
    this.#documents = selectRows(task.documents, parts.documents);
    this.#measure = parts.measure;
    this.groupings = parts.groupings;
    this.weights = parts.weights ?? new Float64Array(this.count).fill(1);
    this.searched =
      task.kind === 'pairs' || task.kind === 'labels' ? parts.documents.length : undefined;
  }

  /** Number of values; a mean needs at least one. */
  get count(): number {
    return (this.groupings[0] as Int32Array).length;
  }

  /** Values with an adapter, or without one. */
  values(adapter: Adapter | undefined): Float64Array {
    if (adapter === undefined) return this.#measure(this.#queries, this.#documents);
    // The anchors of labels are documents too: all rows are adapted alike.
    const both = adapter.side === 'both' || this.#task.kind === 'labels';
    return this.#measure(
      adapter.apply(this.#queries),
      both ? adapter.apply(this.#documents, { side: 'document' }) : this.#documents,
    );
  }
}

interface Parts {
  queries: ArrayLike<number>;
  documents: ArrayLike<number>;
  groupings: readonly Int32Array[];
  /** 1 each if there are none. */
  weights?: Float64Array;
  measure(queries: Matrix, documents: Matrix): Float64Array;
}

/** Rows from 0 to n - 1, or so many of them, the wanted ones among them. */
function sampleRows(n: number, wanted: Iterable<number>, max: number, seed: number): Int32Array {
  if (n <= max) return Int32Array.from({ length: n }, (_, i) => i);
  const kept = new Set(wanted);
  const random = new Random(seed, STREAMS.adapterCorpus);
  while (kept.size < Math.min(max, n)) kept.add(random.integer(n));
  return Int32Array.from(kept).sort();
}

/** Each query searches its documents among all of them. */
function rankedPairs(
  task: Task,
  samples: Int32Array,
  limits: EvaluationLimits,
  seed: number,
): Parts {
  const start = task.documentStart;
  const found = new Map<number, Set<number>>();
  const rowOf = new Map<number, number>();
  for (const sample of samples) {
    const query = nodeOf(task, sample, 0);
    if (!found.has(query) && found.size === limits.queries) continue;
    rowOf.set(query, rowOf.get(query) ?? (task.samples[2 * sample] as number));
    const documents = found.get(query) ?? new Set();
    found.set(query, documents.add(nodeOf(task, sample, 1)));
  }
  const wanted = new Set<number>();
  for (const documents of found.values()) for (const node of documents) wanted.add(node);
  // A document that is there several times is relevant each time.
  const copies = new Map<number, number[]>();
  for (let row = 0; row < task.documents.rows; row++) {
    const node = task.nodes[start + row] as number;
    if (!wanted.has(node)) continue;
    const rows = copies.get(node);
    if (rows === undefined) copies.set(node, [row]);
    else rows.push(row);
  }
  const needed = [...copies.values()].flat();
  const corpus = Math.max(MIN_DOCUMENTS, DOCUMENTS_PER_QUERY * found.size);
  const max = Math.min(limits.documents, corpus);
  const documents = sampleRows(task.documents.rows, needed, max, seed);
  const at = new Map(Array.from(documents, (row, i) => [row, i]));
  const relevant = Array.from(found.values(), (nodes) =>
    [...nodes].flatMap((node) => (copies.get(node) ?? []).map((row) => at.get(row) as number)),
  );
  return {
    queries: Array.from(rowOf.values()),
    documents,
    // Queries of one document hang together.
    groupings: [Int32Array.from(found.values(), (nodes) => Math.min(...nodes))],
    measure(queries, corpus) {
      const { perQuery } = evaluateRetrieval(queries, corpus, relevant, {
        ks: [CUTOFF],
        perQuery: true,
      });
      return Float64Array.from(perQuery.mrrAt[CUTOFF] as Float32Array);
    },
  };
}

/** Each row searches the other rows of its label; all labels count the same. */
function rankedLabels(
  task: Task,
  samples: Int32Array,
  limits: EvaluationLimits,
  seed: number,
): Parts {
  const labelOf = (row: number): number => task.values?.[row] as number;
  const rows = sampleRows(task.queries.rows, samples, limits.documents, seed);
  const byLabel = new Map<number, number[]>();
  rows.forEach((row, i) => {
    const list = byLabel.get(labelOf(row));
    if (list === undefined) byLabel.set(labelOf(row), [i]);
    else list.push(i);
  });
  const at = new Map(Array.from(rows, (row, i) => [row, i]));
  const relevantOf = (row: number): number[] =>
    (byLabel.get(labelOf(row)) ?? []).filter((i) => {
      return task.nodes[rows[i] as number] !== task.nodes[row];
    });
  const queries = Array.from(
    samples.filter((row) => at.has(row) && relevantOf(row).length > 0),
  ).slice(0, limits.queries);
  const counts = new Map<number, number>();
  for (const row of queries) counts.set(labelOf(row), (counts.get(labelOf(row)) ?? 0) + 1);
  const weights = queries.map((row) => {
    return queries.length / counts.size / (counts.get(labelOf(row)) as number);
  });
  const leaveOut = queries.map((row) => at.get(row) as number);
  return {
    queries,
    documents: rows,
    groupings: [Int32Array.from(queries, (row) => task.nodes[row] as number)],
    weights: Float64Array.from(weights),
    measure(matrix, corpus) {
      const relevant = queries.map(relevantOf);
      const options = { ks: [CUTOFF], leaveOut, perQuery: true } as const;
      const { perQuery } = evaluateRetrieval(matrix, corpus, relevant, options);
      const values = perQuery.ndcg[CUTOFF] as Float32Array;
      return Float64Array.from(values, (value, i) => value * (weights[i] as number));
    },
  };
}

/** Cosines of the rows of pairs or triplets. */
function comparedRows(task: Task, samples: Int32Array): Parts {
  const rowsAt = (i: number): number[] =>
    Array.from(samples, (sample) => task.samples[sample * task.arity + i] as number);
  // Samples have anchors in common, and what the anchors are compared with.
  const groupings = Array.from({ length: task.arity }, (_, i) =>
    Int32Array.from(samples, (sample) => nodeOf(task, sample, i)),
  );
  if (task.kind === 'scores') {
    const target = standardRanks(Array.from(samples, (sample) => task.values?.[sample] as number));
    return {
      queries: rowsAt(0),
      documents: rowsAt(1),
      groupings,
      measure: (a, b) => {
        const ranks = standardRanks(rowCosines(a, b));
        return ranks.map((rank, i) => rank * (target[i] as number));
      },
    };
  }
  const count = samples.length;
  return {
    queries: rowsAt(0),
    documents: [...rowsAt(1), ...rowsAt(2)],
    groupings,
    measure(anchors, others) {
      const { cols } = others;
      const half = (first: number): Matrix => ({
        data: others.data.subarray(first * cols, (first + count) * cols),
        rows: count,
        cols,
      });
      const [near, far] = [rowCosines(anchors, half(0)), rowCosines(anchors, half(count))];
      return near.map((cosine, i) => {
        const other = far[i] as number;
        return cosine > other ? 1 : cosine === other ? 0.5 : 0;
      });
    },
  };
}

/** Ranks with mean 0 and variance 1: the mean of products of two such lists is Spearman's correlation. */
function standardRanks(values: ArrayLike<number>): Float64Array {
  const n = values.length;
  const ranks = doubledRanks(values).map((rank) => rank - (n - 1));
  let sum = 0;
  for (const rank of ranks) sum += rank * rank;
  const inverse = sum === 0 ? 0 : 1 / Math.sqrt(sum / n);
  return ranks.map((rank) => rank * inverse);
}

/** The cosine of each row of a and the same row of b; 0 with a row of zeros. */
function rowCosines(a: Matrix, b: Matrix): Float64Array {
  const { rows, cols } = a;
  return scoped((scope) => {
    const core = kernels();
    const unit = [a, b].map((matrix) => {
      const at = copyIn(scope, readMatrix('tuneAdapter', 'rows', matrix));
      core.normalizeRows(at, scope.f64(rows), at, rows, cols);
      return at;
    }) as [number, number];
    const y = scope.f64(rows);
    core.rowDots(y, unit[0], unit[1], rows, cols);
    return f64().slice(y / 8, y / 8 + rows);
  });
}
