/** Partitions of the kernels of images: by samples, planes, channels or taps. */

import nn, { type Parameters as NnParameters } from '#wasm/nn';
import { kernels } from '../core/kernels.js';
import { i32 } from '../core/memory.js';
import {
  type Args,
  type ByName,
  type Partition,
  type Partitions,
  PRODUCT,
  value,
} from './partition.js';

/** Nanoseconds of a pixel in a window that is pooled. */
const POOLED = 1;
/** Bytes of the parameters of a view (assembly/images/views.ts). */
const VIEW = 4 * 17;

/** Channels of images: `planes` have `inner` f32 per channel, `numbers` have one. */
function channels<Name extends string>(
  planes: readonly Name[],
  numbers: readonly Name[],
  nanoseconds: number,
): ByName<Name | 'outer' | 'channels' | 'inner'> {
  return (at) => {
    const [outer, count, inner] = at('outer', 'channels', 'inner');
    const [wide, narrow] = [at(...planes), at(...numbers)];
    return {
      costNs: (args) => value(args, outer) * value(args, count) * value(args, inner) * nanoseconds,
      partition: (args) => ({
        count,
        step: 1,
        strides: [
          ...wide.flatMap((pointer) => [pointer, 4 * value(args, inner)]),
          ...narrow.flatMap((pointer) => [pointer, 4]),
        ],
      }),
    };
  };
}

/** Planes of images: `whole` have height x width f32 per plane, `pooled` rows x columns. */
function planes<Name extends string>(
  whole: readonly Name[],
  pooled: readonly Name[],
): ByName<Name | 'planes' | 'height' | 'width' | 'rows' | 'columns' | 'size'> {
  return (at) => {
    const [count, height, width, rows, columns, size] = at(
      'planes',
      'height',
      'width',
      'rows',
      'columns',
      'size',
    );
    const [large, small] = [at(...whole), at(...pooled)];
    return {
      costNs(args) {
        const windows = value(args, count) * value(args, rows) * value(args, columns);
        return windows * value(args, size) ** 2 * POOLED;
      },
      partition(args) {
        const pixels = value(args, height) * value(args, width);
        const windows = value(args, rows) * value(args, columns);
        return {
          count,
          step: 1,
          strides: [
            ...large.flatMap((pointer) => [pointer, 4 * pixels]),
            ...small.flatMap((pointer) => [pointer, 4 * windows]),
          ],
        };
      },
    };
  };
}

const maxPool2dBackward: ByName<'dx' | 'dy' | 'indices' | 'planes' | 'plane' | 'windows'> = (
  at,
) => {
  const [dx, dy, indices, count, plane, windows] = at(
    'dx',
    'dy',
    'indices',
    'planes',
    'plane',
    'windows',
  );
  return {
    costNs: (args) => value(args, count) * value(args, windows) * POOLED,
    partition(args) {
      const [whole, pooled] = [4 * value(args, plane), 4 * value(args, windows)];
      return { count, step: 1, strides: [dx, whole, dy, pooled, indices, pooled] };
    },
  };
};

/** Numbers of a sample that goes into a convolution and that comes out of it, and its products. */
function convolutionSizes(geometry: number): { input: number; output: number; products: number } {
  const sizes = Array.from(i32().subarray(geometry / 4, geometry / 4 + 8)) as number[];
  const [inputs = 0, height = 0, width = 0, outputs = 0, down = 0, across = 0] = sizes;
  const [stride = 0, padding = 0] = sizes.slice(6);
  const positions = (extent: number, size: number): number =>
    Math.floor((extent + 2 * padding - size) / stride) + 1;
  const output = outputs * positions(height, down) * positions(width, across);
  return { input: inputs * height * width, output, products: output * inputs * down * across };
}

type Sizes = ReturnType<typeof convolutionSizes>;

/** A pass of a convolution; `part` says which parts of it a thread takes. */
function convolution<Name extends string>(
  part: (at: Parameters<ByName<Name>>[0]) => (args: Args, sizes: Sizes) => Partition,
): ByName<Name | 'batch' | 'geometry' | 'scratch'> {
  return (at) => {
    const [batch, geometry, scratch] = at('batch', 'geometry', 'scratch');
    const partition = part(at);
    return {
      costNs(args) {
        return value(args, batch) * convolutionSizes(value(args, geometry)).products * PRODUCT;
      },
      partition(args) {
        const bytes = 4 * kernels(nn).conv2dScratch(value(args, geometry));
        const sizes = convolutionSizes(value(args, geometry));
        return { ...partition(args, sizes), scratch: { at: scratch, bytes } };
      },
    };
  };
}

