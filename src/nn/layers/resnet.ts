/** The layers of networks for pictures: convolution, normalisation, a small residual encoder. */

import {
  checkChoice,
  checkCount,
  checkFlag,
  checkOptions,
  checkPositive,
  rangeError,
} from '../../core/validation.js';
import { noGrad } from '../grad-mode.js';
import { Module } from '../module.js';
import { checkPadding, checkStride, conv2d } from '../ops/conv.js';
import { add, mul, relu } from '../ops/elementwise.js';
import { batchNorm, groupNorm } from '../ops/norm.js';
import { globalAveragePool } from '../ops/pool.js';
import { reshape } from '../ops/shape.js';
import { randomUniform } from '../random.js';
import { filled, type Tensor } from '../tensor.js';
import { tidy, untrack } from '../tidy.js';
import { asParameter, checkSizes, constant, Linear } from './transformer-block.js';

export interface Conv2dLayerOptions {
  stride?: number | undefined;
  padding?: number | undefined;
  bias?: boolean | undefined;
}

/** Convolution with filters of size × size pixels and PyTorch's initial weights. */
export class Conv2d extends Module {
  /** (out, in, size, size) */
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly stride: number;
  readonly padding: number;

  constructor(inputs: number, outputs: number, size: number, options?: Conv2dLayerOptions) {
    super();
    checkSizes('Conv2d', { in: inputs, out: outputs, size });
    checkOptions('Conv2d', options, ['stride', 'padding', 'bias']);
    this.stride = checkStride('Conv2d', options?.stride, 1);
    this.padding = checkPadding('Conv2d', options?.padding, 2 ** 15);
    const bound = 1 / Math.sqrt(inputs * size * size);
    this.weight = asParameter(
      randomUniform([outputs, inputs, size, size], { low: -bound, high: bound }),
    );
    const wanted = checkFlag('Conv2d', 'bias', options?.bias, true);
    this.bias = wanted
      ? asParameter(randomUniform([outputs], { low: -bound, high: bound }))
      : undefined;
  }

  /** @param x (B, in, H, W) @returns (B, out, …), as `conv2d` */
  forward(x: Tensor): Tensor {
    const { weight, bias, stride, padding } = this;
    return conv2d(x, weight, bias, { stride, padding });
  }
}

/** Numbers that are part of a module's state but not trained. */
export function buffer(values: Tensor): Tensor {
  untrack(values);
  return values;
}

export interface BatchNormLayerOptions {
  /** Added to the variance (default 1e-5). */
  eps?: number | undefined;
  /** Share of a batch's statistics in the running ones (default 0.1). */
  momentum?: number | undefined;
  /** Whether there are a gain and a bias (default true). */
  affine?: boolean | undefined;
}

/**
 * Batch normalisation of (B, C) or (B, C, …): by the batch's statistics in training, which also move
 * the running ones, and by the running ones in evaluation.
 */
export class BatchNorm extends Module {
  readonly weight: Tensor | undefined;
  readonly bias: Tensor | undefined;
  readonly runningMean: Tensor;
  /** Of unbiased variances. */
  readonly runningVar: Tensor;
  readonly eps: number;
  readonly momentum: number;

  constructor(channels: number, options?: BatchNormLayerOptions) {
    super();
    checkSizes('BatchNorm', { channels });
    checkOptions('BatchNorm', options, ['eps', 'momentum', 'affine']);
    this.eps = checkPositive('BatchNorm', 'eps', options?.eps, 1e-5);
    this.momentum = checkPositive('BatchNorm', 'momentum', options?.momentum, 0.1);
    const affine = checkFlag('BatchNorm', 'affine', options?.affine, true);
    this.weight = affine ? constant([channels], 1) : undefined;
    this.bias = affine ? constant([channels], 0) : undefined;
    this.runningMean = buffer(filled([channels], 0));
    this.runningVar = buffer(filled([channels], 1));
  }

