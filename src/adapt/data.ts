/** Data that adapters are trained on: pairs, scored pairs, labels or triplets of ready-made rows. */

import { checkWidth, type MatrixInput, type MatrixLike, readMatrix } from '../core/matrix.js';
import { OptionReader } from '../core/options.js';
import {
  checkIntegers,
  checkNumbers,
  isNumberArray,
  type Labels,
  rangeError,
  tagOf,
  typeError,
} from '../core/validation.js';
import { DisjointSets, mergeEqualIds, mergeEqualRows } from '../linalg/equal-rows.js';

/** Ids of rows: rows with equal ids are the same, and never each other's negatives. */
export type Ids = readonly (string | number)[] | ArrayLike<number>;

/** Pairs of rows as [query, document], or flat: query, document, query, document, … */
export type Pairs = readonly (readonly number[])[] | Int32Array;

/** Triplets of rows as [anchor, positive, negative], or flat, as `mineTriplets` gives them. */
export type Triplets = readonly (readonly number[])[] | Int32Array;

/** Queries and the documents that belong to them. */
export interface PairData {
  /** (n, d) f32 */
  queries: MatrixLike;
  /** (m, d) f32: all documents that are searched, also those that no pair names. */
  documents: MatrixLike;
  /** Rows of queries and documents that belong together. */
  pairs: Pairs;
  /** Similarity of each pair, larger is more similar; without scores all pairs are positives. */
  scores?: ArrayLike<number> | undefined;
  /** One id per query. */
  queryIds?: Ids | undefined;
  /** One id per document. */
  documentIds?: Ids | undefined;
}

/** Rows and the label of each. */
export interface LabelData {
  /** (n, d) f32 */
  embeddings: MatrixLike;
  /** n whole numbers: rows of one label belong together. */
  labels: Labels;
  /** One id per row. */
  ids?: Ids | undefined;
}

/** Rows, and triplets of them. */
export interface TripletData {
  /** (n, d) f32 */
  embeddings: MatrixLike;
  /** Rows as anchor, positive, negative. */
  triplets: Triplets;
  /** One id per row. */
  ids?: Ids | undefined;
}

/** Data that an adapter is trained on. */
export type AdapterData = PairData | LabelData | TripletData;

export type Kind = 'pairs' | 'scores' | 'labels' | 'triplets';

/** Rows of a sample, by kind: [query, document], [row], or [anchor, positive, negative]. */
const ARITY: Readonly<Record<Kind, number>> = { pairs: 2, scores: 2, labels: 1, triplets: 3 };

/** Checked data. A sample is a pair, a row with its label, or a triplet. */
export interface Task {
  readonly kind: Kind;
  readonly width: number;
  readonly queries: MatrixInput;
  /** `queries` itself where there is one matrix. */
  readonly documents: MatrixInput;
  /** Number of rows of a sample. */
  readonly arity: number;
  /** Rows of the samples, one sample after the other. */
  readonly samples: Int32Array;
  /** Score of each pair, or label of each row. */
  readonly values: Float64Array | undefined;
  /** For each query and, from `documentStart` on, each document, the first that is the same. */
  readonly nodes: Int32Array;
  readonly documentStart: number;
  /** As `nodes`, but queries and documents of equal numbers are the same too. */
  readonly sameNumbers: Int32Array;
}

/** Number of samples. */
export function sampleCount({ samples, arity }: Task): number {
  return samples.length / arity;
}

/** Node of row i of a sample: a query, a document, or a row of the one matrix. */
export function nodeOf(task: Task, sample: number, i: number): number {
  const row = task.samples[sample * task.arity + i] as number;
  const start = i > 0 && task.kind !== 'triplets' ? task.documentStart : 0;
  return task.nodes[start + row] as number;
}

/**
 * Reads and checks data.
 *
 * @param name function that messages name
 * @throws {TypeError} if it is of no known kind
 * @throws {RangeError} if rows are out of range, sizes differ, or a number is not finite
 */
export function readData(name: string, data: unknown): Task {
  if (typeof data !== 'object' || data === null || tagOf(data) !== 'Object') {
    const expected = 'queries, documents and pairs, or embeddings and labels or triplets';
    typeError(name, 'data', expected, data);
  }
  const reader = new OptionReader(`${name}: data`, data);
  const task = 'embeddings' in data ? readRows(name, reader) : readPairs(name, reader);
  reader.done();
  return task;
}

const raw = (_name: string, _argument: string, value: unknown): unknown => value;

