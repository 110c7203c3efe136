/** The loss of CLIP (https://arxiv.org/abs/2103.00020). */

import type { Matrix, MatrixLike } from '../core/matrix.js';
import { checkIntegers, checkPositive, type Labels } from '../core/validation.js';
import { computeInfoNce } from './info-nce.js';
import { type Loss, lossGrads, lossValue } from './loss.js';

/** Options of {@link clipLoss}. */
export interface ClipLossOptions {
  /**
   * Factor of the cosines, greater than 0: the scale itself, not its logarithm.
   * @default 1 / 0.07
   */
  logitScale?: number | undefined;
  /** One whole number per pair: pairs with equal ids are never each other's negatives. */
  ids?: Labels | undefined;
}

/** Result of {@link clipLossGrad}. */
export interface ClipLossGradients {
  /** Mean loss, in nats. */
  loss: number;
  /** (n, d) */
  gradImage: Matrix;
  /** (n, d) */
  gradText: Matrix;
  /** With respect to the scale itself. */
  gradLogitScale: number;
}

/** 1 / 0.07, as a literal: bundlers keep what they would have to compute. */
const INITIAL_SCALE = 14.285714285714285;

export const CLIP_LOSS: Loss<{ logitScale: number; ids?: ArrayLike<number> }, ClipLossGradients> = {
  name: 'clipLoss',
  inputs: ['image', 'text'],
  options: {
    logitScale: { check: checkPositive, fallback: INITIAL_SCALE, grad: 'number' },
    ids: { check: checkIntegers },
  },
  compute(scope, call) {
    const { logitScale: scale, ids } = call.options;
    const { loss, grads, gradScale } = computeInfoNce(scope, call, { scale, symmetric: true, ids });
    return grads ? { loss, grads: [...grads, gradScale as number] } : { loss };
  },
};

/**
 * Computes CLIP's loss: each image has to find its text among all texts and each text its image.
 *
 * The mean of the two cross-entropies of logitScale · cosine.
 *
 * @param image (n, d) f32: embeddings of images
 * @param text (n, d) f32: row i is the caption of image i
 * @param options logitScale, ids
 * @returns mean loss, in nats
 * @throws {RangeError} if the shapes differ or a value is not finite
 * @see https://arxiv.org/abs/2103.00020
 * @example const loss = clipLoss(images, captions, { logitScale: 100 });
 */
export function clipLoss(image: MatrixLike, text: MatrixLike, options?: ClipLossOptions): number {
  return lossValue(CLIP_LOSS, image, text, options);
}

/**
 * Computes {@link clipLoss} and its gradients with respect to the rows as given and to the scale.
 *
 * @param image (n, d) f32: embeddings of images
 * @param text (n, d) f32: row i is the caption of image i
 * @param options logitScale, ids
 * @returns the loss and one gradient per input
 * @throws {RangeError} if the shapes differ or a value is not finite
 * @see https://arxiv.org/abs/2103.00020
 * @example const { loss, gradImage, gradText, gradLogitScale } = clipLossGrad(images, captions);
 */
export function clipLossGrad(
  image: MatrixLike,
  text: MatrixLike,
  options?: ClipLossOptions,
): ClipLossGradients {
  return lossGrads(CLIP_LOSS, image, text, options);
}
