/**
 * Operations that only move numbers: reshape, transpose, slice, concat, broadcasting. All but the
 * first are one kernel that reads (or writes, or adds) along strides.
 */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { type Pointer, scoped } from '../../core/memory.js';
import { checkIntegers, rangeError, typeError } from '../../core/validation.js';
import { empty, filled, record, Tensor } from '../tensor.js';
import { checkedShape, type Shape, showShape, sizeOf } from '../tensor-data.js';

/** Floats from one index to the next on each axis of a row-major tensor. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = (strides[axis + 1] as number) * (shape[axis + 1] as number);
  }
  return strides;
}

type StridedKernel = 'gatherStrided' | 'scatterStrided' | 'scatterAddStrided';

/** Calls a strided kernel with dims and strides in WASM memory. */
export function strided(
  kernel: StridedKernel,
  y: Pointer,
  x: Pointer,
  dims: Shape,
  strides: readonly number[],
): void {
  scoped((scope) => {
    const list = scope.i32From([...dims, ...strides]);
    kernels(nnCode)[kernel](y, x, list, list + 4 * dims.length, dims.length);
  });
}

/** Refuses what is no tensor, or one that was disposed of. */
export function checkTensor(name: string, argument: string, value: unknown): Tensor {
  if (!(value instanceof Tensor)) typeError(name, argument, 'a tensor', value);
  if (value.disposed) throw new Error(`${name}: ${argument} was disposed of`);
  return value;
}

/** An axis, from the end if negative. */
export function checkAxis(name: string, axis: unknown, rank: number): number {
  if (typeof axis !== 'number') typeError(name, 'axis', 'a whole number', axis);
  const from = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || from < 0 || from >= rank) {
    rangeError(name, 'axis', `a whole number from ${-rank} to ${rank - 1}`, axis);
  }
  return from;
}

/** A copy of the numbers, without a past. */
export function copy(x: Tensor): Tensor {
  const y = empty(x.shape);
  y.data.set(x.data);
  return y;
}

/** The same numbers in another shape; one extent may be -1, what is left. Shares memory with x. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkTensor('reshape', 'x', x);
  const open = Array.isArray(shape) ? shape.indexOf(-1) : -1;
  const known = open < 0 ? shape : shape.map((extent, axis) => (axis === open ? 1 : extent));
  const extents = [...checkedShape('reshape', known)];
  if (open >= 0) extents[open] = x.size / sizeOf(extents);
  if (sizeOf(extents) !== x.size || !extents.every(Number.isInteger)) {
    rangeError('reshape', 'shape', `one of ${x.size} numbers`, showShape(shape));
  }
  return x.view(extents);
}

/** What reads x along axes in another order: its dims and strides. */
function permuted(shape: Shape, axes: readonly number[]): { dims: number[]; strides: number[] } {
  const strides = stridesOf(shape);
  return {
    dims: axes.map((axis) => shape[axis] as number),
    strides: axes.map((axis) => strides[axis] as number),
  };
}

/**
 * Axes in another order; the last two exchanged if no order is given.
 * @param axes a permutation of 0 to rank - 1
 */
export function transpose(x: Tensor, axes?: readonly number[]): Tensor {
  checkTensor('transpose', 'x', x);
  const rank = x.shape.length;
  if (axes === undefined && rank < 2) {
    rangeError('transpose', 'x', 'of at least two axes', showShape(x.shape));
  }
  const own = x.shape.map((_, axis) => axis);
  const order = axes ?? [...own.slice(0, -2), rank - 1, rank - 2];
  checkIntegers('transpose', 'axes', order, { of: rank, what: 'the axes of x' });
  if (own.some((axis) => !order.includes(axis))) {
    rangeError('transpose', 'axes', `a permutation of ${own}`, `[${order}]`);
  }
  const { dims, strides } = permuted(x.shape, order);
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
  );
}

/**
 * A part of x: indices from `begin` to before `end` on one axis.
 * @param end the whole rest if left out; both count from the end if negative
 */
