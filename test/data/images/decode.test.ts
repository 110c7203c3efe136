/**
 * Decoders of images: Pillow's pixels to the bit, every kind of PNG, large images reduced while they
 * are decoded, what is not read named, damaged files refused.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import jpeg from 'jpeg-js';
import { Random } from '../../../src/core/random.js';
import type * as DecodeModule from '../../../src/data/images/decode.js';
import type * as ExifModule from '../../../src/data/images/exif.js';
import type * as ResizeModule from '../../../src/data/images/resize.js';
import { load } from '../../cli/load.js';
import { check, close, same, suite } from '../../harness.js';
import { damaged } from './damage.js';
import { chunk, KINDS, type PngKind, pngBytes, pngOfKind } from './png-kinds.js';

const test = suite('image decoders');
const { decodeImage, ImageError, readImageHeader } = await load<typeof DecodeModule>(
  'src/data/images/decode.ts',
);
const { turned } = await load<typeof ExifModule>('src/data/images/exif.ts');
const { fitImage } = await load<typeof ResizeModule>('src/data/images/resize.ts');

interface Golden {
  decoded: { name: string; file: string; shape: [number, number, number]; sha256: string }[];
  refused: Record<string, string>;
}
const golden: Golden = JSON.parse(readFileSync('test/golden/fixtures/images/decoded.json', 'utf8'));
const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));
const file = (name: string): Uint8Array =>
  bytesOf(golden.decoded.find((row) => row.name === name)?.file as string);

/** The sentence that a file is refused with. */
function errorMessage(bytes: Uint8Array, needed?: { height: number; width: number }): string {
  try {
    decodeImage(bytes, needed);
  } catch (error) {
    check(error instanceof ImageError, `not an ImageError: ${(error as Error).stack}`);
    return error.message;
  }
  return '';
}

test('JPEG and WebP of every kind have the pixels that Pillow gives them', () => {
  for (const { name, file, shape, sha256 } of golden.decoded) {
    const { height, width, channels, data } = decodeImage(bytesOf(file));
    same([height, width, channels], shape, name);
    same(createHash('sha256').update(data).digest('hex'), sha256, name);
    const header = readImageHeader(bytesOf(file));
    same(header, { width, height, grayscale: channels === 1 }, name);
  }
});

test('PNG of every kind, depth and order, with and without transparency', () => {
  for (const kind of KINDS) {
    for (const [width, height] of [
      [1, 1],
      [3, 2],
      [13, 9],
    ] as const) {
      const { bytes, expected } = pngOfKind(kind, width, height);
      const image = decodeImage(bytes);
      const name = `${JSON.stringify(kind)} ${width} × ${height}`;
      same([image.width, image.height], [width, height], name);
      same([...image.data], expected, name);
    }
  }
});

test('PNG are turned upright as their EXIF says, also where they are reduced', () => {
  for (const [width, height, needed] of [
    [3, 2, undefined],
    [2400, 1800, { height: 20, width: 30 }],
  ] as const) {
    const line = Uint8Array.from({ length: width }, (_, x) => (x * 200) / width);
    const rows = Buffer.concat(
      Array.from({ length: height }, (_, y) => Buffer.from([0, ...line.map((v) => v + (y & 1))])),
    );
    const png = { width, height, depth: 8, kind: 0 };
    const packed = deflateSync(rows);
    const oriented = (orientation: number): Uint8Array => {
      const exif = Buffer.from('4d4d002a000000080001011200030000000100000000', 'hex');
      exif.writeUInt16BE(orientation, 18);
      return pngBytes(png, packed, [chunk('eXIf', exif)]);
    };
    for (let orientation = 1; orientation <= 8; orientation++) {
      const asStored = orientation < 5 || needed === undefined ? needed : flipped(needed);
      const plain = decodeImage(pngBytes(png, packed), asStored);
      const image = decodeImage(oriented(orientation), needed);
      const [wide, tall] = orientation < 5 ? [width, height] : [height, width];
      same(readImageHeader(oriented(orientation)).width, wide);
      const name = `${orientation} of ${width} × ${height}`;
      same([...image.data], [...turned(plain, orientation).data], name);
      if (needed === undefined) same([image.width, image.height], [wide, tall], name);
    }
  }
});

