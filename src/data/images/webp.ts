/** WebP to pixels by libwebp: lossy and lossless, what is transparent lies on white. */

import code from '@cwasm/webp/webp.wasm';
import { scoped } from '../../core/memory.js';
import { Codec, type CodecExports, copyIn } from './codec.js';
import { readOrientation, swapsSides, turned } from './exif.js';
import { BlockMeans, type NeededSize, reduction } from './reduce.js';
import { type DecodedImage, withoutAlpha } from './resize.js';

/** Content of the chunks of a WebP file. */
export interface WebpHeader {
  width: number;
  height: number;
  /** Orientation of EXIF, 1 to 8; from 5 on, width and height are swapped. */
  orientation: number;
}

/** Tells whether a file is WebP. */
export function isWebp(bytes: Uint8Array): boolean {
  return nameAt(bytes, 0) === 'RIFF' && nameAt(bytes, 8) === 'WEBP';
}

function nameAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

const ANIMATED = 2;

/**
 * Reads the chunks of a WebP file.
 *
 * @throws {RangeError} if the file ends before its size
 * @throws {Error} if it is animated, or has no image
 */
export function readWebpHeader(bytes: Uint8Array): WebpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const name = nameAt(bytes, 12);
  const start = 20;
  let [width, height, orientation] = [0, 0, 1];
  if (name === 'VP8 ') {
    width = view.getUint16(start + 6, true) & 0x3fff;
    height = view.getUint16(start + 8, true) & 0x3fff;
  } else if (name === 'VP8L') {
    const bits = view.getUint32(start + 1, true);
    width = (bits & 0x3fff) + 1;
    height = ((bits >>> 14) & 0x3fff) + 1;
  } else if (name === 'VP8X') {
    if ((view.getUint8(start) & ANIMATED) !== 0) throw new Error('is an animated WebP');
    width = (view.getUint32(start + 4, true) & 0xffffff) + 1;
    height = (view.getUint32(start + 6, true) >>> 8) + 1;
    for (let at = 12; at + 8 <= bytes.length; ) {
      const length = view.getUint32(at + 4, true);
      if (nameAt(bytes, at) === 'EXIF') {
        const exif = bytes.subarray(at + 8, at + 8 + length);
        const tiff = nameAt(exif, 0) === 'Exif' ? exif.subarray(6) : exif;
        orientation = readOrientation(tiff) ?? 1;
      }
      at += 8 + length + (length & 1);
    }
  } else {
    throw new Error('has no WebP image');
  }
  return { width, height, orientation };
}

/** Functions of libwebp. */
interface LibWebp extends CodecExports {
  WebPDecodeRGBA(bytes: number, length: number, width: number, height: number): number;
}

/** Largest image in bytes, four for each pixel: 8,000 × 8,000. */
const MAX_DECODED = 2 ** 28;

const libwebp = new Codec<LibWebp>(code);

/**
 * Decodes a WebP file.
 *
 * @param needed size that the image is needed at; a large one is reduced to a few times that
 * @returns u8 (height, width, 3), turned as the file says
 * @throws {Error} if the file is damaged
 */
export function decodeWebp(
  bytes: Uint8Array,
  { width, height, orientation }: WebpHeader,
  needed: NeededSize | undefined,
): DecodedImage {
  if (4 * width * height > MAX_DECODED) {
    throw new Error(`has ${width} × ${height} pixels, at most ${MAX_DECODED / 4} of WebP are read`);
  }
  const asStored =
    needed && swapsSides(orientation) ? { height: needed.width, width: needed.height } : needed;
  const image = libwebp.run((codec) => {
    const file = copyIn(codec, bytes);
    const size = copyIn(codec, new Uint8Array(8));
    const pixels = codec.WebPDecodeRGBA(file, bytes.length, size, size + 4);
    if (pixels === 0) throw new Error('its data is damaged or ends early');
    const [wide, tall] = new Uint32Array(codec.memory.buffer, size, 2);
    if (wide !== width || tall !== height) throw new Error('its sizes differ');
    const rgba = new Uint8Array(codec.memory.buffer, pixels, 4 * width * height);
    const out = onWhite(rgba, { width, height }, asStored);
    for (const pointer of [pixels, size, file]) codec.free(pointer);
    return out;
  });
  return turned(image, orientation);
}

/** Converts RGBA to RGB, and to means of blocks if it is large. */
function onWhite(
  rgba: Uint8Array,
  { width, height }: NeededSize,
  needed: NeededSize | undefined,
): DecodedImage {
  if (needed === undefined || reduction({ width, height }, needed) === 1) {
    return withoutAlpha(rgba, { width, height, channels: 4 });
  }
  return scoped((scope) => {
    const means = new BlockMeans({ width, height, channels: 3 }, needed, scope);
    for (let y = 0; y < height; y++) {
      const row = rgba.subarray(4 * y * width, 4 * (y + 1) * width);
      means.add(withoutAlpha(row, { width, height: 1, channels: 4 }).data);
    }
    return means.finish();
  });
}
