/** Leaves of the graph: tensors of given numbers, and parameters. */

import { allocate, f32, type Pointer } from '../core/memory.js';
import { checkNoOptions } from '../core/options.js';
import { type NoOptions, rangeError, typeError } from '../core/validation.js';
import { Storage } from './storage.js';
import { Internals, Tensor } from './tensor.js';
import {
  checkedShape,
  readData,
  type Shape,
  showShape,
  sizeOf,
  type TensorData,
  writeNumbers,
} from './tensor-data.js';
import { untrack } from './tidy.js';

/** Makes a leaf of numbers and their shape. */
function create(
  name: string,
  data: unknown,
  shape: unknown,
  requiresGrad: boolean,
  argument = 'data',
): Tensor {
  const { numbers, shape: own } = readData(name, data, argument);
  const extents = checkedShape(name, shape === undefined ? own : shape);
  const size = sizeOf(extents);
  if (sizeOf(own) !== size) {
    rangeError(name, argument, `${size} numbers for ${showShape(extents)}`, sizeOf(own));
  }
  const storage = new Storage(allocate(4 * size));
  try {
    writeNumbers(name, numbers(), storage.at, argument);
  } catch (error) {
    storage.release();
    throw error;
  }
  return new Tensor(extents, new Internals(storage, undefined, requiresGrad));
}

/** Makes a tensor of an argument of another function, which the messages name. */
export function tensorOf(name: string, argument: string, data: unknown): Tensor {
  return create(name, data, undefined, false, argument);
}

/**
 * Makes a tensor of the given numbers.
 *
 * @param data one number, a flat array in row-major order, nested arrays, or another tensor or
 *   `Matrix`, which is copied; finite, and rounded to f32
 * @param shape extents; those of the nesting if left out; `[]` is a scalar
 * @param options none
 * @returns a tensor without gradients
 * @throws {TypeError | RangeError} if something is not a number, not finite, or does not fit
 * @example const x = tensor([[1, 2, 3], [4, 5, 6]]); // (2, 3)
 */
export function tensor(data: TensorData, shape?: Shape, options?: NoOptions): Tensor {
  checkNoOptions('tensor', options);
  return create('tensor', data, shape, false);
}

/**
 * Makes a tensor that gradients are wanted for. `tidy` does not free it: its owner disposes of it.
 *
 * @param data numbers as for `tensor`
 * @param shape extents; those of the nesting if left out
 * @param options none
 * @returns a leaf with `requiresGrad`
 * @throws {TypeError | RangeError} as `tensor`
 * @example const w = parameter([0.5, -0.5]); sum(mul(w, w)).backward(); w.grad;
 */
export function parameter(data: TensorData, shape?: Shape, options?: NoOptions): Tensor {
  checkNoOptions('parameter', options);
  const made = create('parameter', data, shape, true);
  untrack(made);
  return made;
}

/**
 * Makes a parameter of numbers in memory that another owner keeps alive.
 *
 * @param requiresGrad false for numbers that stay as they are
 */
export function borrowParameter(at: Pointer, shape: Shape, requiresGrad = true): Tensor {
  const made = new Tensor(shape, new Internals(Storage.borrow(at), undefined, requiresGrad));
  untrack(made);
  return made;
}

/** Copies a tensor to a leaf that gradients are wanted for. */
export function toLeaf(x: Tensor): Tensor {
  const { size } = x;
  const storage = new Storage(allocate(4 * size));
  f32().copyWithin(storage.at / 4, x.at / 4, x.at / 4 + size);
  return new Tensor(x.shape, new Internals(storage, undefined, true));
}

/**
 * Turns a tensor into a parameter, and frees the tensor. `tidy` does not free the parameter.
 *
 * @param x tensor of initial numbers
 * @param options none
 * @returns a leaf with `requiresGrad`
 * @throws {TypeError} if x is not a tensor, or there is an option
 * @example this.weight = asParameter(randomNormal([8, 4], { std: 0.02 }));
 */
export function asParameter(x: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('asParameter', options);
  if (!(x instanceof Tensor)) typeError('asParameter', 'x', 'a tensor', x);
  const made = toLeaf(x);
  untrack(made);
  x.dispose();
  return made;
}
