/** The loss of SigLIP (https://arxiv.org/abs/2303.15343). */

import { kernels } from '../core/kernels.js';
import { checkLoss, type Matrix, type MatrixInput, type MatrixLike } from '../core/matrix.js';
import type { Scope } from '../core/memory.js';
import { gemm } from '../core/products.js';
import { checkIntegers, checkNumber, checkPositive, type Labels } from '../core/validation.js';
import { copyInUnitRows } from '../linalg/similarity.js';
import { copyOutGrad } from './contrastive.js';
import { checkIds } from './ids.js';
import { type Loss, type LossCall, type LossResult, lossGrads, lossValue } from './loss.js';

/** Options of {@link sigLipLoss}. */
export interface SigLipLossOptions {
  /**
   * Factor of the cosines, greater than 0: the scale itself, not its logarithm.
   * @default 10
   */
  logitScale?: number | undefined;
  /**
   * Added to the scaled cosines.
   * @default -10
   */
  logitBias?: number | undefined;
  /** One whole number per pair: pairs with equal ids are never each other's negatives. */
  ids?: Labels | undefined;
}

/** Result of {@link sigLipLossGrad}. */
export interface SigLipGradients {
  /** Loss, in nats. */
  loss: number;
  /** (n, d) */
  gradImage: Matrix;
  /** (n, d) */
  gradText: Matrix;
  /** With respect to the scale itself. */
  gradLogitScale: number;
  /** With respect to the bias. */
  gradLogitBias: number;
}

interface Options {
  logitScale: number;
  logitBias: number;
  ids?: ArrayLike<number>;
}

export const SIG_LIP_LOSS: Loss<Options, SigLipGradients> = {
  name: 'sigLipLoss',
  inputs: ['image', 'text'],
  options: {
    logitScale: { check: checkPositive, fallback: 10, grad: 'number' },
    logitBias: { check: checkNumber, fallback: -10, grad: 'number' },
    ids: { check: checkIntegers },
  },
  compute,
};

/**
 * Computes SigLIP's loss: a sigmoid decides for each image and each text whether they belong
 * together.
 *
 * The sum of −log σ(±(logitScale · cosine + logitBias)) over all pairs, + for those that belong
 * together, divided by n. Cosines are computed in blocks of rows, so memory is linear in n.
 *
 * @param image (n, d) f32: embeddings of images
 * @param text (n, d) f32: row i is the caption of image i
 * @param options logitScale, logitBias, ids
 * @returns loss per image, in nats
 * @throws {RangeError} if the shapes differ or a value is not finite
 * @see https://arxiv.org/abs/2303.15343
 * @example const loss = sigLipLoss(images, captions);
 */
export function sigLipLoss(
  image: MatrixLike,
  text: MatrixLike,
  options?: SigLipLossOptions,
): number {
  return lossValue(SIG_LIP_LOSS, image, text, options);
}

/**
 * Computes {@link sigLipLoss} and its gradients with respect to the rows as given, the scale and
 * the bias.
 *
 * @param image (n, d) f32: embeddings of images
 * @param text (n, d) f32: row i is the caption of image i
 * @param options logitScale, logitBias, ids
 * @returns the loss and one gradient per input
 * @throws {RangeError} if the shapes differ or a value is not finite
 * @see https://arxiv.org/abs/2303.15343
 * @example const { loss, gradImage, gradText } = sigLipLossGrad(images, captions);
 */
export function sigLipLossGrad(
  image: MatrixLike,
  text: MatrixLike,
  options?: SigLipLossOptions,
): SigLipGradients {
  return lossGrads(SIG_LIP_LOSS, image, text, options);
}

/** Rows of cosines that are in memory at a time. */
const BLOCK = 128;

function compute(scope: Scope, { name, inputs, options, backward }: LossCall<Options>): LossResult {
  const { logitScale: scale, logitBias: bias, ids } = options;
  const [image, text] = inputs as readonly [MatrixInput, MatrixInput];
  const { rows, cols } = image;
  if (ids !== undefined) checkIds(name, ids, rows);
  const core = kernels();
  const images = copyInUnitRows(scope, image);
  const texts = copyInUnitRows(scope, text);
  const idsAt = ids === undefined ? 0 : scope.i32From(ids);
  const losses = scope.f64(rows);
  const biasGrads = scope.f64(rows);
  const gradImage = scope.f32(rows * cols);
  const gradText = scope.zeros(rows * cols);
  const block = scope.f32(Math.min(BLOCK, rows) * rows);
  const weight = 1 / rows;
  for (let first = 0; first < rows; first += BLOCK) {
    const n = Math.min(BLOCK, rows - first);
    const own = images.unit + 4 * first * cols;
    gemm(block, own, texts.unit, n, rows, cols, false, true, false);
    const [ownLosses, ownGrads] = [losses + 8 * first, biasGrads + 8 * first];
    core.sigLipRows(ownLosses, ownGrads, block, n, rows, first, idsAt, scale, bias, weight);
    if (!backward) continue;
    const to = gradImage + 4 * first * cols;
    gemm(to, block, texts.unit, n, cols, rows, false, false, false);
    gemm(gradText, block, own, rows, cols, n, true, false, true);
  }
  const loss = checkLoss(name, core.sumDoubles(losses, rows) / rows);
  if (!backward) return { loss };
  const { matrix, dot } = copyOutGrad(name, { of: images, at: gradImage, ld: cols });
  const gradTexts = copyOutGrad(name, { of: texts, at: gradText, ld: cols }).matrix;
  const gradBias = core.sumDoubles(biasGrads, rows) / rows;
  return { loss, grads: [matrix, gradTexts, dot / scale, gradBias] };
}
