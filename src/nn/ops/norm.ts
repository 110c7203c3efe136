/** Normalization: of rows (layerNorm), of channels over the batch (batchNorm) or in groups (groupNorm). */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { type OptionReader, readOptions } from '../../core/options.js';
import { checkCallback, checkPositive, integerIn, rangeError } from '../../core/validation.js';
import { checkTensor, checkVector } from '../check.js';
import { record } from '../record.js';
import { empty, filled, type Tensor } from '../tensor.js';
import { showShape } from '../tensor-data.js';
import { add, div, mul, sqrt, sub } from './elementwise.js';
import { reshape, transpose } from './shape.js';

const given = (x: Tensor | undefined): x is Tensor => x !== undefined;

/** Options of `layerNorm`. */
export interface LayerNormOptions {
  /**
   * Added to the variance; greater than 0.
   * @default 1e-5
   */
  eps?: number | undefined;
}

function readEps(read: OptionReader): number {
  return read.read('eps', checkPositive, 1e-5);
}

/**
 * Normalizes each row, the last axis, to mean 0 and variance 1, times a weight, plus a bias.
 *
 * @param x (…, d)
 * @param weight d numbers; 1 if left out
 * @param bias d numbers; 0 if left out
 * @param options eps: added to the variance
 * @returns (…, d)
 * @throws {TypeError | RangeError} if a shape does not fit
 * @see https://arxiv.org/abs/1607.06450
 */
export function layerNorm(
  x: Tensor,
  weight?: Tensor,
  bias?: Tensor,
  options?: LayerNormOptions,
): Tensor {
  const { shape, size } = checkTensor('layerNorm', 'x', x);
  const cols = shape.at(-1);
  if (cols === undefined) rangeError('layerNorm', 'x', 'of at least one axis', showShape(shape));
  const rows = size / cols;
  if (weight !== undefined) checkVector('layerNorm', 'weight', weight, cols);
  if (bias !== undefined) checkVector('layerNorm', 'bias', bias, cols);
  const read = readOptions('layerNorm', options);
  const eps = readEps(read);
  read.done();
  const core = kernels(nnCode);
  const means = empty([rows]);
  const scales = empty([rows]);
  const inputs = [x, weight, bias];
  return record(
    'layerNorm',
    inputs.filter(given),
    shape,
    (y) => {
      const [w, b] = [weight?.at ?? 0, bias?.at ?? 0];
      core.layerNormRows(y, means.at, scales.at, x.at, w, b, rows, cols, eps);
    },
    (dy) => {
      const dx = empty(shape);
      const dWeight = weight && filled(weight.shape, 0);
      const dBias = bias && filled(bias.shape, 0);
      const from = [dy.at, x.at, means.at, scales.at] as const;
      core.layerNormRowsBackward(dx.at, ...from, weight?.at ?? 0, rows, cols);
      if (dWeight || dBias) {
        const to = [dWeight?.at ?? 0, dBias?.at ?? 0] as const;
        core.layerNormColumnsBackward(...to, ...from, rows, cols, cols);
      }
      return [dx, dWeight, dBias].filter((_, i) => inputs[i] !== undefined);
    },
    { saved: [x, weight].filter(given), owned: [means, scales] },
  );
}

interface Channels {
  outer: number;
  channels: number;
  inner: number;
  /** Before, of and after the channels, and the numbers of a sample, as the kernels have them. */
  extents: readonly [number, number, number, number];
}

/** Reads the extents around the channels, which are the second axis. */
function channelsOf(name: string, x: Tensor): Channels {
  const { shape, size } = checkTensor(name, 'x', x);
  if (shape.length < 2) rangeError(name, 'x', '(B, C) or (B, C, …)', showShape(shape));
  const [outer, channels] = shape as [number, number];
  const inner = size / outer / channels;
  return { outer, channels, inner, extents: [outer, channels, inner, channels * inner] };
}

/** Checks weight and bias of each channel, where they are given. */
function checkAffine(name: string, weight: unknown, bias: unknown, channels: number): void {
  if (weight !== undefined) checkVector(name, 'weight', weight, channels);
  if (bias !== undefined) checkVector(name, 'bias', bias, channels);
}

/** Computes x times a weight plus a bias for each channel, where they are given. */
function affine(name: string, x: Tensor, weight?: Tensor, bias?: Tensor): Tensor {
  if (weight === undefined && bias === undefined) return x;
  const { extents } = channelsOf(name, x);
  const inputs = [x, weight, bias];
  const core = kernels(nnCode);
  const saved = [weight?.requiresGrad ? x : undefined, x.requiresGrad ? weight : undefined];
  return record(
    name,
    inputs.filter(given),
    x.shape,
    (y) => core.affineChannels(y, x.at, weight?.at ?? 0, bias?.at ?? 0, ...extents),
    (dy) => {
      const dx = x.requiresGrad ? empty(x.shape) : undefined;
      const dWeight = weight?.requiresGrad ? empty(weight.shape) : undefined;
      const dBias = bias?.requiresGrad ? empty(bias.shape) : undefined;
      if (dWeight) core.channelProducts(dWeight.at, dy.at, x.at, ...extents);
      if (dBias) core.channelSums(dBias.at, dy.at, ...extents);
      if (dx) core.affineChannels(dx.at, dy.at, weight?.at ?? 0, 0, ...extents);
      return [dx, dWeight, dBias].filter((_, i) => inputs[i] !== undefined);
    },
    { saved: saved.filter(given) },
  );
}

