/**
 * PNG, JPEG and WebP to pixels, by decoders of our own: a browser's differ in the last bit. What is
 * transparent lies on white, sixteen bits become eight, photos are upright as EXIF says.
 */

import { swapsSides } from './exif.js';
import { decodeJpeg, readJpegHeader } from './jpeg.js';
import { decodePng, isGrayscale, readPng } from './png.js';
import type { NeededSize } from './reduce.js';
import type { DecodedImage } from './resize.js';
import { decodeWebp, isWebp, readWebpHeader } from './webp.js';

/** Error of a file that is not an image or a damaged one; the message says why. */
export class ImageError extends Error {}

/** Size and kind of an image file, from its first bytes. */
export interface ImageHeader {
  width: number;
  height: number;
  /** True if the file has no colors. */
  grayscale: boolean;
}

/** Largest image that is decoded, in pixels. */
const MAX_PIXELS = 1e8;

const PNG = [0x89, 0x50, 0x4e, 0x47];
const JPEG = [0xff, 0xd8];
const begins = (bytes: Uint8Array, start: readonly number[]): boolean =>
  start.every((byte, i) => bytes[i] === byte);

/** First bytes of kinds of images that are not read, in hexadecimal; dots are any. */
const OTHER_KINDS: readonly (readonly [string, RegExp])[] = [
  ['GIF', /^47494638/],
  ['BMP', /^424d/],
  ['TIFF', /^(49492a00|4d4d002a)/],
  ['AVIF', /^.{8}6674797061766/],
  ['HEIC', /^.{8}66747970(6865|6d69|6d73)/],
  ['JPEG XL', /^(ff0a|0000000c4a584c)/],
  ['JPEG 2000', /^(ff4fff51|0000000c6a50)/],
  ['SVG', /^(efbbbf)?3c(737667|3f786d6c|21)/],
  ['PPM', /^503[1-7]/],
];

/** Says what a file is instead of an image that can be read. */
function otherKind(bytes: Uint8Array): string {
  const start = Array.from(bytes.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0'));
  const name = OTHER_KINDS.find(([, signature]) => signature.test(start.join('')))?.[0];
  return name === undefined
    ? 'is neither PNG, JPEG nor WebP'
    : `is ${/^(AVIF|SVG)$/.test(name) ? 'an' : 'a'} ${name} image, expected PNG, JPEG or WebP`;
}

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
 * Reads size and kind of an image file, without its pixels.
 *
 * @throws {ImageError} if it is neither PNG, JPEG nor WebP, is damaged, or has too many pixels
 */
export function readImageHeader(bytes: Uint8Array): ImageHeader {
  const header = reading(() => readHeader(bytes), 'cannot be read');
  const { width, height } = header;
  if (width < 1 || height < 1 || width * height > MAX_PIXELS) {
    throw new ImageError(`has ${width} × ${height} pixels, expected 1 to ${MAX_PIXELS}`);
  }
  return header;
}

function readHeader(bytes: Uint8Array): ImageHeader {
  if (begins(bytes, PNG)) {
    const png = readPng(bytes, false);
    const [wide, tall] = swapsSides(png.orientation)
      ? [png.height, png.width]
      : [png.width, png.height];
    return { width: wide, height: tall, grayscale: isGrayscale(png) };
  }
  const webp = isWebp(bytes);
  if (!webp && !begins(bytes, JPEG)) throw new ImageError(otherKind(bytes));
  const header = webp ? { ...readWebpHeader(bytes), components: 3 } : readJpegHeader(bytes);
  const { width, height, components, orientation } = header;
  const [wide, tall] = swapsSides(orientation) ? [height, width] : [width, height];
  return { width: wide, height: tall, grayscale: components === 1 };
}

/**
 * Decodes a PNG, JPEG or WebP file; images of EXIF orientations are turned upright.
 *
 * @param needed size that the image is needed at: one of more than four million pixels is reduced
 *   while it is decoded, to 16 times that or more
 * @throws {ImageError} if it is none of them, is damaged, or has too many pixels
 */
export function decodeImage(bytes: Uint8Array, needed?: NeededSize): DecodedImage {
  readImageHeader(bytes);
  return reading((): DecodedImage => {
    if (begins(bytes, PNG)) return decodePng(readPng(bytes, true), needed);
    if (isWebp(bytes)) return decodeWebp(bytes, readWebpHeader(bytes), needed);
    return decodeJpeg(bytes, readJpegHeader(bytes), needed);
  }, 'cannot be decoded');
}