  forward(x: Tensor): Tensor {
    const { weight, bias, eps, training, runningMean: mean, runningVar: variance } = this;
    if (!training) {
      return batchNorm(x, weight, bias, { eps, statistics: { mean, variance } });
    }
    return batchNorm(x, weight, bias, {
      eps,
      onStatistics: (own) => {
        const count = x.size / mean.size;
        this.#follow(mean, own.mean, 1);
        this.#follow(variance, own.variance, count / (count - 1));
      },
    });
  }

  /** running = (1 − momentum) running + momentum factor own. */
  #follow(running: Tensor, own: Tensor, factor: number): void {
    const { momentum } = this;
    tidy(() =>
      noGrad(() => {
        const moved = add(mul(running, 1 - momentum), mul(own, momentum * factor));
        running.data.set(moved.data);
      }),
    );
  }
}

/** Normalisation of a sample's channels in groups, with a gain and a bias for each channel. */
export class GroupNorm extends Module {
  readonly groups: number;
  readonly weight: Tensor | undefined;
  readonly bias: Tensor | undefined;
  readonly eps: number;

  constructor(groups: number, channels: number, options?: { eps?: number; affine?: boolean }) {
    super();
    checkSizes('GroupNorm', { groups, channels });
    checkOptions('GroupNorm', options, ['eps', 'affine']);
    this.groups = checkCount('GroupNorm', 'groups', groups, undefined, channels, 'the channels');
    this.eps = checkPositive('GroupNorm', 'eps', options?.eps, 1e-5);
    const affine = checkFlag('GroupNorm', 'affine', options?.affine, true);
    this.weight = affine ? constant([channels], 1) : undefined;
    this.bias = affine ? constant([channels], 0) : undefined;
  }

  /** @param x (B, C, …) */
  forward(x: Tensor): Tensor {
    return groupNorm(x, this.groups, this.weight, this.bias, { eps: this.eps });
  }
}

/** How a residual network normalises: over the batch, or each sample by itself. */
export type ChannelNorm = 'batch' | 'group';

function createChannelNorm(kind: ChannelNorm, channels: number): BatchNorm | GroupNorm {
  if (kind === 'batch') return new BatchNorm(channels);
  // Eight channels or so a group, whatever the width.
  let groups = Math.max(1, Math.floor(channels / 8));
  while (channels % groups !== 0) groups--;
  return new GroupNorm(groups, channels);
}

/** Two 3 × 3 convolutions with a way around them, which is a 1 × 1 one where the shape changes. */
export class ResidualBlock extends Module {
  readonly conv1: Conv2d;
  readonly norm1: BatchNorm | GroupNorm;
  readonly conv2: Conv2d;
  readonly norm2: BatchNorm | GroupNorm;
  readonly shortcut: Conv2d | undefined;
  readonly shortcutNorm: BatchNorm | GroupNorm | undefined;

  constructor(inputs: number, outputs: number, stride: number, norm: ChannelNorm) {
    super();
    this.conv1 = new Conv2d(inputs, outputs, 3, { stride, padding: 1, bias: false });
    this.norm1 = createChannelNorm(norm, outputs);
    this.conv2 = new Conv2d(outputs, outputs, 3, { padding: 1, bias: false });
    this.norm2 = createChannelNorm(norm, outputs);
    if (stride === 1 && inputs === outputs) return;
    this.shortcut = new Conv2d(inputs, outputs, 1, { stride, bias: false });
    this.shortcutNorm = createChannelNorm(norm, outputs);
  }

  /** @param x (B, in, H, W) @returns (B, out, ⌈H / stride⌉, …) */
  forward(x: Tensor): Tensor {
    const inner = relu(this.norm1.forward(this.conv1.forward(x)));
    const outer = this.norm2.forward(this.conv2.forward(inner));
    const around = this.shortcutNorm?.forward((this.shortcut as Conv2d).forward(x)) ?? x;
    return relu(add(outer, around));
  }
}

export interface ResNetOptions {
  /** Of the pictures: 1 grey, 3 colour (default 3). */
  channels?: number | undefined;
  /** Channels of each stage (default 32, 64, 128); each but the first halves the pictures. */
  widths?: readonly number[] | undefined;
  /** Residual blocks a stage (default 1). */
  blocks?: number | undefined;
  /** Pixels between the stem's patches (default 1). */
  stemStride?: number | undefined;
  /** Default `'group'`, which treats a picture alike whatever else is in its batch. */
  norm?: ChannelNorm | undefined;
}

