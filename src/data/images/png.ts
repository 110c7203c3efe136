/**
 * PNG to pixels of eight bits, row by row, so that memory holds no more than the image and a row.
 * All kinds of the standard: gray, RGB and palettes, 1 to 16 bits, alpha and color keys (what is
 * transparent lies on white), interlaced or not. A missing end and damaged chunks that say nothing
 * about pixels are no obstacle.
 */

import pngCode from '#wasm/png';
import { kernels } from '../../core/kernels.js';
import { type Pointer, type Scope, scoped, u8 } from '../../core/memory.js';
import { readOrientation, swapsSides, turned } from './exif.js';
import { Inflater } from './inflate.js';
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
  /** Orientation by EXIF, 1 if upright. */
  orientation: number;
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

/** Bytes that are checked at once. */
const CHECKED = 2 ** 16;

/** Computes the CRC of bytes. */
function crcOf(bytes: Uint8Array): number {
  const { crcTableBytes, makeCrcTable, crc32 } = kernels(pngCode);
  return scoped((scope) => {
    const table = scope.bytes(crcTableBytes());
    const part = scope.bytes(CHECKED);
    makeCrcTable(table);
    let crc = -1;
    for (let at = 0; at < bytes.length; at += CHECKED) {
      const piece = bytes.subarray(at, at + CHECKED);
      u8().set(piece, part);
      crc = crc32(table, part, piece.length, crc);
    }
    return ~crc >>> 0;
  });
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
  let orientation: number | undefined;
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
    if (name === 'eXIf') orientation = readOrientation(body);
    at = end + 4;
  }
  if (data.length === 0) throw new Error('has no pixels');
  if (kind === 3 && (palette === undefined || palette.length < 3))
    throw new Error('has no palette');
  return {
    ...{ width, height, depth, samples, kind, interlaced: interlace === 1 },
    ...{ palette, transparency, orientation: orientation ?? 1, data },
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
 * @returns u8 (height, width, channels), turned as the file says: 1 channel if the file is of a gray
 *   kind, or else 3
 * @throws {Error} if the file is damaged or too large
 */
export function decodePng(png: PngFile, needed: NeededSize | undefined): DecodedImage {
  checkUnpacked(png);
  const { orientation } = png;
  const asStored =
    needed && swapsSides(orientation) ? { height: needed.width, width: needed.height } : needed;
  return turned(
    scoped((scope) => decodeRows(png, asStored, scope)),
    orientation,
  );
}

function decodeRows(png: PngFile, needed: NeededSize | undefined, scope: Scope): DecodedImage {
  const { width, height, interlaced } = png;
  const channels = png.kind === 0 || png.kind === 4 ? 1 : 3;
  const shape = { width, height, channels };
  const means =
    needed && reduction(png, needed) > 1 ? new BlockMeans(shape, needed, scope) : undefined;
  const toPixels = pixelsOfRow(png, channels, scope);
  if (means !== undefined && !interlaced) {
    readRows(png, scope, (line, { pixels }) => means.addAt(toPixels(line, pixels)));
    return means.finish();
  }
  const data = new Uint8Array(width * height * channels);
  readRows(png, scope, (line, { pixels, start, stride }) => {
    const from = toPixels(line, pixels);
    const row = u8().subarray(from, from + pixels * channels);
    if (stride === 1) data.set(row, start * channels);
    else spread(row, data, start, stride, channels);
  });
  if (means === undefined) return { ...shape, data };
  const size = width * channels;
  for (let y = 0; y < height; y++) means.add(data.subarray(y * size, (y + 1) * size));
  return means.finish();
}

/** Puts the pixels of a pass where they belong: the first one to an index, with strides. */
function spread(
  row: Uint8Array,
  out: Uint8Array,
  start: number,
  stride: number,
  channels: number,
): void {
  for (let from = 0, at = start * channels; from < row.length; at += stride * channels) {
    for (let c = 0; c < channels; c++) out[at + c] = row[from++] as number;
  }
}

/** Bytes beyond the end of a row that kernels read and write. */
const SLACK = 16;

/** Unpacks the rows of all passes, and calls a function with the address of each. */
function readRows(png: PngFile, scope: Scope, take: (line: Pointer, row: Row) => void): void {
  const { unfilterRow } = kernels(pngCode);
  const passes = png.interlaced ? PASSES : ([[0, 0, 1, 1]] as const);
  const longest = Math.ceil((png.width * png.samples * png.depth) / 8);
  const packed = scope.bytes(1 + longest + SLACK);
  let [line, above] = [scope.bytes(longest + SLACK), scope.bytes(longest + SLACK)];
  const inflater = new Inflater(png.data, scope);
  const step = Math.max(1, (png.samples * png.depth) >> 3);
  for (const row of rowsInFile(png, passes)) {
    // What follows the pixels stays compressed, however large it would be.
    if (!inflater.read(packed, 1 + row.bytes)) throw new Error('ends within its pixels');
    if (row.first) u8().fill(0, above, above + row.bytes + SLACK);
    const filter = u8()[packed] as number;
    if (!unfilterRow(filter, line, packed + 1, above, row.bytes, step)) {
      throw new Error(`has an unknown filter (${filter})`);
    }
    take(line, row);
    [line, above] = [above, line];
  }
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

/** Makes a function that turns a row's samples into bytes, and gives the address of these. */
function pixelsOfRow(
  { width, depth, samples, kind, palette, transparency }: PngFile,
  channels: number,
  scope: Scope,
): (line: Pointer, pixels: number) => Pointer {
  const hasAlpha = kind === 4 || kind === 6;
  // The color that is transparent, in samples of the file.
  const key =
    kind !== 3 && !hasAlpha && transparency !== undefined && transparency.length >= 2 * samples
      ? Array.from({ length: samples }, (_, c) => {
          const value =
            ((transparency[2 * c] as number) << 8) | (transparency[2 * c + 1] as number);
          return value & (2 ** depth - 1);
        })
      : undefined;
  if (depth === 8 && kind !== 3 && !hasAlpha && key === undefined) return (line) => line;
  const { lookUpRow, samplesToBytes } = kernels(pngCode);
  const out = scope.bytes(width * channels + SLACK);
  if (kind === 3 || depth < 8) {
    const colors =
      kind === 3 ? paletteColors(palette as Uint8Array, transparency) : grays(depth, key);
    const table = scope.i32From(Int32Array.from({ length: 256 }, (_, i) => colors[i] ?? 0));
    return (line, pixels) => {
      if (lookUpRow(out, line, pixels, depth, table, channels) >= colors.length) {
        throw new Error('names a color that it has not');
      }
      return out;
    };
  }
  const at = key === undefined ? 0 : scope.bytes(2 * key.length);
  if (key !== undefined) u8().set(new Uint8Array(Uint16Array.from(key).buffer), at);
  return (line, pixels) => {
    samplesToBytes(out, line, pixels, channels, depth === 16, hasAlpha, at);
    return out;
  };
}

/** Colors of a palette as numbers, red in the lowest byte: what is transparent lies on white. */
function paletteColors(palette: Uint8Array, transparency: Uint8Array | undefined): number[] {
  return Array.from({ length: Math.floor(palette.length / 3) }, (_, i) => {
    const alpha = transparency?.[i] ?? 255;
    const [red = 0, green = 0, blue = 0] = Array.from(palette.subarray(3 * i, 3 * i + 3), (value) =>
      Math.round((value * alpha + 255 * (255 - alpha)) / 255),
    );
    return red | (green << 8) | (blue << 16);
  });
}

/** Gray levels of samples of fewer than eight bits, or of eight with a color that is transparent. */
function grays(depth: number, key: readonly number[] | undefined): number[] {
  const max = 2 ** depth - 1;
  return Array.from({ length: max + 1 }, (_, value) =>
    value === key?.[0] ? 255 : (255 / max) * value,
  );
}
