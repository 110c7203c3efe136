/** NT-Xent, the loss of SimCLR (https://arxiv.org/abs/2002.05709). */

import { checkLoss, type Matrix, type MatrixLike, readMatrix } from '../core/matrix.js';
import { scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import { checkTemperature } from '../core/validation.js';
import { Contrast, loadSide, Positives, throughNormalization } from './contrastive.js';

export interface NtXentOptions {
  /** What cosines are divided by (default 0.5). */
  temperature?: number | undefined;
}

/**
 * Normalised temperature-scaled cross-entropy: each row has to find the other view of its sample
 * among all other rows. The mean over all 2N rows of
 * -log(exp(s⁺/τ) / Σ exp(s/τ)), s cosines, the sum over all rows but the row itself.
 *
 * The 2N × 2N similarities are never stored: memory is linear in N.
 *
 * @param z (2N, d): row i and row i + N are the two views of sample i
 * @throws RangeError if the number of rows is odd
 */
export function ntXent(z: MatrixLike, options?: NtXentOptions): number {
  return run('ntXent', z, options, false).loss;
}

/** {@link ntXent} and its gradient with respect to z as given, (2N, d). */
export function ntXentGrad(z: MatrixLike, options?: NtXentOptions): { loss: number; grad: Matrix } {
  const { loss, grad } = run('ntXentGrad', z, options, true);
  return { loss, grad: grad as Matrix };
}

function run(
  name: string,
  z: MatrixLike,
  given: NtXentOptions | undefined,
  backward: boolean,
): { loss: number; grad?: Matrix } {
  const source = readMatrix(name, 'z', z);
  const { rows, cols } = source;
  if (rows % 2 !== 0) {
    throw new RangeError(
      `${name}: z must have an even number of rows (two views a sample), got ${rows}`,
    );
  }
  const options = readOptions(name, given);
  const scale = 1 / options.read('temperature', checkTemperature, 0.5);
  options.done();
  return scoped((scope) => {
    const samples = rows / 2;
    const side = loadSide(scope, source);
    const other = side.unit + 4 * samples * cols;
    const contrast = new Contrast(scope, side, side, { scale, pairOffset: samples, backward });
    const positives = new Positives(scope, side.unit, other, samples, cols);
    const loss = checkLoss(
      name,
      positives.loss(contrast.rows, 0, 1 / rows, scale) +
        positives.loss(contrast.rows, samples, 1 / rows, scale),
    );
    if (!backward) return { loss };
    const { left } = contrast.gradients();
    positives.addGradients(left.at, left.at + 4 * samples * left.ld, left.ld);
    return { loss, grad: throughNormalization(name, left).grad };
  });
}
