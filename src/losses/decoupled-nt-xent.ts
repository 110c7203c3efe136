/** Decoupled contrastive learning (https://arxiv.org/abs/2110.06848). */

import type { Matrix, MatrixLike } from '../core/matrix.js';
import { checkTemperature } from '../core/validation.js';
import { type Loss, lossGrads, lossValue } from './loss.js';
import { computeNtXent } from './nt-xent.js';

/** Options of {@link decoupledNtXent}. */
export interface DecoupledNtXentOptions {
  /**
   * Divides the cosines; greater than 0.
   * @default 0.1
   */
  temperature?: number | undefined;
}

export const DECOUPLED_NT_XENT: Loss<{ temperature: number }, { loss: number; grad: Matrix }> = {
  name: 'decoupledNtXent',
  inputs: ['z'],
  options: { temperature: { check: checkTemperature, fallback: 0.1 } },
  compute: (scope, call) => computeNtXent(scope, call, true),
};

/**
 * Computes the decoupled NT-Xent loss (DCL): NT-Xent without the positive in the sum, so that small
 * batches learn as well as large ones. It can be negative.
 *
 * The mean over the 2N rows of −s⁺/τ + log Σ exp(s/τ), where s are cosines, s⁺ is that of the other
 * view, and the sum runs over all rows but the row itself and its other view.
 *
 * @param z (2N, d) f32, N at least 2: rows i and i + N are the two views of sample i
 * @param options temperature
 * @returns mean loss over the 2N rows, in nats
 * @throws {RangeError} if z has an odd number of rows or only one sample, or a value is not finite
 * @see https://arxiv.org/abs/2110.06848
 * @example const loss = decoupledNtXent(z, { temperature: 0.1 });
 */
export function decoupledNtXent(z: MatrixLike, options?: DecoupledNtXentOptions): number {
  return lossValue(DECOUPLED_NT_XENT, z, options);
}

/**
 * Computes {@link decoupledNtXent} and its gradient with respect to z as given, before
 * normalization.
 *
 * @param z (2N, d) f32, N at least 2: rows i and i + N are the two views of sample i
 * @param options temperature
 * @returns the loss, and its gradient (2N, d)
 * @throws {RangeError} if z has an odd number of rows or only one sample, or a value is not finite
 * @see https://arxiv.org/abs/2110.06848
 * @example const { loss, grad } = decoupledNtXentGrad(z);
 */
export function decoupledNtXentGrad(
  z: MatrixLike,
  options?: DecoupledNtXentOptions,
): { loss: number; grad: Matrix } {
  return lossGrads(DECOUPLED_NT_XENT, z, options);
}
