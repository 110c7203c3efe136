/** Orders examples to batches, the same for a seed wherever the run stands. */

import { Random } from '../../../core/random.js';
import { STREAMS } from '../../../core/streams.js';

/** Number of batches of an epoch, and of examples in the smallest of them. */
interface Plan {
  batches: number;
  /** Examples that are taken; the others wait for the next epoch. */
  taken: number;
}

/**
 * Cuts an epoch into batches of nearly equal size, none larger than `batchSize`. A batch of one
 * example teaches nothing to a loss that compares examples, and is not taken.
 */
function plan(count: number, batchSize: number): Plan {
  const batches = Math.max(1, Math.ceil(count / batchSize));
  if (Math.floor(count / batches) >= 2) return { batches, taken: count };
  const full = Math.max(1, Math.floor(count / batchSize));
  return { batches: full, taken: Math.min(count, full * batchSize) };
}

/** Examples in the smallest batch of an epoch. */
export function smallestBatch(count: number, batchSize: number): number {
  const { batches, taken } = plan(count, batchSize);
  return Math.floor(taken / batches);
}

/** Examples of a step, or of one of the parts that accumulate its gradient. */
export type BatchOrder = (step: number, first: number, size: number) => readonly number[];

/**
 * Lists the examples of each step: every epoch in an order of its own.
 *
 * @param order examples of an epoch in order
 * @param count examples of an epoch
 */
export function orderBatches(
  order: (epoch: number) => readonly number[],
  count: number,
  batchSize: number,
): BatchOrder {
  const { batches, taken } = plan(count, batchSize);
  let last = -1;
  let examples: readonly number[] = [];
  return (step, first, size) => {
    const epoch = Math.floor(step / batches);
    if (epoch !== last) {
      examples = order(epoch);
      last = epoch;
    }
    const index = step % batches;
    const cut = (part: number, parts: number, from: number, to: number): number =>
      from + Math.floor(((to - from) * part) / parts);
    const begin = cut(index, batches, 0, taken);
    const end = cut(index + 1, batches, 0, taken);
    const parts = Math.max(1, Math.round(batchSize / size));
    const part = Math.floor(first / size);
    return examples.slice(cut(part, parts, begin, end), cut(part + 1, parts, begin, end));
  };
}

/** Shuffles all examples for each epoch. */
export function shuffledEpochs(count: number, seed: number): (epoch: number) => readonly number[] {
  return (epoch) => {
    const all = Array.from({ length: count }, (_, example) => example);
    return new Random(seed, STREAMS.order, epoch).shuffle(all);
  };
}

/**
 * Orders examples so that those of a label come in twos, or threes where their number is odd: in a
 * batch they find positives. The groups themselves are shuffled.
 */
export function groupedEpochs(
  labels: Int32Array,
  seed: number,
): (epoch: number) => readonly number[] {
  return (epoch) => {
    const random = new Random(seed, STREAMS.order, epoch);
    const classes = new Map<number, number[]>();
    labels.forEach((label, example) => {
      const list = classes.get(label);
      if (list === undefined) classes.set(label, [example]);
      else list.push(example);
    });
    const groups: number[][] = [];
    for (const examples of classes.values()) {
      random.shuffle(examples);
      for (let i = 0; i < examples.length; i += 2) {
        const single = i > 0 && i + 1 === examples.length;
        if (single) groups.at(-1)?.push(examples[i] as number);
        else groups.push(examples.slice(i, i + 2));
      }
    }
    return random.shuffle(groups).flat();
  };
}

/** Neighbors of a group at most. */
const GROUP = 32;
/**
 * Examples that neighbors are looked for among, at most. The more there are, the more alike neighbors
 * get, until they mean the same and are no negatives.
 */
const MAX_POOL = 2 ** 14;

/**
 * Orders examples so that neighbors come together, other groups in every epoch: a batch has several
 * groups, each of the examples that are nearest to one of them.
 *
 * @param nearest gives for each of some examples the index of the nearest of the centers
 */
export function neighborEpochs(
  count: number,
  nearest: (centers: readonly number[], examples: readonly number[]) => ArrayLike<number>,
  seed: number,
): (epoch: number) => readonly number[] {
  return (epoch) => {
    const random = new Random(seed, STREAMS.order, epoch);
    const order = random.shuffle(Array.from({ length: count }, (_, example) => example));
    const pools = Math.ceil(count / MAX_POOL);
    const parts: number[][] = [];
    for (let p = 0; p < pools; p++) {
      const [from, to] = [p, p + 1].map((q) => Math.floor((count * q) / pools));
      const pool = order.slice(from, to);
      const groups: number[][] = Array.from({ length: Math.ceil(pool.length / GROUP) }, () => []);
      const indices = nearest(pool.slice(0, groups.length), pool);
      pool.forEach((example, i) => {
        (groups[indices[i] as number] as number[]).push(example);
      });
      for (const group of groups) {
        for (let i = 0; i < group.length; i += GROUP) parts.push(group.slice(i, i + GROUP));
      }
    }
    return random.shuffle(parts).flat();
  };
}
