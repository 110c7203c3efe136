/**
 * PNG and JPEG to pixels, by JavaScript alone: a browser's own decoders differ in the last bit.
 * What is transparent lies on white; sixteen bits become eight.
 */

import { decodeJpeg, readJpegHeader } from './jpeg.js';
import { decodePng, isGrayscale, readPng } from './png.js';
import { type DecodedImage, withChannels } from './resize.js';

/** Error of a file that is not an image or a damaged one; the message says why. */
export class ImageError extends Error {}

/** What the first bytes of a file say. */
export interface ImageHeader {
  width: number;
  height: number;
  /** Whether the file has no colors. */
  grayscale: boolean;
}

/** Largest image that is decoded, in pixels. */
const MAX_PIXELS = 1e8;

const PNG = [0x89, 0x50, 0x4e, 0x47];
const JPEG = [0xff, 0xd8];
const begins = (bytes: Uint8Array, start: readonly number[]): boolean =>
  start.every((byte, i) => bytes[i] === byte);

/** Runs a reader, and turns its errors into an ImageError. */
function reading<T>(read: () => T, what: string): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ImageError) throw error;
    if (error instanceof RangeError) throw new ImageError('ends within its header');
    throw new ImageError(`${what} (${(error as Error).message})`);
  }
}

/**
 * Reads size and kind of a PNG or JPEG file, without its pixels.
 *
 * @throws {ImageError} if it is neither, is damaged, or has too many pixels
 */
export function readImageHeader(bytes: Uint8Array): ImageHeader {
  const header = reading((): ImageHeader => {
    if (begins(bytes, PNG)) {
      const png = readPng(bytes, false);
      return { width: png.width, height: png.height, grayscale: isGrayscale(png) };
    }
    if (!begins(bytes, JPEG)) throw new ImageError('is neither PNG nor JPEG');
    const { width, height, components, orientation } = readJpegHeader(bytes);
    const [wide, tall] = orientation >= 5 ? [height, width] : [width, height];
    return { width: wide, height: tall, grayscale: components === 1 };
  }, 'cannot be read');
  const { width, height } = header;
  if (width < 1 || height < 1 || width * height > MAX_PIXELS) {
    throw new ImageError(`has ${width} × ${height} pixels, expected 1 to ${MAX_PIXELS}`);
  }
  return header;
}

/**
 * Decodes a PNG or JPEG file; images of EXIF orientations are turned upright.
 *
 * @throws {ImageError} if it is neither, is damaged, or has too many pixels
 */
export function decodeImage(bytes: Uint8Array): DecodedImage {
  const { grayscale } = readImageHeader(bytes);
  return reading((): DecodedImage => {
    if (begins(bytes, PNG)) return decodePng(readPng(bytes, true));
    const image = decodeJpeg(bytes, readJpegHeader(bytes));
    return grayscale ? withChannels(image, 1) : image;
  }, 'cannot be decoded');
}
