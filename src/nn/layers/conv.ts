/** The convolution layer. */

import { readOptions } from '../../core/options.js';
import { checkFlag } from '../../core/validation.js';
import { checkSizes } from '../check.js';
import { asParameter } from '../leaf.js';
import { Module } from '../module.js';
import { checkPixels, conv2d, paddingUpTo } from '../ops/conv.js';
import { randomUniform } from '../random.js';
import type { Tensor } from '../tensor.js';

/** Options of the layer `Conv2d`. */
export interface Conv2dLayerOptions {
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
  /**
   * Add a bias.
   * @default true
   */
  bias?: boolean | undefined;
}

/**
 * Convolution with square filters and PyTorch's initial weights.
 *
 * @example new Conv2d(3, 16, 3, { padding: 1 });
 */
export class Conv2d extends Module {
  /** (out, in, size, size) */
  readonly weight: Tensor;
  /** (out); undefined without one. */
  readonly bias: Tensor | undefined;
  /** Pixels from one patch to the next. */
  readonly stride: number;
  /** Zeros on each side, in pixels. */
  readonly padding: number;

  /**
   * @param inputs channels of the input
   * @param outputs channels of the output
   * @param size side of a filter, in pixels
   * @param options stride, padding, bias
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(inputs: number, outputs: number, size: number, options?: Conv2dLayerOptions) {
    super();
    checkSizes('Conv2d', { in: inputs, out: outputs, size });
    const read = readOptions('Conv2d', options);
    this.stride = read.read('stride', checkPixels, 1);
    this.padding = read.read('padding', paddingUpTo(), 0);
    const hasBias = read.read('bias', checkFlag, true);
    read.done();
    const high = 1 / Math.sqrt(inputs * size * size);
    this.weight = asParameter(randomUniform([outputs, inputs, size, size], { low: -high, high }));
    this.bias = hasBias ? asParameter(randomUniform([outputs], { low: -high, high })) : undefined;
  }

  /**
   * Applies the convolution.
   *
   * @param x (B, in, H, W)
   * @returns (B, out, …), as `conv2d`
   */
  forward(x: Tensor): Tensor {
    const { weight, bias, stride, padding } = this;
    return conv2d(x, weight, bias, { stride, padding });
  }
}
