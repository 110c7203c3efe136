/** The loss of CLIP (https://arxiv.org/abs/2103.00020). */

import { checkShape, type Matrix, type MatrixLike, readMatrix } from '../core/matrix.js';
import { readOptions } from '../core/options.js';
import { checkPositive } from '../core/validation.js';
import { type CrossResult, crossContrast, readIds } from './cross-contrast.js';

export interface ClipLossOptions {
  /** What cosines are multiplied by: the scale itself, not its logarithm (default 1 / 0.07). */
  logitScale?: number | undefined;
  /** One whole number a pair: pairs with equal ids are never each other's negatives. */
  ids?: ArrayLike<number> | undefined;
}

/**
 * Each image has to find its text among all texts and each text its image: the mean of the two
 * cross-entropies of logitScale · cosine.
 *
 * @param image (n, d) image embeddings
 * @param text (n, d): row i is the caption of image i
 */
export function clipLoss(image: MatrixLike, text: MatrixLike, options?: ClipLossOptions): number {
  return run('clipLoss', image, text, options, false).loss;
}

/** {@link clipLoss} and its gradients, that of the scale with respect to the scale itself. */
export function clipLossGrad(
  image: MatrixLike,
  text: MatrixLike,
  options?: ClipLossOptions,
): { loss: number; gradImage: Matrix; gradText: Matrix; gradLogitScale: number } {
  const { loss, gradLeft, gradRight, gradScale } = run('clipLossGrad', image, text, options, true);
  return {
    loss,
    gradImage: gradLeft as Matrix,
    gradText: gradRight as Matrix,
    gradLogitScale: gradScale as number,
  };
}

function run(
  name: string,
  image: MatrixLike,
  text: MatrixLike,
  given: ClipLossOptions | undefined,
  backward: boolean,
): CrossResult {
  const left = readMatrix(name, 'image', image);
  const right = readMatrix(name, 'text', text);
  checkShape(right, left);
  const options = readOptions(name, given);
  const scale = options.read('logitScale', checkPositive, 1 / 0.07);
  const ids = options.optional('ids', (...argument) => readIds(...argument, left.rows));
  options.done();
  return crossContrast(name, left, right, { scale, symmetric: true, ids }, backward);
}
