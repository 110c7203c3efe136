/** Normalization layers: LayerNorm, BatchNorm, GroupNorm. */

import { readOptions } from '../../core/options.js';
import { checkFlag, checkPositive, integerIn } from '../../core/validation.js';
import { checkSizes } from '../check.js';
import { noGrad } from '../grad-mode.js';
import { Module } from '../module.js';
import { add, mul } from '../ops/elementwise.js';
import { batchNorm, groupNorm, layerNorm } from '../ops/norm.js';
import { filled, type Tensor } from '../tensor.js';
import { tidy } from '../tidy.js';
import { buffer, constant } from './state.js';

/** Options of the layer `LayerNorm`. */
export interface LayerNormLayerOptions {
  /**
   * Added to the variance; greater than 0.
   * @default 1e-5
   */
  eps?: number | undefined;
  /**
   * Add a bias.
   * @default true
   */
  bias?: boolean | undefined;
}

/**
 * Layer normalization: rows to mean 0 and variance 1, times a weight, plus a bias.
 *
 * @see https://arxiv.org/abs/1607.06450
 */
export class LayerNorm extends Module {
  /** (width), initially 1. */
  readonly weight: Tensor;
  /** (width), initially 0; undefined without one. */
  readonly bias: Tensor | undefined;
  /** Added to the variance. */
  readonly eps: number;

  /**
   * @param width of a row
   * @param options eps; bias: whether there is one
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(width: number, options?: LayerNormLayerOptions) {
    super();
    checkSizes('LayerNorm', { width });
    const read = readOptions('LayerNorm', options);
    this.eps = read.read('eps', checkPositive, 1e-5);
    const hasBias = read.read('bias', checkFlag, true);
    read.done();
    this.weight = constant([width], 1);
    this.bias = hasBias ? constant([width], 0) : undefined;
  }

  /**
   * Normalizes.
   *
   * @param x (…, width)
   * @returns (…, width)
   */
  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, { eps: this.eps });
  }
}

/** Options of the layer `BatchNorm`. */
export interface BatchNormLayerOptions {
  /**
   * Added to the variance; greater than 0.
   * @default 1e-5
   */
  eps?: number | undefined;
  /**
   * Fraction of a batch's statistics in the running ones; greater than 0.
   * @default 0.1
   */
  momentum?: number | undefined;
  /**
   * Multiply by a weight and add a bias.
   * @default true
   */
  affine?: boolean | undefined;
}

/**
 * Batch normalization of (B, C) or (B, C, …): by the batch's statistics while training, which also
 * move the running ones, and by the running ones in evaluation.
 *
 * @see https://arxiv.org/abs/1502.03167
 */
export class BatchNorm extends Module {
  /** (C), initially 1; undefined without `affine`. */
  readonly weight: Tensor | undefined;
  /** (C), initially 0; undefined without `affine`. */
  readonly bias: Tensor | undefined;
  /** (C), not trained. */
  readonly runningMean: Tensor;
  /** (C), of unbiased variances; not trained. */
  readonly runningVar: Tensor;
  /** Added to the variance. */
  readonly eps: number;
  /** Fraction of a batch's statistics in the running ones. */
  readonly momentum: number;

  /**
   * @param channels number of channels
   * @param options eps, momentum, affine
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(channels: number, options?: BatchNormLayerOptions) {
    super();
    checkSizes('BatchNorm', { channels });
    const read = readOptions('BatchNorm', options);
    this.eps = read.read('eps', checkPositive, 1e-5);
    this.momentum = read.read('momentum', checkPositive, 0.1);
    const affine = read.read('affine', checkFlag, true);
    read.done();
    this.weight = affine ? constant([channels], 1) : undefined;
    this.bias = affine ? constant([channels], 0) : undefined;
    this.runningMean = buffer(filled([channels], 0));
    this.runningVar = buffer(filled([channels], 1));
  }

  /**
   * Normalizes.
   *
   * @param x (B, C) or (B, C, …)
   * @returns a tensor of the shape of x
   */
  forward(x: Tensor): Tensor {
    const { weight, bias, eps, training, runningMean: mean, runningVar: variance } = this;
    if (!training) {
      return batchNorm(x, weight, bias, { eps, statistics: { mean, variance } });
    }
    return batchNorm(x, weight, bias, {
      eps,
      onStatistics: (own) => {
        const count = x.size / mean.size;
        this.#update(mean, own.mean, 1);
        this.#update(variance, own.variance, count / (count - 1));
      },
    });
  }

  /** Moves a running statistic: (1 − momentum) running + momentum factor own. */
  #update(running: Tensor, own: Tensor, factor: number): void {
    const { momentum } = this;
    tidy(() =>
      noGrad(() => {
        const moved = add(mul(running, 1 - momentum), mul(own, momentum * factor));
        running.data.set(moved.data);
        running.markChanged();
      }),
    );
  }
}

/** Options of the layer `GroupNorm`. */
export interface GroupNormLayerOptions {
  /**
   * Added to the variance; greater than 0.
   * @default 1e-5
   */
  eps?: number | undefined;
  /**
   * Multiply by a weight and add a bias.
   * @default true
   */
  affine?: boolean | undefined;
}

/**
 * Group normalization: a sample's channels in groups, with a weight and a bias for each channel.
 *
 * @see https://arxiv.org/abs/1803.08494
 */
export class GroupNorm extends Module {
  /** Number of groups. */
  readonly groups: number;
  /** (C), initially 1; undefined without `affine`. */
  readonly weight: Tensor | undefined;
  /** (C), initially 0; undefined without `affine`. */
  readonly bias: Tensor | undefined;
  /** Added to the variance. */
  readonly eps: number;

  /**
   * @param groups number of groups, a divisor of the channels
   * @param channels number of channels
   * @param options eps, affine
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(groups: number, channels: number, options?: GroupNormLayerOptions) {
    super();
    checkSizes('GroupNorm', { groups, channels });
    this.groups = integerIn(1, channels, 'the channels')('GroupNorm', 'groups', groups);
    const read = readOptions('GroupNorm', options);
    this.eps = read.read('eps', checkPositive, 1e-5);
    const affine = read.read('affine', checkFlag, true);
    read.done();
    this.weight = affine ? constant([channels], 1) : undefined;
    this.bias = affine ? constant([channels], 0) : undefined;
  }

  /**
   * Normalizes.
   *
   * @param x (B, C, …)
   * @returns a tensor of the shape of x
   */
  forward(x: Tensor): Tensor {
    return groupNorm(x, this.groups, this.weight, this.bias, { eps: this.eps });
  }
}

/** Kind of normalization in networks of convolutions: over the batch, or each sample by itself. */
export type ChannelNorm = 'batch' | 'group';

/** Makes the normalization of so many channels. */
export function createChannelNorm(kind: ChannelNorm, channels: number): BatchNorm | GroupNorm {
  if (kind === 'batch') return new BatchNorm(channels);
  // About eight channels per group, whatever the width.
  let groups = Math.max(1, Math.floor(channels / 8));
  while (channels % groups !== 0) groups--;
  return new GroupNorm(groups, channels);
}
