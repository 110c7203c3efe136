/** Operations that only move numbers: reshape, transpose, slice, concat, stack, squeeze. */

import type { Pointer } from '../../core/memory.js';
import { checkNoOptions, readOptions } from '../../core/options.js';
import {
  checkInteger,
  checkIntegers,
  type NoOptions,
  rangeError,
  typeError,
} from '../../core/validation.js';
import { checkAxis, checkTensor } from '../check.js';
import { record } from '../record.js';
import { empty, filled, type Tensor } from '../tensor.js';
import { resolveShape, type Shape, showShape } from '../tensor-data.js';
import { strided, stridesOf } from './broadcast.js';

/**
 * Gives the same numbers another shape. Shares memory with x.
 *
 * @param x tensor of any shape
 * @param shape extents of as many numbers; one of them may be -1: what remains
 * @param options none
 * @returns x in that shape
 * @throws {RangeError} if the numbers do not fit
 * @example reshape(tensor([1, 2, 3, 4]), [2, -1]); // (2, 2)
 */
export function reshape(x: Tensor, shape: Shape, options?: NoOptions): Tensor {
  checkNoOptions('reshape', options);
  checkTensor('reshape', 'x', x);
  return x.view(resolveShape('reshape', shape, x.size));
}

/**
 * Removes axes of extent 1. Shares memory with x.
 *
 * @param x tensor of any shape
 * @param axis the axis that goes, from the end if negative; every axis of extent 1 if left out. An
 *   axis of another extent stays, as PyTorch has it
 * @param options none
 * @returns x with fewer axes
 * @throws {TypeError | RangeError} if the axis is not one of x
 */
export function squeeze(x: Tensor, axis?: number, options?: NoOptions): Tensor {
  checkNoOptions('squeeze', options);
  const { shape } = checkTensor('squeeze', 'x', x);
  const on = axis === undefined ? undefined : checkAxis('squeeze', axis, shape.length);
  return x.view(shape.filter((extent, i) => extent !== 1 || (on !== undefined && i !== on)));
}

/**
 * Inserts an axis of extent 1. Shares memory with x.
 *
 * @param x tensor of any shape
 * @param axis where the new axis stands in the result; from the result's end if negative
 * @param options none
 * @returns x with one axis more
 * @throws {TypeError | RangeError} if the axis is not one of the result
 */
export function unsqueeze(x: Tensor, axis: number, options?: NoOptions): Tensor {
  checkNoOptions('unsqueeze', options);
  const { shape } = checkTensor('unsqueeze', 'x', x);
  const on = checkAxis('unsqueeze', axis, shape.length + 1);
  return x.view([...shape.slice(0, on), 1, ...shape.slice(on)]);
}

/**
 * Puts the axes into another order; exchanges the last two if no order is given.
 *
 * @param x tensor of at least two axes where no order is given
 * @param axes permutation of 0 to rank − 1: axis i of the result is axis axes[i] of x
 * @param options none
 * @returns a copy in that order
 * @throws {RangeError} if the axes are not a permutation
 */
export function transpose(x: Tensor, axes?: readonly number[], options?: NoOptions): Tensor {
  checkNoOptions('transpose', options);
  checkTensor('transpose', 'x', x);
  const rank = x.shape.length;
  if (axes === undefined && rank < 2) {
    rangeError('transpose', 'x', 'of at least two axes', showShape(x.shape));
  }
  const own = x.shape.map((_, axis) => axis);
  const order = axes === undefined ? [...own.slice(0, -2), rank - 1, rank - 2] : axes;
  checkIntegers('transpose', 'axes', order, { of: rank, what: 'the axes of x' });
  if (own.some((axis) => !order.includes(axis))) {
    rangeError('transpose', 'axes', `a permutation of ${own}`, `[${order}]`);
  }
  const from = stridesOf(x.shape);
  const dims = order.map((axis) => x.shape[axis] as number);
  const strides = order.map((axis) => from[axis] as number);
  return record(
    'transpose',
    [x],
    dims,
    (y) => strided('gatherStrided', y, x.at, dims, strides),
    (dy) => {
      const dx = empty(x.shape);
      strided('scatterStrided', dx.at, dy.at, dims, strides);
      return [dx];
    },
    { saved: [] },
  );
}

/**
 * Takes a range of indices of one axis.
 *
 * @param x tensor of at least one axis
 * @param axis the axis, from the end if negative
 * @param begin first index, from the end if negative
 * @param end index behind the last, from the end if negative; all that remain if left out
 * @param options none
 * @returns a copy of that part
 * @throws {RangeError} if the range is empty or outside
 * @example slice(x, 1, 0, -1); // all but the last index of axis 1
 */
