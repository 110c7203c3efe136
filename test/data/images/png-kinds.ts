/** PNG files of every kind, written from samples, and the pixels that they stand for. */

import { crc32, deflateSync } from 'node:zlib';
import { Random } from '../../../src/core/random.js';

/** Fields of a PNG's header, and whether a color key or a palette's alpha is there. */
export interface PngKind {
  depth: number;
  /** Kind of color: 0 gray, 2 RGB, 3 palette, 4 gray with alpha, 6 RGB with alpha. */
  kind: number;
  interlaced?: boolean;
  transparency?: boolean;
}

const DEPTHS: [number, number[]][] = [
  [0, [1, 2, 4, 8, 16]],
  [2, [8, 16]],
  [3, [1, 2, 4, 8]],
  [4, [8, 16]],
  [6, [8, 16]],
];
const SAMPLES: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** All kinds. */
export const KINDS: PngKind[] = DEPTHS.flatMap(([kind, depths]) =>
  depths.flatMap((depth) =>
    [false, true].flatMap((interlaced) =>
      (kind < 4 ? [false, true] : [false]).map((transparency) => {
        return { kind, depth, interlaced, transparency };
      }),
    ),
  ),
);

const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/** Frames the body of a chunk. */
export function chunk(name: string, body: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), body]);
  const framed = Buffer.alloc(named.length + 8);
  framed.writeUInt32BE(body.length);
  framed.set(named, 4);
  framed.writeUInt32BE(crc32(named), named.length + 4);
  return framed;
}

/** Frames packed pixels as a PNG. */
export function pngBytes(
  { width, height, depth, kind, interlaced }: PngKind & { width: number; height: number },
  packed: Uint8Array,
  before: readonly Buffer[] = [],
): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([depth, kind, 0, 0, interlaced ? 1 : 0], 8);
  const half = packed.length >> 1;
  return new Uint8Array(
    Buffer.concat([
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
      chunk('IHDR', header),
      ...before,
      chunk('IDAT', packed.subarray(0, half)),
      chunk('IDAT', packed.subarray(half)),
      chunk('IEND', Buffer.alloc(0)),
    ]),
  );
}

/** Filters a line by one of the five filters. */
function filtered(filter: number, line: number[], above: number[], step: number): number[] {
  const predict = (i: number): number => {
    const [a, b, c] = [line[i - step] ?? 0, above[i] ?? 0, above[i - step] ?? 0];
    if (filter === 0) return 0;
    if (filter === 1) return a;
    if (filter === 2) return b;
    if (filter === 3) return (a + b) >> 1;
    const [pa, pb, pc] = [b - c, a - c, a + b - 2 * c].map(Math.abs) as [number, number, number];
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
  };
  return [filter, ...line.map((byte, i) => (byte - predict(i)) & 255)];
}

/** A PNG of random samples, each row by another filter. */
export function pngOfKind(
  png: PngKind,
  width: number,
  height: number,
): { bytes: Uint8Array; expected: number[] } {
  const { depth, kind, interlaced, transparency } = png;
  const random = new Random(depth * 10 + kind);
  const samples = SAMPLES[kind] as number;
  const max = 2 ** depth - 1;
  const colors = Math.min(max + 1, 17);
  const values = Array.from({ length: width * height * samples }, () =>
    random.integer(kind === 3 ? colors : max + 1),
  );
  const packedLine = (x: number, y: number, across: number): number[] => {
    let bits = '';
    for (let column = x; column < width; column += across) {
      for (let c = 0; c < samples; c++) {
        const value = values[(y * width + column) * samples + c] as number;
        bits += value.toString(2).padStart(depth, '0');
      }
    }
    const bytes = bits.match(/.{1,8}/g) ?? [];
    return bytes.map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2));
  };
  const step = Math.max(1, (samples * depth) >> 3);
  const data: number[] = [];
  for (const [x, y, across, down] of interlaced ? PASSES : [[0, 0, 1, 1]]) {
    let above: number[] = [];
    for (let line = y as number; line < height; line += down as number) {
      const bytes = packedLine(x as number, line, across as number);
      if (bytes.length === 0) continue;
      data.push(...filtered((line + (x as number) + 4) % 5, bytes, above, step));
      above = bytes;
    }
  }
  const palette = Array.from({ length: 3 * colors }, () => random.integer(256));
  const alphas = Array.from({ length: colors - 1 }, () => random.integer(256));
  const key = values.slice(0, samples);
  const before: Buffer[] = [];
  if (kind === 3) before.push(chunk('PLTE', Buffer.from(palette)));
  if (transparency) {
    const body = kind === 3 ? alphas : key.flatMap((value) => [value >> 8, value & 255]);
    before.push(chunk('tRNS', Buffer.from(body)));
  }
  const bytes = pngBytes({ ...png, width, height }, deflateSync(Buffer.from(data)), before);
  const toByte = (value: number): number => Math.round((value / max) * 255);
  const onWhite = (value: number, alpha: number): number =>
    Math.round((value * alpha + 255 * (255 - alpha)) / 255);
  const expected = Array.from({ length: width * height }, (_, p) => {
    const own = values.slice(p * samples, (p + 1) * samples);
    if (kind === 3) {
      const index = own[0] as number;
      const alpha = transparency ? (alphas[index] ?? 255) : 255;
      return palette.slice(3 * index, 3 * index + 3).map((value) => onWhite(value, alpha));
    }
    if (kind >= 4) {
      const alpha = toByte(own.at(-1) as number);
      return own.slice(0, -1).map((value) => onWhite(toByte(value), alpha));
    }
    const isKey = transparency && own.every((value, c) => value === key[c]);
    return own.map((value) => (isKey ? 255 : toByte(value)));
  });
  return { bytes, expected: expected.flat() };
}