function readPairs(name: string, reader: OptionReader): Task {
  const queries = readMatrix(name, 'queries', reader.read('queries', raw));
  const documents = readMatrix(name, 'documents', reader.read('documents', raw));
  checkWidth(documents, queries);
  const rows = [queries.rows, documents.rows];
  const samples = readTuples(name, 'pairs', reader.read('pairs', raw), rows);
  const count = samples.length / 2;
  const scores: unknown = reader.optional('scores', raw);
  const values =
    scores === undefined
      ? undefined
      : Float64Array.from(checkNumbers(name, 'scores', scores, { of: count, what: 'the pairs' }));
  const queryIds = reader.optional('queryIds', checkIds(queries.rows, 'the rows of queries'));
  const documentIds = reader.optional(
    'documentIds',
    checkIds(documents.rows, 'the rows of documents'),
  );
  const start = queries.rows;
  const sets = new DisjointSets(start + documents.rows);
  const sameSide = [new DisjointSets(start), new DisjointSets(documents.rows)] as const;
  mergeEqualRows(sets, [queries, documents], [0, start]);
  // Of the rows that are the same as one, those of its own side are the same sample.
  const firsts = [new Map<number, number>(), new Map<number, number>()] as const;
  for (let node = 0; node < start + documents.rows; node++) {
    const side = node < start ? 0 : 1;
    const own = side === 0 ? node : node - start;
    const root = sets.find(node);
    const first = firsts[side].get(root);
    if (first === undefined) firsts[side].set(root, own);
    else sameSide[side].merge(first, own);
  }
  if (queryIds) mergeEqualIds(sameSide[0], queryIds, 0);
  if (documentIds) mergeEqualIds(sameSide[1], documentIds, 0);
  const nodes = new Int32Array(start + documents.rows);
  nodes.set(sameSide[0].roots());
  nodes.set(
    sameSide[1].roots().map((root) => start + root),
    start,
  );
  return {
    kind: values === undefined ? 'pairs' : 'scores',
    width: queries.cols,
    queries,
    documents,
    arity: 2,
    samples,
    values,
    nodes,
    documentStart: start,
    sameNumbers: sets.roots(),
  };
}

function readRows(name: string, reader: OptionReader): Task {
  const embeddings = readMatrix(name, 'embeddings', reader.read('embeddings', raw));
  const { rows, cols } = embeddings;
  const labels: unknown = reader.optional('labels', raw);
  const triplets: unknown = reader.optional('triplets', raw);
  const ids = reader.optional('ids', checkIds(rows, 'the rows of embeddings'));
  if ((labels === undefined) === (triplets === undefined)) {
    throw new TypeError(`${name}: data must have labels or triplets, one of both`);
  }
  const sets = new DisjointSets(rows);
  mergeEqualRows(sets, [embeddings], [0]);
  if (ids) mergeEqualIds(sets, ids, 0);
  const nodes = sets.roots();
  const common = {
    width: cols,
    queries: embeddings,
    documents: embeddings,
    nodes,
    documentStart: 0,
    sameNumbers: nodes,
  };
  if (labels !== undefined) {
    const length = { of: rows, what: 'the rows of embeddings' };
    const values = Float64Array.from(checkIntegers(name, 'labels', labels, length));
    const samples = Int32Array.from({ length: rows }, (_, i) => i);
    return { ...common, kind: 'labels', arity: ARITY.labels, samples, values };
  }
  const all = readTuples(name, 'triplets', triplets, [rows, rows, rows]);
  // A negative that is the same as the anchor or the positive is none.
  const kept: number[] = [];
  for (let t = 0; t < all.length; t += 3) {
    const [a, p, n] = [0, 1, 2].map((i) => nodes[all[t + i] as number]);
    if (n !== a && n !== p) for (let i = 0; i < 3; i++) kept.push(all[t + i] as number);
  }
  if (kept.length === 0) {
    throw new RangeError(`${name}: triplets must have a negative that is not the positive itself`);
  }
  const samples = Int32Array.from(kept);
  return { ...common, kind: 'triplets', arity: ARITY.triplets, samples, values: undefined };
}

/** Reads pairs or triplets of rows, nested or flat; `rows` has the number of rows that each can name. */
function readTuples(
  name: string,
  argument: string,
  value: unknown,
  rows: readonly number[],
): Int32Array {
  const arity = rows.length;
  const what = arity === 2 ? '[query, document]' : '[anchor, positive, negative]';
  if (!isNumberArray(value) && !Array.isArray(value)) {
    typeError(name, argument, `an array of ${what}`, value);
  }
  let flat: unknown[] | ArrayLike<number> = value;
  if (Array.isArray(value)) {
    flat = value.flatMap((tuple: unknown, i): unknown[] => {
      if (!isNumberArray(tuple)) typeError(name, `${argument}[${i}]`, what, tuple);
      if (tuple.length !== arity) {
        rangeError(name, `${argument}[${i}]`, `${arity} rows, ${what}`, tuple.length);
      }
      return Array.from(tuple);
    });
  }
  if (flat.length === 0 || flat.length % arity !== 0) {
    rangeError(name, argument, `at least one ${what}, ${arity} rows each`, flat.length);
  }
  checkIntegers(name, argument, flat);
  const samples = Int32Array.from(flat as ArrayLike<number>);
  samples.forEach((row, i) => {
    const limit = rows[i % arity] as number;
    if (row >= 0 && row < limit) return;
    rangeError(name, `${argument}[${Math.floor(i / arity)}]`, `rows from 0 to ${limit - 1}`, row);
  });
  return samples;
}

/** Makes a check of one id per row: numbers or texts. */
function checkIds(
  rows: number,
  what: string,
): (name: string, argument: string, value: unknown) => ArrayLike<number | string> {
  return (name, argument, value) => {
    if (!isNumberArray(value)) typeError(name, argument, 'an array of numbers or texts', value);
    if (value.length !== rows) rangeError(name, argument, `${rows} long (${what})`, value.length);
    for (let i = 0; i < value.length; i++) {
      const id: unknown = value[i];
      if (typeof id === 'string' || (typeof id === 'number' && Number.isFinite(id))) continue;
      typeError(name, `${argument}[${i}]`, 'a number or a text', id);
    }
    return value;
  };
}
