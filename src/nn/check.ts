/** Checks of tensors, axes and extents, in the form of all error messages. */

import { integerIn, rangeError, typeError } from '../core/validation.js';
import { Tensor } from './tensor.js';
import { showShape } from './tensor-data.js';

/** Checks a tensor that was not disposed of. */
export function checkTensor(name: string, argument: string, value: unknown): Tensor {
  if (!(value instanceof Tensor)) typeError(name, argument, 'a tensor', value);
  if (value.disposed) throw new Error(`${name}: ${argument} was disposed of`);
  return value;
}

/** Checks a tensor of `size` numbers, as a bias or a weight of each column. */
export function checkVector(name: string, argument: string, value: unknown, size: number): Tensor {
  const vector = checkTensor(name, argument, value);
  if (vector.size !== size) rangeError(name, argument, `${size} numbers`, showShape(vector.shape));
  return vector;
}

/** Checks an axis of `rank` axes, counted from the end if negative; gives it from the start. */
export function checkAxis(name: string, axis: unknown, rank: number, argument = 'axis'): number {
  if (typeof axis !== 'number') typeError(name, argument, 'a whole number', axis);
  const index = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(axis) && index >= 0 && index < rank) return index;
  if (rank === 0) rangeError(name, argument, 'left out for a scalar', axis);
  rangeError(name, argument, `a whole number from ${-rank} to ${rank - 1}`, axis);
}

/**
 * Checks which axes go: one, several different ones, or all of them if undefined; gives them from
 * the start, in order.
 */
export function checkAxes(name: string, axis: unknown, rank: number): number[] {
  if (axis === undefined) return Array.from({ length: rank }, (_, i) => i);
  if (!Array.isArray(axis)) return [checkAxis(name, axis, rank)];
  if (axis.length === 0) rangeError(name, 'axis', 'at least one axis', axis);
  const axes = axis.map((one, i) => checkAxis(name, one, rank, `axis[${i}]`));
  if (new Set(axes).size < axes.length) rangeError(name, 'axis', 'different axes', `[${axis}]`);
  return axes.sort((a, b) => a - b);
}

/** Checks extents by name: whole numbers of at least 1. */
export function checkSizes(name: string, sizes: Readonly<Record<string, unknown>>): void {
  for (const [argument, value] of Object.entries(sizes)) checkSize(name, argument, value);
}

/** Checks a whole number of at least 1. */
export const checkSize: (name: string, argument: string, value: unknown) => number =
  /* @__PURE__ */ integerIn(1);

/** Checks a whole number of at least 0. */
export const checkIndex: (name: string, argument: string, value: unknown) => number =
  /* @__PURE__ */ integerIn(0);