/** A mean and a variance for each channel, C numbers each. */
export interface ChannelStatistics {
  /** The mean. */
  mean: Tensor;
  /** The biased variance. */
  variance: Tensor;
}

/** Options of `batchNorm`. */
export interface BatchNormOptions {
  /**
   * Added to the variance; greater than 0.
   * @default 1e-5
   */
  eps?: number | undefined;
  /** Normalize by these instead of the batch's own. */
  statistics?: ChannelStatistics | undefined;
  /** Called with the batch's own mean and biased variance, which are valid until it returns. */
  onStatistics?: ((statistics: ChannelStatistics) => void) | undefined;
}

/**
 * Normalizes each channel over the batch to mean 0 and variance 1, times a weight, plus a bias.
 *
 * @param x (B, C) or (B, C, …)
 * @param weight C numbers; 1 if left out
 * @param bias C numbers; 0 if left out
 * @param options eps; statistics: a mean and a variance to use instead of the batch's own
 * @returns a tensor of the shape of x
 * @throws {TypeError | RangeError} if a shape does not fit, or a channel has one number alone
 * @see https://arxiv.org/abs/1502.03167
 */
export function batchNorm(
  x: Tensor,
  weight?: Tensor,
  bias?: Tensor,
  options?: BatchNormOptions,
): Tensor {
  const { outer, channels, inner, extents } = channelsOf('batchNorm', x);
  checkAffine('batchNorm', weight, bias, channels);
  const read = readOptions('batchNorm', options);
  const eps = readEps(read);
  const statistics = read.optional('statistics', checkStatistics(channels));
  const onStatistics = read.optional(
    'onStatistics',
    checkCallback<(statistics: ChannelStatistics) => void>,
  );
  read.done();
  // The kernels need the numbers of a channel side by side.
  if (inner === 1 && outer > 1) {
    const moved = reshape(transpose(reshape(x, [outer, channels])), [1, channels, outer]);
    const y = batchNorm(moved, weight, bias, options);
    return reshape(transpose(reshape(y, [channels, outer])), x.shape);
  }
  if (statistics !== undefined) {
    const std = sqrt(add(statistics.variance, eps));
    const scale = div(weight ?? 1, std);
    const center = mul(statistics.mean, scale);
    return affine('batchNorm', x, scale, bias === undefined ? mul(center, -1) : sub(bias, center));
  }
  if (outer * inner < 2) {
    rangeError('batchNorm', 'x', 'at least two numbers per channel', showShape(x.shape));
  }
  const mean = empty([channels]);
  const variance = empty([channels]);
  const core = kernels(nnCode);
  const y: Tensor = record(
    'batchNorm',
    [x],
    x.shape,
    (at) => {
      core.standardizeChannels(at, mean.at, variance.at, x.at, ...extents, eps);
      onStatistics?.({ mean, variance });
    },
    (dy) => {
      const dx = empty(x.shape);
      const { at } = variance;
      core.standardizeChannelsBackward(dx.at, dy.at, y.at, at, ...extents, eps);
      return [dx];
    },
    { saved: [], output: true, owned: [mean, variance] },
  );
  return affine('batchNorm', y, weight, bias);
}

/** Makes a check for a mean and a variance of each channel. */
function checkStatistics(channels: number) {
  return (name: string, argument: string, value: unknown): ChannelStatistics => {
    const { mean, variance } = (value ?? {}) as Partial<ChannelStatistics>;
    return {
      mean: checkVector(name, `${argument}.mean`, mean, channels),
      variance: checkVector(name, `${argument}.variance`, variance, channels),
    };
  };
}

/** Options of `groupNorm`. */
export interface GroupNormOptions {
  /**
   * Added to the variance; greater than 0.
   * @default 1e-5
   */
  eps?: number | undefined;
}

/**
 * Normalizes each group of channels of a sample to mean 0 and variance 1; then each channel is
 * multiplied by its weight, and its bias added.
 *
 * @param x (B, C, …)
 * @param groups number of groups, a divisor of C
 * @param weight C numbers; 1 if left out
 * @param bias C numbers; 0 if left out
 * @param options eps: added to the variance
 * @returns a tensor of the shape of x
 * @throws {TypeError | RangeError} if a shape does not fit, or groups is not a divisor of C
 * @see https://arxiv.org/abs/1803.08494
 */
export function groupNorm(
  x: Tensor,
  groups: number,
  weight?: Tensor,
  bias?: Tensor,
  options?: GroupNormOptions,
): Tensor {
  const { outer, channels, inner } = channelsOf('groupNorm', x);
  checkAffine('groupNorm', weight, bias, channels);
  integerIn(1, channels, 'the channels')('groupNorm', 'groups', groups);
  if (channels % groups !== 0) {
    rangeError('groupNorm', 'groups', `a divisor of ${channels} channels`, groups);
  }
  const read = readOptions('groupNorm', options);
  const eps = readEps(read);
  read.done();
  const rows = reshape(x, [outer * groups, (channels / groups) * inner]);
  const y = reshape(layerNorm(rows, undefined, undefined, { eps }), x.shape);
  return affine('groupNorm', y, weight, bias);
}
