/** Two-dimensional convolution over the packed kernel, as PyTorch has it. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { type Pointer, scoped } from '../../core/memory.js';
import { checkCount, checkOptions, rangeError, typeError } from '../../core/validation.js';
import { empty, record, type Tensor } from '../tensor.js';
import { showShape } from '../tensor-data.js';
import { checkTensor } from './shape.js';

export interface Conv2dOptions {
  /** Pixels from one patch to the next, down and across (default 1). */
  stride?: number | undefined;
  /** Zeros on each side of the pictures (default 0). */
  padding?: number | undefined;
}

/** Batch, channels, height and width of pictures. */
export type ImageShape = readonly [number, number, number, number];

/** Refuses what is no batch of pictures. */
export function checkImages(name: string, argument: string, value: unknown): ImageShape {
  const { shape } = checkTensor(name, argument, value);
  if (shape.length !== 4) {
    rangeError(name, argument, '(B, C, H, W)', showShape(shape));
  }
  return shape as unknown as ImageShape;
}

/** How many windows fit on an axis. */
export function outputExtent(
  extent: number,
  size: number,
  stride: number,
  padding: number,
): number {
  return Math.floor((extent + 2 * padding - size) / stride) + 1;
}

/** A stride of at least 1. */
export function checkStride(name: string, stride: unknown, fallback: number): number {
  return checkCount(name, 'stride', stride, fallback, 2 ** 15, 'pixels');
}

/** A border on each side of at most so many pixels. */
export function checkPadding(name: string, padding: unknown, most: number): number {
  if (padding === undefined || padding === 0) return 0;
  if (typeof padding !== 'number') typeError(name, 'padding', 'a whole number', padding);
  if (!Number.isInteger(padding) || padding < 0 || padding > most) {
    rangeError(name, 'padding', `a whole number from 0 to ${most} (pixels)`, padding);
  }
  return padding;
}

/**
 * Correlation of pictures with filters: y[o] = bias[o] + Σ over c, i, j of
 * weight[o, c, i, j] x[c, row + i, column + j], a patch every `stride` pixels.
 *
 * @param x (B, C, H, W)
 * @param weight (O, C, kernel height, kernel width)
 * @param bias O numbers, or none
 * @returns (B, O, ⌊(H + 2 padding − kernel height) / stride⌋ + 1, …)
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor, options?: Conv2dOptions): Tensor {
  const [batch, channels, height, width] = checkImages('conv2d', 'x', x);
  const { shape } = checkTensor('conv2d', 'weight', weight);
  if (shape.length !== 4 || shape[1] !== channels) {
    rangeError('conv2d', 'weight', `(O, ${channels}, kernel height, width)`, showShape(shape));
  }
  const [outputs, , kernelHeight, kernelWidth] = shape as unknown as ImageShape;
  if (bias !== undefined && checkTensor('conv2d', 'bias', bias).size !== outputs) {
    rangeError('conv2d', 'bias', `${outputs} numbers`, showShape(bias.shape));
  }
  checkOptions('conv2d', options, ['stride', 'padding']);
  const stride = checkStride('conv2d', options?.stride, 1);
  const padding = checkPadding('conv2d', options?.padding, 2 ** 15);
  const rows = outputExtent(height, kernelHeight, stride, padding);
  const columns = outputExtent(width, kernelWidth, stride, padding);
  if (rows < 1 || columns < 1) {
    const least = `at least ${kernelHeight} × ${kernelWidth} with its padding`;
    rangeError('conv2d', 'x', least, showShape(x.shape));
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
  );
}
