/**
 * PNG to pixels of eight bits, row by row, so that memory holds no more than the image and a row.
 * All kinds of the standard: gray, RGB and palettes, 1 to 16 bits, alpha and color keys (what is
 * transparent lies on white), interlaced or not. A missing end and damaged chunks that say nothing
 * about pixels are no obstacle.
 */

import { Unzlib } from 'fflate';
import { BlockMeans, type NeededSize, reduction } from './reduce.js';
import type { DecodedImage } from './resize.js';

/** Size and kind of a PNG, and where its parts are. */
export interface PngFile {
  width: number;
  height: number;
  /** Bits per sample: 1, 2, 4, 8 or 16. */
  depth: number;
  /** Samples per pixel in the file. */
  samples: number;
  /** Kind of color: 0 gray, 2 RGB, 3 palette, 4 gray with alpha, 6 RGB with alpha. */
  kind: number;
  interlaced: boolean;
  /** Colors of a palette, three bytes each. */
  palette: Uint8Array | undefined;
  /** Alpha of the palette's colors, or the color that is transparent. */
  transparency: Uint8Array | undefined;
  /** Compressed pixels. */
  data: Uint8Array[];
}

const SIGNATURE = 8;
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/** Table of the CRC of all bytes. */
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

function crcOf(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) {
    crc = (crc >>> 8) ^ (CRC[(crc ^ (bytes[i] as number)) & 255] as number);
  }
  return (crc ^ -1) >>> 0;
}

/**
 * Reads the chunks of a PNG file.
 *
 * @param check whether to check the sums of the chunks that matter
 * @throws {Error} if the file is damaged, or ends before its pixels
 */
export function readPng(bytes: Uint8Array, check: boolean): PngFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [depth, kind, compression, filter, interlace] = bytes.subarray(24, 29) as unknown as [
    ...[number, number, number, number, number],
  ];
  const samples = SAMPLES[kind];
  if (samples === undefined || !DEPTHS[kind]?.includes(depth)) {
    throw new Error(`is a PNG of an unknown kind (${kind}, ${depth} bits)`);
  }
  if (compression !== 0 || filter !== 0 || interlace > 1) {
    throw new Error('is a PNG of an unknown kind');
  }
  const data: Uint8Array[] = [];
  let palette: Uint8Array | undefined;
  let transparency: Uint8Array | undefined;
  for (let at = SIGNATURE; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (name === 'IEND') break;
    const end = at + 8 + length;
    const body = bytes.subarray(at + 8, end);
    if (['IHDR', 'PLTE', 'tRNS', 'IDAT'].includes(name)) {
      if (check && end > bytes.length) throw new Error('ends within its pixels');
      const sum = end + 4 <= bytes.length ? view.getUint32(end) : undefined;
      if (check && crcOf(bytes.subarray(at + 4, end)) !== sum) {
        throw new Error(`its ${name} is damaged`);
      }
      if (name === 'PLTE') palette = body;
      if (name === 'tRNS') transparency = body;
      if (name === 'IDAT') data.push(body);
    }
    at = end + 4;
  }
  if (data.length === 0) throw new Error('has no pixels');
  if (kind === 3 && (palette === undefined || palette.length < 3))
    throw new Error('has no palette');
  return {
    ...{ width, height, depth, samples, kind, interlaced: interlace === 1 },
    ...{ palette, transparency, data },
  };
}

/** Tells whether a file has no colors. */
export function isGrayscale({ kind, palette }: PngFile): boolean {
  if (kind !== 3) return kind === 0 || kind === 4;
  const colors = palette as Uint8Array;
  for (let i = 0; i + 2 < colors.length; i += 3) {
    if (colors[i] !== colors[i + 1] || colors[i] !== colors[i + 2]) return false;
  }
  return true;
}

/** Passes of an interlaced image: first column and row, and the steps between them. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Packed bytes that are unpacked at once, to at most 1000 × as many. */
const PIECE = 2 ** 13;
/** Bytes that one byte unpacks to, at most, by the format. */
const MAX_RATIO = 1032;
/** Largest size of unpacked pixels, in bytes: 8,000 × 8,000 with alpha. */
const MAX_UNPACKED = 2 ** 28;

