/**
 * Learning from pairs: InfoNCE over the batch in both directions (sentence-transformers'
 * `MultipleNegativesRankingLoss`). What is known to be a positive is never a negative.
 */

import { infoNce, slice, type Tensor } from '../../../nn/index.js';
import { orderBatches, shuffledEpochs } from './batches.js';
import type { TextPair } from './data.js';
import { pairEpochs } from './neighbors.js';
import type { TokenIds } from './network.js';
import { batchIds, Neighbors } from './pair-ids.js';
import { prefixInfoNce } from './prefix-loss.js';
import type { SentenceBatch, SentenceTask } from './task.js';

/** Checked pairs. */
export interface PairExamples {
  pairs: readonly TextPair[];
  negatives: readonly (readonly string[])[];
  ids: ArrayLike<number> | undefined;
}

/** Options of the loss. */
export interface PairLoss {
  temperature: number;
  /** Gives the numbers of a text's tokens, where pairs that look alike are to share batches. */
  tokens?: ((text: string) => TokenIds) | undefined;
}

/** Tells whether all numbers or texts of a list are equal. */
const areEqual = (list: ArrayLike<unknown>): boolean =>
  Array.prototype.every.call(list, (item) => item === list[0]);

/** Checks that there is a negative anywhere. */
function checkNegatives({ pairs, negatives, ids }: PairExamples): void {
  if (negatives.some((texts) => texts.length > 0)) return;
  for (const [side, what] of ['anchors', 'positives'].entries()) {
    if (areEqual(pairs.map((pair) => pair[side]))) {
      throw new RangeError(`train: data.pairs must have different ${what}: no pair has a negative`);
    }
  }
  if (ids !== undefined && areEqual(ids)) {
    throw new RangeError('train: data.ids must have different ones: no pair has a negative');
  }
}

/** @throws {RangeError} if no pair has a negative */
export function pairTask(examples: PairExamples, { temperature, tokens }: PairLoss): SentenceTask {
  const { pairs, negatives, ids } = examples;
  checkNegatives(examples);
  const neighbors = new Neighbors(pairs);
  return {
    examples: pairs.length,
    batches({ batchSize, seed }) {
      const epochs =
        tokens === undefined || pairs.length <= batchSize
          ? shuffledEpochs(pairs.length, seed)
          : pairEpochs(pairs, tokens, seed);
      const order = orderBatches(epochs, pairs.length, batchSize);
      return (step, first = 0, count = batchSize) => {
        const drawn = order(step, first, count);
        const batch = drawn.map((i) => pairs[i] as TextPair);
        const own = ids && drawn.map((i) => ids[i] as number);
        const numbers = batchIds(batch, neighbors, own);
        const hard = hardNegatives(drawn, batch, negatives, neighbors);
        return pairBatch(batch, numbers, hard, temperature, first);
      };
    },
  };
}

/** Hard negatives of a batch, each once, without those that are a positive in it. */
function hardNegatives(
  drawn: readonly number[],
  batch: readonly TextPair[],
  negatives: readonly (readonly string[])[],
  neighbors: Neighbors,
): string[] {
  const found = new Set(drawn.flatMap((i) => negatives[i] ?? []));
  for (const pair of batch) {
    for (const text of pair) {
      found.delete(text);
      for (const other of neighbors.of(text)) found.delete(other);
    }
  }
  return [...found];
}

/** A batch of pairs, and further texts that are negatives of all anchors. */
export function pairBatch(
  batch: readonly TextPair[],
  ids: Int32Array,
  hard: readonly string[],
  temperature: number,
  first: number,
): SentenceBatch {
  const n = batch.length;
  const texts = [
    ...batch.map(([anchor]) => anchor),
    ...batch.map(([, positive]) => positive),
    ...hard,
  ];
  const hasNegatives = hard.length > 0;
  return {
    texts,
    weight: n,
    samples: texts.map((_, i) => 2 * first + i),
    comparison: {
      groups: hasNegatives ? [n, n, hard.length] : [n, n],
      settings: { name: 'infoNce', temperature, symmetric: true },
      labels: ids,
    },
    prefixLoss(rows: Tensor, dimensions: readonly number[]) {
      return prefixInfoNce(rows, { pairs: n, ids, temperature, dimensions });
    },
    loss(rows: Tensor) {
      return infoNce(slice(rows, 0, 0, n), slice(rows, 0, n, 2 * n), {
        temperature,
        symmetric: true,
        ids,
        ...(hasNegatives && { negatives: slice(rows, 0, 2 * n) }),
      });
    },
  };
}
