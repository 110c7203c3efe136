/** Operations on vectors along one axis: softmax, its logarithm, log-sum-exp, unit length. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { scoped } from '../../core/memory.js';
import { readOptions } from '../../core/options.js';
import { rangeError } from '../../core/validation.js';
import { checkAxis, checkTensor } from '../check.js';
import { record } from '../record.js';
import { empty, type Tensor } from '../tensor.js';
import { showShape } from '../tensor-data.js';
import { sumToShape } from './broadcast.js';
import { transpose } from './shape.js';

/** Options of operations along one axis. */
export interface AxisOptions {
  /**
   * The axis, counted from the end if negative.
   * @default −1, the last
   */
  axis?: number | undefined;
}

/** Gives x to an operation on rows, the axis being moved to the end for it and back. */
function alongAxis(
  name: string,
  x: Tensor,
  options: AxisOptions | undefined,
  onRows: (x: Tensor, rows: number, cols: number) => Tensor,
): Tensor {
  const { shape } = checkTensor(name, 'x', x);
  if (shape.length === 0) rangeError(name, 'x', 'of at least one axis', showShape(shape));
  const last = shape.length - 1;
  const read = readOptions(name, options);
  const axis = read.read('axis', (_, __, value) => checkAxis(name, value, shape.length), last);
  read.done();
  const cols = shape[axis] as number;
  const rows = x.size / cols;
  if (axis === last) return onRows(x, rows, cols);
  const swapped = shape.map((_, i) => (i === axis ? last : i === last ? axis : i));
  return transpose(onRows(transpose(x, swapped), rows, cols), swapped);
}

/**
 * Computes exp(x) over its sum along an axis: numbers that are probabilities.
 *
 * @param x tensor of at least one axis
 * @param options axis: along which axis
 * @returns a tensor of the same shape
 * @throws {TypeError | RangeError} if the axis is not one of x
 * @example softmax(logits, { axis: 1 });
 */
export function softmax(x: Tensor, options?: AxisOptions): Tensor {
  return alongAxis('softmax', x, options, (x, rows, cols) => {
    const core = kernels();
    const y: Tensor = record(
      'softmax',
      [x],
      x.shape,
      (at) => core.softmaxRows(at, x.at, rows, cols),
      (dy) => {
        const dx = empty(x.shape);
        core.softmaxRowsBackward(dx.at, dy.at, y.at, rows, cols);
        return [dx];
      },
      { saved: [], output: true },
    );
    return y;
  });
}

/**
 * Computes log Σ exp(x) along an axis, which becomes 1 long.
 *
 * @param x tensor of at least one axis
 * @param options axis: along which axis
 * @returns a tensor of the same shape but for that axis
 * @throws {TypeError | RangeError} if the axis is not one of x
 */
export function logSumExp(x: Tensor, options?: AxisOptions): Tensor {
  return alongAxis('logSumExp', x, options, (x, rows, cols) => {
    const core = kernels();
    const y: Tensor = record(
      'logSumExp',
      [x],
      [...x.shape.slice(0, -1), 1],
      (at) => core.logSumExpRows(at, x.at, rows, cols),
      (dy) => {
        const dx = empty(x.shape);
        core.logSumExpRowsBackward(dx.at, dy.at, y.at, x.at, rows, cols);
        return [dx];
      },
      { output: true },
    );
    return y;
  });
}

/**
 * Computes x − log Σ exp(x) along an axis: the logarithm of `softmax`.
 *
 * @param x tensor of at least one axis
 * @param options axis: along which axis
 * @returns a tensor of the same shape
 * @throws {TypeError | RangeError} if the axis is not one of x
 */
export function logSoftmax(x: Tensor, options?: AxisOptions): Tensor {
  return alongAxis('logSoftmax', x, options, (x, rows, cols) => {
    const core = kernels(nnCode);
    const sums = empty([rows]);
    return record(
      'logSoftmax',
      [x],
      x.shape,
      (y) => core.logSoftmaxRows(y, sums.at, x.at, rows, cols),
      (dy) => {
        const dx = empty(x.shape);
        const negated = empty([rows, cols]);
        core.scaleTo(negated.at, dy.at, dy.size, -1);
        const dSums = sumToShape(negated, [rows, 1]);
        kernels().logSumExpRowsBackward(dx.at, dSums.at, sums.at, x.at, rows, cols);
        dSums.dispose();
        core.accumulate(dx.at, dy.at, dy.size);
        return [dx];
      },
      { owned: [sums] },
    );
  });
}

/**
 * Divides each vector along an axis by its length; a vector of zeros stays, with a gradient of 0.
 *
 * @param x tensor of at least one axis
 * @param options axis: along which axis
 * @returns a tensor of the same shape
 * @throws {TypeError | RangeError} if the axis is not one of x
 */
export function normalize(x: Tensor, options?: AxisOptions): Tensor {
  return alongAxis('normalize', x, options, (x, rows, cols) => {
    const core = kernels();
    const y: Tensor = record(
      'normalize',
      [x],
      x.shape,
      (at) => scoped((scope) => core.normalizeRows(at, scope.f64(rows), x.at, rows, cols)),
      (dy) => {
        const dx = empty(x.shape);
        scoped((scope) => {
          const norms = scope.f64(rows);
          // The lengths again; the unit rows that come with them are overwritten.
          core.normalizeRows(dx.at, norms, x.at, rows, cols);
          core.normalizeRowsBackward(dx.at, dy.at, y.at, norms, rows, cols, cols);
        });
        return [dx];
      },
      { output: true },
    );
    return y;
  });
}
