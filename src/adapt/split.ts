/** Splits of data in which no row, and no row that is the same, is on both sides. */

import { Random } from '../core/random.js';
import { STREAMS } from '../core/streams.js';
import { DisjointSets } from '../linalg/equal-rows.js';
import { nodeOf, sampleCount, type Task } from './data.js';

/** Below so many samples there are five folds, and no sample is spared for one validation alone. */
export const FEW_SAMPLES = 300;

/** Samples of a task by fold. */
export interface Folds {
  readonly count: number;
  /** Samples all of whose rows are in a fold. */
  inside(fold: number): Int32Array;
  /** Samples none of whose rows is in a fold. */
  outside(fold: number): Int32Array;
}

/** Fraction of the samples that hang together from which on rows are split instead of their groups. */
const MAX_GROUP = 0.4;

/**
 * Splits samples in folds. Samples that share a row stay together, unless nearly all do: then rows
 * are split, and a sample with rows in several folds is left out of all that it would be on both
 * sides of.
 *
 * @param samples of the task that are split
 */
export function splitFolds(
  task: Task,
  samples: Int32Array,
  count: number,
  seed: number,
  site = 0,
): Folds {
  const size = task.nodes.length;
  const sets = new DisjointSets(size);
  for (const sample of samples) {
    for (let i = 1; i < task.arity; i++) {
      sets.merge(nodeOf(task, sample, 0), nodeOf(task, sample, i));
    }
  }
  let groupOf = sets.roots();
  const sizes = new Map<number, number>();
  for (const sample of samples) {
    const group = groupOf[nodeOf(task, sample, 0)] as number;
    sizes.set(group, (sizes.get(group) ?? 0) + 1);
  }
  if (Math.max(...sizes.values()) > MAX_GROUP * samples.length) groupOf = task.nodes;
  const foldOf = assignGroups(
    task,
    samples,
    groupOf,
    count,
    new Random(seed, STREAMS.validation, site),
  );
  const select = (keep: (sample: number) => boolean): Int32Array => samples.filter(keep);
  const folds = (sample: number): number[] =>
    Array.from({ length: task.arity }, (_, i) => {
      return foldOf.get(groupOf[nodeOf(task, sample, i)] as number) as number;
    });
  return {
    count,
    inside: (fold) => select((sample) => folds(sample).every((each) => each === fold)),
    outside: (fold) => select((sample) => folds(sample).every((each) => each !== fold)),
  };
}

/** Puts groups into folds: in random order, and by label where there are labels, so that folds are alike. */
function assignGroups(
  task: Task,
  samples: Int32Array,
  groupOf: Int32Array,
  count: number,
  random: Random,
): Map<number, number> {
  const sizes = new Map<number, number>();
  const labels = new Map<number, number>();
  for (const sample of samples) {
    for (let i = 0; i < task.arity; i++) {
      const group = groupOf[nodeOf(task, sample, i)] as number;
      sizes.set(group, (sizes.get(group) ?? 0) + 1);
      if (task.kind === 'labels') labels.set(group, task.values?.[sample] as number);
    }
  }
  const groups = random.shuffle([...sizes.keys()]);
  if (labels.size > 0) {
    groups.sort((a, b) => (labels.get(a) as number) - (labels.get(b) as number));
  } else {
    // Large groups first, so that folds get about as many samples.
    groups.sort((a, b) => (sizes.get(b) as number) - (sizes.get(a) as number));
  }
  const filled = new Array<number>(count).fill(0);
  const foldOf = new Map<number, number>();
  for (const group of groups) {
    let fold = 0;
    for (let f = 1; f < count; f++) {
      if ((filled[f] as number) < (filled[fold] as number)) fold = f;
    }
    foldOf.set(group, fold);
    filled[fold] = (filled[fold] as number) + (sizes.get(group) as number);
  }
  return foldOf;
}

/** All samples of a task. */
export function allSamples(task: Task): Int32Array {
  return Int32Array.from({ length: sampleCount(task) }, (_, i) => i);
}
