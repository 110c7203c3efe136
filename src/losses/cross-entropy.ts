/** Cross-entropy of logits with whole-number targets. */

import { kernels } from '../core/kernels.js';
import { checkLoss, copyIn, copyOutFinite, type Matrix, type MatrixLike } from '../core/matrix.js';
import type { Scope } from '../core/memory.js';
import { type Check, checkIntegers, integerIn, type Labels, numberIn } from '../core/validation.js';
import { type Loss, type LossCall, type LossResult, lossGrads, lossValue } from './loss.js';

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions {
  /**
   * Rows with this target leave the mean; a whole number of 32 bits.
   * @default -100
   */
  ignoreIndex?: number | undefined;
  /**
   * Fraction of the target's probability that is spread over all classes, 0 to 1.
   * @default 0
   */
  labelSmoothing?: number | undefined;
}

const checkTarget: Check<number> = (...argument) => integerIn(-(2 ** 31), 2 ** 31 - 1)(...argument);
const checkSmoothing: Check<number> = (...argument) => numberIn(0, 1)(...argument);

interface Options {
  ignoreIndex: number;
  labelSmoothing: number;
}

export const CROSS_ENTROPY: Loss<Options, { loss: number; grad: Matrix }> = {
  name: 'crossEntropy',
  inputs: ['logits'],
  target: 'targets',
  options: {
    ignoreIndex: { check: checkTarget, fallback: -100 },
    labelSmoothing: { check: checkSmoothing, fallback: 0 },
  },
  compute,
};

/**
 * Computes the mean cross-entropy over the rows whose target is not ignored.
 *
 * @param logits (n, classes) f32
 * @param targets n classes, 0 to classes − 1, or `ignoreIndex`
 * @param options ignoreIndex, labelSmoothing
 * @returns mean loss, in nats
 * @throws {RangeError} if every target is ignored, or one is out of range
 * @example const loss = crossEntropy(logits, [2, 0, 1], { labelSmoothing: 0.1 });
 */
export function crossEntropy(
  logits: MatrixLike,
  targets: Labels,
  options?: CrossEntropyOptions,
): number {
  return lossValue(CROSS_ENTROPY, logits, targets, options);
}

/**
 * Computes {@link crossEntropy} and its gradient with respect to the logits.
 *
 * @param logits (n, classes) f32
 * @param targets n classes, 0 to classes − 1, or `ignoreIndex`
 * @param options ignoreIndex, labelSmoothing
 * @returns the loss, and its gradient (n, classes)
 * @throws {RangeError} if every target is ignored, or one is out of range
 * @example const { loss, grad } = crossEntropyGrad(logits, [2, 0, 1]);
 */
export function crossEntropyGrad(
  logits: MatrixLike,
  targets: Labels,
  options?: CrossEntropyOptions,
): { loss: number; grad: Matrix } {
  return lossGrads(CROSS_ENTROPY, logits, targets, options);
}

function compute(
  scope: Scope,
  { name, inputs: [logits], target, options, backward }: LossCall<Options>,
): LossResult {
  const { rows, cols } = logits;
  const { ignoreIndex, labelSmoothing } = options;
  const targets = checkIntegers(
    name,
    'targets',
    target,
    { of: rows, what: 'the rows of logits' },
    {
      valid: (value) => value === ignoreIndex || (value >= 0 && value < cols),
      what: `from 0 to ${cols - 1} (the columns of logits) or ignoreIndex ${ignoreIndex}`,
    },
  );
  let kept = 0;
  for (let i = 0; i < rows; i++) if (targets[i] !== ignoreIndex) kept++;
  if (kept === 0) {
    throw new RangeError(`${name}: targets must not all be ignoreIndex ${ignoreIndex}`);
  }
  const core = kernels();
  const at = copyIn(scope, logits);
  const losses = scope.f64(rows);
  core.crossEntropyRows(
    losses,
    at,
    scope.i32From(targets),
    rows,
    cols,
    ignoreIndex,
    kept,
    labelSmoothing,
    backward,
  );
  const loss = checkLoss(name, core.sumDoubles(losses, rows) * (1 / kept));
  return backward ? { loss, grads: [copyOutFinite(at, rows, cols, logits)] } : { loss };
}
