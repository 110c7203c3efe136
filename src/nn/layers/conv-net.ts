/** A plain network of convolutions. */

import { readOptions } from '../../core/options.js';
import { rangeError } from '../../core/validation.js';
import { checkSize } from '../check.js';
import { Module } from '../module.js';
import { relu } from '../ops/activations.js';
import { reshape } from '../ops/shape.js';
import type { Tensor } from '../tensor.js';
import { Conv2d } from './conv.js';
import { Linear } from './linear.js';
import { createChannelNorm, type GroupNorm } from './norm.js';
import { checkWidths } from './resnet.js';

/** Options of `ConvNet`. */
export interface ConvNetOptions {
  /** Height of the images, in pixels. */
  height: number;
  /** Width of the images, in pixels. */
  width: number;
  /**
   * Channels of the images: 1 for grayscale, 3 for color.
   * @default 3
   */
  channels?: number | undefined;
  /**
   * Channels after each convolution.
   * @default 16, 64, 128, … until at most 7 pixels remain
   */
  widths?: readonly number[] | undefined;
  /**
   * Length of an image's vector, at least 1.
   * @default 128
   */
  features?: number | undefined;
}

const FILTER = 5;
const MAX_FINAL_SIDE = 7;

/** Pixels of a side after a convolution of stride 2. */
function halved(side: number): number {
  return Math.floor((side - FILTER) / 2) + 1;
}

/** As many convolutions as leave at most 7 pixels, of four and then two times more channels. */
function defaultWidths(side: number): number[] {
  const widths = [16];
  for (let remaining = halved(side); remaining > MAX_FINAL_SIDE; remaining = halved(remaining)) {
    widths.push(widths.length === 1 ? 64 : (widths.at(-1) as number) * 2);
  }
  return widths;
}

/**
 * Plain network for small images: 5 × 5 convolutions that halve the image, each with a group norm,
 * and a linear layer on all positions. It keeps where things are, which a mean over all positions
 * would forget.
 */
export class ConvNet extends Module {
  /** Convolutions of stride 2. */
  readonly convolutions: Conv2d[] = [];
  /** Norm of each convolution. */
  readonly norms: GroupNorm[] = [];
  /** Linear layer on all positions. */
  readonly output: Linear;
  /** Length of an image's vector. */
  readonly width: number;
  /** Shape of an image after the last convolution: channels, height, width. */
  readonly featureShape: readonly [number, number, number];

  /**
   * @param options height and width; channels, widths, features
   * @throws {TypeError | RangeError} if an option is not valid or the images are too small
   */
  constructor(options: ConvNetOptions) {
    super();
    const read = readOptions('ConvNet', options);
    const height = read.read('height', checkSize);
    const width = read.read('width', checkSize);
    const channels = read.read('channels', checkSize, 3);
    const features = read.read('features', checkSize, 128);
    const widths = read.read('widths', checkWidths, defaultWidths(Math.max(height, width)));
    read.done();
    let [inputs, rows, columns] = [channels, height, width];
    for (const outputs of widths) {
      if (Math.min(rows, columns) < FILTER) {
        const expected = `at least ${FILTER} pixels before each of ${widths.length} convolutions`;
        rangeError('ConvNet', 'height and width', expected, Math.min(height, width));
      }
      this.convolutions.push(new Conv2d(inputs, outputs, FILTER, { stride: 2, bias: false }));
      this.norms.push(createChannelNorm('group', outputs) as GroupNorm);
      [inputs, rows, columns] = [outputs, halved(rows), halved(columns)];
    }
    this.featureShape = [inputs, rows, columns];
    this.output = new Linear(inputs * rows * columns, features);
    this.width = features;
  }

  /**
   * Computes images' vectors.
   *
   * @param x (B, channels, height, width)
   * @returns (B, features)
   */
  forward(x: Tensor): Tensor {
    return this.stages(x).h;
  }

  /**
   * Gives what the last convolution makes of images too.
   *
   * @param x (B, channels, height, width)
   * @returns last: (B, …featureShape), h: (B, features)
   */
  stages(x: Tensor): { last: Tensor; h: Tensor } {
    let last = x;
    for (const [i, convolution] of this.convolutions.entries()) {
      last = relu((this.norms[i] as GroupNorm).forward(convolution.forward(last)));
    }
    const batch = last.shape[0] as number;
    return { last, h: this.output.forward(reshape(last, [batch, last.size / batch])) };
  }
}
