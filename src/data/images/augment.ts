/**
 * Random views of images for contrastive learning (Chen et al., 2020, "A simple framework for
 * contrastive learning of visual representations", appendix A): a crop brought to size, flipped,
 * rotated, its colors jittered, made gray, blurred, a hole cut out. What is done to an image depends
 * on the seed, the step, the view and the image's index in the batch, and on nothing else.
 *
 *   images  u8 (B, H, W, C), C 1 or 3, 0 black to 255 white
 *   views   f32 (B, C, H, W), -1 black to 1 white
 */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { f32, type Pointer, scoped, u8 } from '../../core/memory.js';
import { checkNoOptions, readOptions } from '../../core/options.js';
import { STREAMS, streamAt } from '../../core/streams.js';
import {
  type Check,
  checkInteger,
  checkIntegers,
  checkNonNegative,
  integerIn,
  type NoOptions,
  oneOf,
  rangeError,
  tagOf,
  typeError,
} from '../../core/validation.js';
import { checkTensor } from '../../nn/check.js';
import { seedWords } from '../../nn/random.js';
import { empty, type Tensor } from '../../nn/tensor.js';
import { checkImageShape, countImages, type ImageShape } from './shape.js';

/** Options of `Augmentation`: probabilities are from 0 to 1, a range is its minimum and maximum. */
export interface AugmentOptions {
  /** Area of a crop as a fraction of the image's, up to 16; above 1, there is more around the image. */
  scale?: readonly [number, number];
  /** Width of a crop over its height, from 0.01 to 100, drawn evenly by its logarithm. */
  ratio?: readonly [number, number];
  /** Largest translation, as a fraction of the image's sides, from 0 to 1. */
  translate?: number;
  /** Probability that left and right change sides. */
  horizontalFlip?: number;
  /** Largest rotation either way, in degrees, up to 180. */
  rotation?: number;
  /** Largest shear either way, in widths per height, up to 10. */
  shear?: number;
  /** Probability that brightness, contrast, saturation and hue change, in random order. */
  jitter?: number;
  /** Largest change of the factor that a color is multiplied by, up to 10. */
  brightness?: number;
  /** Largest change of the distance from the image's mean gray, up to 10. */
  contrast?: number;
  /** Largest change of the distance from the pixel's own gray, up to 10. */
  saturation?: number;
  /** Largest shift of the hue, in turns, from 0 to 1: 0.5 is any. */
  hue?: number;
  /** Probability that an image loses its colors. */
  grayscale?: number;
  /** Probability of a Gaussian blur, over a tenth of the image's height. */
  blur?: number;
  /** Standard deviation of the blur, in pixels, from 0.01 to 1000. */
  sigma?: readonly [number, number];
  /** Probability of a black hole. */
  cutout?: number;
  /** Area of the hole as a fraction of the image's, above 0 and up to 1. */
  cutoutScale?: readonly [number, number];
}

/** Position of a view's random numbers: equal positions give equal views. */
export interface ViewPosition {
  /** Seed of the random numbers. */
  seed: number;
  /** Step of training. */
  step: number;
  /** Index of the view among an image's views. */
  view: number;
  /** Index of each image in the whole batch of the step. @default 0, 1, 2, … */
  samples?: ArrayLike<number> | undefined;
}

/** Random numbers per view, and numbers that describe it, as assembly/images/ has them. */
const DRAWS = 44;
const VIEW = 17;

/** From this height on, an image is large enough for a blur and the full jitter. */
const LARGE_HEIGHT = 64;

/** Kinds of images: photos, which have shades, or glyphs, which are written or drawn. */
export type ImageKind = 'photo' | 'glyph';
/** All kinds of images. */
export const IMAGE_KINDS: readonly ImageKind[] = ['photo', 'glyph'];

/**
 * Gives the options that hold unless told otherwise. Colors: SimCLR's, below 64 pixels those of its
 * CIFAR-10 recipe, half the jitter and no blur. Gray glyphs: sizes, translations, rotations and
 * shears that leave a glyph what it is, a hole in each, and no flips, since a mirrored glyph is
 * another one. Gray photos: crops, flips and other light, upright and whole.
 *
 * @param shape shape of the images
 * @param kind kind of the images: glyphs if they are gray, unless told otherwise
 * @param options none
 * @returns all options
 * @throws {TypeError | RangeError} if an argument is not valid
 */
export function defaultAugmentation(
  shape: ImageShape,
  kind?: ImageKind,
  options?: NoOptions,
): Required<AugmentOptions> {
  checkNoOptions('defaultAugmentation', options);
  checkImageShape('defaultAugmentation', shape);
  const usual = shape.channels === 1 ? 'glyph' : 'photo';
  return augmentationOf(
    shape,
    kind === undefined ? usual : oneOf(IMAGE_KINDS)('defaultAugmentation', 'kind', kind),
  );
}

