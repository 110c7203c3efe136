/** Images that are read when they are asked for, in memory or not, and their labels. */

import { checkIntegers, rangeError, typeError } from '../../core/validation.js';
import { checkImageShape, type ImageShape } from './augment.js';

/** Images of one shape, with what is known of them. */
export interface ImageDataset {
  readonly shape: ImageShape;
  readonly count: number;
  /** A class number for each, if there are any. */
  readonly labels?: Int32Array | undefined;
  /** What the class numbers stand for. */
  readonly labelNames?: readonly string[] | undefined;
  /** A text for each, if there are any. */
  readonly captions?: readonly string[] | undefined;
  /**
   * Pixels of some images, u8 (B, H, W, C), and which they are: a image that can't be read is
   * left out.
   */
  read(rows: ArrayLike<number>): { pixels: Uint8Array; rows: number[] };
}

/**
 * @param shape what the network takes
 * @throws TypeError if it isn't images, RangeError if they have another shape
 */
export function checkImages(name: string, data: ImageDataset, shape: ImageShape): void {
  const { shape: own, read } = (data ?? {}) as Partial<ImageDataset>;
  if (!own || typeof read !== 'function') {
    typeError(name, 'data', 'images, as imagesFrom makes them', data);
  }
  const show = ({ height, width, channels }: ImageShape): string =>
    `${height} × ${width} × ${channels}`;
  if (show(own) === show(shape)) return;
  throw new RangeError(`${name}: images must be ${show(shape)} as the network's, got ${show(own)}`);
}

/**
 * Images in memory.
 * @param pixels u8 (N, H, W, C), 0 black to 255 white
 * @param labels a class number for each
 */
export function imagesFrom(
  pixels: Uint8Array,
  shape: ImageShape,
  labels?: ArrayLike<number>,
): ImageDataset {
  checkImageShape('imagesFrom', shape);
  if (!(pixels instanceof Uint8Array)) typeError('imagesFrom', 'pixels', 'a Uint8Array', pixels);
  const size = shape.height * shape.width * shape.channels;
  const count = pixels.length / size;
  if (!Number.isInteger(count) || count < 1) {
    rangeError('imagesFrom', 'pixels', `a multiple of ${size} bytes per image`, pixels.length);
  }
  const checked =
    labels &&
    checkIntegers(
      'imagesFrom',
      'labels',
      labels,
      { of: count, what: 'one a image' },
      { valid: (label) => label >= 0, what: 'at least 0' },
    );
  return {
    shape,
    count,
    labels: checked && Int32Array.from(checked),
    read(rows) {
      const wanted = Array.from(rows);
      const out = new Uint8Array(wanted.length * size);
      wanted.forEach((row, i) => {
        out.set(pixels.subarray(row * size, (row + 1) * size), i * size);
      });
      return { pixels: out, rows: wanted };
    },
  };
}

/**
 * Reads the images of a training batch.
 *
 * @param rows rows of the batch
 * @param first index of the first of them in the whole batch of its step
 * @returns pixels and rows of the images that can be read, and the index of each in the whole batch
 */
export function readSamples(
  images: ImageDataset,
  rows: readonly number[],
  first: number,
): { pixels: Uint8Array; rows: number[]; samples: number[] } {
  const { pixels, rows: read } = images.read(rows);
  // Images that can't be read are left out; the others keep their order and their index.
  const samples: number[] = [];
  rows.forEach((row, i) => {
    if (row === read[samples.length]) samples.push(first + i);
  });
  return { pixels, rows: read, samples };
}

/** Some of the images, by their numbers. */
export function subset(images: ImageDataset, chosen: ArrayLike<number>): ImageDataset {
  const list = Int32Array.from(chosen);
  const { labels, captions } = images;
  return {
    shape: images.shape,
    count: list.length,
    labels: labels && list.map((row) => labels[row] as number),
    labelNames: images.labelNames,
    captions: captions && Array.from(list, (row) => captions[row] as string),
    read(rows) {
      const own = Array.from(rows);
      const before = own.map((row) => list[row] as number);
      const { pixels, rows: read } = images.read(before);
      if (read.length === own.length) return { pixels, rows: own };
      // Some were left out: what is left has kept its order.
      const kept: number[] = [];
      own.forEach((row, i) => {
        if (before[i] === read[kept.length]) kept.push(row);
      });
      return { pixels, rows: kept };
    },
  };
}
