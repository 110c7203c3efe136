/** NT-Xent, the loss of SimCLR (https://arxiv.org/abs/2002.05709). */

import { checkLoss, type Matrix, type MatrixLike } from '../core/matrix.js';
import type { Scope } from '../core/memory.js';
import { checkTemperature } from '../core/validation.js';
import { copyInUnitRows } from '../linalg/similarity.js';
import { copyOutGrad, PositivePairs, TiledLogits } from './contrastive.js';
import { type Loss, type LossCall, type LossResult, lossGrads, lossValue } from './loss.js';

/** Options of {@link ntXent}. */
export interface NtXentOptions {
  /**
   * Divides the cosines; greater than 0.
   * @default 0.5
   */
  temperature?: number | undefined;
}

export const NT_XENT: Loss<{ temperature: number }, { loss: number; grad: Matrix }> = {
  name: 'ntXent',
  inputs: ['z'],
  options: { temperature: { check: checkTemperature, fallback: 0.5 } },
  compute: (scope, call) => computeNtXent(scope, call, false),
};

/**
 * Computes NT-Xent, the normalized temperature-scaled cross-entropy of SimCLR: each row has to find
 * the other view of its sample among all other rows.
 *
 * The mean over the 2N rows of −log(exp(s⁺/τ) / Σ exp(s/τ)), where s are cosines, s⁺ is that of the
 * other view, and the sum runs over all rows but the row itself. The 2N × 2N similarities are never
 * stored: memory is linear in N.
 *
 * @param z (2N, d) f32: rows i and i + N are the two views of sample i
 * @param options temperature
 * @returns mean loss over the 2N rows, in nats
 * @throws {RangeError} if z has an odd number of rows or a value is not finite
 * @see https://arxiv.org/abs/2002.05709
 * @example const loss = ntXent(z, { temperature: 0.5 });
 */
export function ntXent(z: MatrixLike, options?: NtXentOptions): number {
  return lossValue(NT_XENT, z, options);
}

/**
 * Computes {@link ntXent} and its gradient with respect to z as given, before normalization.
 *
 * @param z (2N, d) f32: rows i and i + N are the two views of sample i
 * @param options temperature
 * @returns the loss, and its gradient (2N, d)
 * @throws {RangeError} if z has an odd number of rows or a value is not finite
 * @see https://arxiv.org/abs/2002.05709
 * @example const { loss, grad } = ntXentGrad(z);
 */
export function ntXentGrad(z: MatrixLike, options?: NtXentOptions): { loss: number; grad: Matrix } {
  return lossGrads(NT_XENT, z, options);
}

/**
 * Computes NT-Xent, or the decoupled form, whose sums leave the positives out.
 */
export function computeNtXent(
  scope: Scope,
  { name, inputs: [z], options, backward }: LossCall<{ temperature: number }>,
  decoupled: boolean,
): LossResult {
  const { rows, cols } = z;
  if (rows % 2 !== 0) {
    throw new RangeError(
      `${name}: z must have an even number of rows (two views per sample), got ${rows}`,
    );
  }
  if (decoupled && rows === 2) {
    throw new RangeError(`${name}: z must have at least two samples, or no negative remains`);
  }
  const samples = rows / 2;
  const scale = 1 / options.temperature;
  const views = copyInUnitRows(scope, z);
  const contrast = new TiledLogits(scope, views, views, { scale, pairOffset: samples, backward });
  const second = views.unit + 4 * samples * cols;
  const positives = new PositivePairs(scope, views.unit, second, samples, cols);
  const loss = checkLoss(
    name,
    positives.loss(contrast.rows, 0, 1 / rows, scale, decoupled) +
      positives.loss(contrast.rows, samples, 1 / rows, scale, decoupled),
  );
  if (!backward) return { loss };
  const [grad] = contrast.grads();
  positives.addGrads(grad.at, grad.at + 4 * samples * grad.ld, grad.ld);
  return { loss, grads: [copyOutGrad(name, grad).matrix] };
}
