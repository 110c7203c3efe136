/** CoSENT: the ranking loss of scored pairs of sentences. */

import type { MatrixLike, NumberArray } from '../core/matrix.js';
import { checkPositive } from '../core/validation.js';
import { type Loss, lossGrads, lossValue } from './loss.js';
import { type PairGradients, rankingLoss } from './pairs.js';

/** Options of {@link coSentLoss}. */
export interface CoSentLossOptions {
  /**
   * Factor of the cosines, greater than 0: the inverse of a temperature.
   * @default 20
   */
  scale?: number | undefined;
}

interface Options {
  scale: number;
}

export const CO_SENT_LOSS: Loss<Options, PairGradients> = {
  name: 'coSentLoss',
  inputs: ['a', 'b'],
  target: 'scores',
  scores: true,
  options: { scale: { check: checkPositive, fallback: 20 } },
  compute: (scope, call) => rankingLoss(scope, call, false),
};

/**
 * Computes CoSENT's loss of scored pairs: log(1 + Σ exp(scale · (cos_i − cos_j))) over all pairs of
 * pairs i, j with score_i < score_j. Only the order of the scores counts, not their size; equal
 * scores are not compared. The sum is over the batch, not a mean, as in sentence-transformers.
 *
 * @param a (n, d) f32: embeddings of the first texts
 * @param b (n, d) f32: row i is the second text of pair i
 * @param scores n numbers: how similar the texts of each pair are, larger is more similar
 * @param options scale
 * @returns loss of the batch, in nats; 0 where all scores are equal
 * @throws {RangeError} if the shapes differ, there is not one score per pair, or a value is not finite
 * @see https://kexue.fm/archives/8847
 * @example const loss = coSentLoss(a, b, [5, 3.2, 0]);
 */
export function coSentLoss(
  a: MatrixLike,
  b: MatrixLike,
  scores: NumberArray,
  options?: CoSentLossOptions,
): number {
  return lossValue(CO_SENT_LOSS, a, b, scores, options);
}

/**
 * Computes {@link coSentLoss} and its gradients with respect to the rows as given.
 *
 * @param a (n, d) f32: embeddings of the first texts
 * @param b (n, d) f32: row i is the second text of pair i
 * @param scores n numbers: how similar the texts of each pair are, larger is more similar
 * @param options scale
 * @returns the loss and one gradient per input
 * @throws {RangeError} if the shapes differ, there is not one score per pair, or a value is not finite
 * @see https://kexue.fm/archives/8847
 * @example const { loss, gradA, gradB } = coSentLossGrad(a, b, [5, 3.2, 0]);
 */
export function coSentLossGrad(
  a: MatrixLike,
  b: MatrixLike,
  scores: NumberArray,
  options?: CoSentLossOptions,
): PairGradients {
  return lossGrads(CO_SENT_LOSS, a, b, scores, options);
}
