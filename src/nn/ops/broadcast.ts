/**
 * Broadcasting as NumPy's: the shape that two shapes have in common, tensors repeated to it, and
 * gradients summed back. Numbers move by one kernel that reads (or writes, or adds) along strides.
 */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { type Pointer, scoped } from '../../core/memory.js';
import { empty, filled, type Tensor } from '../tensor.js';
import { type Shape, sameShape, showShape } from '../tensor-data.js';

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

/** A copy of the numbers, without a graph. */
export function copy(x: Tensor): Tensor {
  const y = empty(x.shape);
  y.data.set(x.data);
  return y;
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
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const strides = stridesOf(shape);
  const missing = target.length - shape.length;
  return target.map((_, i) =>
    i < missing || shape[i - missing] === 1 ? 0 : (strides[i - missing] as number),
  );
}

/** For each element of `target`, which element of a tensor of `shape` is read there. */
export function broadcastIndices(shape: Shape, target: Shape): Int32Array {
  const strides = broadcastStrides(shape, target);
  let indices = Int32Array.of(0);
  target.forEach((extent, axis) => {
    const stride = strides[axis] as number;
    const before = indices;
    indices = new Int32Array(before.length * extent);
    for (let i = 0; i < indices.length; i++) {
      indices[i] = (before[Math.floor(i / extent)] as number) + (i % extent) * stride;
    }
  });
  return indices;
}

/** x repeated to a shape that it broadcasts to; x itself if that is its own. No gradient. */
export function expand(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const y = empty(shape);
  strided('gatherStrided', y.at, x.at, shape, broadcastStrides(x.shape, shape));
  return y;
}

/** The gradient of what `expand` read: dy summed over the axes that repeat. Takes dy over. */
export function sumToShape(dy: Tensor, shape: Shape): Tensor {
  if (sameShape(dy.shape, shape)) return dy;
  const dx = filled(shape, 0);
  strided('scatterAddStrided', dx.at, dy.at, dy.shape, broadcastStrides(shape, dy.shape));
  dy.dispose();
  return dx;
}
