/** Two-dimensional convolution over the packed kernel, as PyTorch has it. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { type Pointer, scoped } from '../../core/memory.js';
import { readOptions } from '../../core/options.js';
import { type Check, integerIn, rangeError } from '../../core/validation.js';
import { checkTensor, checkVector } from '../check.js';
import { record } from '../record.js';
import { empty, type Tensor } from '../tensor.js';
import { showShape } from '../tensor-data.js';

/** Options of `conv2d`. */
export interface Conv2dOptions {
  /**
   * Pixels from one patch to the next, down and across; at least 1.
   * @default 1
   */
  stride?: number | undefined;
  /**
   * Zeros on each side of the images, in pixels; at least 0.
   * @default 0
   */
  padding?: number | undefined;
}

/** Batch, channels, height and width of images. */
export type ImageShape = readonly [number, number, number, number];

/** Most pixels of a stride or a padding. */
const MAX_PIXELS = 2 ** 15;

/** Checks a batch of images. */
export function checkImages(name: string, argument: string, value: unknown): ImageShape {
  const { shape } = checkTensor(name, argument, value);
  if (shape.length !== 4) {
    rangeError(name, argument, '(B, C, H, W)', showShape(shape));
  }
  return shape as unknown as ImageShape;
}

/** Number of windows that fit on an axis. */
export function outputExtent(
  extent: number,
  size: number,
  stride: number,
  padding: number,
): number {
  return Math.floor((extent + 2 * padding - size) / stride) + 1;
}

/** Checks a stride, or the side of a window. */
export const checkPixels: Check<number> = /* @__PURE__ */ integerIn(1, MAX_PIXELS, 'pixels');

/** Makes a check for a border on each side of at most so many pixels. */
export function paddingUpTo(max = MAX_PIXELS): Check<number> {
  return integerIn(0, max, 'pixels');
}

/**
 * Correlates images with filters: y[o] = bias[o] + Σ over c, i, j of
 * weight[o, c, i, j] x[c, row + i, column + j], a patch every `stride` pixels.
 *
 * @param x (B, C, H, W)
 * @param weight (O, C, kernel height, kernel width)
 * @param bias O numbers; none if left out
 * @param options stride and padding, in pixels
 * @returns (B, O, ⌊(H + 2 padding − kernel height) / stride⌋ + 1, …)
 * @throws {TypeError | RangeError} if a shape does not fit
 * @example conv2d(images, filters, undefined, { stride: 2, padding: 1 });
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor, options?: Conv2dOptions): Tensor {
  const [batch, channels, height, width] = checkImages('conv2d', 'x', x);
  const { shape } = checkTensor('conv2d', 'weight', weight);
  if (shape.length !== 4 || shape[1] !== channels) {
    rangeError('conv2d', 'weight', `(O, ${channels}, kernel height, width)`, showShape(shape));
  }
  const [outputs, , kernelHeight, kernelWidth] = shape as unknown as ImageShape;
  if (bias !== undefined) checkVector('conv2d', 'bias', bias, outputs);
  const read = readOptions('conv2d', options);
  const stride = read.read('stride', checkPixels, 1);
  const padding = read.read('padding', paddingUpTo(), 0);
  read.done();
  const rows = outputExtent(height, kernelHeight, stride, padding);
  const columns = outputExtent(width, kernelWidth, stride, padding);
  if (rows < 1 || columns < 1) {
    const minimum = `at least ${kernelHeight} × ${kernelWidth} with its padding`;
    rangeError('conv2d', 'x', minimum, showShape(x.shape));
  }
  const core = kernels(nnCode);
  const sizes = [channels, height, width, outputs, kernelHeight, kernelWidth];
  const withScratch = (body: (geometry: Pointer, scratch: Pointer) => void): void =>
    scoped((scope) => {
      const geometry = scope.i32From([...sizes, stride, padding]);
      body(geometry, scope.f32(core.conv2dScratch(geometry)));
    });
  return record(
    'conv2d',
    bias === undefined ? [x, weight] : [x, weight, bias],
    [batch, outputs, rows, columns],
    (y) =>
      withScratch((geometry, scratch) =>
        core.conv2d(y, x.at, weight.at, bias?.at ?? 0, batch, geometry, scratch),
      ),
    (dy) => {
      const dx = x.requiresGrad ? empty(x.shape) : undefined;
      const dWeight = weight.requiresGrad ? empty(weight.shape) : undefined;
      const dBias = bias?.requiresGrad ? empty(bias.shape) : undefined;
      withScratch((geometry, scratch) => {
        if (dx) core.conv2dInputBackward(dx.at, dy.at, weight.at, batch, geometry, scratch);
        if (!dWeight) return;
        const taps = channels * kernelHeight * kernelWidth;
        const { at } = dWeight;
        const ranges = [0, outputs, 0, taps] as const;
        core.conv2dWeightBackward(at, dy.at, x.at, batch, ...ranges, geometry, scratch);
      });
      const plane = rows * columns;
      if (dBias) core.channelSums(dBias.at, dy.at, batch, outputs, plane, outputs * plane);
      return [dx, dWeight, dBias];
    },
    { saved: [x, weight].filter((_, i) => [weight, x][i]?.requiresGrad) },
  );
}
