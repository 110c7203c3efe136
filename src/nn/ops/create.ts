/** Tensors of given numbers: zeros, ones, a range. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { checkNoOptions } from '../../core/options.js';
import type { NoOptions } from '../../core/validation.js';
import { checkSize } from '../check.js';
import { empty, filled, type Tensor } from '../tensor.js';
import { checkedShape, type Shape } from '../tensor-data.js';

/**
 * Makes a tensor of zeros.
 *
 * @param shape extents, whole numbers of at least 1; `[]` is a scalar
 * @param options none
 * @returns a tensor without gradients
 * @throws {TypeError | RangeError} if the shape is not valid
 */
export function zeros(shape: Shape, options?: NoOptions): Tensor {
  checkNoOptions('zeros', options);
  return filled(checkedShape('zeros', shape), 0);
}

/**
 * Makes a tensor of ones.
 *
 * @param shape extents, whole numbers of at least 1; `[]` is a scalar
 * @param options none
 * @returns a tensor without gradients
 * @throws {TypeError | RangeError} if the shape is not valid
 */
export function ones(shape: Shape, options?: NoOptions): Tensor {
  checkNoOptions('ones', options);
  return filled(checkedShape('ones', shape), 1);
}

/**
 * Makes a tensor of the numbers 0, 1, …, n − 1.
 *
 * @param n how many, at least 1; past 2²⁴ numbers are rounded to f32
 * @param options none
 * @returns (n)
 * @throws {TypeError | RangeError} if n is not a whole number of at least 1
 */
export function arange(n: number, options?: NoOptions): Tensor {
  checkNoOptions('arange', options);
  const y = empty([checkSize('arange', 'n', n)]);
  kernels(nnCode).fillRange(y.at, y.size);
  return y;
}