const conv2d = convolution<'y' | 'x' | 'batch'>((at) => {
  const [y, x, count] = at('y', 'x', 'batch');
  return (_, { input, output }) => {
    return { count, step: 1, strides: [y, 4 * output, x, 4 * input] };
  };
});

const conv2dInputBackward = convolution<'dx' | 'dy' | 'batch'>((at) => {
  const [dx, dy, count] = at('dx', 'dy', 'batch');
  return (_, { input, output }) => {
    return { count, step: 1, strides: [dx, 4 * input, dy, 4 * output] };
  };
});

/**
 * Sums run over the samples, so the taps are partitioned, and every part packs all of dy, or the
 * outputs, and every part packs all of the taps: whichever are more.
 */
const conv2dWeightBackward = convolution<'o0' | 'o1' | 'k0' | 'k1'>((at) => {
  const [o0, o1, k0, k1] = at('o0', 'o1', 'k0', 'k1');
  return (args) =>
    value(args, k1) >= value(args, o1)
      ? { count: k1, first: k0, step: kernels().NR.value, partsPerThread: 1 }
      : { count: o1, first: o0, step: kernels().MR.value, partsPerThread: 1 };
});

const renderViews: ByName<
  | 'y'
  | 'bytes'
  | 'views'
  | 'scratch'
  | 'count'
  | 'channels'
  | 'height'
  | 'width'
  | 'outHeight'
  | 'outWidth'
  | 'radius'
> = (at) => {
  const [y, bytes, views, scratch, count] = at('y', 'bytes', 'views', 'scratch', 'count');
  const [depth, height, width] = at('channels', 'height', 'width');
  const [outHeight, outWidth, radius] = at('outHeight', 'outWidth', 'radius');
  const pixelsOf = (args: Args): number => value(args, outHeight) * value(args, outWidth);
  return {
    costNs: (args) => value(args, count) * value(args, depth) * pixelsOf(args) * 10,
    partition(args) {
      const pixels = pixelsOf(args);
      const source = value(args, depth) * value(args, height) * value(args, width);
      return {
        count,
        step: 1,
        strides: [y, 4 * value(args, depth) * pixels, bytes, source, views, VIEW],
        scratch: { at: scratch, bytes: 4 * (pixels + 2 * value(args, radius) + 1) },
      };
    },
  };
};

const imagesToPlanes: ByName<'y' | 'bytes' | 'count' | 'pixels' | 'channels'> = (at) => {
  const [y, bytes, count, pixels, depth] = at('y', 'bytes', 'count', 'pixels', 'channels');
  const numbers = (args: Args): number => value(args, pixels) * value(args, depth);
  return {
    costNs: (args) => value(args, count) * numbers(args),
    partition: (args) => ({
      count,
      step: 1,
      strides: [y, 4 * numbers(args), bytes, numbers(args)],
    }),
  };
};

/** Samples where there are more of them than channels, as the kernels before and after it. */
const affineChannels: ByName<
  'y' | 'x' | 'factor' | 'summand' | 'outer' | 'channels' | 'inner' | 'ld'
> = (at) => {
  const byChannel = channels(['y', 'x'], ['factor', 'summand'], 0.3)(at);
  const [y, x, samples, depth, sample] = at('y', 'x', 'outer', 'channels', 'ld');
  return {
    costNs: byChannel.costNs,
    partition(args) {
      if (value(args, samples) < value(args, depth)) return byChannel.partition(args);
      const bytes = 4 * value(args, sample);
      return { count: samples, step: 1, strides: [y, bytes, x, bytes] };
    },
  };
};

export const IMAGE_PARTITIONS = {
  conv2d,
  conv2dInputBackward,
  conv2dWeightBackward,
  maxPool2d: planes(['x'], ['y', 'indices']),
  maxPool2dBackward,
  avgPool2d: planes(['x'], ['y']),
  avgPool2dBackward: planes(['dx'], ['dy']),
  channelSums: channels(['x'], ['sums'], 0.3),
  affineChannels,
  channelProducts: channels(['dy', 'x'], ['products'], 0.4),
  standardizeChannels: channels(['y', 'x'], ['mean', 'variance'], 1),
  standardizeChannelsBackward: channels(['dx', 'dy', 'y'], ['variance'], 1),
  imagesToPlanes,
  renderViews,
} satisfies Partitions<NnParameters>;
