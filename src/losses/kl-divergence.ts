/** Kullback–Leibler divergence of rows of probabilities. */

import { kernels } from '../core/kernels.js';
import {
  checkShape,
  copyIn,
  copyOut,
  type Matrix,
  type MatrixInput,
  type MatrixLike,
  type NumberArray,
  readMatrix,
} from '../core/matrix.js';
import { f32, type Pointer, type Scope, scoped } from '../core/memory.js';
import { rangeError } from '../core/validation.js';

/** How far from 1 the sum of a row of probabilities may be. */
const TOLERANCE = 1e-3;

/**
 * KL(p ‖ q): the mean over rows of Σ p log(p / q), where 0 log 0 = 0. It is infinite where q is 0
 * and p is not.
 *
 * @param p (n, c), or one vector: each row at least 0 with a sum of 1 within 1e-3
 * @param q the same shape and kind
 * @returns the divergence in nats
 */
export function klDivergence(p: MatrixLike | NumberArray, q: MatrixLike | NumberArray): number {
  const { sources, rows, cols } = read('klDivergence', p, q);
  return scoped((scope) => {
    const [atP, atQ] = sources.map((source) => loadProbabilities(scope, source)) as [
      Pointer,
      Pointer,
    ];
    return kernels().klDivergenceRows(atP, atQ, rows, cols, false);
  });
}

/**
 * {@link klDivergence} and its gradients, each (n, c); an entry with p = 0 is left out of the sum
 * and has gradients of 0.
 * @throws RangeError where q is 0 and p is not: the divergence is infinite there
 */
export function klDivergenceGrad(
  p: MatrixLike | NumberArray,
  q: MatrixLike | NumberArray,
): { loss: number; gradP: Matrix; gradQ: Matrix } {
  const name = 'klDivergenceGrad';
  const { sources, rows, cols } = read(name, p, q);
  return scoped((scope) => {
    const core = kernels();
    const [atP, atQ] = sources.map((source) => loadProbabilities(scope, source)) as [
      Pointer,
      Pointer,
    ];
    const bad = core.firstInfiniteDivergence(atP, atQ, rows * cols);
    if (bad >= 0) {
      const expected = 'greater than 0 wherever p is (the divergence is infinite)';
      rangeError(name, `q[${Math.floor(bad / cols)}][${bad % cols}]`, expected, 0);
    }
    const loss = core.klDivergenceRows(atP, atQ, rows, cols, true);
    return {
      loss,
      gradP: copyOut(name, atP, rows, cols, sources[0]),
      gradQ: copyOut(name, atQ, rows, cols, sources[1]),
    };
  });
}

function read(name: string, p: unknown, q: unknown) {
  const first = readMatrix(name, 'p', p, true);
  const second = readMatrix(name, 'q', q, true);
  checkShape(second, first);
  return { sources: [first, second], rows: first.rows, cols: first.cols };
}

/** Loads rows of probabilities and refuses what is none. */
function loadProbabilities(scope: Scope, source: MatrixInput): Pointer {
  const at = copyIn(scope, source);
  const { name, argument, rows, cols } = source;
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
