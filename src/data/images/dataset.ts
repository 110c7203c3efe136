/** Images that are read when they are asked for, in memory or not, and their labels. */

import { checkNoOptions } from '../../core/options.js';
import {
  checkIntegers,
  type NoOptions,
  rangeError,
  tagOf,
  typeError,
} from '../../core/validation.js';
import {
  fitImage,
  fromImageData,
  type ImageDataLike,
  isImageData,
  withChannels,
} from './resize.js';
import { bytesPerImage, checkImageShape, countImages, type ImageShape } from './shape.js';

/** Images of one shape, with what is known of them. */
export interface ImageDataset {
  /** Height, width and channels of each image. */
  readonly shape: ImageShape;
  /** Number of images. */
  readonly count: number;
  /** Class of each image, if there are any. */
  readonly labels?: Int32Array | undefined;
  /** Name of each class. */
  readonly labelNames?: readonly string[] | undefined;
  /** Text of each image, if there are any. */
  readonly captions?: readonly string[] | undefined;
  /**
   * Reads some images.
   * @param rows indices of images
   * @returns pixels, u8 (B, H, W, C), and the indices of the images that could be read
   */
  read(rows: ArrayLike<number>): { pixels: Uint8Array; rows: number[] };
}

/** Pixels of images in memory: bytes (N, H, W, C), or `ImageData` of a canvas, one or many. */
export type Pixels = Uint8Array | Uint8ClampedArray | ImageDataLike | readonly ImageDataLike[];

/**
 * @param shape shape that the network takes
 * @throws {TypeError} if it is not a dataset, {RangeError} if its images have another shape
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

/** Converts pixels to bytes (N, H, W, C), and to the shape where `ImageData` has another. */
function bytesOf(pixels: Pixels, shape: ImageShape): Uint8Array {
  const tag = tagOf(pixels);
  if (ArrayBuffer.isView(pixels)) {
    if (tag !== 'Uint8Array' && tag !== 'Uint8ClampedArray') {
      typeError('imagesFrom', 'pixels', 'bytes or ImageData', pixels);
    }
    return new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  }
  const list = Array.isArray(pixels) ? pixels : [pixels];
  if (list.length === 0) rangeError('imagesFrom', 'pixels', 'at least one image', pixels);
  const size = bytesPerImage(shape);
  const bytes = new Uint8Array(list.length * size);
  list.forEach((image, i) => {
    if (!isImageData(image)) typeError('imagesFrom', 'pixels', 'bytes or ImageData', image);
    const fits = image.height === shape.height && image.width === shape.width;
    const colors = fromImageData(image);
    const own = fits ? withChannels(colors, shape.channels).data : fitImage(colors, shape);
    bytes.set(own, i * size);
  });
  return bytes;
}

/**
 * Makes a dataset of images in memory.
 *
 * @param pixels bytes (N, H, W, C), 0 black to 255 white, or `ImageData` of a canvas, one or many;
 *   ImageData of another size is cropped and resized
 * @param shape height, width, and channels: 1 grayscale or 3 colors
 * @param labels class of each image, from 0
 * @param options none
 * @returns the dataset, which reads from `pixels`
 * @throws {TypeError | RangeError} if an argument is not valid
 * @example const data = imagesFrom(bytes, { height: 28, width: 28, channels: 1 }, labels);
 */
export function imagesFrom(
  pixels: Pixels,
  shape: ImageShape,
  labels?: ArrayLike<number>,
  options?: NoOptions,
): ImageDataset {
  checkNoOptions('imagesFrom', options);
  checkImageShape('imagesFrom', shape);
  const { height, width, channels } = shape;
  const own = { height, width, channels };
  const bytes = bytesOf(pixels, own);
  const count = countImages('imagesFrom', bytes, own);
  const size = bytesPerImage(own);
  const checked =
    labels === undefined
      ? undefined
      : checkIntegers(
          'imagesFrom',
          'labels',
          labels,
          { of: count, what: 'one per image' },
          { valid: (label) => label >= 0, what: 'at least 0' },
        );
  return {
    shape: own,
    count,
    labels: checked && Int32Array.from(checked),
    read(rows) {
      const wanted = Array.from(rows);
      const out = new Uint8Array(wanted.length * size);
      wanted.forEach((row, i) => {
        out.set(bytes.subarray(row * size, (row + 1) * size), i * size);
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
  data: ImageDataset,
  rows: readonly number[],
  first: number,
): { pixels: Uint8Array; rows: number[]; samples: number[] } {
  const { pixels, rows: read } = data.read(rows);
  // Images that can't be read are left out; the others keep their order and their index.
  const samples: number[] = [];
  rows.forEach((row, i) => {
    if (row === read[samples.length]) samples.push(first + i);
  });
  return { pixels, rows: read, samples };
}

/**
 * Selects some images of a dataset.
 *
 * @param data dataset
 * @param rows indices of images
 * @param options none
 * @returns dataset of these images, in this order, with their labels and captions
 * @throws {TypeError | RangeError} if an index is not one of an image
 */
export function subset<Data extends ImageDataset>(
  data: Data,
  rows: ArrayLike<number>,
  options?: NoOptions,
): ImageDataset & Pick<Data, 'labels' | 'captions'> {
  checkNoOptions('subset', options);
  checkImages('subset', data, data?.shape);
  checkIntegers('subset', 'rows', rows, undefined, {
    valid: (row) => row >= 0 && row < data.count,
    what: `from 0 to ${data.count - 1}`,
  });
  const list = Int32Array.from(rows);
  const { labels, captions } = data;
  const chosen: ImageDataset = {
    shape: data.shape,
    count: list.length,
    labels: labels && list.map((row) => labels[row] as number),
    labelNames: data.labelNames,
    captions: captions && Array.from(list, (row) => captions[row] as string),
    read(asked) {
      const own = Array.from(asked);
      const before = own.map((row) => list[row] as number);
      const { pixels, rows: read } = data.read(before);
      if (read.length === own.length) return { pixels, rows: own };
      // Some were left out: the others have kept their order.
      const kept: number[] = [];
      own.forEach((row, i) => {
        if (before[i] === read[kept.length]) kept.push(row);
      });
      return { pixels, rows: kept };
    },
  };
  return chosen as ImageDataset & Pick<Data, 'labels' | 'captions'>;
}
