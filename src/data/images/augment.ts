/**
 * Random views of pictures, as contrastive learning wants them (Chen et al., 2020, "A simple
 * framework for contrastive learning of visual representations", appendix A): a crop brought to
 * size, flipped, turned, its colours jittered, made grey, blurred, a hole punched into it. What is
 * done to a picture depends on the seed, the step, the view and the picture's place in the batch,
 * and on nothing else.
 *
 *   pictures  u8 (B, H, W, C), C 1 or 3, 0 black to 255 white
 *   views     f32 (B, C, H, W), -1 black to 1 white
 */

import { f32, type Pointer, scoped, u8 } from '../../core/memory.js';
import {
  checkCount,
  checkNonNegative,
  checkOptions,
  rangeError,
  typeError,
} from '../../core/validation.js';
import { nnKernels } from '../../nn/kernels.js';
import { empty, type Tensor } from '../../nn/tensor.js';

/** What all pictures of a set have in common. */
export interface PictureShape {
  height: number;
  width: number;
  /** 1 grey, 3 red, green and blue. */
  channels: number;
}

/** Chances are from 0 to 1; a range is the least and the most. */
export interface AugmentOptions {
  /** Area of a crop as a share of the picture's; above 1, there is more around the picture. */
  area?: readonly [number, number];
  /** Width of a crop over its height, drawn evenly by its logarithm. */
  aspect?: readonly [number, number];
  /** Widest shift, as a share of the picture's sides. */
  shift?: number;
  /** Chance of left and right changing places. */
  flip?: number;
  /** Widest turn, in degrees either way. */
  rotation?: number;
  /** Widest slant, in widths a height either way. */
  slant?: number;
  /** Chance that brightness, contrast, saturation and hue change, in random order. */
  jitter?: number;
  /** Widest change of the factor that a colour is multiplied by. */
  brightness?: number;
  /** Widest change of the distance from the picture's mean grey. */
  contrast?: number;
  /** Widest change of the distance from the pixel's own grey. */
  saturation?: number;
  /** Widest shift of the hue, in turns: 0.5 is any. */
  hue?: number;
  /** Chance that a picture loses its colours. */
  grey?: number;
  /** Chance of a Gaussian blur, over a tenth of the picture's height. */
  blur?: number;
  /** Deviation of the blur, in pixels. */
  sigma?: readonly [number, number];
  /** Chance of a black hole. */
  erase?: number;
  /** Share of the area that a hole takes. */
  eraseArea?: readonly [number, number];
}

/** Which view it is: the same four numbers give the same view. */
export interface ViewPosition {
  seed: number;
  step: number;
  /** Which of a picture's views, from 0. */
  view: number;
  /** Number of the first picture in its batch, where a batch is worked on in parts (default 0). */
  first?: number;
}

/** Streams of random numbers from here on are views; below are what the models draw. */
const VIEWS = 64;

/** Numbers that a view is drawn from, and that it is described by, as assembly/images/views.ts has them. */
const DRAWS = 44;
const VIEW = 17;

/** From this height on, a picture is large enough for a blur and the full jitter. */
const LARGE = 64;

/** What pictures show: things that light falls on, or signs that are written or drawn. */
export type PictureKind = 'things' | 'signs';
export const PICTURE_KINDS: readonly PictureKind[] = ['things', 'signs'];

/**
 * What is done unless told otherwise. Colour: SimCLR's, below 64 pixels those of its CIFAR-10
 * recipe, half the jitter and no blur. Grey signs: sizes, places, turns and slants that leave a
 * written sign what it is, a hole in each, and no flips, since a mirrored sign is another one. Grey
 * things: crops, flips and other light, upright and whole, since a garment has no handwriting.
 */