/**
 * A small residual network (https://arxiv.org/abs/1512.03385) for small pictures: a 3 × 3 stem
 * without pooling, stages of residual blocks, the mean over all places.
 */
export class ResNet extends Module {
  readonly stem: Conv2d;
  readonly norm: BatchNorm | GroupNorm;
  readonly blocks: ResidualBlock[] = [];
  /** Length of a picture's vector. */
  readonly width: number;

  constructor(options: ResNetOptions = {}) {
    super();
    checkOptions('ResNet', options, ['channels', 'widths', 'blocks', 'stemStride', 'norm']);
    const { channels = 3, widths = [32, 64, 128], blocks = 1, stemStride = 1 } = options;
    const norm = checkChoice('ResNet', 'norm', options.norm, ['batch', 'group'], 'group');
    checkSizes('ResNet', { channels, blocks, 'the number of widths': widths.length });
    for (const [i, width] of widths.entries()) checkSizes('ResNet', { [`widths[${i}]`]: width });
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

  /** @param x (B, channels, H, W) @returns (B, width) */
  forward(x: Tensor): Tensor {
    let y = relu(this.norm.forward(this.stem.forward(x)));
    for (const block of this.blocks) y = block.forward(y);
    return globalAveragePool(y);
  }
}

export interface ConvNetOptions {
  /** Of the pictures. */
  height: number;
  width: number;
  /** 1 grey, 3 colour (default 3). */
  channels?: number | undefined;
  /** Channels after each convolution; by default 16, 64, 128, … until at most 7 pixels are left. */
  widths?: readonly number[] | undefined;
  /** Length of a picture's vector (default 128). */
  features?: number | undefined;
}

const FILTER = 5;
const MOST_LEFT = 7;

/** What a convolution of stride 2 leaves of a side. */
function halved(side: number): number {
  return Math.floor((side - FILTER) / 2) + 1;
}

/** As many convolutions as leave at most 7 pixels, of four and then two times more channels. */
function defaultWidths(side: number): number[] {
  const widths = [16];
  for (
    let featureShape = halved(side);
    featureShape > MOST_LEFT;
    featureShape = halved(featureShape)
  ) {
    widths.push(widths.length === 1 ? 64 : (widths.at(-1) as number) * 2);
  }
  return widths;
}

/**
 * A plain network for small pictures: 5 × 5 convolutions that halve the picture, each normalised
 * sample by sample, and a linear layer on all places. What is where stays known, which a mean over
 * all places would forget.
 */
export class ConvNet extends Module {
  readonly convolutions: Conv2d[] = [];
  readonly norms: GroupNorm[] = [];
  readonly output: Linear;
  /** Length of a picture's vector. */
  readonly width: number;
  /** What the last convolution leaves of a picture: channels, height, width. */
  readonly featureShape: readonly [number, number, number];

  constructor(options: ConvNetOptions) {
    super();
    checkOptions('ConvNet', options, ['height', 'width', 'channels', 'widths', 'features']);
    const { height, width, channels = 3, features = 128 } = options;
    checkSizes('ConvNet', { height, width, channels, features });
    const { widths = defaultWidths(Math.max(height, width)) } = options;
    checkSizes('ConvNet', { 'the number of widths': widths.length });
    let [inputs, rows, columns] = [channels, height, width];
    for (const [i, outputs] of widths.entries()) {
      checkSizes('ConvNet', { [`widths[${i}]`]: outputs });
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

  /** @param x (B, channels, height, width) @returns (B, features) */
  forward(x: Tensor): Tensor {
    return this.stages(x).h;
  }

  /** What the last convolution gives, (B, …left), and what the linear layer makes of it. */
  stages(x: Tensor): { last: Tensor; h: Tensor } {
    let last = x;
    for (const [i, convolution] of this.convolutions.entries()) {
      last = relu((this.norms[i] as GroupNorm).forward(convolution.forward(last)));
    }
    const batch = last.shape[0] as number;
    return { last, h: this.output.forward(reshape(last, [batch, last.size / batch])) };
  }
}
