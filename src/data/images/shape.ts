/** Shape of images: height, width and channels. */

import { integerIn, isBytes, rangeError, typeError } from '../../core/validation.js';

/** Sizes that all images of a set have in common. */
export interface ImageShape {
  /** Rows of pixels, from 1 to 32768. */
  height: number;
  /** Columns of pixels, from 1 to 32768. */
  width: number;
  /** 1 grayscale, 3 red, green and blue. */
  channels: number;
}

const checkSide = integerIn(1, 2 ** 15, 'pixels');

/** @throws {TypeError | RangeError} if it is not the shape of an image */
export function checkImageShape(name: string, shape: ImageShape): void {
  if (typeof shape !== 'object' || shape === null) {
    typeError(name, 'shape', 'an object of height, width and channels', shape);
  }
  checkSide(name, 'height', shape.height);
  checkSide(name, 'width', shape.width);
  if (shape.channels !== 1 && shape.channels !== 3) {
    rangeError(name, 'channels', '1 or 3', shape.channels);
  }
}

/** Number of bytes of one image. */
export function bytesPerImage({ height, width, channels }: ImageShape): number {
  return height * width * channels;
}

/** Counts the images in bytes, (B, H, W, C). */
export function countImages(name: string, images: unknown, shape: ImageShape): number {
  if (!isBytes(images)) typeError(name, 'images', 'a Uint8Array', images);
  const size = bytesPerImage(shape);
  const count = images.length / size;
  if (Number.isInteger(count) && count >= 1) return count;
  return rangeError(name, 'images', `a multiple of ${size} bytes per image`, images.length);
}
