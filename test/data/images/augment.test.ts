/** Random views: each against its f64 reference, what must stay the same, and how often what happens. */

import {
  Augmentation,
  type AugmentOptions,
  augmentationFor,
  defaultAugmentation,
  type ImageShape,
  imageKind,
  imagesFrom,
  imagesToTensor,
} from 'nearfar/models';
import { tensor, tidy } from 'nearfar/nn';
import { orderOf, viewReference } from '../../../bench/operations/view-reference.js';
import { Random } from '../../../src/core/random.js';
import { STREAMS, streamAt } from '../../../src/core/streams.js';
import { check, close, same, sameBits, suite, throws } from '../../harness.js';

const test = suite('views');

const SHAPES: ImageShape[] = [
  { height: 1, width: 1, channels: 1 },
  { height: 5, width: 7, channels: 3 },
  { height: 28, width: 28, channels: 1 },
  { height: 45, width: 33, channels: 3 },
];
const AT = { seed: 3, step: 5, view: 1 };
/** Everything at once, and often. */
const ALL: AugmentOptions = {
  ...{
    scale: [0.2, 1],
    horizontalFlip: 0.5,
    rotation: 40,
    shear: 0.4,
    jitter: 0.9,
    brightness: 0.6,
  },
  ...{ contrast: 0.6, saturation: 0.9, hue: 0.4, grayscale: 0.3, blur: 0.7, cutout: 0.5 },
};
const NONE: AugmentOptions = {
  ...{
    scale: [1, 1],
    ratio: [1, 1],
    translate: 0,
    horizontalFlip: 0,
    rotation: 0,
    shear: 0,
    cutout: 0,
  },
  ...{ jitter: 0, grayscale: 0, blur: 0 },
};
const VIEW = 17;

function randomImages(count: number, { height, width, channels }: ImageShape): Uint8Array {
  const random = new Random(1, height, width, channels);
  return Uint8Array.from({ length: count * height * width * channels }, () => random.integer(256));
}

