/** Reductions over axes: sum, mean, smallest and largest number, variance; and the mean squared error. */

import nnCode from '#wasm/nn';
import opsCode from '#wasm/ops';
import { kernels } from '../../core/kernels.js';
import { f32, i32, scoped } from '../../core/memory.js';
import { type OptionReader, readOptions } from '../../core/options.js';
import { checkFlag, oneOf, rangeError } from '../../core/validation.js';
import { checkAxes, checkIndex, checkTensor } from '../check.js';
import { record } from '../record.js';
import { empty, type Tensor } from '../tensor.js';
import { type Shape, sameShape, showShape, sizeOf } from '../tensor-data.js';
import { expand } from './broadcast.js';
import { transpose } from './shape.js';

/** Options of reductions. */
export interface ReduceOptions {
  /**
   * Axis that goes, or several different ones, counted from the end if negative.
   * @default all axes
   */
  axis?: number | readonly number[] | undefined;
  /**
   * Keep the axes in the shape, with extent 1.
   * @default false
   */
  keepDims?: boolean | undefined;
}

/** A tensor as the kernels see it: (outer, n, inner), of which n goes. */
interface Reduction {
  x: Tensor;
  outer: number;
  n: number;
  inner: number;
  /** Shape of x with 1 in place of the axes that go. */
  kept: Shape;
  /** Shape of the result. */
  shape: Shape;
  /** True if no axis was named. */
  all: boolean;
}

/**
 * Reads the options of a reduction, and gives x to one that has the axes to reduce side by side.
 *
 * @param reduce makes the result
 */
function reduceAxes(
  name: string,
  x: Tensor,
  read: OptionReader,
  reduce: (reduction: Reduction) => Tensor,
): Tensor {
  const { shape } = checkTensor(name, 'x', x);
  const axis = read.optional('axis', (_, __, value) => value);
  const keepDims = read.read('keepDims', checkFlag, false);
  read.done();
  const axes = checkAxes(name, axis, shape.length);
  const kept = shape.map((extent, i) => (axes.includes(i) ? 1 : extent));
  const result = keepDims ? kept : shape.filter((_, i) => !axes.includes(i));
  const first = axes[0] ?? 0;
  const all = axis === undefined;
  if (axes.every((own, i) => own === first + i)) {
    const outer = sizeOf(shape.slice(0, first));
    const n = sizeOf(shape.slice(first, first + axes.length));
    return reduce({ x, outer, n, inner: x.size / outer / n, kept, shape: result, all });
  }
  // Axes that do not stand side by side are moved to the end.
  const others = shape.flatMap((_, i) => (axes.includes(i) ? [] : [i]));
  const moved = transpose(x, [...others, ...axes]);
  const outer = sizeOf(kept);
  const ones = moved.shape.map((extent, i) => (i < others.length ? extent : 1));
  return reduce({ x: moved, outer, n: x.size / outer, inner: 1, kept: ones, shape: result, all });
}

/** Sum, or mean with `average`. */
function total(
  name: string,
  x: Tensor,
  options: ReduceOptions | undefined,
  average: boolean,
): Tensor {
  return reduceAxes(
    name,
    x,
    readOptions(name, options),
    ({ x, outer, n, inner, kept, shape, all }) => {
      const factor = average ? 1 / n : 1;
      const core = kernels(nnCode);
      return record(
        name,
        [x],
        shape,
        (y) => {
          if (all) f32()[y / 4] = core.sumArray(x.at, n) * factor;
          else {
            core.sumAxis(y, x.at, outer, n, inner);
            if (average) core.scaleTo(y, y, outer * inner, factor);
          }
        },
        (dy) => {
          const scaled = empty(kept);
          core.scaleTo(scaled.at, dy.at, dy.size, factor);
          const dx = expand(scaled, x.shape);
          if (dx !== scaled) scaled.dispose();
          return [dx];
        },
        { saved: [] },
      );
    },
  );
}

