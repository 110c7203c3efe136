/**
 * PNG and JPEG to pixels, by JavaScript alone: a browser's own decoders differ in the last bit.
 * What is transparent lies on white; sixteen bits become eight.
 */

import { convertIndexedToRgb, type DecodedPng, decode as decodePng } from 'fast-png';
import { decode as decodeJpeg } from 'jpeg-js';
import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { scoped, u8 } from '../../core/memory.js';
import type { ImageShape } from './augment.js';

/** A file that is no sound image; the message says why. */
export class ImageError extends Error {}

export interface DecodedImage extends ImageShape {
  /** u8 (height, width, channels) */
  data: Uint8Array;
}

/** What the first bytes of a file say. */
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
    throw new ImageError('ends within its head');
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
  // The last channel is how much of the image there is; the rest is white.
  const colors = channels - 1;
  const data = new Uint8Array(width * height * colors);
  for (let p = 0; p < width * height; p++) {
    const alpha = samples[p * channels + colors] as number;
    for (let c = 0; c < colors; c++) {
      const value = samples[p * channels + c] as number;
      data[p * colors + c] = Math.round((value * alpha + 255 * (255 - alpha)) / 255);
    }
  }
  return { width, height, channels: colors, data };
}

/** Samples of eight bits, whatever the file has. */
function pngSamples(png: DecodedPng): Uint8Array {
  if (png.palette !== undefined) return convertIndexedToRgb(png);
  if (png.depth === 16) return Uint8Array.from(png.data, (value) => Math.round(value / 257));
  if (png.depth === 8) return Uint8Array.from(png.data);
  const most = 2 ** png.depth - 1;
  const palette = Array.from({ length: most + 1 }, (_, i) => [(255 / most) * i]);
  return convertIndexedToRgb({ ...png, palette });
}

/** The same image gray, or in (gray) colors. */
function withChannels(
  { width, height, channels, data }: DecodedImage,
  wanted: number,
): DecodedImage {
  if (channels === wanted) return { width, height, channels, data };
  const out = new Uint8Array(width * height * wanted);
  for (let p = 0; p < width * height; p++) {
    if (wanted === 3) {
      out.fill(data[p] as number, 3 * p, 3 * p + 3);
    } else {
      const [r = 0, g = 0, b = 0] = data.subarray(3 * p, 3 * p + 3);
      out[p] = Math.round((299 * r + 587 * g + 114 * b) / 1000);
    }
  }
  return { width, height, channels: wanted, data: out };
}

/** The largest middle part of the wanted proportions, brought to the wanted size and channels. */
export function fitImage(image: DecodedImage, shape: ImageShape): Uint8Array {
  const { height, width, channels } = image;
  const scale = Math.min(height / shape.height, width / shape.width);
  const tall = Math.max(1, Math.round(shape.height * scale));
  const wide = Math.max(1, Math.round(shape.width * scale));
  const from = ((height - tall) >> 1) * width + ((width - wide) >> 1);
  const size = shape.height * shape.width * channels;
  const data = scoped((scope) => {
    const x = scope.bytes(image.data.length);
    const y = scope.bytes(size);
    const scratch = scope.f32(tall * shape.width * channels);
    u8().set(image.data, x);
    const sizes = [channels, width * channels, tall, wide, shape.height, shape.width] as const;
    kernels(nnCode).resizeImage(y, x + from * channels, scratch, ...sizes);
    return u8().slice(y, y + size);
  });
  return withChannels({ ...shape, channels, data }, shape.channels).data;
}