/** Refuses images that are too large, and those that the file is too short for. */
function checkUnpacked({ width, height, samples, depth, data }: PngFile): void {
  const unpacked = Math.ceil((width * samples * depth) / 8) * height;
  if (unpacked > MAX_UNPACKED) {
    const [size, most] = [unpacked, MAX_UNPACKED].map((bytes) => Math.ceil(bytes / 1e6));
    throw new Error(`unpacks to ${size} MB, at most ${most} are read`);
  }
  const packed = data.reduce((sum, { length }) => sum + length, 0);
  if (unpacked > packed * MAX_RATIO) throw new Error('ends within its pixels');
}

/**
 * Decodes the pixels of a PNG file.
 *
 * @param needed size that the image is needed at; a large one is reduced to a few times that
 * @returns u8 (height, width, channels): 1 channel if the file is of a gray kind, or else 3
 * @throws {Error} if the file is damaged or too large
 */
export function decodePng(png: PngFile, needed: NeededSize | undefined): DecodedImage {
  checkUnpacked(png);
  const { width, height } = png;
  const channels = png.kind === 0 || png.kind === 4 ? 1 : 3;
  const means =
    needed && reduction(png, needed) > 1
      ? new BlockMeans({ width, height, channels }, needed)
      : undefined;
  if (means === undefined || png.interlaced) {
    const data = new Uint8Array(width * height * channels);
    const put = pixelWriter(png, data, channels);
    readRows(png, (line, row) => put(line, row, row.start));
    if (means === undefined) return { width, height, channels, data };
    const size = width * channels;
    for (let y = 0; y < height; y++) means.add(data.subarray(y * size, (y + 1) * size));
  } else {
    const pixels = new Uint8Array(width * channels);
    const put = pixelWriter(png, pixels, channels);
    readRows(png, (line, row) => {
      put(line, row, 0);
      means.add(pixels);
    });
  }
  return means.finish();
}

