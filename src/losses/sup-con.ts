/** Supervised contrastive loss (https://arxiv.org/abs/2004.11362). */

import { kernels } from '../core/kernels.js';
import { indexLabels } from '../core/labels.js';
import { checkLoss, type Matrix, type MatrixLike } from '../core/matrix.js';
import type { Scope } from '../core/memory.js';
import { checkIntegers, checkTemperature, type Labels } from '../core/validation.js';
import { copyInUnitRows } from '../linalg/similarity.js';
import { copyOutGrad, TiledLogits } from './contrastive.js';
import { type Loss, type LossCall, type LossResult, lossGrads, lossValue } from './loss.js';

/** Options of {@link supCon}. */
export interface SupConOptions {
  /**
   * Divides the cosines; greater than 0.
   * @default 0.1
   */
  temperature?: number | undefined;
}

export const SUP_CON: Loss<{ temperature: number }, { loss: number; grad: Matrix }> = {
  name: 'supCon',
  inputs: ['z'],
  target: 'labels',
  options: { temperature: { check: checkTemperature, fallback: 0.1 } },
  compute,
};

/**
 * Computes the supervised contrastive loss: each row has to find the rows of its own label among
 * all others.
 *
 * The mean over anchors of the mean over their positives of −log(exp(s⁺/τ) / Σ exp(s/τ)), where s
 * are cosines and the sum runs over all rows but the anchor. An anchor without a positive leaves
 * the mean; if none has one, the loss is 0. The paper's factor τ / τ_base is 1.
 *
 * With a single label there are no negatives, but the loss is the paper's and not 0: positives
 * compete with each other in the sum, so it is at least log(n − 1) for n rows.
 *
 * @param z (n, d) f32
 * @param labels n whole numbers
 * @param options temperature
 * @returns mean loss over the anchors, in nats
 * @throws {RangeError} if there is not one label per row or a value is not finite
 * @see https://arxiv.org/abs/2004.11362
 * @example const loss = supCon(embeddings, [0, 0, 1, 1]);
 */
export function supCon(z: MatrixLike, labels: Labels, options?: SupConOptions): number {
  return lossValue(SUP_CON, z, labels, options);
}

/**
 * Computes {@link supCon} and its gradient with respect to z as given, before normalization.
 *
 * @param z (n, d) f32
 * @param labels n whole numbers
 * @param options temperature
 * @returns the loss, and its gradient (n, d)
 * @throws {RangeError} if there is not one label per row or a value is not finite
 * @see https://arxiv.org/abs/2004.11362
 * @example const { loss, grad } = supConGrad(embeddings, [0, 0, 1, 1]);
 */
export function supConGrad(
  z: MatrixLike,
  labels: Labels,
  options?: SupConOptions,
): { loss: number; grad: Matrix } {
  return lossGrads(SUP_CON, z, labels, options);
}

function compute(
  scope: Scope,
  { name, inputs: [z], target, options, backward }: LossCall<{ temperature: number }>,
): LossResult {
  const { rows, cols } = z;
  const labels = checkIntegers(name, 'labels', target, { of: rows, what: 'the rows of z' });
  const scale = 1 / options.temperature;
  const core = kernels();
  const unitRows = copyInUnitRows(scope, z);
  const contrast = new TiledLogits(scope, unitRows, unitRows, { scale, backward });
  const { classes, indices } = indexLabels(labels);
  const classOf = scope.i32From(indices);
  const classSums = scope.f64(classes.length * cols);
  const classCounts = scope.i32(classes.length);
  core.sumByLabel(classSums, classCounts, unitRows.unit, classOf, rows, cols, classes.length);
  const anchors = core.countAnchors(classCounts, classes.length);
  const { coefficients, sums, shifts } = contrast.rows;
  /** Computes the loss, and adds the positives' part of the gradient unless `grad` is 0. */
  const addPositives = (grad: number, ld: number): number =>
    core.supConRows(
      coefficients,
      grad,
      sums,
      shifts,
      unitRows.unit,
      classOf,
      classSums,
      classCounts,
      rows,
      cols,
      ld,
      scale,
      anchors,
    );
  const loss = checkLoss(name, addPositives(0, 0));
  if (!backward) return { loss };
  const [grad] = contrast.grads();
  addPositives(grad.at, grad.ld);
  return { loss, grads: [copyOutGrad(name, grad).matrix] };
}
