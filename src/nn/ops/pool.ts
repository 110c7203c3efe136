/** Pooling of pictures: the largest or the mean number of each window, as PyTorch has it. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { checkCount, checkOptions, rangeError } from '../../core/validation.js';
import { empty, filled, record, type Tensor } from '../tensor.js';
import { showShape } from '../tensor-data.js';
import { checkImages, checkPadding, checkStride, outputExtent } from './conv.js';
import { mean } from './reduce.js';
import { reshape } from './shape.js';

export interface PoolOptions {
  /** Pixels from one window to the next (default the window's size: none overlap). */
  stride?: number | undefined;
  /** Border on each side, at most half a window: −∞ for a maximum, zeros for a mean (default 0). */
  padding?: number | undefined;
}

interface Pooling {
  planes: number;
  /** Height and width of the pictures, then of the result, then size, stride and padding. */
  sizes: [number, number, number, number, number, number, number];
  shape: number[];
}

function pooling(name: string, x: Tensor, size: number, options?: PoolOptions): Pooling {
  const [batch, channels, height, width] = checkImages(name, 'x', x);
  checkOptions(name, options, ['stride', 'padding']);
  checkCount(name, 'size', size, undefined, 2 ** 15, 'pixels');
  const stride = checkStride(name, options?.stride, size);
  const padding = checkPadding(name, options?.padding, Math.floor(size / 2));
  const rows = outputExtent(height, size, stride, padding);
  const columns = outputExtent(width, size, stride, padding);
  if (rows < 1 || columns < 1) {
    rangeError(name, 'x', `at least ${size} × ${size} with its padding`, showShape(x.shape));
  }
  return {
    planes: batch * channels,
    sizes: [height, width, rows, columns, size, stride, padding],
    shape: [batch, channels, rows, columns],
  };
}

/**
 * The largest number of each window of size × size pixels.
 *
 * @param x (B, C, H, W)
 * @returns (B, C, ⌊(H + 2 padding − size) / stride⌋ + 1, …)
 */
export function maxPool2d(x: Tensor, size: number, options?: PoolOptions): Tensor {
  const { planes, sizes, shape } = pooling('maxPool2d', x, size, options);
  const [height, width, rows, columns] = sizes;
  const places = empty(shape);
  const core = kernels(nnCode);
  return record(
    'maxPool2d',
    [x],
    shape,
    (y) => core.maxPool2d(y, places.at, x.at, planes, ...sizes),
    (dy) => {
      const dx = filled(x.shape, 0);
      core.maxPool2dBackward(dx.at, dy.at, places.at, planes, height * width, rows * columns);
      return [dx];
    },
  );
}

/** The mean of each window of size × size pixels; shapes as for `maxPool2d`. */
export function avgPool2d(x: Tensor, size: number, options?: PoolOptions): Tensor {
  const { planes, sizes, shape } = pooling('avgPool2d', x, size, options);
  const core = kernels(nnCode);
  return record(
    'avgPool2d',
    [x],
    shape,
    (y) => core.avgPool2d(y, x.at, planes, ...sizes),
    (dy) => {
      const dx = filled(x.shape, 0);
      core.avgPool2dBackward(dx.at, dy.at, planes, ...sizes);
      return [dx];
    },
  );
}

/** The mean of each channel: (B, C, H, W) to (B, C). */
export function globalAveragePool(x: Tensor): Tensor {
  const [batch, channels, height, width] = checkImages('globalAveragePool', 'x', x);
  return mean(reshape(x, [batch, channels, height * width]), { axis: 2 });
}
