/** Sums and means, over all or along an axis, and the mean squared error. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { f32 } from '../../core/memory.js';
import { checkOptions, rangeError } from '../../core/validation.js';
import { empty, record, type Tensor } from '../tensor.js';
import { type Shape, showShape } from '../tensor-data.js';
import { checkAxis, checkTensor, expand, sameShape } from './shape.js';

export interface ReduceOptions {
  /** The axis that goes, from the end if negative; all of them if left out. */
  axis?: number | undefined;
  /** Leave the axis in the shape, 1 long (default false). */
  keepDims?: boolean | undefined;
}

function reduce(
  name: string,
  x: Tensor,
  options: ReduceOptions | undefined,
  mean: boolean,
): Tensor {
  checkTensor(name, 'x', x);
  checkOptions(name, options, ['axis', 'keepDims']);
  const { axis, keepDims = false } = options ?? {};
  const on = axis === undefined ? undefined : checkAxis(name, axis, x.shape.length);
  const extent = (from: number, to?: number): number =>
    x.shape.slice(from, to).reduce((size, own) => size * own, 1);
  const outer = on === undefined ? 1 : extent(0, on);
  const n = on === undefined ? x.size : (x.shape[on] as number);
  const inner = on === undefined ? 1 : extent(on + 1);
  const kept: Shape = x.shape.map((own, i) => (on === undefined || i === on ? 1 : own));
  const shape = keepDims ? kept : on === undefined ? [] : x.shape.filter((_, i) => i !== on);
  const factor = mean ? 1 / n : 1;
  const core = kernels(nnCode);
  return record(
    name,
    [x],
    shape,
    (y) => {
      if (on === undefined) f32()[y / 4] = core.sumArray(x.at, n) * factor;
      else {
        core.sumAxis(y, x.at, outer, n, inner);
        if (mean) core.scaleTo(y, y, outer * inner, factor);
      }
    },
    (dy) => {
      const scaled = empty(kept);
      core.scaleTo(scaled.at, dy.at, dy.size, factor);
      const dx = expand(scaled, x.shape);
      if (dx !== scaled) scaled.dispose();
      return [dx];
    },
  );
}

/** Σ x */
export function sum(x: Tensor, options?: ReduceOptions): Tensor {
  return reduce('sum', x, options, false);
}

/** The mean of x. */
export function mean(x: Tensor, options?: ReduceOptions): Tensor {
  return reduce('mean', x, options, true);
}

/** The mean of (x - target)², a scalar. */
export function mse(x: Tensor, target: Tensor): Tensor {
  checkTensor('mse', 'x', x);
  checkTensor('mse', 'target', target);
  if (!sameShape(x.shape, target.shape)) {
    rangeError('mse', 'target', `shaped like x ${showShape(x.shape)}`, showShape(target.shape));
  }
  const core = kernels(nnCode);
  return record(
    'mse',
    [x, target],
    [],
    (y) => {
      f32()[y / 4] = core.meanSquaredError(x.at, target.at, x.size);
    },
    (dy) => {
      const slope = (2 * dy.item()) / x.size;
      const dx = empty(x.shape);
      core.subArray(dx.at, x.at, target.at, x.size);
      core.scaleTo(dx.at, dx.at, x.size, slope);
      const dTarget = empty(x.shape);
      core.scaleTo(dTarget.at, dx.at, x.size, -1);
      return [dx, dTarget];
    },
  );
}
