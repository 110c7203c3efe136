/** The contrastive loss of single pairs, similar or not. */

import pairsCode from '#wasm/pairs';
import { kernels } from '../core/kernels.js';
import type { MatrixLike } from '../core/matrix.js';
import { checkIntegers, checkNonNegative, type Labels } from '../core/validation.js';
import { type Loss, lossGrads, lossValue } from './loss.js';
import { lossOfPairs, type PairGradients } from './pairs.js';

/** Options of {@link contrastiveLoss}. */
export interface ContrastiveLossOptions {
  /**
   * Cosine distance up to which pairs that are not similar are pushed apart; at least 0.
   * @default 0.5
   */
  margin?: number | undefined;
}

interface Options {
  margin: number;
}

const ZERO_OR_ONE = { valid: (value: number) => value === 0 || value === 1, what: '0 or 1' };

export const CONTRASTIVE_LOSS: Loss<Options, PairGradients> = {
  name: 'contrastiveLoss',
  inputs: ['a', 'b'],
  target: 'similar',
  options: { margin: { check: checkNonNegative, fallback: 0.5 } },
  compute(scope, call) {
    const { name, inputs, target, options } = call;
    const { rows } = inputs[0];
    const length = { of: rows, what: 'the rows of a' };
    const similar = scope.i32From(checkIntegers(name, 'similar', target, length, ZERO_OR_ONE));
    return lossOfPairs(scope, call, false, ({ similarities, grads }) =>
      kernels(pairsCode).contrastivePairs(grads, similarities, similar, rows, options.margin),
    );
  },
};

/**
 * Computes the contrastive loss of single pairs: the mean of d² / 2 over similar pairs and of
 * max(0, margin − d)² / 2 over the others, with the cosine distance d = 1 − cosine, as in
 * sentence-transformers.
 *
 * @param a (n, d) f32: embeddings of the first texts
 * @param b (n, d) f32: row i is the second text of pair i
 * @param similar for each pair 1 or true where its texts belong together, 0 or false where they don't
 * @param options margin
 * @returns mean loss over the n pairs
 * @throws {RangeError} if the shapes differ, there is not one number per pair, or a value is not finite
 * @see http://yann.lecun.com/exdb/publis/pdf/hadsell-chopra-lecun-06.pdf
 * @example const loss = contrastiveLoss(a, b, [true, false, true]);
 */
export function contrastiveLoss(
  a: MatrixLike,
  b: MatrixLike,
  similar: Labels,
  options?: ContrastiveLossOptions,
): number {
  return lossValue(CONTRASTIVE_LOSS, a, b, similar, options);
}

/**
 * Computes {@link contrastiveLoss} and its gradients with respect to the rows as given.
 *
 * @param a (n, d) f32: embeddings of the first texts
 * @param b (n, d) f32: row i is the second text of pair i
 * @param similar for each pair 1 or true where its texts belong together, 0 or false where they don't
 * @param options margin
 * @returns the loss and one gradient per input
 * @throws {RangeError} if the shapes differ, there is not one number per pair, or a value is not finite
 * @see http://yann.lecun.com/exdb/publis/pdf/hadsell-chopra-lecun-06.pdf
 * @example const { gradA, gradB } = contrastiveLossGrad(a, b, [1, 0, 1]);
 */
export function contrastiveLossGrad(
  a: MatrixLike,
  b: MatrixLike,
  similar: Labels,
  options?: ContrastiveLossOptions,
): PairGradients {
  return lossGrads(CONTRASTIVE_LOSS, a, b, similar, options);
}
