/** Numbers and shapes as callers have them, on their way to a tensor. */

import { kernels } from '../core/kernels.js';
import { f32, type Pointer } from '../core/memory.js';
import { isNumberArray, rangeError, typeError } from '../core/validation.js';

/** Extents of the axes; none is a scalar. */
export type Shape = readonly number[];

/** Numbers as callers have them: flat, or nested by axes. */
export type TensorData = number | ArrayLike<number> | readonly TensorData[];

export function sizeOf(shape: Shape): number {
  return shape.reduce((size, extent) => size * extent, 1);
}

export function showShape(shape: Shape): string {
  return `(${shape.join(', ')})`;
}

/** Nested arrays to one array, in row-major order. */
export function flatten(name: string, data: TensorData): ArrayLike<number> {
  if (typeof data === 'number') return [data];
  if (!isNumberArray(data)) typeError(name, 'data', 'numbers, or nested arrays of them', data);
  if (Array.isArray(data) && typeof data[0] === 'object') {
    return data.flatMap((part) => Array.from(flatten(name, part)));
  }
  return data as ArrayLike<number>;
}

/** Copies finite numbers to an address, or says which is none. */
export function writeNumbers(name: string, flat: ArrayLike<number>, at: Pointer): void {
  if (Array.isArray(flat)) {
    const bad = flat.findIndex((value) => typeof value !== 'number');
    if (bad >= 0) typeError(name, `data[${bad}]`, 'a number', flat[bad]);
  }
  f32().set(flat, at / 4);
  const bad = kernels().firstNonFinite(at, flat.length);
  if (bad >= 0) rangeError(name, `data[${bad}]`, "finite and within f32's range", flat[bad]);
}

/** Extents of nested arrays, by their first elements. */
export function nestedShape(data: TensorData): number[] {
  if (typeof data === 'number') return [];
  const first = (data as ArrayLike<unknown>)[0];
  return [data.length, ...(typeof first === 'object' ? nestedShape(first as TensorData) : [])];
}

/** Checks a shape: whole numbers of at least 1; none is a scalar. */
export function checkedShape(name: string, shape: unknown): Shape {
  if (!isNumberArray(shape)) typeError(name, 'shape', 'an array of whole numbers', shape);
  return Array.from(shape, (extent: unknown, axis) => {
    if (typeof extent !== 'number') typeError(name, `shape[${axis}]`, 'a whole number', extent);
    if (!Number.isInteger(extent) || extent < 1) {
      rangeError(name, `shape[${axis}]`, 'a whole number of at least 1', extent);
    }
    return extent;
  });
}
