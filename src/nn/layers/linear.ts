/** The linear layer. */

import { readOptions } from '../../core/options.js';
import { checkFlag } from '../../core/validation.js';
import { checkSizes } from '../check.js';
import { asParameter } from '../leaf.js';
import { Module } from '../module.js';
import { linear } from '../ops/matmul.js';
import { randomUniform } from '../random.js';
import type { Tensor } from '../tensor.js';

/** Options of `Linear`. */
export interface LinearOptions {
  /**
   * Add a bias.
   * @default true
   */
  bias?: boolean | undefined;
}

/**
 * Linear layer: y = x W′ + b, with PyTorch's initial weights, uniform within ±1/√in.
 *
 * @example const layer = new Linear(128, 64); layer.forward(x);
 */
export class Linear extends Module {
  /** (out, in) */
  readonly weight: Tensor;
  /** (out); undefined without one. */
  readonly bias: Tensor | undefined;

  /**
   * @param inputs width of the input
   * @param outputs width of the output
   * @param options bias: whether there is one
   * @throws {TypeError | RangeError} if a width is not a whole number of at least 1
   */
  constructor(inputs: number, outputs: number, options?: LinearOptions) {
    super();
    checkSizes('Linear', { in: inputs, out: outputs });
    const read = readOptions('Linear', options);
    const hasBias = read.read('bias', checkFlag, true);
    read.done();
    const high = 1 / Math.sqrt(inputs);
    this.weight = asParameter(randomUniform([outputs, inputs], { low: -high, high }));
    this.bias = hasBias ? asParameter(randomUniform([outputs], { low: -high, high })) : undefined;
  }

  /**
   * Applies the layer.
   *
   * @param x (…, in)
   * @returns (…, out)
   */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}
