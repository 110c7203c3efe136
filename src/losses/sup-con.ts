/** Supervised contrastive loss (https://arxiv.org/abs/2004.11362). */

import { kernels } from '../core/kernels.js';
import { indexLabels } from '../core/labels.js';
import { checkLoss, type Matrix, type MatrixLike, readMatrix } from '../core/matrix.js';
import { scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import { checkIntegers, checkTemperature } from '../core/validation.js';
import { Contrast, loadSide, throughNormalization } from './contrastive.js';

export interface SupConOptions {
  /** What cosines are divided by (default 0.1). */
  temperature?: number | undefined;
}

/**
 * Each row has to find the rows of its own label among all others: the mean over anchors of the
 * mean over their positives of -log(exp(s⁺/τ) / Σ exp(s/τ)), s cosines, the sum over all rows but
 * the anchor. An anchor without a positive leaves the mean; if none has one, the loss is 0.
 *
 * @param z (n, d)
 * @param labels n whole numbers
 */
export function supCon(z: MatrixLike, labels: ArrayLike<number>, options?: SupConOptions): number {
  return run('supCon', z, labels, options, false).loss;
}

/** {@link supCon} and its gradient with respect to z as given, (n, d). */
export function supConGrad(
  z: MatrixLike,
  labels: ArrayLike<number>,
  options?: SupConOptions,
): { loss: number; grad: Matrix } {
  const { loss, grad } = run('supConGrad', z, labels, options, true);
  return { loss, grad: grad as Matrix };
}

function run(
  name: string,
  z: MatrixLike,
  labels: ArrayLike<number>,
  given: SupConOptions | undefined,
  backward: boolean,
): { loss: number; grad?: Matrix } {
  const source = readMatrix(name, 'z', z);
  const { rows, cols } = source;
  checkIntegers(name, 'labels', labels, { of: rows, what: 'the rows of z' });
  const options = readOptions(name, given);
  const scale = 1 / options.read('temperature', checkTemperature, 0.1);
  options.done();
  return scoped((scope) => {
    const core = kernels();
    const side = loadSide(scope, source);
    const contrast = new Contrast(scope, side, side, { scale, backward });
    const { classes, indices: numbers } = indexLabels(labels);
    const label = scope.i32From(numbers);
    const labelSums = scope.f64(classes.length * cols);
    const labelCounts = scope.i32(classes.length);
    core.sumByLabel(labelSums, labelCounts, side.unit, label, rows, cols, classes.length);
    const { coefficients, sums, shifts } = contrast.rows;
    const end = (dx: number, ld: number): number =>
      core.supConRows(
        coefficients,
        dx,
        sums,
        shifts,
        side.unit,
        label,
        labelSums,
        labelCounts,
        rows,
        cols,
        ld,
        scale,
      );
    const loss = checkLoss(name, end(0, 0));
    if (!backward) return { loss };
    const { left } = contrast.gradients();
    end(left.at, left.ld);
    return { loss, grad: throughNormalization(name, left).grad };
  });
}
