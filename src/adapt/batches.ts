/** Batches of a run: which samples a step sees. None has two rows that are the same as negatives. */

import { Random } from '../core/random.js';
import { STREAMS } from '../core/streams.js';
import { nodeOf, type Task } from './data.js';

/** Samples of a step. */
export type Batches = (step: number) => Int32Array;

/** Tells which samples may not be in a batch together. */
interface Conflicts {
  /** Tells whether a sample may join. */
  fits(sample: number): boolean;
  add(sample: number): void;
}

/** Nodes of documents that belong to each query, and nodes of queries that belong to each document. */
export interface Positives {
  readonly ofQuery: ReadonlyMap<number, ReadonlySet<number>>;
  readonly ofDocument: ReadonlyMap<number, ReadonlySet<number>>;
}

/** Lists what belongs together: all pairs of the task, and documents with the numbers of a query. */
export function positivesOf(task: Task): Positives {
  const ofQuery = new Map<number, Set<number>>();
  const ofDocument = new Map<number, Set<number>>();
  const add = (query: number, document: number): void => {
    put(ofQuery, query, document);
    put(ofDocument, document, query);
  };
  for (let s = 0; s * 2 < task.samples.length; s++) add(nodeOf(task, s, 0), nodeOf(task, s, 1));
  const start = task.documentStart;
  const documents = new Map<number, number>();
  for (let node = start; node < task.nodes.length; node++) {
    documents.set(task.sameNumbers[node] as number, task.nodes[node] as number);
  }
  for (let node = 0; node < start; node++) {
    const document = documents.get(task.sameNumbers[node] as number);
    if (document !== undefined) add(task.nodes[node] as number, document);
  }
  return { ofQuery, ofDocument };
}

function put(map: Map<number, Set<number>>, key: number, value: number): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([value]));
  else set.add(value);
}

/** Pairs in a batch are each other's negatives: none of their rows may belong together. */
function pairConflicts(task: Task, { ofQuery, ofDocument }: Positives): Conflicts {
  const queries = new Set<number>();
  const documents = new Set<number>();
  return {
    fits: (sample) =>
      !queries.has(nodeOf(task, sample, 0)) && !documents.has(nodeOf(task, sample, 1)),
    add(sample) {
      const [query, document] = [nodeOf(task, sample, 0), nodeOf(task, sample, 1)];
      queries.add(query);
      documents.add(document);
      for (const other of ofQuery.get(query) ?? []) documents.add(other);
      for (const other of ofDocument.get(document) ?? []) queries.add(other);
    },
  };
}

/** Rows that are the same may not have different labels. */
function labelConflicts(task: Task): Conflicts {
  const labels = new Map<number, number>();
  const labelOf = (sample: number): number => task.values?.[sample] as number;
  return {
    fits(sample) {
      const known = labels.get(nodeOf(task, sample, 0));
      return known === undefined || known === labelOf(sample);
    },
    add: (sample) => labels.set(nodeOf(task, sample, 0), labelOf(sample)),
  };
}

const NO_CONFLICTS = (): Conflicts => ({ fits: () => true, add() {} });

/**
 * Makes the batches of a run: a seeded order of the samples for each epoch, one batch after the other; what
 * doesn't fit a batch waits for the next one.
 */
export function makeBatches(
  task: Task,
  samples: Int32Array,
  batchSize: number,
  seed: number,
  positives: Positives | undefined,
): Batches {
  const conflictsOf = (): Conflicts => {
    if (positives !== undefined) return pairConflicts(task, positives);
    return task.kind === 'labels' ? labelConflicts(task) : NO_CONFLICTS();
  };
  const order = (epoch: number): Int32Array => {
    const random = new Random(seed, STREAMS.order, epoch);
    return task.kind === 'labels'
      ? pairedByLabel(task, samples, random)
      : random.shuffle(samples.slice());
  };
  const size = Math.min(batchSize, samples.length);
  let batches: Int32Array[] = [];
  let epoch = -1;
  let first = 0;
  return (step) => {
    if (step < first) [batches, epoch, first] = [[], -1, 0];
    while (step >= first + batches.length) {
      first += batches.length;
      batches = fillBatches(order(++epoch), size, conflictsOf);
    }
    return batches[step - first] as Int32Array;
  };
}

/** Deals samples out to batches in order; those that are too small at the end are left out. */
function fillBatches(order: Int32Array, size: number, conflictsOf: () => Conflicts): Int32Array[] {
  const batches: Int32Array[] = [];
  let waiting: number[] = [];
  let next = 0;
  while (waiting.length > 0 || next < order.length) {
    const conflicts = conflictsOf();
    const batch: number[] = [];
    const later: number[] = [];
    const take = (sample: number): void => {
      if (batch.length < size && conflicts.fits(sample)) {
        conflicts.add(sample);
        batch.push(sample);
      } else later.push(sample);
    };
    // What waited comes first.
    for (const sample of waiting) take(sample);
    while (batch.length < size && next < order.length) take(order[next++] as number);
    batches.push(Int32Array.from(batch));
    waiting = later;
  }
  const whole = batches.filter(({ length }) => 2 * length >= size);
  return whole.length > 0 ? whole : batches.slice(0, 1);
}

/** Rows in random order, two of a label after another, so that nearly all have a positive in their batch. */
function pairedByLabel(task: Task, samples: Int32Array, random: Random): Int32Array {
  const byLabel = new Map<number, number[]>();
  for (const sample of random.shuffle(samples.slice())) {
    const label = task.values?.[sample] as number;
    const rows = byLabel.get(label);
    if (rows === undefined) byLabel.set(label, [sample]);
    else rows.push(sample);
  }
  const couples: number[][] = [];
  for (const rows of byLabel.values()) {
    for (let i = 0; i + 1 < rows.length; i += 2) couples.push(rows.slice(i, i + 2));
    // A last one alone goes with the first.
    if (rows.length % 2 === 1 && rows.length > 1) {
      couples.push([rows[rows.length - 1] as number, rows[0] as number]);
    }
  }
  return Int32Array.from(random.shuffle(couples).flat());
}