const flipped = ({ height, width }: { height: number; width: number }) => {
  return { height: width, width: height };
};

test('kinds that are not read are named', () => {
  for (const [name, base64] of Object.entries(golden.refused)) {
    const sentence = errorMessage(bytesOf(base64));
    check(sentence.includes(name), `${name}: ${sentence}`);
  }
  const twelve = file('4:2:0.jpg');
  twelve[twelve.findIndex((byte, i) => byte === 0xff && twelve[i + 1] === 0xc0) + 4] = 12;
  check(/12 bits/.test(errorMessage(twelve)), errorMessage(twelve));
  same(errorMessage(new Uint8Array(100)), 'is neither PNG, JPEG nor WebP');
});

test('a JPEG that lacks its end, or has more bytes than it needs, is read', () => {
  const whole = file('4:2:0.jpg');
  const pixels = [...decodeImage(whole).data];
  same([...decodeImage(whole.subarray(0, -2)).data], pixels, 'without its end');
  const padded = Buffer.concat([whole.subarray(0, -2), Buffer.alloc(5), whole.subarray(-2)]);
  same([...decodeImage(new Uint8Array(padded)).data], pixels, 'zeros before its end');
  same([...decodeImage(new Uint8Array(Buffer.concat([whole, padded]))).data], pixels, 'two images');
  const profile = Buffer.alloc(65535);
  profile.set([0xff, 0xe2, 0xff, 0xfd]);
  const late = [whole.subarray(0, 2), profile, profile, profile, whole.subarray(2)];
  same([...decodeImage(new Uint8Array(Buffer.concat(late))).data], pixels, 'a frame past 64 KiB');
});

test('files that end early are refused, wherever they end', () => {
  for (const name of ['4:2:0.jpg', 'progressive.jpg', 'cmyk.jpg', 'lossy.webp', 'alpha.webp']) {
    const whole = file(name);
    for (let length = 0; length < whole.length - 2; length += 7) {
      check(
        errorMessage(whole.subarray(0, length)) !== '',
        `${name} cut to ${length} bytes is read`,
      );
    }
  }
  for (const kind of [KINDS[0], KINDS.at(-1)] as PngKind[]) {
    const { bytes } = pngOfKind(kind, 13, 9);
    for (let length = 0; length < bytes.length - 20; length += 5) {
      check(errorMessage(bytes.subarray(0, length)) !== '', `PNG cut to ${length} bytes is read`);
    }
  }
});

/** A smooth image with noise, and an edge. */
function scene(width: number, height: number, channels: number): Uint8Array {
  const random = new Random(1);
  const noise = Uint8Array.from({ length: 4096 }, () => random.integer(16));
  return Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const [x, y] = [((i / channels) | 0) % width, (i / channels / width) | 0];
    const edge = (x >> 8) + (y >> 8) === 3 ? 90 : 0;
    return 60 + edge + 50 * Math.sin(x / 90) + 30 * Math.cos(y / 70) + (noise[i & 4095] as number);
  });
}

