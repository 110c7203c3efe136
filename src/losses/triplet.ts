/** Triplet margin loss of rows (https://arxiv.org/abs/1503.03832). */

import { kernels } from '../core/kernels.js';
import { checkLoss, copyIn, copyOut, type Matrix, type MatrixLike } from '../core/matrix.js';
import type { Pointer, Scope } from '../core/memory.js';
import { type Check, checkNonNegative, oneOf } from '../core/validation.js';
import { type Loss, type LossCall, type LossResult, lossGrads, lossValue } from './loss.js';

/** Distance of two rows: 1 − cosine, or Euclidean of the rows as given. */
export type Distance = 'cosine' | 'euclidean';
const DISTANCES: readonly Distance[] = ['cosine', 'euclidean'];
const checkDistance: Check<Distance> = (...argument) => oneOf(DISTANCES)(...argument);

/** Options of {@link tripletLoss}. */
export interface TripletLossOptions {
  /**
   * Distance by which the negative has to be farther than the positive; at least 0.
   * @default 0.5
   */
  margin?: number | undefined;
  /**
   * Distance of two rows: `'cosine'` (1 − cosine) or `'euclidean'` (of the rows as given).
   * @default 'cosine'
   */
  distance?: Distance | undefined;
}

/** Result of {@link tripletLossGrad}. */
export interface TripletLossGradients {
  /** Mean loss over all triplets. */
  loss: number;
  /** (n, d) */
  gradAnchors: Matrix;
  /** (n, d) */
  gradPositives: Matrix;
  /** (n, d) */
  gradNegatives: Matrix;
}

interface Options {
  margin: number;
  distance: Distance;
}

export const TRIPLET_LOSS: Loss<Options, TripletLossGradients> = {
  name: 'tripletLoss',
  inputs: ['anchors', 'positives', 'negatives'],
  options: {
    margin: { check: checkNonNegative, fallback: 0.5 },
    distance: { check: checkDistance, fallback: 'cosine' },
  },
  compute,
};

/**
 * Computes the triplet margin loss: the mean over all triplets, those at zero too, of
 * max(0, margin + d(a, p) − d(a, n)).
 *
 * @param anchors (n, d) f32: row i of the three matrices is a triplet
 * @param positives (n, d) f32
 * @param negatives (n, d) f32
 * @param options margin, distance
 * @returns mean loss over the n triplets
 * @throws {RangeError} if the shapes differ or a value is not finite
 * @see https://arxiv.org/abs/1503.03832
 * @example const loss = tripletLoss(anchors, positives, negatives, { margin: 0.2 });
 */
export function tripletLoss(
  anchors: MatrixLike,
  positives: MatrixLike,
  negatives: MatrixLike,
  options?: TripletLossOptions,
): number {
  return lossValue(TRIPLET_LOSS, anchors, positives, negatives, options);
}

/**
 * Computes {@link tripletLoss} and its gradients with respect to the rows as given. A Euclidean
 * distance of 0 has a gradient of 0.
 *
 * @param anchors (n, d) f32: row i of the three matrices is a triplet
 * @param positives (n, d) f32
 * @param negatives (n, d) f32
 * @param options margin, distance
 * @returns the loss and one gradient per input
 * @throws {RangeError} if the shapes differ or a value is not finite
 * @see https://arxiv.org/abs/1503.03832
 * @example const { gradAnchors } = tripletLossGrad(anchors, positives, negatives);
 */
export function tripletLossGrad(
  anchors: MatrixLike,
  positives: MatrixLike,
  negatives: MatrixLike,
  options?: TripletLossOptions,
): TripletLossGradients {
  return lossGrads(TRIPLET_LOSS, anchors, positives, negatives, options);
}

function compute(
  scope: Scope,
  { name, inputs, options: { margin, distance }, backward }: LossCall<Options>,
): LossResult {
  const { rows, cols } = inputs[0];
  const at = inputs.map((input) => copyIn(scope, input));
  const [a, p, n] = at as [Pointer, Pointer, Pointer];
  const metric = DISTANCES.indexOf(distance);
  const value = kernels().tripletRows(a, p, n, rows, cols, margin, metric, backward);
  const loss = checkLoss(name, value);
  if (!backward) return { loss };
  return { loss, grads: at.map((grad, i) => copyOut(name, grad, rows, cols, inputs[i])) };
}
