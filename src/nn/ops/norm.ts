/** Normalisation of channels, over the batch or in groups. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { checkCount, checkOptions, checkPositive, rangeError } from '../../core/validation.js';
import { empty, record, type Tensor } from '../tensor.js';
import { showShape } from '../tensor-data.js';
import { add, div, mul, sqrt, sub } from './elementwise.js';
import { checkTensor, reshape, transpose } from './shape.js';
import { layerNorm } from './softmax.js';

interface Channels {
  outer: number;
  channels: number;
  inner: number;
  extents: readonly [number, number, number, number];
}

/**
 * Extents before, of and after the channels, which are the second axis, and the numbers of a
 * sample, as the kernels want them.
 */
function channelsOf(name: string, x: Tensor): Channels {
  const { shape, size } = checkTensor(name, 'x', x);
  if (shape.length < 2) rangeError(name, 'x', '(B, C) or (B, C, …)', showShape(shape));
  const [outer, channels] = shape as [number, number];
  const inner = size / outer / channels;
  return { outer, channels, inner, extents: [outer, channels, inner, channels * inner] };
}

/** Refuses a part that is not one number a channel. */
function checkPart(name: string, argument: string, part: Tensor | undefined, of: number): void {
  if (part === undefined || checkTensor(name, argument, part).size === of) return;
  rangeError(name, argument, `${of} numbers, one a channel`, showShape(part.shape));
}

/** x times a factor plus a summand for each channel, where they are given. */
function affine(name: string, x: Tensor, factor?: Tensor, summand?: Tensor): Tensor {
  if (factor === undefined && summand === undefined) return x;
  const { extents } = channelsOf(name, x);
  const inputs = [x, factor, summand];
  const core = kernels(nnCode);
  return record(
    name,
    inputs.filter((input) => input !== undefined),
    x.shape,
    (y) => core.affineChannels(y, x.at, factor?.at ?? 0, summand?.at ?? 0, ...extents),
    (dy) => {
      const dx = x.requiresGrad ? empty(x.shape) : undefined;
      const dFactor = factor?.requiresGrad ? empty(factor.shape) : undefined;
      const dSummand = summand?.requiresGrad ? empty(summand.shape) : undefined;
      if (dFactor) core.channelProducts(dFactor.at, dy.at, x.at, ...extents);
      if (dSummand) core.channelSums(dSummand.at, dy.at, ...extents);
      if (dx) core.affineChannels(dx.at, dy.at, factor?.at ?? 0, 0, ...extents);
      return [dx, dFactor, dSummand].filter((_, i) => inputs[i] !== undefined);
    },
  );
}

/** A mean and a variance for each channel. */
export interface ChannelStatistics {
  mean: Tensor;
  variance: Tensor;
}

export interface BatchNormOptions {
  /** Added to the variance (default 1e-5). */
  eps?: number | undefined;
  /** Normalise by these instead of the batch's own. */
  statistics?: ChannelStatistics | undefined;
  /** Is told the batch's own mean and biased variance, C numbers each. */
  onStatistics?: ((statistics: ChannelStatistics) => void) | undefined;
}

/**
 * Each channel less its mean, over its standard deviation, times the gain, plus the bias
 * (https://arxiv.org/abs/1502.03167); mean and biased variance are the batch's.
 *
 * @param x (B, C) or (B, C, …)
 * @param gain, bias C numbers; either may be left out
 */
export function batchNorm(
  x: Tensor,
  gain?: Tensor,
  bias?: Tensor,
  options?: BatchNormOptions,
): Tensor {
  const { outer, channels, inner, extents } = channelsOf('batchNorm', x);
  checkPart('batchNorm', 'gain', gain, channels);
  checkPart('batchNorm', 'bias', bias, channels);
  checkOptions('batchNorm', options, ['eps', 'statistics', 'onStatistics']);
  const eps = checkPositive('batchNorm', 'eps', options?.eps, 1e-5);
  // The kernels want the numbers of a channel side by side.
  if (inner === 1 && outer > 1) {
    const turned = reshape(transpose(reshape(x, [outer, channels])), [1, channels, outer]);
    const y = batchNorm(turned, gain, bias, options);
    return reshape(transpose(reshape(y, [channels, outer])), x.shape);
  }
  const given = options?.statistics;
  if (given !== undefined) {
    checkPart('batchNorm', 'statistics.mean', given.mean, channels);
    checkPart('batchNorm', 'statistics.variance', given.variance, channels);
    const deviation = sqrt(add(given.variance, eps));
    const factor = div(gain ?? 1, deviation);
    const middle = mul(given.mean, factor);
    return affine('batchNorm', x, factor, bias === undefined ? mul(middle, -1) : sub(bias, middle));
  }
  if (outer * inner < 2) {
    rangeError('batchNorm', 'x', 'at least two numbers a channel', showShape(x.shape));
  }
  const mean = empty([channels]);
  const variance = empty([channels]);
  const core = kernels(nnCode);
  const y: Tensor = record(
    'batchNorm',
    [x],
    x.shape,
    (at) => core.standardizeChannels(at, mean.at, variance.at, x.at, ...extents, eps),
    (dy) => {
      const dx = empty(x.shape);
      const { at } = variance;
      core.standardizeChannelsBackward(dx.at, dy.at, y.at, at, ...extents, eps);
      return [dx];
    },
  );
  options?.onStatistics?.({ mean, variance });
  return affine('batchNorm', y, gain, bias);
}

export interface GroupNormOptions {
  /** Added to the variance (default 1e-5). */
  eps?: number | undefined;
}

/**
 * Each group of channels of a sample less its mean, over its standard deviation; then each channel
 * times its gain, plus its bias (https://arxiv.org/abs/1803.08494).
 *
 * @param x (B, C, …)
 * @param groups how many, a divisor of C
 * @param gain, bias C numbers; either may be left out
 */
export function groupNorm(
  x: Tensor,
  groups: number,
  gain?: Tensor,
  bias?: Tensor,
  options?: GroupNormOptions,
): Tensor {
  const { outer, channels, inner } = channelsOf('groupNorm', x);
  checkPart('groupNorm', 'gain', gain, channels);
  checkPart('groupNorm', 'bias', bias, channels);
  checkCount('groupNorm', 'groups', groups, undefined, channels, 'the channels');
  if (channels % groups !== 0) {
    rangeError('groupNorm', 'groups', `a divisor of ${channels} channels`, groups);
  }
  checkOptions('groupNorm', options, ['eps']);
  const rows = reshape(x, [outer * groups, (channels / groups) * inner]);
  const y = reshape(layerNorm(rows, undefined, undefined, { eps: options?.eps }), x.shape);
  return affine('groupNorm', y, gain, bias);
}
