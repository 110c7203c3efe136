/**
 * Random views of images, as contrastive learning wants them (Chen et al., 2020, "A simple
 * framework for contrastive learning of visual representations", appendix A): a crop brought to
 * size, flipped, turned, its colors jittered, made gray, blurred, a hole punched into it. What is
 * done to a image depends on the seed, the step, the view and the image's index in the batch,
 * and on nothing else.
 *
 *   images  u8 (B, H, W, C), C 1 or 3, 0 black to 255 white
 *   views     f32 (B, C, H, W), -1 black to 1 white
 */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { f32, type Pointer, scoped, u8 } from '../../core/memory.js';
import { STREAMS, streamAt } from '../../core/streams.js';
import {
  checkCount,
  checkNonNegative,
  checkOptions,
  rangeError,
  typeError,
} from '../../core/validation.js';
import { seedWords } from '../../nn/random.js';
import { empty, type Tensor } from '../../nn/tensor.js';

/** What all images of a set have in common. */
export interface ImageShape {
  height: number;
  width: number;
  /** 1 gray, 3 red, green and blue. */
  channels: number;
}

/** Chances are from 0 to 1; a range is the least and the most. */
export interface AugmentOptions {
  /** Area of a crop as a share of the image's; above 1, there is more around the image. */
  scale?: readonly [number, number];
  /** Width of a crop over its height, drawn evenly by its logarithm. */
  ratio?: readonly [number, number];
  /** Widest shift, as a share of the image's sides. */
  translate?: number;
  /** Chance of left and right changing places. */
  horizontalFlip?: number;
  /** Widest turn, in degrees either way. */
  rotation?: number;
  /** Widest slant, in widths a height either way. */
  shear?: number;
  /** Chance that brightness, contrast, saturation and hue change, in random order. */
  jitter?: number;
  /** Widest change of the factor that a color is multiplied by. */
  brightness?: number;
  /** Widest change of the distance from the image's mean gray. */
  contrast?: number;
  /** Widest change of the distance from the pixel's own gray. */
  saturation?: number;
  /** Widest shift of the hue, in turns: 0.5 is any. */
  hue?: number;
  /** Chance that a image loses its colors. */
  grayscale?: number;
  /** Chance of a Gaussian blur, over a tenth of the image's height. */
  blur?: number;
  /** Deviation of the blur, in pixels. */
  sigma?: readonly [number, number];
  /** Chance of a black hole. */
  cutout?: number;
  /** Share of the area that a hole takes. */
  cutoutScale?: readonly [number, number];
}

/** Which views are drawn: the same numbers give the same views. */
export interface ViewPosition {
  /** Seed of the run. */
  seed: number;
  /** Number of the training step. */
  step: number;
  /** Number of the view of each image, from 0. */
  view: number;
  /**
   * Index of each image in the whole batch of the step, where images are a part of it.
   * @default 0, 1, 2, …
   */
  samples?: ArrayLike<number> | undefined;
}

/** Numbers that a view is drawn from, and that it is described by, as assembly/images/views.ts has them. */
const DRAWS = 44;
const VIEW = 17;

/** From this height on, a image is large enough for a blur and the full jitter. */
const LARGE_HEIGHT = 64;

/** What images show: things that light falls on, or signs that are written or drawn. */
export type ImageKind = 'photo' | 'glyph';
export const IMAGE_KINDS: readonly ImageKind[] = ['photo', 'glyph'];

/**
 * What is done unless told otherwise. Color: SimCLR's, below 64 pixels those of its CIFAR-10
 * recipe, half the jitter and no blur. Gray signs: sizes, places, turns and slants that leave a
 * written sign what it is, a hole in each, and no flips, since a mirrored sign is another one. Gray
 * things: crops, flips and other light, upright and whole, since a garment has no handwriting.
 */
