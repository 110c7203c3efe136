/** Rows of the table: images in `nearfar/nn`, and their random views. */

import type { Random } from '../../src/core/random.js';
import type { ImageShape } from '../../src/models/index.js';
import type { Tensor } from '../../src/nn/index.js';
import { array, type Nn, onTensors } from './nn.js';
import { at, build, type Nd } from './nn-reference.js';
import { integers, type Numbers, type Operation, operation, type Sizes } from './operation.js';
import { viewReference } from './view-reference.js';

/** An element of padded images: `outside` beyond their border. */
function padded(x: Nd, b: number, c: number, i: number, j: number, outside: number): number {
  const [, , height, width] = x.shape as [number, number, number, number];
  return i < 0 || j < 0 || i >= height || j >= width ? outside : at(x, [b, c, i, j]);
}

const windows = (extent: number, size: number, stride: number, padding: number): number =>
  Math.floor((extent + 2 * padding - size) / stride) + 1;

function convolved(x: Nd, weight: Nd, bias: Nd, stride: number, padding: number): Nd {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const [outputs, , size] = weight.shape as [number, number, number];
  const rows = windows(height, size, stride, padding);
  const columns = windows(width, size, stride, padding);
  return build([batch, outputs, rows, columns], ([b = 0, o = 0, i = 0, j = 0]) => {
    let sum = bias.data[o] as number;
    for (let c = 0; c < channels; c++) {
      for (let k = 0; k < size * size; k++) {
        const [down, across] = [Math.floor(k / size), k % size];
        const row = i * stride + down - padding;
        const pixel = padded(x, b, c, row, j * stride + across - padding, 0);
        sum += pixel * at(weight, [o, c, down, across]);
      }
    }
    return sum;
  });
}

const convolutions = (
  [
    ['conv2d', 1, 1],
    ['conv2d of every second patch', 2, 0],
  ] as const
).map(([name, stride, padding]) =>
  onTensors({
    name,
    sizes: [
      { B: 1, C: 1, O: 1, H: 1, W: 1, K: 1 },
      { B: 2, C: 3, O: 5, H: 5, W: 6, K: 3 },
    ],
    large: [{ B: 64, C: 16, O: 16, H: 28, W: 28, K: 3 }],
    inputs: ({ B = 1, C = 1, O = 1, H = 1, W = 1, K = 1 }, random) => ({
      x: array(random, [B, C, H, W]),
      weight: array(random, [O, C, K, K]),
      bias: array(random, [O]),
    }),
    forward: (nn, { x, weight, bias }) => nn.conv2d(x, weight, bias, { stride, padding }),
    reference: ({ x, weight, bias }) => convolved(x, weight, bias, stride, padding),
    flops: ({ B = 1, C = 1, O = 1, H = 1, W = 1, K = 1 }) =>
      (2 * B * C * O * H * W * K * K) / stride / stride,
  }),
);

const pools = (['maxPool2d', 'avgPool2d'] as const).map((name) =>
  onTensors({
    name,
    sizes: [
      { B: 1, C: 1, H: 3, W: 3 },
      { B: 2, C: 3, H: 5, W: 7 },
    ],
    large: [{ B: 64, C: 16, H: 28, W: 28 }],
    inputs: ({ B = 1, C = 1, H = 1, W = 1 }, random) => ({ x: array(random, [B, C, H, W]) }),
    forward: (nn, { x }) => nn[name](x, 3, { stride: 2, padding: 1 }),
    reference({ x }) {
      const [batch, channels, height, width] = x.shape as [number, number, number, number];
      const shape = [batch, channels, windows(height, 3, 2, 1), windows(width, 3, 2, 1)];
      const outside = name === 'maxPool2d' ? Number.NEGATIVE_INFINITY : 0;
      return build(shape, ([b = 0, c = 0, i = 0, j = 0]) => {
        const pixels = Array.from({ length: 9 }, (_, k) =>
          padded(x, b, c, 2 * i + Math.floor(k / 3) - 1, 2 * j + (k % 3) - 1, outside),
        );
        if (name === 'maxPool2d') return Math.max(...pixels);
        return pixels.reduce((sum, value) => sum + value, 0) / 9;
      });
    },
  }),
);

/** Each set of numbers, named by f of their indices, less its mean and over its std. */
function standardized(x: Nd, f: (index: readonly number[]) => string): Nd {
  const sets = new Map<string, number[]>();
  build(x.shape, (index) => {
    const name = f(index);
    sets.set(name, [...(sets.get(name) ?? []), at(x, index)]);
    return 0;
  });
  const moments = new Map(
    [...sets].map(([name, values]) => {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
      return [name, { mean, variance }] as const;
    }),
  );
  return build(x.shape, (index) => {
    const { mean = 0, variance = 0 } = moments.get(f(index)) ?? {};
    return (at(x, index) - mean) / Math.sqrt(variance + 1e-5);
  });
}

const NORMS: readonly Sizes[] = [
  { B: 3, C: 2, H: 1 },
  { B: 2, C: 6, H: 5 },
];

const norms = (
  [
    ['batchNorm', ([, c]: readonly number[]) => `${c}`],
    [
      'groupNorm',
      ([b, c = 0]: readonly number[], channels: number) => `${b} ${Math.floor(c / (channels / 2))}`,
    ],
  ] as const
).map(([name, setOf]) =>
  onTensors({
    name,
    // A group needs more than one number for its std to be none of 0.
    sizes: name === 'batchNorm' ? NORMS : NORMS.slice(1),
    large: [{ B: 64, C: 16, H: 28 }],
    inputs: ({ B = 1, C = 1, H = 1 }, random) => ({
      x: array(random, [B, C, H, H]),
      gain: array(random, [C]),
      bias: array(random, [C]),
    }),
    forward: (nn, { x, gain, bias }) =>
      name === 'batchNorm' ? nn.batchNorm(x, gain, bias) : nn.groupNorm(x, 2, gain, bias),
    reference({ x, gain, bias }) {
      const normal = standardized(x, (index) => setOf(index, x.shape[1] as number));
      return build(x.shape, (index) => {
        const c = index[1] as number;
        return at(normal, index) * (gain.data[c] as number) + (bias.data[c] as number);
      });
    },
    rtol: 3e-5,
  }),
);