/** Unpacks the rows of all passes, and calls a function with each. */
function readRows(png: PngFile, take: (line: Uint8Array, row: Row) => void): void {
  const passes = png.interlaced ? PASSES : ([[0, 0, 1, 1]] as const);
  const rows = rowsInFile(png, passes);
  let row = rows.next();
  /** The row that is being filled: its filter and its bytes, and how many there are. */
  let bytes = row.done ? new Uint8Array(0) : new Uint8Array(row.value.bytes + 1);
  let filled = 0;
  /** The row before it, whose bytes the next one takes over. */
  let before = new Uint8Array(0);
  const step = Math.max(1, (png.samples * png.depth) >> 3);
  const unzip = new Unzlib((chunk) => {
    for (let at = 0; at < chunk.length && !row.done; ) {
      const taken = Math.min(chunk.length - at, bytes.length - filled);
      bytes.set(chunk.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      if (filled < bytes.length) continue;
      const line = bytes.subarray(1);
      unfilter(bytes[0] as number, line, row.value.first ? undefined : before.subarray(1), step);
      take(line, row.value);
      row = rows.next();
      if (row.done) break;
      const next = before.length === row.value.bytes + 1 ? before : undefined;
      before = bytes;
      bytes = next ?? new Uint8Array(row.value.bytes + 1);
      filled = 0;
    }
  });
  for (const part of png.data) {
    // What follows the pixels stays compressed, however large it would be.
    for (let at = 0; at < part.length && !row.done; at += PIECE) {
      unzip.push(part.subarray(at, at + PIECE));
    }
  }
  if (!row.done) throw new Error('ends within its pixels');
}

interface Row {
  /** Number of pixels, and of bytes that hold them. */
  pixels: number;
  bytes: number;
  /** Index of the first pixel in the image, and the distance to the next. */
  start: number;
  stride: number;
  /** True for the first row of its pass. */
  first: boolean;
}

/** Lists the rows of all passes in the order of the file. */
function* rowsInFile(
  { width, height, samples, depth }: PngFile,
  passes: readonly (readonly [number, number, number, number])[],
): Generator<Row, void, void> {
  for (const [x, y, across, down] of passes) {
    const pixels = Math.ceil((width - x) / across);
    if (pixels <= 0) continue;
    for (let line = y; line < height; line += down) {
      yield {
        pixels,
        bytes: Math.ceil((pixels * samples * depth) / 8),
        start: line * width + x,
        stride: across,
        first: line === y,
      };
    }
  }
}

/** Undoes the filter of a row. */
function unfilter(
  filter: number,
  line: Uint8Array,
  above: Uint8Array | undefined,
  step: number,
): void {
  if (filter === 0) return;
  if (filter > 4) throw new Error(`has an unknown filter (${filter})`);
  const { length } = line;
  if (filter === 1) {
    for (let i = step; i < length; i++) line[i] = (line[i] as number) + (line[i - step] as number);
  } else if (filter === 2) {
    if (above === undefined) return;
    for (let i = 0; i < length; i++) line[i] = (line[i] as number) + (above[i] as number);
  } else if (filter === 3) {
    for (let i = 0; i < length; i++) {
      const a = i < step ? 0 : (line[i - step] as number);
      const b = above === undefined ? 0 : (above[i] as number);
      line[i] = (line[i] as number) + ((a + b) >> 1);
    }
  } else if (above === undefined) {
    // Of three neighbors, two of which are 0, the predictor is the third.
    for (let i = step; i < length; i++) line[i] = (line[i] as number) + (line[i - step] as number);
  } else {
    for (let i = 0; i < Math.min(step, length); i++) {
      line[i] = (line[i] as number) + (above[i] as number);
    }
    for (let i = step; i < length; i++) {
      const a = line[i - step] as number;
      const prediction = paeth(a, above[i] as number, above[i - step] as number);
      line[i] = (line[i] as number) + prediction;
    }
  }
}

/** Predicts a byte from those on the left, above, and above on the left. */
function paeth(a: number, b: number, c: number): number {
  const pa = Math.abs(b - c);
  const pb = Math.abs(a - c);
  const pc = Math.abs(a + b - 2 * c);
  if (pa <= pb && pa <= pc) return a;
  return pb <= pc ? b : c;
}

/** Makes a function that writes the pixels of a row, the first one to a given index. */
function pixelWriter(
  { depth, samples, kind, palette, transparency }: PngFile,
  out: Uint8Array,
  channels: number,
): (line: Uint8Array, row: Row, start: number) => void {
  const max = 2 ** depth - 1;
  const read = (line: Uint8Array, i: number): number => {
    if (depth === 8) return line[i] as number;
    if (depth === 16) return ((line[2 * i] as number) << 8) | (line[2 * i + 1] as number);
    const bit = i * depth;
    return ((line[bit >> 3] as number) >> (8 - depth - (bit & 7))) & max;
  };
  const toByte = (value: number): number =>
    depth === 8 ? value : depth === 16 ? Math.round(value / 257) : (255 / max) * value;
  const onWhite = (value: number, alpha: number): number =>
    alpha === 255 ? value : Math.round((value * alpha + 255 * (255 - alpha)) / 255);
  if (kind === 3) {
    const colors = palette as Uint8Array;
    return (line, { pixels, stride }, start) => {
      for (let p = 0; p < pixels; p++) {
        const index = read(line, p);
        if (3 * index + 2 >= colors.length) throw new Error('names a color that it has not');
        const alpha = transparency?.[index] ?? 255;
        const at = (start + p * stride) * channels;
        for (let c = 0; c < 3; c++) out[at + c] = onWhite(colors[3 * index + c] as number, alpha);
      }
    };
  }
  const hasAlpha = kind === 4 || kind === 6;
  // The color that is transparent, in samples of the file.
  const key =
    !hasAlpha && transparency !== undefined && transparency.length >= 2 * samples
      ? Array.from({ length: samples }, (_, c) => {
          return (
            (((transparency[2 * c] as number) << 8) | (transparency[2 * c + 1] as number)) & max
          );
        })
      : undefined;
  if (depth === 8 && !hasAlpha && key === undefined) {
    return (line, { pixels, stride }, start) => {
      if (stride === 1) {
        out.set(line, start * channels);
        return;
      }
      for (let p = 0; p < pixels; p++) {
        const at = (start + p * stride) * channels;
        for (let c = 0; c < channels; c++) out[at + c] = line[p * channels + c] as number;
      }
    };
  }
  if (depth === 8 && hasAlpha) {
    return (line, { pixels, stride }, start) => {
      for (let p = 0; p < pixels; p++) {
        const at = (start + p * stride) * channels;
        const alpha = line[p * samples + channels] as number;
        for (let c = 0; c < channels; c++) {
          out[at + c] = onWhite(line[p * samples + c] as number, alpha);
        }
      }
    };
  }
  return (line, { pixels, stride }, start) => {
    for (let p = 0; p < pixels; p++) {
      const at = (start + p * stride) * channels;
      const alpha = hasAlpha ? toByte(read(line, p * samples + channels)) : 255;
      const isKey = key?.every((value, c) => read(line, p * samples + c) === value) === true;
      for (let c = 0; c < channels; c++) {
        out[at + c] = isKey ? 255 : onWhite(toByte(read(line, p * samples + c)), alpha);
      }
    }
  };
}
