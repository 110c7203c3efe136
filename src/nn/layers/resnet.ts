/** A small residual network. */

import { readOptions } from '../../core/options.js';
import { isNumberArray, oneOf, rangeError, typeError } from '../../core/validation.js';
import { checkSize, checkSizes } from '../check.js';
import { Module } from '../module.js';
import { relu } from '../ops/activations.js';
import { add } from '../ops/elementwise.js';
import { globalAveragePool } from '../ops/pool.js';
import type { Tensor } from '../tensor.js';
import { Conv2d } from './conv.js';
import { type BatchNorm, type ChannelNorm, createChannelNorm, type GroupNorm } from './norm.js';

const checkNorm = /* @__PURE__ */ oneOf<ChannelNorm>(['batch', 'group']);

/** Checks a list of at least one width. */
export function checkWidths(name: string, argument: string, value: unknown): readonly number[] {
  if (!isNumberArray(value)) typeError(name, argument, 'an array of whole numbers', value);
  if (value.length === 0) rangeError(name, argument, 'at least one width', value);
  return Array.from(value, (width, i) => checkSize(name, `${argument}[${i}]`, width));
}

/**
 * Residual block: two 3 × 3 convolutions with a shortcut around them, which is a 1 × 1 convolution
 * where the shape changes.
 *
 * @see https://arxiv.org/abs/1512.03385
 */
export class ResidualBlock extends Module {
  /** First convolution, with the block's stride. */
  readonly conv1: Conv2d;
  /** Its norm. */
  readonly norm1: BatchNorm | GroupNorm;
  /** Second convolution. */
  readonly conv2: Conv2d;
  /** Its norm. */
  readonly norm2: BatchNorm | GroupNorm;
  /** Convolution of the shortcut; undefined where the shape stays. */
  readonly shortcut: Conv2d | undefined;
  /** Its norm. */
  readonly shortcutNorm: BatchNorm | GroupNorm | undefined;

  /**
   * @param inputs channels of the input
   * @param outputs channels of the output
   * @param stride pixels from one patch of the first convolution to the next
   * @param norm 'batch' or 'group'
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(inputs: number, outputs: number, stride: number, norm: ChannelNorm) {
    super();
    checkSizes('ResidualBlock', { in: inputs, out: outputs, stride });
    checkNorm('ResidualBlock', 'norm', norm);
    this.conv1 = new Conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false });
    this.norm1 = createChannelNorm(norm, outputs);
    this.conv2 = new Conv2d(outputs, outputs, 3, { padding: 1, bias: false });
    this.norm2 = createChannelNorm(norm, outputs);
    if (stride === 1 && inputs === outputs) return;
    this.shortcut = new Conv2d(inputs, outputs, 1, { stride, bias: false });
    this.shortcutNorm = createChannelNorm(norm, outputs);
  }

  /**
   * Applies the network.
   *
   * @param x (B, in, H, W)
   * @returns (B, out, ⌈H / stride⌉, …)
   */
  forward(x: Tensor): Tensor {
    const inner = relu(this.norm1.forward(this.conv1.forward(x)));
    const outer = this.norm2.forward(this.conv2.forward(inner));
    const shortcut = this.shortcutNorm?.forward((this.shortcut as Conv2d).forward(x)) ?? x;
    return relu(add(outer, shortcut));
  }
}

/** Options of `ResNet`. */
export interface ResNetOptions {
  /**
   * Channels of the images: 1 for grayscale, 3 for color.
   * @default 3
   */
  channels?: number | undefined;
  /**
   * Channels of each stage; each but the first halves the images.
   * @default [32, 64, 128]
   */
  widths?: readonly number[] | undefined;
  /**
   * Residual blocks per stage, at least 1.
   * @default 1
   */
  blocks?: number | undefined;
  /**
   * Pixels between the stem's patches, at least 1.
   * @default 1
   */
  stemStride?: number | undefined;
  /**
   * Normalization; 'group' treats an image alike whatever else is in its batch.
   * @default 'group'
   */
  norm?: ChannelNorm | undefined;
}

/**
 * Residual network for small images: a 3 × 3 stem without pooling, stages of residual blocks, the
 * mean over all positions.
 *
 * @see https://arxiv.org/abs/1512.03385
 */
export class ResNet extends Module {
  /** First convolution. */
  readonly stem: Conv2d;
  /** Its norm. */
  readonly norm: BatchNorm | GroupNorm;
  /** Residual blocks, stage after stage. */
  readonly blocks: ResidualBlock[] = [];
  /** Length of an image's vector. */
  readonly width: number;

  /**
   * @param options channels, widths, blocks, stemStride, norm
   * @throws {TypeError | RangeError} if an option is not valid
   */
  constructor(options?: ResNetOptions) {
    super();
    const read = readOptions('ResNet', options);
    const channels = read.read('channels', checkSize, 3);
    const widths = read.read('widths', checkWidths, [32, 64, 128]);
    const blocks = read.read('blocks', checkSize, 1);
    const stemStride = read.read('stemStride', checkSize, 1);
    const norm = read.read('norm', checkNorm, 'group');
    read.done();
    const first = widths[0] as number;
    this.stem = new Conv2d(channels, first, 3, { stride: stemStride, padding: 1, bias: false });
    this.norm = createChannelNorm(norm, first);
    let inputs = first;
    for (const [stage, outputs] of widths.entries()) {
      for (let block = 0; block < blocks; block++) {
        const stride = stage > 0 && block === 0 ? 2 : 1;
        this.blocks.push(new ResidualBlock(inputs, outputs, stride, norm));
        inputs = outputs;
      }
    }
    this.width = inputs;
  }

  /**
   * Applies the network.
   *
   * @param x (B, channels, H, W)
   * @returns (B, width)
   */
  forward(x: Tensor): Tensor {
    let y = relu(this.norm.forward(this.stem.forward(x)));
    for (const block of this.blocks) y = block.forward(y);
    return globalAveragePool(y);
  }
}
