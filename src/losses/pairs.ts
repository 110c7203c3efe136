/** Losses of pairs that have a similarity each: CoSENT, AnglE, contrastive. */

import pairsCode from '#wasm/pairs';
import { kernels } from '../core/kernels.js';
import { checkLoss, copyIn, copyOut, type Matrix, type MatrixInput } from '../core/matrix.js';
import type { Pointer, Scope } from '../core/memory.js';
import { checkNumbers } from '../core/validation.js';
import type { LossCall, LossResult } from './loss.js';

/** Result of the gradient forms of losses of pairs. */
export interface PairGradients {
  /** Loss of the batch. */
  loss: number;
  /** (n, d) */
  gradA: Matrix;
  /** (n, d) */
  gradB: Matrix;
}

/** Addresses of what a loss of similarities reads and writes, f64, one number per pair. */
interface Similarities {
  readonly similarities: Pointer;
  readonly grads: Pointer;
}

/**
 * Computes a loss of the similarities of pairs of rows, and its gradients with respect to the rows.
 *
 * @param angle set for the similarity of AnglE instead of the cosine
 * @param lossOf computes the loss and writes its gradients with respect to the similarities
 */
export function lossOfPairs(
  scope: Scope,
  { name, inputs, backward }: LossCall<unknown>,
  angle: boolean,
  lossOf: (of: Similarities) => number,
): LossResult {
  const core = kernels(pairsCode);
  const { rows, cols } = inputs[0];
  const at = inputs.map((input) => copyIn(scope, input));
  const [a, b] = at as [Pointer, Pointer];
  const [similarities, grads] = [scope.f64(rows), scope.f64(rows)];
  core.pairSimilarities(similarities, a, b, rows, cols, angle);
  const loss = checkLoss(name, lossOf({ similarities, grads }));
  if (!backward) return { loss };
  core.pairSimilaritiesBackward(a, b, similarities, grads, rows, cols, angle);
  return { loss, grads: at.map((grad, i) => copyOut(name, grad, rows, cols, inputs[i])) };
}

/** CoSENT's loss of scored pairs, of cosines or of AnglE's similarities. */
export function rankingLoss(
  scope: Scope,
  call: LossCall<{ scale: number }>,
  angle: boolean,
): LossResult {
  const { name, inputs, target, options } = call;
  const { rows } = inputs[0] as MatrixInput;
  const scores = checkNumbers(name, 'scores', target, { of: rows, what: 'the rows of a' });
  const order = Int32Array.from({ length: rows }, (_, i) => i);
  order.sort((i, j) => (scores[i] as number) - (scores[j] as number) || i - j);
  let group = 0;
  const groups = Int32Array.from(order, (row, p) => {
    const before = order[p - 1];
    if (before !== undefined && scores[before] !== scores[row]) group++;
    return group;
  });
  const [orderAt, groupsAt] = [scope.i32From(order), scope.i32From(groups)];
  return lossOfPairs(scope, call, angle, ({ similarities, grads }) =>
    kernels(pairsCode).coSentPairs(
      grads,
      similarities,
      orderAt,
      groupsAt,
      rows,
      options.scale,
      angle,
    ),
  );
}
