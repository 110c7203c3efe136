/** Tasks of a sentence encoder: batches of texts, each with the loss of its rows. */

import type { Tensor } from '../../../nn/index.js';

/** Texts of a batch and their loss. */
export interface SentenceBatch {
  texts: readonly string[];
  /**
   * Computes the loss.
   *
   * @param rows (texts, columns): rows of the texts, or the first columns of them
   * @returns scalar
   */
  loss(rows: Tensor): Tensor;
  /**
   * Computes the mean of the losses of all columns and of the first ones at once, if that can be.
   *
   * @param rows (texts, columns)
   * @param dimensions numbers of first columns, at least one
   */
  prefixLoss?(rows: Tensor, dimensions: readonly number[]): Tensor | undefined;
  /** Terms that the loss is the mean of. */
  weight: number;
  /** Index of each text in the whole batch of the step, which random numbers are keyed by. */
  samples: readonly number[];
  comparison: SentenceComparison;
}

/** Texts that a loss compares, for ranks that share a batch; `loss` computes the same on one machine. */
export interface SentenceComparison {
  /**
   * Sizes of consecutive groups of texts: anchors and positives, of equal number, and further
   * negatives; or one group.
   */
  groups: readonly number[];
  /** Name and settings of the loss; without them it is `loss` of all rows. */
  settings?:
    | { name: 'infoNce'; temperature: number; symmetric: true }
    | { name: 'supCon'; temperature: number }
    | undefined;
  /** Id of each pair, or label of each text. */
  labels?: Int32Array | undefined;
}

/** Makes the batches of one run. */
export interface SentenceTask {
  /** Number of examples. */
  examples: number;
  /**
   * Prepares the batches.
   *
   * @returns the examples of a step from index `first` of its whole batch
   */
  batches(options: {
    batchSize: number;
    seed: number;
  }): (step: number, first?: number, count?: number) => SentenceBatch;
}
