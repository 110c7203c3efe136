/**
 * PNG and JPEG to pixels, by JavaScript alone: a browser's own decoders differ in the last bit.
 * What is transparent lies on white; sixteen bits become eight.
 */

import { convertIndexedToRgb, type DecodedPng, decode as decodePng } from 'fast-png';
import { decode as decodeJpeg } from 'jpeg-js';
import { type DecodedImage, withChannels, withoutAlpha } from './resize.js';

/** A file that is not a valid image; the message says why. */
export class ImageError extends Error {}

/** Size and kind of an image, from its file's first bytes. */
export interface ImageHeader {
  width: number;
  height: number;
  /** Whether the file has no colors. */
  grayscale: boolean;
}

/** Bytes of a file that its header is looked for in. */
export const HEADER_BYTES = 65536;
const MAX_PIXELS = 1e8;

const PNG = [0x89, 0x50, 0x4e, 0x47];
const begins = (bytes: Uint8Array, start: readonly number[]): boolean =>
  start.every((byte, i) => bytes[i] === byte);

/** Reads size and kind from the first bytes of a PNG or JPEG file. */
export function readImageHeader(bytes: Uint8Array): ImageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: ImageHeader | undefined;
  try {
    if (begins(bytes, PNG)) header = pngHeader(view);
    else if (begins(bytes, [0xff, 0xd8])) header = jpegHeader(view);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ImageError('ends within its header');
  }
  if (header === undefined) throw new ImageError('is neither PNG nor JPEG');
  const { width, height } = header;
  if (width < 1 || height < 1 || width * height > MAX_PIXELS) {
    throw new ImageError(`has ${width} × ${height} pixels, expected 1 to ${MAX_PIXELS}`);
  }
  return header;
}

/** Chunks of length, name, data and check sum; the palette, if any, comes before the pixels. */
function pngHeader(view: DataView): ImageHeader {
  const kind = view.getUint8(25);
  const size = { width: view.getUint32(16), height: view.getUint32(20) };
  if (kind !== 3) return { ...size, grayscale: kind === 0 || kind === 4 };
  for (let at = 8; ; at += view.getUint32(at) + 12) {
    const name = view.getUint32(at + 4);
    if (name === 0x49444154) return { ...size, grayscale: false };
    if (name !== 0x504c5445) continue;
    let grayscale = true;
    for (let i = 0; i < view.getUint32(at); i += 3) {
      const [r, g, b] = [0, 1, 2].map((c) => view.getUint8(at + 8 + i + c));
      grayscale &&= r === g && g === b;
    }
    return { ...size, grayscale };
  }
}

/** Segments of a marker and a length; one of thirteen kinds of frame has the sizes. */
function jpegHeader(view: DataView): ImageHeader {
  for (let at = 2; ; ) {
    const marker = view.getUint16(at);
    if (marker === 0xffff) {
      at++;
    } else if (marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)) {
      const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
      return { width, height, grayscale: view.getUint8(at + 9) === 1 };
    } else if (marker < 0xff01 || marker === 0xffda) {
      throw new ImageError('has no JPEG frame');
    } else {
      at += 2 + view.getUint16(at + 2);
    }
  }
}

/** Decodes a PNG or JPEG file. */
export function decodeImage(bytes: Uint8Array): DecodedImage {
  const header = readImageHeader(bytes);
  try {
    return begins(bytes, PNG) ? fromPng(bytes) : fromJpeg(bytes, header.grayscale);
  } catch (error) {
    throw new ImageError(`cannot be decoded (${(error as Error).message})`);
  }
}

function fromJpeg(bytes: Uint8Array, grayscale: boolean): DecodedImage {
  const options = { useTArray: true, formatAsRGBA: false, tolerantDecoding: false } as const;
  const { width, height, data } = decodeJpeg(bytes, { ...options, maxMemoryUsageInMB: 2048 });
  const image = { width, height, channels: 3, data };
  return grayscale ? withChannels(image, 1) : image;
}

function fromPng(bytes: Uint8Array): DecodedImage {
  const png = decodePng(bytes, { checkCrc: true });
  const { width, height } = png;
  const samples = pngSamples(png);
  const channels = samples.length / (width * height);
  if (channels === 1 || channels === 3) return { width, height, channels, data: samples };
  return withoutAlpha(samples, { width, height, channels });
}

/** Samples of eight bits, whatever the file has. */
function pngSamples(png: DecodedPng): Uint8Array {
  if (png.palette !== undefined) return convertIndexedToRgb(png);
  if (png.depth === 16) return Uint8Array.from(png.data, (value) => Math.round(value / 257));
  if (png.depth === 8) return Uint8Array.from(png.data);
  const max = 2 ** png.depth - 1;
  const palette = Array.from({ length: max + 1 }, (_, i) => [(255 / max) * i]);
  return convertIndexedToRgb({ ...png, palette });
}
