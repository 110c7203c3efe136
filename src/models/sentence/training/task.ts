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
  /** Terms that the loss is the mean of. */
  weight: number;
  /** Index of each text in the whole batch of the step, which random numbers are keyed by. */
  samples: readonly number[];
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
