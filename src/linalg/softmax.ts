/** Log-sum-exp and softmax of rows of logits. */

import { kernels } from '../core/kernels.js';
import {
  copyFloatsOut,
  copyIn,
  copyOutFinite,
  type Matrix,
  type MatrixLike,
  type NumberArray,
  readMatrix,
} from '../core/matrix.js';
import { scoped } from '../core/memory.js';
import { checkNoOptions } from '../core/options.js';
import type { NoOptions } from '../core/validation.js';

/**
 * Computes log Σ exp of each row, without overflow.
 *
 * @param x (n, c) f32, or one vector
 * @param options none yet
 * @returns n numbers
 * @throws {RangeError} if a value is not finite
 */
export function logSumExp(x: MatrixLike | NumberArray, options?: NoOptions): Float32Array {
  const input = readMatrix('logSumExp', 'x', x, true);
  checkNoOptions('logSumExp', options);
  const { rows, cols } = input;
  return scoped((scope) => {
    const at = copyIn(scope, input);
    const result = scope.f32(rows);
    kernels().logSumExpRows(result, at, rows, cols);
    return copyFloatsOut('logSumExp', result, rows);
  });
}

/**
 * Computes the softmax of each row: exp of it, divided by its sum.
 *
 * @param x (n, c) f32, or one vector
 * @param options none yet
 * @returns (n, c), each row a distribution
 * @throws {RangeError} if a value is not finite
 */
export function softmax(x: MatrixLike | NumberArray, options?: NoOptions): Matrix {
  const input = readMatrix('softmax', 'x', x, true);
  checkNoOptions('softmax', options);
  const { rows, cols } = input;
  return scoped((scope) => {
    const at = copyIn(scope, input);
    kernels().softmaxRows(at, at, rows, cols);
    return copyOutFinite(at, rows, cols);
  });
}