export function defaultAugmentation(
  { height, channels }: ImageShape,
  kind: ImageKind = channels === 1 ? 'glyph' : 'photo',
): Required<AugmentOptions> {
  const place = { translate: 0, rotation: 0, shear: 0, cutout: 0 };
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
    const moved = { scale: [0.64, 1.44], ratio: [2 / 3, 3 / 2], translate: 0.07 } as const;
    return {
      ...place,
      ...color,
      ...ranges,
      ...moved,
      horizontalFlip: 0,
      rotation: 17,
      shear: 0.35,
      cutout: 1,
    };
  }
  if (channels === 1) {
    const light = { jitter: 0.8, brightness: 0.4, contrast: 0.4 };
    return { ...place, ...color, ...ranges, ...light, scale: [0.3, 1], horizontalFlip: 0.5 };
  }
  const strength = height < LARGE_HEIGHT ? 0.5 : 1;
  return {
    ...place,
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

function checkRange(
  argument: string,
  value: unknown,
  expected: string,
  valid: (low: number, high: number) => boolean,
): void {
  if (!Array.isArray(value) || value.length !== 2) {
    typeError('Augmentation', argument, 'a pair of numbers', value);
  }
  const [low, high] = value as unknown[];
  for (const end of [low, high]) {
    if (typeof end !== 'number') typeError('Augmentation', argument, 'a pair of numbers', end);
  }
  if (valid(low as number, high as number) && (low as number) <= (high as number)) return;
  throw new RangeError(`Augmentation: ${argument} must be ${expected}, got [${low}, ${high}]`);
}

export function checkImageShape(name: string, { height, width, channels }: ImageShape): void {
  checkCount(name, 'height', height, undefined, 2 ** 15, 'pixels');
  checkCount(name, 'width', width, undefined, 2 ** 15, 'pixels');
  if (channels !== 1 && channels !== 3) rangeError(name, 'channels', '1 or 3', channels);
}

/** How many images there are in these bytes. */
function countImages(name: string, images: unknown, shape: ImageShape): number {
  if (!(images instanceof Uint8Array)) typeError(name, 'images', 'a Uint8Array', images);
  const size = shape.height * shape.width * shape.channels;
  const count = images.length / size;
  if (!Number.isInteger(count) || count < 1) {
    rangeError(name, 'images', `a multiple of ${size} bytes per image`, images.length);
  }
  return count;
}

/** Images as they are. */
export function imagesToTensor(images: Uint8Array, shape: ImageShape): Tensor {
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

/** Makes random views of images of one shape. */
export class Augmentation {
  readonly shape: ImageShape;
  readonly options: Required<AugmentOptions>;

  constructor(shape: ImageShape, options: AugmentOptions = {}) {
    checkImageShape('Augmentation', shape);
    const defaults = defaultAugmentation(shape);
    checkOptions('Augmentation', options, Object.keys(defaults));
    this.shape = shape;
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    this.options = { ...defaults, ...Object.fromEntries(given) };
    const { scale, ratio, sigma, cutoutScale, ...numbers } = this.options;
    const fraction = (low: number, high: number): boolean => low > 0 && high <= 1;
    checkRange(
      'area',
      scale,
      'two fractions above 0, up to 16',
      (low, high) => low > 0 && high <= 16,
    );
    checkRange('cutoutScale', cutoutScale, 'two fractions above 0, up to 1', fraction);
    checkRange(
      'ratio',
      ratio,
      'two ratios from 0.01 to 100',
      (low, high) => low >= 0.01 && high <= 100,
    );
    checkRange(
      'sigma',
      sigma,
      'two standard deviations from 0.01 to 1000',
      (low, high) => low >= 0.01 && high <= 1000,
    );
    for (const [name, value] of Object.entries(numbers)) {
      checkNonNegative('Augmentation', name, value, 0);
      const most = MAX_VALUES[name as keyof typeof MAX_VALUES] ?? 1;
      if (value > most) rangeError('Augmentation', name, `from 0 to ${most}`, value);
    }
  }

  /** How `count` images become views: (count, 17), as assembly/images/views.ts lists them. */
  plan(count: number, position: ViewPosition): Tensor {
    const views = empty([count, VIEW]);
    const { height, width } = this.shape;
    const { seed, step, view } = position;
    const samples = position.samples ?? Int32Array.from({ length: count }, (_, i) => i);
    if (samples.length !== count) {
      rangeError('Augmentation', 'samples', `${count} long (the images)`, samples.length);
    }
    const key = [...seedWords(seed), streamAt(STREAMS.view, view), step | 0] as const;
    scoped((scope) => {
      const uniforms = scope.f32(count * DRAWS);
      kernels(nnCode).fillUniformRows(uniforms, count, DRAWS, ...key, scope.i32From(samples));
      const options = this.#options(scope.f32(OPTIONS));
      kernels(nnCode).sampleViews(views.at, uniforms, count, options, height, width, height, width);
    });
    return views;
  }

  /** Views of images that a plan describes. */
  render(images: Uint8Array, plan: Tensor): Tensor {
    const count = countImages('Augmentation', images, this.shape);
    if (plan.shape[0] !== count) {
      rangeError('Augmentation', 'plan', `of ${count} views`, plan.shape[0]);
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
   * A random view of each image.
   * @param images (B, H, W, C)
   * @returns (B, C, H, W)
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
    const place = [...scale, ...ratio, horizontalFlip, (rotation / 180) * Math.PI, shear];
    const color = [jitter, brightness, contrast, saturation, hue, grayscale, blur, ...sigma];
    f32().set([...place, ...color, cutout, ...cutoutScale, translate], at / 4);
    return at;
  }
}

const OPTIONS = 20;

/** What may be more than 1. */
const MAX_VALUES = { rotation: 180, shear: 10, brightness: 10, contrast: 10, saturation: 10 };
