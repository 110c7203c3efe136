/** The loss of SigLIP (https://arxiv.org/abs/2303.15343). */

import { kernels } from '../core/kernels.js';
import { checkLoss, checkShape, type Matrix, type MatrixLike, readMatrix } from '../core/matrix.js';
import { scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import { multiply } from '../core/products.js';
import { checkNumber, checkPositive } from '../core/validation.js';
import { loadSide, throughNormalization } from './contrastive.js';
import { readIds } from './cross-contrast.js';

export interface SigLipLossOptions {
  /** What cosines are multiplied by: the scale itself, not its logarithm (default 10). */
  logitScale?: number | undefined;
  /** What is added to them then (default -10). */
  logitBias?: number | undefined;
  /** One whole number a pair: pairs with equal ids are never each other's negatives. */
  ids?: ArrayLike<number> | undefined;
}

export interface SigLipGradients {
  loss: number;
  gradImage: Matrix;
  gradText: Matrix;
  gradLogitScale: number;
  gradLogitBias: number;
}

/** Rows of cosines that are there at a time. */
const BLOCK = 128;

/**
 * Each pair of an image and a text, the right ones and all others, is asked whether it belongs
 * together: the sum of −log σ(±(logitScale · cosine + logitBias)) over all pairs, divided by n.
 * Cosines are computed in blocks of rows, so memory is linear in n.
 *
 * @param image (n, d) image embeddings
 * @param text (n, d): row i is the caption of image i
 */
export function sigLipLoss(
  image: MatrixLike,
  text: MatrixLike,
  options?: SigLipLossOptions,
): number {
  return run('sigLipLoss', image, text, options, false).loss;
}

/** {@link sigLipLoss} and its gradients, that of the scale with respect to the scale itself. */
export function sigLipLossGrad(
  image: MatrixLike,
  text: MatrixLike,
  options?: SigLipLossOptions,
): SigLipGradients {
  return run('sigLipLossGrad', image, text, options, true) as SigLipGradients;
}

function run(
  name: string,
  image: MatrixLike,
  text: MatrixLike,
  given: SigLipLossOptions | undefined,
  backward: boolean,
): { loss: number } | SigLipGradients {
  const left = readMatrix(name, 'image', image);
  const right = readMatrix(name, 'text', text);
  checkShape(right, left);
  const options = readOptions(name, given);
  const scale = options.read('logitScale', checkPositive, 10);
  const bias = options.read('logitBias', checkNumber, -10);
  const ids = options.optional('ids', (...argument) => readIds(...argument, left.rows));
  options.done();
  const { rows, cols } = left;
  return scoped((scope) => {
    const core = kernels();
    const images = loadSide(scope, left);
    const texts = loadSide(scope, right);
    const numbers = ids === undefined ? 0 : scope.i32From(ids);
    const losses = scope.f64(rows);
    const slopes = scope.f64(rows);
    const gradImage = scope.f32(rows * cols);
    const gradText = scope.zeros(rows * cols);
    const live = Math.min(BLOCK, rows);
    const block = scope.f32(live * rows);
    const weight = 1 / rows;
    for (let first = 0; first < rows; first += BLOCK) {
      const n = Math.min(BLOCK, rows - first);
      const own = images.unit + 4 * first * cols;
      multiply(block, own, texts.unit, n, rows, cols, false, true, false);
      const [ownLosses, ownSlopes] = [losses + 8 * first, slopes + 8 * first];
      core.sigLipRows(ownLosses, ownSlopes, block, n, rows, first, numbers, scale, bias, weight);
      if (!backward) continue;
      const to = gradImage + 4 * first * cols;
      multiply(to, block, texts.unit, n, cols, rows, false, false, false);
      multiply(gradText, block, own, rows, cols, n, true, false, true);
    }
    const loss = checkLoss(name, core.sumDoubles(losses, rows) / rows);
    if (!backward) return { loss };
    const gradLogitBias = core.sumDoubles(slopes, rows) / rows;
    const { grad, along } = throughNormalization(name, { side: images, at: gradImage, ld: cols });
    return {
      loss,
      gradImage: grad,
      gradText: throughNormalization(name, { side: texts, at: gradText, ld: cols }).grad,
      gradLogitScale: along / scale,
      gradLogitBias,
    };
  });
}
