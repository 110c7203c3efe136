/** Shapes, and numbers as callers have them, on their way into a tensor. */

import { kernels } from '../core/kernels.js';
import { f32, type Pointer } from '../core/memory.js';
import { isNumberArray, rangeError, typeError } from '../core/validation.js';

/** Extents of the axes, from the outermost; none is a scalar. */
export type Shape = readonly number[];

/** Numbers with their shape: a tensor, a `Matrix`, or what other libraries have. */
export interface ShapedData {
  /** Numbers in row-major order. */
  readonly data: ArrayLike<number>;
  /** Extents of the axes. */
  readonly shape?: Shape | undefined;
  /** Extents of the axes, as transformers.js calls them. */
  readonly dims?: Shape | undefined;
  /** Number of rows, of a matrix. */
  readonly rows?: number | undefined;
  /** Number of columns, of a matrix. */
  readonly cols?: number | undefined;
}

/** Numbers for a tensor: one, flat in row-major order, nested by axes, or with their shape. */
export type TensorData = number | ArrayLike<number> | readonly TensorData[] | ShapedData;

/** Product of the extents. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** Writes a shape as error messages have it: (2, 3). */
export function showShape(shape: Shape): string {
  return `(${shape.join(', ')})`;
}

/** Tells whether two shapes are equal. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
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

/**
 * Checks a shape for `size` numbers, in which one extent may be -1: the one that makes it fit.
 */
export function resolveShape(name: string, shape: unknown, size: number): Shape {
  const open = Array.isArray(shape) ? shape.indexOf(-1) : -1;
  const known = open < 0 ? shape : (shape as number[]).map((n, axis) => (axis === open ? 1 : n));
  const extents = [...checkedShape(name, known)];
  if (open >= 0) extents[open] = size / sizeOf(extents);
  if (sizeOf(extents) !== size || !extents.every(Number.isInteger)) {
    rangeError(name, 'shape', `one of ${size} numbers`, showShape(shape as Shape));
  }
  return extents;
}

/** Numbers in row-major order with their own shape, read when they are wanted. */
export interface FlatData {
  /** Gives the numbers; a view of WASM memory is made on each call, for memory may have grown. */
  numbers(): ArrayLike<number>;
  shape: Shape;
}

/** Extents of nested arrays, by their first elements. */
function nestedShape(data: ArrayLike<unknown>): number[] {
  const first = data[0];
  const nested = isNumberArray(first);
  return [data.length, ...(nested ? nestedShape(first) : [])];
}

/** Appends the numbers of nested arrays, each level as long as its first part. */
function flattenInto(
  name: string,
  data: unknown,
  shape: Shape,
  axis: number,
  path: string,
  to: number[],
): void {
  if (!isNumberArray(data)) typeError(name, path, `an array of ${shape[axis]}`, data);
  if (data.length !== shape[axis]) {
    rangeError(name, path, `as long as its neighbors, ${shape[axis]}`, data.length);
  }
  for (let i = 0; i < data.length; i++) {
    const part: unknown = data[i];
    if (axis + 1 < shape.length) {
      flattenInto(name, part, shape, axis + 1, `${path}[${i}]`, to);
    } else {
      if (typeof part !== 'number') typeError(name, `${path}[${i}]`, 'a number', part);
      to.push(part);
    }
  }
}

/** Reads what a caller gave as numbers. */
export function readData(name: string, data: unknown, argument = 'data'): FlatData {
  if (typeof data === 'number') return { numbers: () => [data], shape: [] };
  if (isNumberArray(data)) {
    if (Array.isArray(data) && isNumberArray(data[0])) {
      const shape = nestedShape(data);
      const flat: number[] = [];
      flattenInto(name, data, shape, 0, argument, flat);
      return { numbers: () => flat, shape };
    }
    return { numbers: lasting(data), shape: [data.length] };
  }
  const shaped = data as { data?: unknown; [key: string]: unknown } | null | undefined;
  const flat = typeof data === 'object' && shaped !== null ? shaped?.data : undefined;
  if (!isNumberArray(flat)) {
    typeError(name, argument, 'numbers, nested arrays of them, a tensor or a matrix', data);
  }
  const { shape, dims, rows, cols } = shaped as { [key: string]: unknown };
  const extents = checkedShape(name, shape ?? dims ?? [rows, cols]);
  if (sizeOf(extents) !== flat.length) {
    rangeError(name, argument, `${sizeOf(extents)} numbers for ${showShape(extents)}`, flat.length);
  }
  return { numbers: lasting(flat), shape: extents };
}

/** Keeps numbers readable after memory has grown, which detaches every view of it. */
function lasting(flat: ArrayLike<number>): () => ArrayLike<number> {
  const { buffer } = flat as Partial<Float32Array>;
  if (buffer === undefined || buffer !== f32().buffer) return () => flat;
  if (!(flat instanceof Float32Array)) {
    const copy = Array.from(flat);
    return () => copy;
  }
  const start = flat.byteOffset / 4;
  const end = start + flat.length;
  return () => f32().subarray(start, end);
}

/** Copies finite numbers to an address. */
export function writeNumbers(
  name: string,
  flat: ArrayLike<number>,
  at: Pointer,
  argument = 'data',
): void {
  if (Array.isArray(flat)) {
    const bad = flat.findIndex((value) => typeof value !== 'number');
    if (bad >= 0) typeError(name, `${argument}[${bad}]`, 'a number', flat[bad]);
  }
  f32().set(flat, at / 4);
  const bad = kernels().firstNonFinite(at, flat.length);
  if (bad >= 0) rangeError(name, `${argument}[${bad}]`, "finite and within f32's range", flat[bad]);
}