export function defaultAugmentation(
  { height, channels }: PictureShape,
  kind: PictureKind = channels === 1 ? 'signs' : 'things',
): Required<AugmentOptions> {
  const place = { shift: 0, rotation: 0, slant: 0, erase: 0 };
  const colour = { jitter: 0, brightness: 0, contrast: 0, saturation: 0, hue: 0, grey: 0, blur: 0 };
  const ranges = { aspect: [3 / 4, 4 / 3], sigma: [0.1, 2], eraseArea: [0.02, 0.2] } as const;
  if (kind === 'signs') {
    const moved = { area: [0.64, 1.44], aspect: [2 / 3, 3 / 2], shift: 0.07 } as const;
    return {
      ...place,
      ...colour,
      ...ranges,
      ...moved,
      flip: 0,
      rotation: 17,
      slant: 0.35,
      erase: 1,
    };
  }
  if (channels === 1) {
    const light = { jitter: 0.8, brightness: 0.4, contrast: 0.4 };
    return { ...place, ...colour, ...ranges, ...light, area: [0.3, 1], flip: 0.5 };
  }
  const strength = height < LARGE ? 0.5 : 1;
  return {
    ...place,
    ...ranges,
    area: [0.08, 1],
    flip: 0.5,
    jitter: 0.8,
    brightness: 0.8 * strength,
    contrast: 0.8 * strength,
    saturation: 0.8 * strength,
    hue: 0.2 * strength,
    grey: 0.2,
    blur: height < LARGE ? 0 : 0.5,
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

export function checkPictureShape(name: string, { height, width, channels }: PictureShape): void {
  checkCount(name, 'height', height, undefined, 2 ** 15, 'pixels');
  checkCount(name, 'width', width, undefined, 2 ** 15, 'pixels');
  if (channels !== 1 && channels !== 3) rangeError(name, 'channels', '1 or 3', channels);
}

/** How many pictures there are in these bytes. */
function countPictures(name: string, pictures: unknown, shape: PictureShape): number {
  if (!(pictures instanceof Uint8Array)) typeError(name, 'pictures', 'a Uint8Array', pictures);
  const size = shape.height * shape.width * shape.channels;
  const count = pictures.length / size;
  if (!Number.isInteger(count) || count < 1) {
    rangeError(name, 'pictures', `a multiple of ${size} bytes a picture`, pictures.length);
  }
  return count;
}

/** Pictures as they are. */
export function picturesToTensor(pictures: Uint8Array, shape: PictureShape): Tensor {
  checkPictureShape('picturesToTensor', shape);
  const count = countPictures('picturesToTensor', pictures, shape);
  const { height, width, channels } = shape;
  const y = empty([count, channels, height, width]);
  scoped((scope) => {
    const bytes = scope.bytes(pictures.length);
    u8().set(pictures, bytes);
    nnKernels().pixelPlanes(y.at, bytes, count, height * width, channels);
  });
  return y;
}

/** Makes random views of pictures of one shape. */
export class Augmentation {
  readonly shape: PictureShape;
  readonly options: Required<AugmentOptions>;

  constructor(shape: PictureShape, options: AugmentOptions = {}) {
    checkPictureShape('Augmentation', shape);
    const defaults = defaultAugmentation(shape);
    checkOptions('Augmentation', options, Object.keys(defaults));
    this.shape = shape;
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    this.options = { ...defaults, ...Object.fromEntries(given) };
    const { area, aspect, sigma, eraseArea, ...numbers } = this.options;
    const share = (low: number, high: number): boolean => low > 0 && high <= 1;
    checkRange('area', area, 'two shares above 0, up to 16', (low, high) => low > 0 && high <= 16);
    checkRange('eraseArea', eraseArea, 'two shares above 0, up to 1', share);
    checkRange(
      'aspect',
      aspect,
      'two ratios from 0.01 to 100',
      (low, high) => low >= 0.01 && high <= 100,
    );
    checkRange(
      'sigma',
      sigma,
      'two deviations from 0.01 to 1000',
      (low, high) => low >= 0.01 && high <= 1000,
    );
    for (const [name, value] of Object.entries(numbers)) {
      checkNonNegative('Augmentation', name, value, 0);
      const most = MOST[name as keyof typeof MOST] ?? 1;
      if (value > most) rangeError('Augmentation', name, `from 0 to ${most}`, value);
    }
  }

  /** How `count` pictures become views: (count, 17), as assembly/images/views.ts lists them. */
  plan(count: number, position: ViewPosition): Tensor {
    const views = empty([count, VIEW]);
    const { height, width } = this.shape;
    const { seed, step, view, first = 0 } = position;
    const key = [seed | 0, Math.floor(seed / 2 ** 32), VIEWS + view, step, first] as const;
    scoped((scope) => {
      const uniforms = scope.f32(count * DRAWS);
      nnKernels().fillUniformRows(uniforms, count, DRAWS, ...key);
      const options = this.#options(scope.f32(OPTIONS));
      nnKernels().planViews(views.at, uniforms, count, options, height, width, height, width);
    });
    return views;
  }

  /** Views of pictures that a plan describes. */
  render(pictures: Uint8Array, plan: Tensor): Tensor {
    const count = countPictures('Augmentation', pictures, this.shape);
    if (plan.shape[0] !== count) {
      rangeError('Augmentation', 'plan', `of ${count} views`, plan.shape[0]);
    }
    const { height, width, channels } = this.shape;
    const radius = Math.max(1, Math.floor(height / 20));
    const y = empty([count, channels, height, width]);
    scoped((scope) => {
      const bytes = scope.bytes(pictures.length);
      u8().set(pictures, bytes);
      const scratch = scope.f32(height * width + 2 * radius + 1);
      const sizes = [channels, height, width, height, width, radius] as const;
      nnKernels().renderViews(y.at, bytes, plan.at, scratch, count, ...sizes);
    });
    return y;
  }

  /**
   * A random view of each picture.
   * @param pictures (B, H, W, C)
   * @returns (B, C, H, W)
   */
  views(pictures: Uint8Array, position: ViewPosition): Tensor {
    const plan = this.plan(countPictures('Augmentation', pictures, this.shape), position);
    const views = this.render(pictures, plan);
    plan.dispose();
    return views;
  }

  /** Writes the options where the kernel reads them. */
  #options(at: Pointer): Pointer {
    const { area, aspect, shift, flip, rotation, slant, jitter, brightness, contrast } =
      this.options;
    const { saturation, hue, grey, blur, sigma, erase, eraseArea } = this.options;
    const place = [...area, ...aspect, flip, (rotation / 180) * Math.PI, slant];
    const colour = [jitter, brightness, contrast, saturation, hue, grey, blur, ...sigma];
    f32().set([...place, ...colour, erase, ...eraseArea, shift], at / 4);
    return at;
  }
}

const OPTIONS = 20;

/** What may be more than 1. */
const MOST = { rotation: 180, slant: 10, brightness: 10, contrast: 10, saturation: 10 };