export function slice(
  x: Tensor,
  axis: number,
  begin: number,
  end?: number,
  options?: NoOptions,
): Tensor {
  checkNoOptions('slice', options);
  checkTensor('slice', 'x', x);
  const on = checkAxis('slice', axis, x.shape.length);
  const extent = x.shape[on] as number;
  const first = checkInteger('slice', 'begin', begin);
  const last = end === undefined ? extent : checkInteger('slice', 'end', end);
  const from = first < 0 ? first + extent : first;
  const to = last < 0 ? last + extent : last;
  if (from < 0 || to > extent || from >= to) {
    const expected = `begin < end within 0 to ${extent}`;
    rangeError('slice', 'the range', expected, `${begin} to ${last}`);
  }
  const dims = x.shape.map((own, i) => (i === on ? to - from : own));
  const strides = stridesOf(x.shape);
  const offset = 4 * from * (strides[on] as number);
  return record(
    'slice',
    [x],
    dims,
    (y) => strided('gatherStrided', y, x.at + offset, dims, strides),
    (dy) => {
      const dx = filled(x.shape, 0);
      strided('scatterStrided', dx.at + offset, dy.at, dims, strides);
      return [dx];
    },
    { saved: [] },
  );
}

/** Checks a list of at least one tensor. */
function checkTensors(name: string, argument: string, tensors: unknown): Tensor {
  if (!Array.isArray(tensors)) typeError(name, argument, 'an array of tensors', tensors);
  if (tensors.length === 0) rangeError(name, argument, 'at least one tensor', tensors);
  for (const [i, part] of tensors.entries()) checkTensor(name, `${argument}[${i}]`, part);
  return tensors[0];
}

/**
 * Joins tensors along an axis that they have.
 *
 * @param parts at least one tensor; all extents but that axis's are the same
 * @param axis the axis, from the end if negative (default 0)
 * @param options none
 * @returns the parts one after the other
 * @throws {RangeError} if the shapes do not fit
 */
export function concat(parts: readonly Tensor[], axis = 0, options?: NoOptions): Tensor {
  checkNoOptions('concat', options);
  const first = checkTensors('concat', 'parts', parts);
  const on = checkAxis('concat', axis, first.shape.length);
  parts.forEach(({ shape }, i) => {
    const fits =
      shape.length === first.shape.length &&
      shape.every((extent, a) => a === on || extent === first.shape[a]);
    if (fits) return;
    const expected = `shaped like parts[0] ${showShape(first.shape)} but on axis ${on}`;
    rangeError('concat', `parts[${i}]`, expected, showShape(shape));
  });
  return join('concat', parts, on);
}

/** Options of `stack`. */
export interface StackOptions {
  /**
   * Position of the new axis in the result, from the result's end if negative.
   * @default 0
   */
  axis?: number | undefined;
}

/**
 * Joins tensors of one shape along a new axis.
 *
 * @param tensors at least one tensor; all of the same shape
 * @param options axis: where the new axis stands in the result
 * @returns one axis more, as long as there are tensors
 * @throws {RangeError} if the shapes differ
 * @example stack([tensor([1, 2]), tensor([3, 4])]); // (2, 2)
 */
export function stack(tensors: readonly Tensor[], options?: StackOptions): Tensor {
  const first = checkTensors('stack', 'tensors', tensors);
  const read = readOptions('stack', options);
  const axis = read.read(
    'axis',
    (name, _, value) => checkAxis(name, value, first.shape.length + 1),
    0,
  );
  read.done();
  tensors.forEach(({ shape }, i) => {
    if (String(shape) === String(first.shape)) return;
    const expected = `shaped like tensors[0] ${showShape(first.shape)}`;
    rangeError('stack', `tensors[${i}]`, expected, showShape(shape));
  });
  return join(
    'stack',
    tensors.map((x) => unsqueeze(x, axis)),
    axis,
  );
}

/** Writes each part into its range of the whole. */
function join(name: string, parts: readonly Tensor[], on: number): Tensor {
  const [first] = parts as [Tensor];
  const total = parts.reduce((sum, { shape }) => sum + (shape[on] as number), 0);
  const dims = first.shape.map((extent, a) => (a === on ? total : extent));
  const strides = stridesOf(dims);
  /** Each part with its address in the whole. */
  const located = (whole: Pointer): { part: Tensor; at: Pointer }[] => {
    let next = whole;
    return parts.map((part) => {
      const at = next;
      next += 4 * (part.shape[on] as number) * (strides[on] as number);
      return { part, at };
    });
  };
  return record(
    name,
    parts,
    dims,
    (y) => {
      for (const { part, at } of located(y)) {
        strided('scatterStrided', at, part.at, part.shape, strides);
      }
    },
    (dy) =>
      located(dy.at).map(({ part, at }) => {
        if (!part.requiresGrad) return undefined;
        const dx = empty(part.shape);
        strided('gatherStrided', dx.at, at, part.shape, strides);
        return dx;
      }),
    { saved: [] },
  );
}
