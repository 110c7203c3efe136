/** AnglE's loss of scored pairs of sentences (https://arxiv.org/abs/2309.12871). */

import type { MatrixLike, NumberArray } from '../core/matrix.js';
import { checkPositive, rangeError } from '../core/validation.js';
import { type Loss, type LossCall, lossGrads, lossValue } from './loss.js';
import { type PairGradients, rankingLoss } from './pairs.js';

/** Options of {@link angleLoss}. */
export interface AngleLossOptions {
  /**
   * Factor of the similarities, greater than 0: the inverse of a temperature.
   * @default 20
   */
  scale?: number | undefined;
}

interface Options {
  scale: number;
}

export const ANGLE_LOSS: Loss<Options, PairGradients> = {
  name: 'angleLoss',
  inputs: ['a', 'b'],
  target: 'scores',
  scores: true,
  options: { scale: { check: checkPositive, fallback: 20 } },
  compute(scope, call: LossCall<Options>) {
    const { name, inputs } = call;
    const [{ cols }] = inputs;
    if (cols % 2 !== 0) {
      rangeError(name, 'a', 'of an even width (real and imaginary parts)', cols);
    }
    return rankingLoss(scope, call, true);
  },
};

/**
 * Computes AnglE's loss of scored pairs: {@link coSentLoss} with an angle in the complex plane
 * instead of the cosine. The first half of a row are real parts, the second half imaginary ones; a
 * pair's similarity is the size of the sum of all parts of the quotient of its rows. Its gradient
 * does not vanish where cosines are near 1 or −1.
 *
 * @param a (n, d) f32: embeddings of the first texts; d is even
 * @param b (n, d) f32: row i is the second text of pair i
 * @param scores n numbers: how similar the texts of each pair are, larger is more similar
 * @param options scale
 * @returns loss of the batch, in nats; 0 where all scores are equal
 * @throws {RangeError} if the width is odd, the shapes differ, there is not one score per pair, or a
 *   value is not finite
 * @see https://arxiv.org/abs/2309.12871
 * @example const loss = angleLoss(a, b, [5, 3.2, 0]);
 */
export function angleLoss(
  a: MatrixLike,
  b: MatrixLike,
  scores: NumberArray,
  options?: AngleLossOptions,
): number {
  return lossValue(ANGLE_LOSS, a, b, scores, options);
}

/**
 * Computes {@link angleLoss} and its gradients with respect to the rows as given.
 *
 * @param a (n, d) f32: embeddings of the first texts; d is even
 * @param b (n, d) f32: row i is the second text of pair i
 * @param scores n numbers: how similar the texts of each pair are, larger is more similar
 * @param options scale
 * @returns the loss and one gradient per input
 * @throws {RangeError} if the width is odd, the shapes differ, there is not one score per pair, or a
 *   value is not finite
 * @see https://arxiv.org/abs/2309.12871
 * @example const { loss, gradA, gradB } = angleLossGrad(a, b, [5, 3.2, 0]);
 */
export function angleLossGrad(
  a: MatrixLike,
  b: MatrixLike,
  scores: NumberArray,
  options?: AngleLossOptions,
): PairGradients {
  return lossGrads(ANGLE_LOSS, a, b, scores, options);
}
