/** Rows of logits: log-sum-exp and softmax. */

import { kernels } from '../core/kernels.js';
import {
  copyFloatsOut,
  copyIn,
  copyOut,
  type Matrix,
  type MatrixLike,
  type NumberArray,
  readMatrix,
} from '../core/matrix.js';
import { scoped } from '../core/memory.js';

/**
 * log Σ exp of each row, without overflow.
 *
 * @param x (n, c), or one vector
 * @returns n numbers
 */
export function logSumExp(x: MatrixLike | NumberArray): Float32Array {
  const source = readMatrix('logSumExp', 'x', x, true);
  const { rows, cols } = source;
  return scoped((scope) => {
    const at = copyIn(scope, source);
    const result = scope.f32(rows);
    kernels().logSumExpRows(result, at, rows, cols);
    return copyFloatsOut('logSumExp', result, rows);
  });
}

/**
 * Softmax of each row: exp of it, divided by its sum.
 *
 * @param x (n, c), or one vector
 * @returns (n, c)
 */
export function softmax(x: MatrixLike | NumberArray): Matrix {
  const source = readMatrix('softmax', 'x', x, true);
  const { rows, cols } = source;
  return scoped((scope) => {
    const at = copyIn(scope, source);
    kernels().softmaxRows(at, at, rows, cols);
    return copyOut('softmax', at, rows, cols);
  });
}
