/** Tensors of given numbers: zeros, ones, a range. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { checkSize } from '../check.js';
import { empty, filled, type Tensor } from '../tensor.js';
import { checkedShape, type Shape } from '../tensor-data.js';

/**
 * Makes a tensor of zeros.
 *
 * @param shape extents, whole numbers of at least 1; `[]` is a scalar
 * @returns a tensor without gradients
 * @throws {TypeError | RangeError} if the shape is not valid
 */
export function zeros(shape: Shape): Tensor {
  return filled(checkedShape('zeros', shape), 0);
}

/**
 * Makes a tensor of ones.
 *
 * @param shape extents, whole numbers of at least 1; `[]` is a scalar
 * @returns a tensor without gradients
 * @throws {TypeError | RangeError} if the shape is not valid
 */
export function ones(shape: Shape): Tensor {
  return filled(checkedShape('ones', shape), 1);
}

/**
 * Makes a tensor of the numbers 0, 1, …, n − 1.
 *
 * @param n how many, at least 1; past 2²⁴ numbers are rounded to f32
 * @returns (n)
 * @throws {TypeError | RangeError} if n is not a whole number of at least 1
 */
export function arange(n: number): Tensor {
  const y = empty([checkSize('arange', 'n', n)]);
  kernels(nnCode).fillRange(y.at, y.size);
  return y;
}
