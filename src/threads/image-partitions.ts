/** How the work of the kernels of pictures is cut: by samples, planes, channels or taps. */

import nnCode from '#wasm/nn';
import { kernels } from '../core/kernels.js';
import { i32 } from '../core/memory.js';
import { type Args, type Cut, type Cutting, of, PRODUCT } from './partition.js';

/** Nanoseconds of a pixel in a window that is pooled. */
const POOLED = 1;
/** Bytes of what describes a view (assembly/images/views.ts). */
const VIEW = 4 * 17;

/** Channels of pictures; `extents` is the place of samples, channels and the size of each. */
function channels(
  extents: number,
  wide: readonly number[],
  narrow: readonly number[],
  nanoseconds: number,
): Cutting {
  return {
    cost: (args) => of(args, extents) * of(args, extents + 1) * of(args, extents + 2) * nanoseconds,
    cut: (args) => ({
      at: extents + 1,
      step: 1,
      moves: [
        ...wide.flatMap((place) => [place, 4 * of(args, extents + 2)]),
        ...narrow.flatMap((place) => [place, 4]),
      ],
    }),
  };
}

/** Planes of pictures; `sizes` is the place of their height and width, then those of what is pooled. */
function planes(
  count: number,
  wide: readonly number[],
  pooled: readonly number[],
  sizes: number,
): Cutting {
  const area = (args: Args, place: number): number => of(args, place) * of(args, place + 1);
  return {
    cost: (args) => of(args, count) * area(args, sizes + 2) * of(args, sizes + 4) ** 2 * POOLED,
    cut: (args) => ({
      at: count,
      step: 1,
      moves: [
        ...wide.flatMap((place) => [place, 4 * area(args, sizes)]),
        ...pooled.flatMap((place) => [place, 4 * area(args, sizes + 2)]),
      ],
    }),
  };
}

const maxPool2dBackward: Cutting = {
  cost: (args) => of(args, 3) * of(args, 5) * POOLED,
  cut(args) {
    const [, , , , plane = 0, windows = 0] = args;
    return { at: 3, step: 1, moves: [0, 4 * plane, 1, 4 * windows, 2, 4 * windows] };
  },
};

/** Numbers of a sample that goes into a convolution and that comes out of it, and its products. */
function convolved(geometry: number): { input: number; output: number; products: number } {
  const sizes = Array.from(i32().subarray(geometry / 4, geometry / 4 + 8)) as number[];
  const [inputs = 0, height = 0, width = 0, outputs = 0, down = 0, across = 0] = sizes;
  const [stride = 0, padding = 0] = sizes.slice(6);
  const places = (extent: number, size: number): number =>
    Math.floor((extent + 2 * padding - size) / stride) + 1;
  const output = outputs * places(height, down) * places(width, across);
  return { input: inputs * height * width, output, products: output * inputs * down * across };
}

/** A pass of a convolution; its scratch comes after its geometry (assembly/images/conv.ts). */
function convolution(
  batch: number,
  geometry: number,
  part: (sizes: { input: number; output: number }, args: Args) => Omit<Cut, 'scratch'>,
): Cutting {
  return {
    cost: (args) => of(args, batch) * convolved(of(args, geometry)).products * PRODUCT,
    cut(args) {
      const scratch = {
        at: geometry + 1,
        bytes: 4 * kernels(nnCode).conv2dScratch(of(args, geometry)),
      };
      return { ...part(convolved(of(args, geometry)), args), scratch };
    },
  };
}

const renderViews: Cutting = {
  cost: (args) => of(args, 4) * of(args, 5) * of(args, 8) * of(args, 9) * 10,
  cut(args) {
    const [, , , , , depth = 0, height = 0, width = 0, down = 0, across = 0, radius = 0] = args;
    const pixels = down * across;
    return {
      at: 4,
      step: 1,
      moves: [0, 4 * depth * pixels, 1, depth * height * width, 2, VIEW],
      scratch: { at: 3, bytes: 4 * (pixels + 2 * radius + 1) },
    };
  },
};

const imagesToPlanes: Cutting = {
  cost: (args) => of(args, 2) * of(args, 3) * of(args, 4),
  cut(args) {
    const numbers = of(args, 3) * of(args, 4);
    return { at: 2, step: 1, moves: [0, 4 * numbers, 1, numbers] };
  },
};

const affineByChannel = channels(4, [0, 1], [2, 3], 0.3);
/** Samples where there are more of them than channels, as what comes before and after is cut. */
const affineChannels: Cutting = {
  cost: affineByChannel.cost,
  cut(args) {
    const [, , , , samples = 0, depth = 0, , sample = 0] = args;
    if (samples < depth) return affineByChannel.cut(args);
    return { at: 4, step: 1, moves: [0, 4 * sample, 1, 4 * sample] };
  },
};

export const PICTURE_CUTTINGS: Readonly<Record<string, Cutting>> = {
  conv2d: convolution(4, 5, ({ input, output }) => {
    return { at: 4, step: 1, moves: [0, 4 * output, 1, 4 * input] };
  }),
  conv2dInputBackward: convolution(3, 4, ({ input, output }) => {
    return { at: 3, step: 1, moves: [0, 4 * input, 1, 4 * output] };
  }),
  // Sums run over the samples, so the taps are cut, and every part packs all of dy, or the outputs,
  // and every part packs all of the taps: whichever are more.
  conv2dWeightBackward: convolution(3, 8, (_, args) => {
    return of(args, 7) >= of(args, 5)
      ? { at: 7, first: 6, step: kernels().NR.value, parts: 1 }
      : { at: 5, first: 4, step: kernels().MR.value, parts: 1 };
  }),
  maxPool2d: planes(3, [2], [0, 1], 4),
  maxPool2dBackward,
  avgPool2d: planes(2, [1], [0], 3),
  avgPool2dBackward: planes(2, [0], [1], 3),
  channelSums: channels(2, [1], [0], 0.3),
  affineChannels,
  channelProducts: channels(3, [1, 2], [0], 0.4),
  standardizeChannels: channels(4, [0, 3], [1, 2], 1),
  standardizeChannelsBackward: channels(4, [0, 1, 2], [3], 1),
  imagesToPlanes,
  renderViews,
};