/**
 * Adds up all numbers, or those along axes, in f64.
 *
 * @param x tensor of any shape
 * @param options axis: which axes go; keepDims: keep them, with extent 1
 * @returns x without these axes; a scalar by default
 * @throws {TypeError | RangeError} if an axis is not one of x
 * @example sum(x, { axis: [0, 2] });
 */
export function sum(x: Tensor, options?: ReduceOptions): Tensor {
  return total('sum', x, options, false);
}

/**
 * Takes the mean of all numbers, or of those along axes.
 *
 * @param x tensor of any shape
 * @param options axis: which axes go; keepDims: keep them, with extent 1
 * @returns x without these axes; a scalar by default
 * @throws {TypeError | RangeError} if an axis is not one of x
 */
export function mean(x: Tensor, options?: ReduceOptions): Tensor {
  return total('mean', x, options, true);
}

/** Largest numbers, or smallest with sign −1. */
function extreme(
  name: string,
  x: Tensor,
  options: ReduceOptions | undefined,
  sign: 1 | -1,
): Tensor {
  return reduceAxes(name, x, readOptions(name, options), ({ x, outer, n, inner, shape }) => {
    const y: Tensor = record(
      name,
      [x],
      shape,
      (at) => kernels(opsCode).maxAxis(at, x.at, outer, n, inner, sign),
      (dy) => {
        const dx = empty(x.shape);
        kernels(opsCode).maxAxisBackward(dx.at, dy.at, y.at, x.at, outer, n, inner);
        return [dx];
      },
      { output: true },
    );
    return y;
  });
}

/**
 * Takes the largest number of all, or along axes: PyTorch's `amax`. Equal ones share the gradient.
 *
 * @param x tensor of any shape
 * @param options axis: which axes go; keepDims: keep them, with extent 1
 * @returns x without these axes; a scalar by default
 * @throws {TypeError | RangeError} if an axis is not one of x
 */
export function max(x: Tensor, options?: ReduceOptions): Tensor {
  return extreme('max', x, options, 1);
}

/**
 * Takes the smallest number of all, or along axes: PyTorch's `amin`. Equal ones share the gradient.
 *
 * @param x tensor of any shape
 * @param options axis: which axes go; keepDims: keep them, with extent 1
 * @returns x without these axes; a scalar by default
 * @throws {TypeError | RangeError} if an axis is not one of x
 */
export function min(x: Tensor, options?: ReduceOptions): Tensor {
  return extreme('min', x, options, -1);
}

/** Options of `argmax`. */
export interface ArgmaxOptions {
  /**
   * Axis along which to look, counted from the end if negative.
   * @default all numbers in row-major order
   */
  axis?: number | undefined;
}

/**
 * Finds the index of the largest number, the first of equal ones.
 *
 * @param x tensor of any shape
 * @param options axis: along which axis
 * @returns one index for each position of the other axes, in row-major order; one in all by default
 * @throws {TypeError | RangeError} if the axis is not one of x
 * @example argmax(logits, { axis: -1 }); // predicted classes
 */
export function argmax(x: Tensor, options?: ArgmaxOptions): Int32Array {
  const { shape, size } = checkTensor('argmax', 'x', x);
  const read = readOptions('argmax', options);
  const axis = read.optional('axis', (name, _, value) =>
    value === undefined || Array.isArray(value)
      ? rangeError(name, 'axis', 'one axis', value)
      : (checkAxes(name, value, shape.length)[0] as number),
  );
  read.done();
  const outer = axis === undefined ? 1 : sizeOf(shape.slice(0, axis));
  const n = axis === undefined ? size : (shape[axis] as number);
  const count = size / n;
  return scoped((scope) => {
    const indices = scope.i32(count);
    kernels(opsCode).argmaxAxis(indices, x.at, outer, n, count / outer);
    return i32().slice(indices / 4, indices / 4 + count);
  });
}

/** Options of `variance` and `std`. */
export interface VarianceOptions extends ReduceOptions {
  /**
   * Number subtracted from the number of elements in the divisor: 1 for the unbiased variance, 0
   * for the biased one. Less than the number of elements.
   * @default 1
   */
  correction?: number | undefined;
}