export function slice(x: Tensor, axis: number, begin: number, end?: number): Tensor {
  checkTensor('slice', 'x', x);
  const on = checkAxis('slice', axis, x.shape.length);
  const extent = x.shape[on] as number;
  checkIntegers('slice', 'begin and end', [begin, end ?? extent]);
  const from = begin < 0 ? begin + extent : begin;
  const to = end === undefined ? extent : end < 0 ? end + extent : end;
  if (from < 0 || to > extent || from >= to) {
    const expected = `begin < end within 0 to ${extent}`;
    rangeError('slice', 'the range', expected, `${begin} to ${end ?? extent}`);
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
  );
}

/** Tensors one after the other along an axis; their other extents are the same. */
export function concat(parts: readonly Tensor[], axis = 0): Tensor {
  if (!Array.isArray(parts)) typeError('concat', 'parts', 'an array of tensors', parts);
  if (parts.length === 0) rangeError('concat', 'parts', 'at least one tensor', parts);
  const first = checkTensor('concat', 'parts[0]', parts[0]);
  const on = checkAxis('concat', axis, first.shape.length);
  parts.forEach((part, i) => {
    const { shape } = checkTensor('concat', `parts[${i}]`, part);
    const fits =
      shape.length === first.shape.length &&
      shape.every((extent, a) => a === on || extent === first.shape[a]);
    if (fits) return;
    const expected = `shaped like parts[0] ${showShape(first.shape)} but on axis ${on}`;
    rangeError('concat', `parts[${i}]`, expected, showShape(shape));
  });
  const total = parts.reduce((sum, { shape }) => sum + (shape[on] as number), 0);
  const dims = first.shape.map((extent, a) => (a === on ? total : extent));
  const strides = stridesOf(dims);
  /** Each part with its place in the whole. */
  const placed = (whole: Pointer): { part: Tensor; at: Pointer }[] => {
    let at = whole;
    return parts.map((part) => {
      const place = { part, at };
      at += 4 * (part.shape[on] as number) * (strides[on] as number);
      return place;
    });
  };
  return record(
    'concat',
    parts,
    dims,
    (y) => {
      for (const { part, at } of placed(y)) {
        strided('scatterStrided', at, part.at, part.shape, strides);
      }
    },
    (dy) =>
      placed(dy.at).map(({ part, at }) => {
        if (!part.requiresGrad) return undefined;
        const dx = empty(part.shape);
        strided('gatherStrided', dx.at, at, part.shape, strides);
        return dx;
      }),
  );
}

/** The shape that two shapes broadcast to, as NumPy has it. */
export function broadcastShape(name: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new RangeError(
        `${name}: shapes must broadcast, got ${showShape(a)} and ${showShape(b)}`,
      );
    }
    return Math.max(x, y);
  });
}

/** Strides that read a tensor of `shape` as one of `target`: 0 on the axes that repeat. */
function broadcastStrides(shape: Shape, target: Shape): number[] {
  const strides = stridesOf(shape);
  const missing = target.length - shape.length;
  return target.map((_, i) =>
    i < missing || shape[i - missing] === 1 ? 0 : (strides[i - missing] as number),
  );
}

/** For each place of `target`, which element of a tensor of `shape` is read there. */
export function broadcastIndices(shape: Shape, target: Shape): Int32Array {
  const strides = broadcastStrides(shape, target);
  let places = Int32Array.of(0);
  target.forEach((extent, axis) => {
    const stride = strides[axis] as number;
    const before = places;
    places = new Int32Array(before.length * extent);
    for (let i = 0; i < places.length; i++) {
      places[i] = (before[Math.floor(i / extent)] as number) + (i % extent) * stride;
    }
  });
  return places;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** x repeated to a shape that it broadcasts to; x itself if that is its own. No gradient. */
export function expand(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const y = empty(shape);
  strided('gatherStrided', y.at, x.at, shape, broadcastStrides(x.shape, shape));
  return y;
}

/** The gradient of what `expanded` read: dy summed over the axes that repeat. Takes dy over. */
export function sumToShape(dy: Tensor, shape: Shape): Tensor {
  if (sameShape(dy.shape, shape)) return dy;
  const dx = filled(shape, 0);
  strided('scatterAddStrided', dx.at, dy.at, dy.shape, broadcastStrides(shape, dy.shape));
  dy.dispose();
  return dx;
}
