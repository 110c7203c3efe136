/** Kullback–Leibler divergence of rows of probabilities. */

import { kernels } from '../core/kernels.js';
import {
  copyIn,
  copyOut,
  type Matrix,
  type MatrixInput,
  type MatrixLike,
  type NumberArray,
} from '../core/matrix.js';
import { f32, type Pointer, type Scope } from '../core/memory.js';
import { type NoOptions, rangeError } from '../core/validation.js';
import { type Loss, type LossCall, type LossResult, lossGrads, lossValue } from './loss.js';

/** Allowed difference of the sum of a row of probabilities from 1. */
const TOLERANCE = 1e-3;

/** Result of {@link klDivergenceGrad}. */
export interface KlDivergenceGradients {
  /** Mean divergence, in nats. */
  loss: number;
  /** (n, c) */
  gradP: Matrix;
  /** (n, c) */
  gradQ: Matrix;
}

export const KL_DIVERGENCE: Loss<NoOptions, KlDivergenceGradients> = {
  name: 'klDivergence',
  inputs: ['p', 'q'],
  vectors: true,
  options: {},
  compute,
};

/**
 * Computes the Kullback–Leibler divergence KL(p ‖ q): the mean over rows of Σ p log(p / q), where
 * 0 log 0 = 0. It is infinite where q is 0 and p is not.
 *
 * @param p (n, c) f32, or one vector: each row at least 0 with a sum of 1 within 1e-3
 * @param q (n, c) f32, of the same kind
 * @param options none yet
 * @returns mean divergence, in nats
 * @throws {RangeError} if the shapes differ or a row is not a distribution
 * @example const nats = klDivergence([0.5, 0.5], [0.9, 0.1]);
 */
export function klDivergence(
  p: MatrixLike | NumberArray,
  q: MatrixLike | NumberArray,
  options?: NoOptions,
): number {
  return lossValue(KL_DIVERGENCE, p, q, options);
}

/**
 * Computes {@link klDivergence} and its gradients. An entry with p = 0 is left out of the sum and
 * has gradients of 0.
 *
 * @param p (n, c) f32, or one vector: each row at least 0 with a sum of 1 within 1e-3
 * @param q (n, c) f32, of the same kind
 * @param options none yet
 * @returns the divergence and one gradient per input
 * @throws {RangeError} where q is 0 and p is not: the divergence is infinite there
 * @example const { loss, gradQ } = klDivergenceGrad(p, q);
 */
export function klDivergenceGrad(
  p: MatrixLike | NumberArray,
  q: MatrixLike | NumberArray,
  options?: NoOptions,
): KlDivergenceGradients {
  return lossGrads(KL_DIVERGENCE, p, q, options);
}

function compute(scope: Scope, { name, inputs, backward }: LossCall<NoOptions>): LossResult {
  const core = kernels();
  const { rows, cols } = inputs[0];
  const at = inputs.map((input) => copyInProbabilities(scope, input));
  const [p, q] = at as [Pointer, Pointer];
  const bad = backward ? core.firstInfiniteDivergence(p, q, rows * cols) : -1;
  if (bad >= 0) {
    const expected = 'greater than 0 wherever p is (the divergence is infinite)';
    rangeError(name, `q[${Math.floor(bad / cols)}][${bad % cols}]`, expected, 0);
  }
  const loss = core.klDivergenceRows(p, q, rows, cols, backward);
  if (!backward) return { loss };
  return { loss, grads: at.map((grad, i) => copyOut(name, grad, rows, cols, inputs[i])) };
}

/** Copies rows of probabilities to WASM memory and checks them there. */
function copyInProbabilities(scope: Scope, input: MatrixInput): Pointer {
  const at = copyIn(scope, input);
  const { name, argument, rows, cols } = input;
  const bad = kernels().firstInvalidDistribution(at, rows, cols, TOLERANCE);
  if (bad < 0) return at;
  const row = f32().subarray(at / 4 + bad * cols, at / 4 + (bad + 1) * cols);
  const negative = row.findIndex((value) => value < 0);
  if (negative >= 0) {
    rangeError(name, `${argument}[${bad}][${negative}]`, 'at least 0', row[negative]);
  }
  let sum = 0;
  for (const value of row) sum += value;
  rangeError(name, `${argument}[${bad}]`, `probabilities with a sum of 1 within ${TOLERANCE}`, sum);
}
