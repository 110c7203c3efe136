/** Cross-entropy of logits with whole-number targets. */

import { kernels } from '../core/kernels.js';
import {
  checkLoss,
  copyIn,
  copyOut,
  type Matrix,
  type MatrixLike,
  readMatrix,
} from '../core/matrix.js';
import { scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import { checkIntegers, checkNonNegative, checkNumber, rangeError } from '../core/validation.js';

export interface CrossEntropyOptions {
  /** Rows with this target are left out of the mean (default -100). */
  ignoreIndex?: number | undefined;
  /** Share of the target's probability that is spread over all classes, 0 to 1 (default 0). */
  labelSmoothing?: number | undefined;
}

/**
 * Mean cross-entropy over the rows whose target is kept.
 *
 * @param logits (n, classes)
 * @param targets n classes, 0 to classes - 1, or `ignoreIndex`
 * @returns the loss in nats
 * @throws RangeError if every target is ignored
 */
export function crossEntropy(
  logits: MatrixLike,
  targets: ArrayLike<number>,
  options?: CrossEntropyOptions,
): number {
  return run('crossEntropy', logits, targets, options, false).loss;
}

/** {@link crossEntropy} and its gradient with respect to the logits, (n, classes). */
export function crossEntropyGrad(
  logits: MatrixLike,
  targets: ArrayLike<number>,
  options?: CrossEntropyOptions,
): { loss: number; grad: Matrix } {
  const { loss, grad } = run('crossEntropyGrad', logits, targets, options, true);
  return { loss, grad: grad as Matrix };
}

function run(
  name: string,
  logits: MatrixLike,
  targets: ArrayLike<number>,
  given: CrossEntropyOptions | undefined,
  backward: boolean,
): { loss: number; grad?: Matrix } {
  const source = readMatrix(name, 'logits', logits);
  const { rows, cols } = source;
  const options = readOptions(name, given);
  const ignored = options.read('ignoreIndex', checkNumber, -100);
  if ((ignored | 0) !== ignored) {
    rangeError(name, 'ignoreIndex', 'a whole number of 32 bits', ignored);
  }
  const smoothing = options.read('labelSmoothing', checkNonNegative, 0);
  if (smoothing > 1) rangeError(name, 'labelSmoothing', 'from 0 to 1', smoothing);
  options.done();
  const labels = checkIntegers(
    name,
    'targets',
    targets,
    { of: rows, what: 'the rows of logits' },
    {
      valid: (value) => value === ignored || (value >= 0 && value < cols),
      what: `from 0 to ${cols - 1} (the columns of logits) or ignoreIndex ${ignored}`,
    },
  );
  let kept = 0;
  for (let i = 0; i < rows; i++) if (labels[i] !== ignored) kept++;
  if (kept === 0) {
    throw new RangeError(`${name}: targets must not all be ignoreIndex ${ignored}`);
  }
  return scoped((scope) => {
    const x = copyIn(scope, source);
    const at = scope.i32From(labels);
    const losses = scope.f64(rows);
    const core = kernels();
    core.crossEntropyRows(losses, x, at, rows, cols, ignored, kept, smoothing, backward);
    const loss = checkLoss(name, core.sumDoubles(losses, rows) * (1 / kept));
    return backward ? { loss, grad: copyOut(name, x, rows, cols, source) } : { loss };
  });
}
