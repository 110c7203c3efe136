/** Pooling of images: the largest number or the mean of each window, as PyTorch has it. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { checkNoOptions, readOptions } from '../../core/options.js';
import { type NoOptions, rangeError } from '../../core/validation.js';
import { record } from '../record.js';
import { empty, filled, type Tensor } from '../tensor.js';
import { showShape } from '../tensor-data.js';
import { checkImages, checkPixels, outputExtent, paddingUpTo } from './conv.js';
import { mean } from './reduce.js';
import { reshape } from './shape.js';

/** Options of `maxPool2d` and `avgPool2d`. */
export interface PoolOptions {
  /**
   * Pixels from one window to the next; at least 1.
   * @default the size of a window: none overlap
   */
  stride?: number | undefined;
  /**
   * Border on each side, in pixels, at most half a window: −∞ for a maximum, zeros for a mean.
   * @default 0
   */
  padding?: number | undefined;
}

interface Pooling {
  planes: number;
  /** Height and width of the images, then of the result, then size, stride and padding. */
  sizes: [number, number, number, number, number, number, number];
  shape: number[];
}

function pooling(name: string, x: Tensor, size: number, options?: PoolOptions): Pooling {
  const [batch, channels, height, width] = checkImages(name, 'x', x);
  checkPixels(name, 'size', size);
  const read = readOptions(name, options);
  const stride = read.read('stride', checkPixels, size);
  const padding = read.read('padding', paddingUpTo(Math.floor(size / 2)), 0);
  read.done();
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
 * Takes the largest number of each window of size × size pixels.
 *
 * @param x (B, C, H, W)
 * @param size side of a window, in pixels
 * @param options stride and padding, in pixels
 * @returns (B, C, ⌊(H + 2 padding − size) / stride⌋ + 1, …)
 * @throws {TypeError | RangeError} if no window fits
 */
export function maxPool2d(x: Tensor, size: number, options?: PoolOptions): Tensor {
  const { planes, sizes, shape } = pooling('maxPool2d', x, size, options);
  const [height, width, rows, columns] = sizes;
  const indices = empty(shape);
  const core = kernels(nnCode);
  return record(
    'maxPool2d',
    [x],
    shape,
    (y) => core.maxPool2d(y, indices.at, x.at, planes, ...sizes),
    (dy) => {
      const dx = filled(x.shape, 0);
      core.maxPool2dBackward(dx.at, dy.at, indices.at, planes, height * width, rows * columns);
      return [dx];
    },
    { saved: [], owned: [indices] },
  );
}

/**
 * Takes the mean of each window of size × size pixels.
 *
 * @param x (B, C, H, W)
 * @param size side of a window, in pixels
 * @param options stride and padding, in pixels
 * @returns (B, C, ⌊(H + 2 padding − size) / stride⌋ + 1, …)
 * @throws {TypeError | RangeError} if no window fits
 */
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
    { saved: [] },
  );
}

/**
 * Takes the mean of each channel.
 *
 * @param x (B, C, H, W)
 * @param options none
 * @returns (B, C)
 * @throws {TypeError | RangeError} if x is not a batch of images
 */
export function globalAveragePool(x: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('globalAveragePool', options);
  const [batch, channels, height, width] = checkImages('globalAveragePool', 'x', x);
  return mean(reshape(x, [batch, channels, height * width]), { axis: 2 });
}