function augmentationOf(
  { height, channels }: ImageShape,
  kind: ImageKind,
): Required<AugmentOptions> {
  const geometry = { translate: 0, rotation: 0, shear: 0, cutout: 0 };
  const color = {
    jitter: 0,
    brightness: 0,
    contrast: 0,
    saturation: 0,
    hue: 0,
    grayscale: 0,
    blur: 0,
  };
  const ranges = { ratio: [3 / 4, 4 / 3], sigma: [0.1, 2], cutoutScale: [0.02, 0.2] } as const;
  if (kind === 'glyph') {
    const ranged = { scale: [0.64, 1.44], ratio: [2 / 3, 3 / 2], translate: 0.07 } as const;
    return {
      ...geometry,
      ...color,
      ...ranges,
      ...ranged,
      horizontalFlip: 0,
      rotation: 17,
      shear: 0.35,
      cutout: 1,
    };
  }
  if (channels === 1) {
    const light = { jitter: 0.8, brightness: 0.4, contrast: 0.4 };
    return { ...geometry, ...color, ...ranges, ...light, scale: [0.3, 1], horizontalFlip: 0.5 };
  }
  const strength = height < LARGE_HEIGHT ? 0.5 : 1;
  return {
    ...geometry,
    ...ranges,
    scale: [0.08, 1],
    horizontalFlip: 0.5,
    jitter: 0.8,
    brightness: 0.8 * strength,
    contrast: 0.8 * strength,
    saturation: 0.8 * strength,
    hue: 0.2 * strength,
    grayscale: 0.2,
    blur: height < LARGE_HEIGHT ? 0 : 0.5,
  };
}

/** Makes a check for a range from `min` to `max`; `min` of 0 is not included. */
function rangeIn(what: string, min: number, max: number): Check<readonly [number, number]> {
  return (name, argument, value) => {
    const pair: readonly unknown[] = Array.isArray(value) && value.length === 2 ? value : [value];
    for (const end of pair) {
      if (typeof end !== 'number') typeError(name, argument, 'a pair of numbers', end);
    }
    if (pair.length !== 2) typeError(name, argument, 'a pair of numbers', value);
    const [low, high] = pair as [number, number];
    if ((min === 0 ? low > 0 : low >= min) && low <= high && high <= max) return [low, high];
    const range = min === 0 ? `above 0, up to ${max}` : `from ${min} to ${max}`;
    throw new RangeError(
      `${name}: ${argument} must be two ${what} ${range}, got [${low}, ${high}]`,
    );
  };
}

/** Makes a check for a number from 0 to `max`. */
function upTo(max: number): Check<number> {
  return (name, argument, value) => {
    const number = checkNonNegative(name, argument, value);
    if (number > max) rangeError(name, argument, `from 0 to ${max}`, number);
    return number;
  };
}

const checkProbability = upTo(1);
const checkFactor = upTo(10);

/** Checks that options of a model's augmentation are an object; `Augmentation` checks each. */
export function checkAugmentation(name: string, argument: string, value: unknown): AugmentOptions {
  if (tagOf(value) === 'Object') return value as AugmentOptions;
  return typeError(name, argument, 'an object', value);
}

/**
 * Makes a tensor of images as they are, without a random view.
 *
 * @param images u8 (B, H, W, C), 0 black to 255 white
 * @param shape shape of each image
 * @param options none
 * @returns (B, C, H, W), -1 black to 1 white
 * @throws {TypeError | RangeError} if an argument is not valid
 */
export function imagesToTensor(images: Uint8Array, shape: ImageShape, options?: NoOptions): Tensor {
  checkNoOptions('imagesToTensor', options);
  checkImageShape('imagesToTensor', shape);
  const count = countImages('imagesToTensor', images, shape);
  const { height, width, channels } = shape;
  const y = empty([count, channels, height, width]);
  scoped((scope) => {
    const bytes = scope.bytes(images.length);
    u8().set(images, bytes);
    kernels(nnCode).imagesToPlanes(y.at, bytes, count, height * width, channels);
  });
  return y;
}

/**
 * Random views of images of one shape.
 *
 * @see https://arxiv.org/abs/2002.05709
 * @example
 * const augmentation = new Augmentation({ height: 32, width: 32, channels: 3 }, { hue: 0.1 });
 * const views = augmentation.views(pixels, { seed: 0, step: 0, view: 0 }); // (B, C, H, W)
 */
export class Augmentation {
  /** Shape of the images. */
  readonly shape: ImageShape;
  /** All options. */
  readonly options: Required<AugmentOptions>;