test('large images are reduced while they are decoded, to the same small image but for rounding', () => {
  const [width, height] = [2400, 1800];
  const needed = { height: 32, width: 32, channels: 3 };
  const colors = scene(width, height, 3);
  const rgba = new Uint8Array(width * height * 4).fill(255);
  for (let p = 0; p < width * height; p++) rgba.set(colors.subarray(3 * p, 3 * p + 3), 4 * p);
  const lines = Buffer.alloc(height * (3 * width + 1));
  for (let y = 0; y < height; y++) {
    lines.set(colors.subarray(3 * width * y, 3 * width * (y + 1)), y * (3 * width + 1) + 1);
  }
  const files = {
    JPEG: new Uint8Array(jpeg.encode({ width, height, data: Buffer.from(rgba) }, 90).data),
    PNG: pngBytes({ width, height, depth: 8, kind: 2 }, deflateSync(lines, { level: 1 })),
  };
  for (const [name, bytes] of Object.entries(files)) {
    const whole = decodeImage(bytes);
    same([whole.width, whole.height], [width, height], name);
    const reduced = decodeImage(bytes, needed);
    check(reduced.height >= 512 && reduced.data.length < whole.data.length / 3, name);
    const [small, exact] = [reduced, whole].map((image) => [...fitImage(image, needed)]);
    close(small as number[], exact as number[], { atol: 3 });
    const large = decodeImage(bytes, { height: 700, width: 700 });
    same([large.width, large.height], [width, height], 'one that is needed large stays');
  }
});

test('images that would take much memory or time are refused by what their headers say', () => {
  const small = { height: 32, width: 32 };
  const packed = deflateSync(Buffer.alloc(2 ** 20));
  const bomb = pngBytes({ width: 9999, height: 9999, depth: 16, kind: 6 }, packed);
  check(/unpacks to 800 MB/.test(errorMessage(bomb, small)), errorMessage(bomb, small));
  const empty = pngBytes({ width: 8000, height: 8000, depth: 8, kind: 2 }, packed);
  check(/ends within its pixels/.test(errorMessage(empty, small)), errorMessage(empty, small));
  const jpegs = file('4:2:0.jpg');
  const frame = jpegs.findIndex((byte, i) => byte === 0xff && jpegs[i + 1] === 0xc0);
  jpegs.set([0x27, 0x10, 0x27, 0x10], frame + 5);
  check(/ends within its pixels/.test(errorMessage(jpegs, small)), errorMessage(jpegs, small));
  jpegs.set([0xff, 0xff, 0xff, 0xff], frame + 5);
  check(/has 65535 × 65535 pixels/.test(errorMessage(jpegs, small)), errorMessage(jpegs, small));
  const progressive = file('progressive.jpg');
  const scan = progressive.findIndex((byte, i) => byte === 0xff && progressive[i + 1] === 0xda);
  const scans = Buffer.concat([
    progressive.subarray(0, -2),
    ...Array.from({ length: 200 }, () => progressive.subarray(scan, scan + 10)),
    progressive.subarray(-2),
  ]);
  check(/scans, at most 100/.test(errorMessage(new Uint8Array(scans))), 'many scans');
});

test('damaged files are decoded or refused in one sentence', () => {
  const seeds: [string, Uint8Array][] = [
    ...['4:2:0.jpg', 'progressive.jpg', 'lossy.webp', 'lossless.webp'].map(
      (name): [string, Uint8Array] => [name, file(name)],
    ),
    ['PNG', pngOfKind(KINDS[0] as PngKind, 40, 30).bytes],
    ['interlaced PNG', pngOfKind(KINDS.at(-1) as PngKind, 40, 30).bytes],
  ];
  // NEARFAR_DAMAGED=200 tries so many files of each kind.
  const count = Number(process.env.NEARFAR_DAMAGED ?? 40);
  let refused = 0;
  for (const [name, bytes] of seeds) {
    for (let i = 0; i < count; i++) {
      const file = damaged(bytes, i);
      const start = performance.now();
      const sentence = errorMessage(file, { height: 32, width: 32 });
      const seconds = (performance.now() - start) / 1000;
      check(seconds < 20, `${name} ${i} takes ${seconds.toFixed(1)} s`);
      check(sentence.length < 200 && !sentence.includes('\n'), `${name} ${i}: ${sentence}`);
      if (sentence !== '') refused++;
    }
    // The next sound file is decoded as before.
    check(decodeImage(bytes).data.length > 0, name);
  }
  check(refused > (seeds.length * count) / 4, `${refused} refused`);
  check(process.memoryUsage().rss < 1e9, `${process.memoryUsage().rss} bytes are in use`);
});
