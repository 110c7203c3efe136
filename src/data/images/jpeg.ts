/** JPEG to pixels, the way that its file says they are to be shown. */

import { decode } from 'jpeg-js';
import type { ImageShape } from './shape.js';

/** What the segments before the pixels of a JPEG file say. */
export interface JpegHeader {
  width: number;
  height: number;
  /** Number of components: 1 gray, 3 color, 4 CMYK. */
  components: number;
  /** Whether the components are R, G and B instead of Y, Cb and Cr. */
  rgb: boolean;
  /** Orientation of EXIF, 1 to 8; from 5 on, width and height change places. */
  orientation: number;
}

/** Markers of frames, but for those of tables. */
const isFrame = (marker: number): boolean =>
  marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);

/**
 * Reads the segments of a JPEG file up to its frame.
 *
 * @throws {RangeError} if the file ends before it
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation = 1;
  let transform: number | undefined;
  for (let at = 2; ; ) {
    const marker = view.getUint16(at);
    if (marker === 0xffff) {
      at++;
    } else if (isFrame(marker)) {
      const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
      const components = view.getUint8(at + 9);
      const ids = Array.from({ length: components }, (_, i) => view.getUint8(at + 10 + 3 * i));
      const named = String.fromCharCode(...ids) === 'RGB';
      const rgb = components === 3 && (transform === 0 || (transform === undefined && named));
      return { width, height, components, rgb, orientation };
    } else if (marker < 0xff01 || marker === 0xffda) {
      throw new Error('has no JPEG frame');
    } else {
      const length = view.getUint16(at + 2);
      const segment = bytes.subarray(at + 4, at + 2 + length);
      if (marker === 0xffe1) orientation = readOrientation(segment) ?? orientation;
      if (marker === 0xffee && isText(segment, 'Adobe')) transform = segment[11];
      at += 2 + length;
    }
  }
}

function isText(bytes: Uint8Array, text: string): boolean {
  return [...text].every((character, i) => bytes[i] === character.charCodeAt(0));
}

/** Reads the orientation from an EXIF segment. */
function readOrientation(segment: Uint8Array): number | undefined {
  if (!isText(segment, 'Exif\0\0')) return undefined;
  const view = new DataView(segment.buffer, segment.byteOffset + 6, segment.byteLength - 6);
  try {
    const little = view.getUint16(0) === 0x4949;
    const directory = view.getUint32(4, little);
    const count = view.getUint16(directory, little);
    for (let i = 0; i < count; i++) {
      const entry = directory + 2 + 12 * i;
      if (view.getUint16(entry, little) !== 0x0112) continue;
      const value = view.getUint16(entry + 8, little);
      return value >= 1 && value <= 8 ? value : undefined;
    }
  } catch {
    // A damaged segment says nothing.
  }
  return undefined;
}

/** Decodes a JPEG file. @returns u8 (height, width, 3), turned as the file says */
export function decodeJpeg(
  bytes: Uint8Array,
  { rgb, orientation }: JpegHeader,
): ImageShape & { data: Uint8Array } {
  const { width, height, data } = decode(bytes, {
    ...{ useTArray: true, formatAsRGBA: false, tolerantDecoding: false, maxMemoryUsageInMB: 2048 },
    ...(rgb ? { colorTransform: false } : {}),
  });
  return turned({ width, height, channels: 3, data }, orientation);
}

/** Turns and mirrors an image as an orientation of EXIF says. */
function turned(
  image: ImageShape & { data: Uint8Array },
  orientation: number,
): ImageShape & { data: Uint8Array } {
  if (orientation === 1) return image;
  const { width, height, channels, data } = image;
  const swapped = orientation >= 5;
  const [wide, tall] = swapped ? [height, width] : [width, height];
  const mirroredX = [2, 3, 7, 8].includes(orientation);
  const mirroredY = [3, 4, 6, 7].includes(orientation);
  const out = new Uint8Array(data.length);
  for (let y = 0; y < tall; y++) {
    for (let x = 0; x < wide; x++) {
      const [u, v] = swapped ? [y, x] : [x, y];
      const from = (mirroredY ? height - 1 - v : v) * width + (mirroredX ? width - 1 - u : u);
      for (let c = 0; c < channels; c++) {
        out[(y * wide + x) * channels + c] = data[from * channels + c] as number;
      }
    }
  }
  return { width: wide, height: tall, channels, data: out };
}