/** Views of images whose plan is the identity, with some numbers changed. */
function changed(
  images: Uint8Array,
  shape: ImageShape,
  numbers: Record<number, number>,
): Float32Array {
  return tidy(() => {
    const view = [1, 0, 0, 0, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
    for (const [i, value] of Object.entries(numbers)) view[Number(i)] = value;
    const plan = tensor([view]);
    return new Augmentation(shape).render(images, plan).toArray();
  });
}

/** Plans of many views, one row each. */
function plans(options: AugmentOptions, count: number, at = AT): number[][] {
  const shape = { height: 32, width: 32, channels: 3 };
  const flat = tidy(() => new Augmentation(shape, options).plan(count, at).toArray());
  return Array.from({ length: count }, (_, i) =>
    Array.from(flat.subarray(i * VIEW, (i + 1) * VIEW)),
  );
}

for (const shape of SHAPES) {
  const { height, width, channels } = shape;
  const title = `${height} x ${width} x ${channels}`;
  test(`${title}: views equal their f64 reference`, () => {
    const count = 6;
    const images = randomImages(count, shape);
    const augmentation = new Augmentation(shape, ALL);
    tidy(() => {
      const plan = augmentation.plan(count, AT);
      const rows = plan.toArray();
      const views = augmentation.render(images, plan).toArray();
      const size = height * width * channels;
      for (let i = 0; i < count; i++) {
        const view = rows.subarray(i * VIEW, (i + 1) * VIEW);
        const image = images.subarray(i * size, (i + 1) * size);
        const got = views.subarray(i * size, (i + 1) * size);
        close(got, viewReference(image, view, shape), { atol: 2e-5, what: `view ${i}` });
      }
    });
  });

  test(`${title}: with nothing to do, the view is the image`, () => {
    const images = randomImages(3, shape);
    tidy(() => {
      const plain = imagesToTensor(images, shape);
      const view = new Augmentation(shape, NONE).views(images, AT);
      same(view.shape, [3, channels, height, width]);
      sameBits(view.toArray(), plain.toArray());
    });
  });
}

test('images become planes from -1 to 1', () => {
  const shape = { height: 1, width: 2, channels: 3 };
  const x = tidy(() => imagesToTensor(Uint8Array.of(0, 255, 51, 255, 0, 102), shape).toArray());
  close(x, [-1, 1, 1, -1, -0.6, -0.2], { atol: 1e-7 });
});

test('a crop of a ramp is a ramp', () => {
  const shape = { height: 16, width: 16, channels: 1 };
  const ramp = Uint8Array.from({ length: 256 }, (_, p) => 8 * (p % 16) + 4 * Math.floor(p / 16));
  // Half as wide and high, from (3.5, 2): within the image everywhere.
  const view = changed(ramp, shape, { 0: 0.5, 2: 3.5, 4: 0.5, 5: 2 });
  const expected = Array.from({ length: 256 }, (_, p) => {
    const [x, y] = [3.5 + 0.5 * (p % 16), 2 + 0.5 * Math.floor(p / 16)];
    return (2 * (8 * x + 4 * y)) / 255 - 1;
  });
  close(view, expected, { atol: 1e-6 });
});

test('a flip of a flip, and four quarter turns, are the image', () => {
  const shape = { height: 8, width: 8, channels: 1 };
  const image = randomImages(1, shape);
  const bytes = (view: Float32Array): Uint8Array =>
    Uint8Array.from(view, (x) => Math.round((x + 1) * 127.5));
  const flip = { 0: -1, 2: 7 };
  const flipped = bytes(changed(image, shape, flip));
  same([...flipped.subarray(0, 8)], [...image.subarray(0, 8)].reverse());
  same([...bytes(changed(flipped, shape, flip))], [...image]);
  let turning = image;
  for (let k = 0; k < 4; k++) {
    turning = bytes(changed(turning, shape, { 0: 0, 1: -1, 2: 7, 3: 1, 4: 0, 5: 0 }));
    check(k === 3 || turning.some((byte, i) => byte !== image[i]), 'a turn changes the image');
  }
  same([...turning], [...image]);
});

test('a third of a turn of the hue moves red to green, green to blue and blue to red', () => {
  const shape = { height: 6, width: 6, channels: 3 };
  const image = randomImages(1, shape);
  const before = changed(image, shape, {});
  const after = changed(image, shape, { 10: 1 / 3 });
  const plane = (x: Float32Array, c: number): Float32Array => x.subarray(36 * c, 36 * (c + 1));
  for (let c = 0; c < 3; c++) close(plane(after, (c + 1) % 3), plane(before, c), { atol: 2e-6 });
  const back = changed(image, shape, { 10: -2 / 3 });
  close(back, after, { atol: 2e-6 });
});

test('gray images have three equal planes, and no saturation leaves the same', () => {
  const shape = { height: 4, width: 5, channels: 3 };
  const image = randomImages(1, shape);
  const gray = changed(image, shape, { 11: 1 });
  close(gray.subarray(0, 20), gray.subarray(20, 40));
  close(gray.subarray(0, 20), gray.subarray(40, 60));
  close(changed(image, shape, { 9: 0 }), gray, { atol: 1e-6 });
});

test('a blur keeps an even image, and spreads a point into a Gaussian', () => {
  const shape = { height: 9, width: 9, channels: 1 };
  close(changed(new Uint8Array(81).fill(51), shape, { 12: 1.5 }), new Array(81).fill(-0.6), {
    atol: 1e-6,
  });
  const point = new Uint8Array(81);
  point[40] = 255;
  const spread = changed(point, shape, { 12: 0.7 }).map((x) => (x + 1) / 2);
  close(
    spread.reduce((a, b) => a + b),
    1,
    { atol: 1e-5 },
  );
  close((spread[41] as number) / (spread[40] as number), Math.exp(-1 / (2 * 0.49)), { atol: 1e-6 });
});

test('each thing happens as often as its chance says', () => {
  const count = 4000;
  const rows = plans(ALL, count);
  const often = (what: string, happened: (row: number[]) => boolean, chance: number): void => {
    const share = rows.filter(happened).length / count;
    const std = Math.sqrt((chance * (1 - chance)) / count);
    check(Math.abs(share - chance) < 4 * std, `${what}: ${share} of the time, not ${chance}`);
  };
  // Turns are less than a quarter, so the first number has the sign of the flip.
  often('flip', (row) => (row[0] as number) < 0, 0.5);
  often('jitter', (row) => row[7] !== 1 || row[8] !== 1, 0.9);
  often('gray', (row) => row[11] === 1, 0.3);
  often('blur', (row) => (row[12] as number) > 0, 0.7);
  often('hole', (row) => (row[15] as number) > 0, 0.5);
  for (let order = 0; order < 24; order++) {
    often(`order ${orderOf(order)}`, (row) => row[6] === order, 1 / 24);
  }
  same(new Set(Array.from({ length: 24 }, (_, n) => orderOf(n).join())).size, 24);
});

test('crops have the areas and ratios that were asked for, and lie within the image', () => {
  const rows = plans({ ...NONE, scale: [0.1, 0.5], ratio: [0.5, 2] }, 2000);
  let areas = 0;
  for (const [across = 0, , x0 = 0, , down = 0, y0 = 0] of rows) {
    const area = across * down;
    areas += area;
    check(area > 0.0999 && area < 0.5001, `a crop has ${area} of the area`);
    check(across / down > 0.499 && across / down < 2.001, `a crop's ratio is ${across / down}`);
    for (const [from, step] of [
      [x0, across],
      [y0, down],
    ] as const) {
      const [start, end] = [from - step / 2, from + 31.5 * step];
      check(start > -0.501 && end < 31.501, `a crop goes from ${start} to ${end}`);
    }
  }
  close(areas / rows.length, 0.3, { atol: 0.01 });
});

test('a crop may be larger than the image, and the shift comes on top', () => {
  const rows = plans({ ...NONE, scale: [1.44, 1.44], translate: 0.1 }, 2000);
  const centers = rows.map(([across = 0, , x0 = 0]) => {
    close(across, 1.2, { atol: 1e-6 });
    return x0 - across / 2 + 0.5;
  });
  const [min, max] = [Math.min(...centers), Math.max(...centers)];
  // The image is somewhere in a crop of 38.4 pixels, and up to 3.2 to either side of that.
  check(min > -9.61 && max < 3.21, `crops begin from ${min} to ${max}`);
  check(min < -8 && max > 1.6, `crops begin only from ${min} to ${max}`);
});

test('a view depends on seed, step, view and index in the batch alone', () => {
  const all = plans(ALL, 9);
  same(plans(ALL, 9), all);
  same(plans(ALL, 4, { ...AT, samples: [5, 6, 7, 8] } as typeof AT), all.slice(5));
  for (const other of [{ seed: 4 }, { seed: 3 + 2 ** 32 }, { step: 6 }, { view: 0 }]) {
    const rows = plans(ALL, 9, { ...AT, ...other });
    check(
      rows.every((row, i) => String(row) !== String(all[i])),
      `same views at ${JSON.stringify(other)}`,
    );
  }
  // The numbers are those of src/core/random.ts: the 23rd decides about the flip.
  const flips = all.map((_, i) => {
    const random = new Random(AT.seed, streamAt(STREAMS.view, AT.view), AT.step, i);
    return Array.from({ length: 23 }, () => random.uniform())[22] as number;
  });
  same(
    all.map(([across = 0]) => across < 0),
    flips.map((number) => number < 0.5),
  );
});

test('defaults: SimCLR for color, half of it below 64 pixels; no flips of gray images', () => {
  const large = defaultAugmentation({ height: 96, width: 96, channels: 3 });
  same(
    [
      large.scale,
      large.horizontalFlip,
      large.jitter,
      large.brightness,
      large.hue,
      large.grayscale,
      large.blur,
    ],
    [[0.08, 1], 0.5, 0.8, 0.8, 0.2, 0.2, 0.5],
  );
  const small = defaultAugmentation({ height: 32, width: 32, channels: 3 });
  same([small.brightness, small.hue, small.blur], [0.4, 0.1, 0]);
  same(defaultAugmentation({ height: 28, width: 28, channels: 1 }).horizontalFlip, 0);
});

test('gray images with shades are things, black and white ones signs, unless told otherwise', () => {
  const shape = { height: 8, width: 8, channels: 1 };
  const strokes = Uint8Array.from(
    { length: 4 * 64 },
    (_, i) => [0, 0, 255, 0, 0, 128, 250, 9][i % 8] as number,
  );
  const shades = strokes.map((value, i) => (i % 8 === 0 ? 100 : value));
  const kinds = [strokes, shades, strokes.map((value) => 255 - value)].map((pixels) =>
    imageKind(imagesFrom(pixels, shape)),
  );
  same(kinds, ['glyph', 'photo', 'glyph']);
  const colored = imagesFrom(strokes.slice(0, 192), { ...shape, channels: 3 });
  same(imageKind(colored), 'photo');
  const { horizontalFlip, shear, cutout } = augmentationFor(imagesFrom(strokes, shape));
  same([horizontalFlip, shear > 0, cutout], [0, true, 1]);
  const things = augmentationFor(imagesFrom(strokes, shape), 'photo');
  same([things.horizontalFlip, things.shear, things.cutout, things.jitter], [0.5, 0, 0, 0.8]);
  same(augmentationFor(imagesFrom(shades, shape)), things);
});

test('bad images and options are refused', () => {
  const shape = { height: 2, width: 2, channels: 1 };
  const make = (options: object): unknown => new Augmentation(shape, options as AugmentOptions);
  throws(
    () => make({ rotate: 3 }),
    TypeError,
    /^Augmentation: unknown option "rotate"; it has .*rotation/,
  );
  throws(
    () => make({ horizontalFlip: 2 }),
    RangeError,
    'Augmentation: horizontalFlip must be from 0 to 1, got 2',
  );
  throws(
    () => make({ scale: [0, 1] }),
    RangeError,
    'Augmentation: scale must be two fractions above 0, up to 16, got [0, 1]',
  );
  throws(
    () => make({ scale: 0.5 }),
    TypeError,
    'Augmentation: scale must be a pair of numbers, got 0.5',
  );
  throws(
    () => imagesToTensor(new Uint8Array(5), shape),
    RangeError,
    'imagesToTensor: images must be a multiple of 4 bytes per image, got 5',
  );
  throws(
    () => imagesToTensor(new Uint8Array(4), { ...shape, channels: 2 }),
    RangeError,
    'imagesToTensor: channels must be 1 or 3, got 2',
  );
});