/** A view's plan: moved, turned, its colors changed in some order, blurred, with a hole. */
function plan(random: Random, height: number, width: number): number[] {
  const across = [random.uniform(0.5, 1), random.uniform(-0.3, 0.3), random.uniform(0, 2)];
  const down = [random.uniform(-0.3, 0.3), random.uniform(0.5, 1), random.uniform(0, 2)];
  const factors = Array.from({ length: 3 }, () => random.uniform(0.5, 1.5));
  const color = [random.integer(24), ...factors, random.uniform(-0.1, 0.1), random.integer(2)];
  const hole = [random.integer(height), random.integer(width), 1, 2];
  return [...across, ...down, ...color, random.uniform(0.5, 2), ...hole];
}

const sizesOf = ({ data }: Numbers): ImageShape => {
  const [height = 1, width = 1, channels = 1] = data;
  return { height, width, channels };
};

const views = operation({
  name: 'models.Augmentation',
  sizes: [
    { B: 1, H: 1, W: 1, C: 1 },
    { B: 2, H: 7, W: 5, C: 3 },
  ],
  large: [{ B: 64, H: 32, W: 32, C: 3 }],
  inputs: ({ B = 1, H = 1, W = 1, C = 1 }, random) => ({
    images: integers(random, B * H * W * C, 256),
    plans: {
      data: Float32Array.from(Array.from({ length: B }, () => plan(random, H, W)).flat()),
      rows: B,
      cols: 17,
    },
    shape: { data: Float32Array.of(H, W, C), rows: 1, cols: 3 },
  }),
  run({ nn, models }, { images, plans, shape }) {
    const bytes = Uint8Array.from(images.data);
    const augmentation = new models.Augmentation(sizesOf(shape));
    return nn.tidy(() => ({
      still: models.imagesToTensor(bytes, sizesOf(shape)).toArray(),
      planned: augmentation
        .render(bytes, nn.tensor(plans.data, [plans.rows, plans.cols]))
        .toArray(),
      // Its numbers are the hash's alone.
      random: augmentation.views(bytes, { seed: 1, step: 2, view: 1 }).toArray(),
    }));
  },
  reference({ images, plans, shape }) {
    const { height, width, channels } = sizesOf(shape);
    const size = height * width * channels;
    const imageOf = (b: number): Uint8Array =>
      Uint8Array.from(images.data.subarray(b * size, (b + 1) * size));
    const each = <T>(f: (b: number) => T[]): T[] =>
      Array.from({ length: plans.rows }, (_, b) => f(b)).flat();
    return {
      still: each((b) => {
        const image = imageOf(b);
        return Array.from({ length: size }, (_, i) => {
          const [c, pixel] = [Math.floor(i / height / width), i % (height * width)];
          return (image[pixel * channels + c] as number) / 127.5 - 1;
        });
      }),
      planned: each((b) =>
        viewReference(imageOf(b), plans.data.subarray(b * 17, (b + 1) * 17), sizesOf(shape)),
      ),
    };
  },
  rtol: 2e-5,
});

const sequences = onTensors({
  name: 'patchify, some patches, unpatchify',
  sizes: [
    { B: 1, C: 1, P: 1 },
    { B: 2, C: 3, P: 2 },
  ],
  inputs: ({ B = 1, C = 1, P = 1 }, random) => ({
    x: array(random, [B, C, 2 * P, 3 * P]),
    ids: integers(random, 2 * B, 6),
  }),
  forward(nn, { x }, { ids }) {
    const patch = (x.shape[2] as number) / 2;
    return nn.unpatchify(nn.gatherTokens(nn.patchify(x, patch), ids.data), [1, 2], patch);
  },
  reference({ x, ids }) {
    const [batch, channels, height] = x.shape as [number, number, number];
    const patch = height / 2;
    return build([batch, channels, patch, 2 * patch], ([b = 0, c = 0, i = 0, j = 0]) => {
      const id = ids.data[2 * b + Math.floor(j / patch)] as number;
      const [row, column] = [Math.floor(id / 3), id % 3];
      return at(x, [b, c, row * patch + i, column * patch + (j % patch)]);
    });
  },
});

const layer = onTensors<Record<string, Numbers>>({
  name: 'Conv2d',
  sizes: [{ B: 2, C: 3, O: 4, H: 5, K: 3 }],
  inputs: ({ B = 1, C = 1, O = 1, H = 1, K = 1 }, random) => ({
    x: array(random, [B, C, H, H]),
    weight: array(random, [O, C, K, K]),
    bias: array(random, [O]),
  }),
  layer(nn, { weight }) {
    const [outputs = 1, inputs = 1, size = 1] = weight?.shape ?? [];
    return new nn.Conv2d(inputs, outputs, size, { padding: 1 });
  },
  forward: (_, { x }, __, layer) => (layer as InstanceType<Nn['Conv2d']>).forward(x as Tensor),
  reference: (x) => convolved(x.x as Nd, x.weight as Nd, x.bias as Nd, 1, 1),
});

export const nnImages: readonly Operation[] = [
  ...convolutions,
  layer,
  ...pools,
  ...norms,
  sequences,
  views,
];