/** Variance, or its square root. */
function spread(name: 'variance' | 'std', x: Tensor, options: VarianceOptions | undefined): Tensor {
  const read = readOptions(name, options);
  const correction = read.read('correction', checkIndex, 1);
  return reduceAxes(name, x, read, ({ x, outer, n, inner, kept, shape }) => {
    if (correction >= n) {
      rangeError(name, 'correction', `below ${n}, the number of elements`, correction);
    }
    const [core, ops] = [kernels(nnCode), kernels(opsCode)];
    const isStd = name === 'std';
    const y: Tensor = record(
      name,
      [x],
      shape,
      (at) => {
        ops.varianceAxis(at, x.at, outer, n, inner, n - correction);
        if (isStd) core.sqrtArray(at, at, outer * inner);
      },
      (dy) => {
        const dx = empty(x.shape);
        const scaled = isStd ? empty(kept) : dy;
        if (isStd) {
          // The gradient is taken for 0 where the standard deviation is.
          core.sqrtArrayBackward(scaled.at, dy.at, y.at, dy.size);
          core.whereArrayBackward(scaled.at, y.at, scaled.at, dy.size, false);
        }
        const factor = 2 / (n - correction);
        ops.varianceAxisBackward(dx.at, scaled.at, x.at, outer, n, inner, factor);
        if (isStd) scaled.dispose();
        return [dx];
      },
      { output: isStd },
    );
    return y;
  });
}

/**
 * Takes the variance of all numbers, or of those along axes.
 *
 * @param x tensor of any shape
 * @param options axis: which axes go; correction: 1 for the unbiased variance; keepDims: keep the axes
 * @returns x without these axes; a scalar by default
 * @throws {TypeError | RangeError} if an axis is not one of x, or no more than `correction` numbers go
 */
export function variance(x: Tensor, options?: VarianceOptions): Tensor {
  return spread('variance', x, options);
}

/**
 * Takes the standard deviation of all numbers, or of those along axes. Its gradient is 0 where it is.
 *
 * @param x tensor of any shape
 * @param options axis: which axes go; correction: 1 for the unbiased variance; keepDims: keep the axes
 * @returns x without these axes; a scalar by default
 * @throws {TypeError | RangeError} if an axis is not one of x, or no more than `correction` numbers go
 */
export function std(x: Tensor, options?: VarianceOptions): Tensor {
  return spread('std', x, options);
}

/** Options of `mse`. */
export interface MseOptions {
  /**
   * Averages the squares, or adds them up.
   * @default 'mean'
   */
  reduction?: 'mean' | 'sum' | undefined;
}

/**
 * Computes the mean of (x − target)².
 *
 * @param x tensor of any shape
 * @param target tensor of the same shape
 * @param options reduction: 'sum' adds the squares up instead
 * @returns a scalar
 * @throws {RangeError} if the shapes differ
 */
export function mse(x: Tensor, target: Tensor, options?: MseOptions): Tensor {
  checkTensor('mse', 'x', x);
  checkTensor('mse', 'target', target);
  const read = readOptions('mse', options);
  const reduction = read.read('reduction', oneOf(['mean', 'sum']), 'mean');
  read.done();
  if (!sameShape(x.shape, target.shape)) {
    rangeError('mse', 'target', `shaped like x ${showShape(x.shape)}`, showShape(target.shape));
  }
  const factor = reduction === 'sum' ? x.size : 1;
  const core = kernels(nnCode);
  return record(
    'mse',
    [x, target],
    [],
    (y) => {
      f32()[y / 4] = core.meanSquaredError(x.at, target.at, x.size) * factor;
    },
    (dy) => {
      const scale = (2 * dy.item() * factor) / x.size;
      const dx = empty(x.shape);
      core.subArray(dx.at, x.at, target.at, x.size);
      core.scaleTo(dx.at, dx.at, x.size, scale);
      const dTarget = target.requiresGrad ? empty(x.shape) : undefined;
      if (dTarget) core.scaleTo(dTarget.at, dx.at, x.size, -1);
      return [dx, dTarget];
    },
  );
}