  /**
   * @param shape shape of the images
   * @param options what is done, instead of `defaultAugmentation(shape)`
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(shape: ImageShape, options?: AugmentOptions) {
    checkImageShape('Augmentation', shape);
    const { height, width, channels } = shape;
    this.shape = { height, width, channels };
    const defaults = defaultAugmentation(shape);
    const reader = readOptions('Augmentation', options);
    const read = <K extends keyof AugmentOptions>(
      key: K,
      check: Check<Required<AugmentOptions>[K]>,
    ): Required<AugmentOptions>[K] => reader.read(key, check, defaults[key]);
    this.options = {
      scale: read('scale', rangeIn('fractions', 0, 16)),
      ratio: read('ratio', rangeIn('ratios', 0.01, 100)),
      translate: read('translate', checkProbability),
      horizontalFlip: read('horizontalFlip', checkProbability),
      rotation: read('rotation', upTo(180)),
      shear: read('shear', checkFactor),
      jitter: read('jitter', checkProbability),
      brightness: read('brightness', checkFactor),
      contrast: read('contrast', checkFactor),
      saturation: read('saturation', checkFactor),
      hue: read('hue', checkProbability),
      grayscale: read('grayscale', checkProbability),
      blur: read('blur', checkProbability),
      sigma: read('sigma', rangeIn('standard deviations', 0.01, 1000)),
      cutout: read('cutout', checkProbability),
      cutoutScale: read('cutoutScale', rangeIn('fractions', 0, 1)),
    };
    reader.done();
  }

  /**
   * Draws what is done to each image.
   * @param count number of images
   * @param position position of the random numbers
   * @returns (count, 17), as assembly/images/ has them
   * @throws {TypeError | RangeError} if an argument is not valid, or there are not as many samples
   */
  plan(count: number, position: ViewPosition): Tensor {
    integerIn(1, 2 ** 24)('Augmentation', 'count', count);
    const { seed, step, view, samples } = readPosition(count, position);
    const views = empty([count, VIEW]);
    const { height, width } = this.shape;
    const key = [...seedWords(seed), streamAt(STREAMS.view, view), step | 0] as const;
    scoped((scope) => {
      const uniforms = scope.f32(count * DRAWS);
      kernels(nnCode).fillUniformRows(uniforms, count, DRAWS, ...key, scope.i32From(samples));
      const options = this.#options(scope.f32(OPTIONS));
      kernels(nnCode).sampleViews(views.at, uniforms, count, options, height, width, height, width);
    });
    return views;
  }

  /**
   * Makes the views that a plan describes.
   * @param images u8 (B, H, W, C)
   * @param plan result of `plan`
   * @returns (B, C, H, W), -1 black to 1 white
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  render(images: Uint8Array, plan: Tensor): Tensor {
    const count = countImages('Augmentation', images, this.shape);
    const { shape } = checkTensor('Augmentation', 'plan', plan);
    if (String(shape) !== String([count, VIEW])) {
      rangeError('Augmentation', 'plan', `of shape [${count},${VIEW}]`, `[${shape}]`);
    }
    const { height, width, channels } = this.shape;
    const radius = Math.max(1, Math.floor(height / 20));
    const y = empty([count, channels, height, width]);
    scoped((scope) => {
      const bytes = scope.bytes(images.length);
      u8().set(images, bytes);
      const scratch = scope.f32(height * width + 2 * radius + 1);
      const sizes = [channels, height, width, height, width, radius] as const;
      kernels(nnCode).renderViews(y.at, bytes, plan.at, scratch, count, ...sizes);
    });
    return y;
  }

  /**
   * Makes a random view of each image.
   * @param images u8 (B, H, W, C)
   * @param position position of the random numbers
   * @returns (B, C, H, W), -1 black to 1 white
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  views(images: Uint8Array, position: ViewPosition): Tensor {
    const plan = this.plan(countImages('Augmentation', images, this.shape), position);
    const views = this.render(images, plan);
    plan.dispose();
    return views;
  }

  /** Writes the options where the kernel reads them. */
  #options(at: Pointer): Pointer {
    const {
      scale,
      ratio,
      translate,
      horizontalFlip,
      rotation,
      shear,
      jitter,
      brightness,
      contrast,
    } = this.options;
    const { saturation, hue, grayscale, blur, sigma, cutout, cutoutScale } = this.options;
    const geometry = [...scale, ...ratio, horizontalFlip, (rotation / 180) * Math.PI, shear];
    const color = [jitter, brightness, contrast, saturation, hue, grayscale, blur, ...sigma];
    f32().set([...geometry, ...color, cutout, ...cutoutScale, translate], at / 4);
    return at;
  }
}

/** Numbers that the kernel reads the options from. */
const OPTIONS = 20;

function readPosition(
  count: number,
  given: ViewPosition,
): ViewPosition & { samples: ArrayLike<number> } {
  if (typeof given !== 'object' || given === null) {
    typeError('Augmentation', 'position', 'an object of seed, step and view', given);
  }
  const { samples } = given;
  return {
    seed: checkInteger('Augmentation', 'seed', given.seed),
    step: checkInteger('Augmentation', 'step', given.step),
    view: checkInteger('Augmentation', 'view', given.view),
    samples:
      samples === undefined
        ? Int32Array.from({ length: count }, (_, i) => i)
        : checkIntegers('Augmentation', 'samples', samples, { of: count, what: 'the images' }),
  };
}
