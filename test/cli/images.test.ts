/** Images from files: every kind of PNG and JPEG, IDX, labels, splits, resizing, broken files. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { encode as encodePng } from 'fast-png';
import jpeg from 'jpeg-js';
import type * as ImagesModule from '../../src/cli/input/images.js';
import { Random } from '../../src/core/random.js';
import type * as DecodeModule from '../../src/data/images/decode.js';
import type * as ResizeModule from '../../src/data/images/resize.js';
import { check, close, same, suite } from '../harness.js';
import { temporaryFolder } from '../temporary.js';
import { load } from './load.js';

const test = suite('cli images');
const folder = temporaryFolder('images');

const decode = await load<typeof DecodeModule>('src/data/images/decode.ts');
const { fitImage } = await load<typeof ResizeModule>('src/data/images/resize.ts');
const files = await load<typeof ImagesModule>('src/cli/input/images.ts');

function write(path: string, bytes: Uint8Array | string): string {
  const full = join(folder, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, bytes);
  return full;
}

const random = new Random(1);
const bytes = (length: number): Uint8Array =>
  Uint8Array.from({ length }, () => random.integer(256));

/** A PNG whose samples are packed or indexed, which the library that we use cannot write. */
function rawPng(
  width: number,
  height: number,
  depth: number,
  kind: number,
  lines: number[][],
  palette: number[] = [],
): Uint8Array {
  const table = Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  });
  const chunk = (name: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
    const crc = body.reduce((c, byte) => (table[(c ^ byte) & 255] as number) ^ (c >>> 8), -1);
    const framed = Buffer.alloc(body.length + 8);
    framed.writeUInt32BE(data.length);
    framed.set(body, 4);
    framed.writeInt32BE(~crc, body.length + 4);
    return framed;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width);
  head.writeUInt32BE(height, 4);
  head.set([depth, kind, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    ...(palette.length > 0 ? [chunk('PLTE', Buffer.from(palette))] : []),
    chunk('IDAT', deflateSync(Buffer.from(lines.flatMap((line) => [0, ...line])))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function png(width: number, height: number, channels: number, data: Uint8Array): Uint8Array {
  return encodePng({ width, height, channels, data });
}

test('PNG of one, two, three and four channels, transparency on white', () => {
  same([...decode.decodeImage(png(2, 1, 1, Uint8Array.of(7, 200))).data], [7, 200]);
  const half = decode.decodeImage(png(2, 1, 2, Uint8Array.of(100, 255, 0, 51)));
  same([half.channels, ...half.data], [1, 100, 204]);
  same([...decode.decodeImage(png(1, 1, 3, Uint8Array.of(1, 2, 3))).data], [1, 2, 3]);
  const clear = decode.decodeImage(png(2, 1, 4, Uint8Array.of(9, 8, 7, 255, 9, 8, 7, 0)));
  same([clear.channels, ...clear.data], [3, 9, 8, 7, 255, 255, 255]);
});

test('PNG of one, two, four and sixteen bits, and with a palette', () => {
  const gray = (depth: number, lines: number[][]): number[] => [
    ...decode.decodeImage(rawPng(3, 2, depth, 0, lines)).data,
  ];
  same(gray(1, [[0b10100000], [0b01100000]]), [255, 0, 255, 0, 255, 255]);
  same(gray(2, [[0b00011011], [0b11100100]]), [0, 85, 170, 255, 170, 85]);
  same(
    gray(4, [
      [0x0f, 0x80],
      [0x12, 0x30],
    ]),
    [0, 255, 136, 17, 34, 51],
  );
  same(
    gray(16, [
      [0, 0, 255, 255, 128, 128],
      [1, 1, 0, 255, 0, 127],
    ]),
    [0, 255, 128, 1, 1, 0],
  );
  const palette = [255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9];
  const indexed = rawPng(2, 2, 2, 3, [[0b00010000], [0b10110000]], palette);
  same([...decode.decodeImage(indexed).data], palette);
  same(decode.readImageHeader(indexed), { width: 2, height: 2, grayscale: false });
  same(decode.readImageHeader(rawPng(1, 1, 8, 3, [[0]], [5, 5, 5])).grayscale, true);
});

test('JPEG, gray only where the file is', () => {
  const flat = { width: 16, height: 8, data: Buffer.alloc(512, Buffer.from([200, 100, 50, 255])) };
  const coded = new Uint8Array(jpeg.encode(flat, 95).data);
  same(decode.readImageHeader(coded), { width: 16, height: 8, grayscale: false });
  const image = decode.decodeImage(coded);
  same([image.channels, image.width, image.height], [3, 16, 8]);
  close(image.data.subarray(0, 3), [200, 100, 50], { atol: 3 });
});

test('what is broken is refused by a image error that says why', () => {
  const good = png(4, 4, 1, bytes(16));
  const spoilt = good.slice();
  spoilt[45] = (spoilt[45] as number) ^ 255;
  const huge = good.slice();
  huge.set([127, 255, 255, 255], 16);
  const noise = { width: 16, height: 16, data: Buffer.from(bytes(1024)) };
  const coded = new Uint8Array(jpeg.encode(noise, 90).data);
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /neither PNG, JPEG nor WebP/],
    [new TextEncoder().encode('GIF89a…'), /is a GIF image, expected PNG, JPEG or WebP/],
    [good.subarray(0, 20), /ends within its header/],
    [good.subarray(0, 50), /cannot be decoded/],
    [spoilt, /cannot be decoded/],
    [huge, /has 2147483647 × 4 pixels/],
    [coded.subarray(0, 100), /ends within its header/],
    [coded.subarray(0, coded.length - 300), /cannot be decoded/],
  ];
  for (const [file, expected] of cases) {
    let error: unknown;
    try {
      decode.decodeImage(file);
    } catch (thrown) {
      error = thrown;
    }
    check(error instanceof decode.ImageError, `${expected}: ${String(error)}`);
    check(expected.test(error.message), `${expected}: ${error.message}`);
  }
});

test('images are brought to size by a triangle filter over their middle', () => {
  const image = { width: 13, height: 7, channels: 3, data: bytes(273) };
  for (const side of [1, 3, 7, 12]) {
    const shape = { height: side, width: side, channels: 3 };
    const expected = triangle(image, side);
    close([...fitImage(image, shape)], expected, { atol: 0.5001 });
  }
  const same7 = fitImage(
    { width: 7, height: 7, channels: 1, data: image.data.subarray(0, 49) },
    { height: 7, width: 7, channels: 1 },
  );
  same([...same7], [...image.data.subarray(0, 49)], 'a image of the right size stays');
  const gray = { width: 1, height: 1, channels: 3, data: Uint8Array.of(100, 200, 50) };
  same([...fitImage(gray, { height: 1, width: 1, channels: 1 })], [153]);
});

/** The middle 7 × 7 of a image to side × side, in f64. */
function triangle({ width, data }: { width: number; data: Uint8Array }, side: number): number[] {
  const scale = 7 / side;
  const support = Math.max(1, scale);
  const weights = Array.from({ length: side }, (_, i) => {
    const raw = Array.from({ length: 7 }, (_, k) =>
      Math.max(0, 1 - Math.abs(k + 0.5 - (i + 0.5) * scale) / support),
    );
    const sum = raw.reduce((a, b) => a + b);
    return raw.map((weight) => weight / sum);
  });
  const out: number[] = [];
  for (const down of weights) {
    for (const across of weights) {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let y = 0; y < 7; y++) {
          for (let x = 0; x < 7; x++) {
            const value = data[(y * width + x + 3) * 3 + c] as number;
            sum += (down[y] as number) * (across[x] as number) * value;
          }
        }
        out.push(sum);
      }
    }
  }
  return out;
}

interface Skips {
  list: string[];
  onSkip(path: string, reason: string): void;
}

function skips(): Skips {
  const list: string[] = [];
  return { list, onSkip: (path, reason) => list.push(`${path.replace(folder, '')}: ${reason}`) };
}

test('a folder with a subfolder a label: order, labels, broken files named once and left out', async () => {
  const paint = (value: number): Uint8Array => png(5, 9, 3, new Uint8Array(135).fill(value));
  write('labeled/b/2.png', paint(20));
  write('labeled/b/1.png', paint(10));
  write('labeled/a/x.PNG', paint(30));
  write('labeled/a/broken.png', png(5, 9, 3, bytes(135)).subarray(0, 90));
  write('labeled/a/empty.jpg', '');
  write('labeled/a/notes.txt', 'no image');
  const skipped = skips();
  const set = await files.openImages(join(folder, 'labeled'), { side: 2, ...skipped });
  same(set.shape, { height: 2, width: 2, channels: 3 });
  same([set.count, set.labelNames, [...(set.labels ?? [])]], [4, ['a', 'b'], [0, 0, 1, 1]]);
  for (let again = 0; again < 2; again++) {
    const { pixels, rows } = set.read([3, 0, 2, 1]);
    same(rows, [3, 2, 1]);
    same(
      [...pixels],
      [20, 10, 30].flatMap((value) => new Array(12).fill(value)),
    );
  }
  same(skipped.list.length, 2, skipped.list.join('\n'));
  check(
    skipped.list.some((line) => line.startsWith('/labeled/a/broken.png: cannot be decoded')),
    'named',
  );
  const other = await files.openImages(join(folder, 'labeled'), { side: 2, ...skips() });
  same(other.hash, set.hash);
});

test('gray only if all are gray; a folder train next to test is a split', async () => {
  for (let i = 0; i < 3; i++) write(`split/train/a/${i}.png`, png(4, 4, 1, bytes(16)));
  write('split/test/a/0.png', png(4, 4, 1, bytes(16)));
  write('split/test/b/0.png', png(4, 4, 1, bytes(16)));
  const data = await files.openImageSplit(join(folder, 'split'), skips());
  same(data.all.shape, { height: 32, width: 32, channels: 1 });
  same([data.training.count, data.validation.count], [3, 2]);
  same([...(data.validation.labels ?? [])], [0, 1]);
  write(
    'split/train/a/9.jpg',
    new Uint8Array(jpeg.encode({ width: 8, height: 8, data: Buffer.alloc(256) }, 90).data),
  );
  const colored = await files.openImageSplit(join(folder, 'split'), skips());
  same(colored.all.shape.channels, 3);
  check(colored.hash !== data.hash, 'another file, the same hash');
});

test('metadata.jsonl gives order, captions and labels', async () => {
  for (const name of ['x', 'y', 'z']) write(`captions/in/${name}.png`, png(3, 3, 1, bytes(9)));
  const row = (name: string, label: number): string =>
    JSON.stringify({ file_name: `in/${name}.png`, text: `a ${name}`, label });
  write('captions/metadata.jsonl', [row('z', 10), row('gone', 1), row('x', 9)].join('\n'));
  const skipped = skips();
  const set = await files.openImages(join(folder, 'captions'), skipped);
  same(set.captions, ['a z', 'a x']);
  same(
    [set.labelNames, [...(set.labels ?? [])]],
    [
      ['9', '10'],
      [1, 0],
    ],
  );
  same(skipped.list, ['/captions/in/gone.png: cannot be read (ENOENT: no such file or folder)']);
});

function idx(shape: number[], data: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head.set([0, 0, 8, shape.length]);
  shape.forEach((size, axis) => {
    head.writeUInt32BE(size, 4 + 4 * axis);
  });
  return Buffer.concat([head, data]);
}

test('IDX: plain and gzipped, labels next to them, t10k to validate with, colors', async () => {
  const training = bytes(20 * 12);
  const heldOut = bytes(5 * 12);
  write('idx/train-images-idx3-ubyte.gz', gzipSync(idx([20, 3, 4], training)));
  write(
    'idx/train-labels-idx1-ubyte.gz',
    gzipSync(
      idx(
        [20],
        bytes(20).map((b) => b % 3),
      ),
    ),
  );
  write('idx/t10k-images-idx3-ubyte', idx([5, 3, 4], heldOut));
  write('idx/t10k-labels-idx1-ubyte', idx([5], Uint8Array.of(2, 1, 0, 1, 2)));
  const data = await files.openImageSplit(join(folder, 'idx'), skips());
  same(data.all.shape, { height: 3, width: 4, channels: 1 });
  same([data.training.count, data.validation.count], [20, 5]);
  same(
    [...data.training.read([19, 3]).pixels],
    [...training.slice(228), ...training.slice(36, 48)],
  );
  same([...data.validation.read([0, 1, 2, 3, 4]).pixels], [...heldOut]);
  same([...(data.validation.labels ?? [])], [2, 1, 0, 1, 2]);
  const alone = join(folder, 'idx/t10k-images-idx3-ubyte');
  const one = await files.openImageSplit(alone, skips());
  same([one.training.count, one.validation.count], [4, 1]);
  const small = await files.openImages(alone, { side: 2, channels: 3, ...skips() });
  same(small.read([1]).pixels.length, 12);
  const colors = bytes(2 * 48);
  write('idx4/images-idx4-ubyte', idx([2, 4, 4, 3], colors));
  const colored = await files.openImages(join(folder, 'idx4'), skips());
  same([colored.shape.channels, colored.labels], [3, undefined]);
  same([...colored.read([1]).pixels], [...colors.subarray(48)]);
});

test('what cannot be read is said in one line', async () => {
  write('bad/images-idx3-ubyte', idx([2, 4, 4], bytes(31)));
  write('odd/images-idx3-ubyte', idx([2, 4, 4], bytes(32)));
  write('odd/labels-idx1-ubyte', idx([3], bytes(3)));
  write('torn/images-idx3-ubyte.gz', gzipSync(idx([2, 4, 4], bytes(32))).subarray(0, 40));
  write('flat/metadata.jsonl', '{"file_name":"../secret.png"}');
  mkdirSync(join(folder, 'none'));
  const cases: [string, RegExp][] = [
    ['gone', /gone: cannot read it \(ENOENT: no such file or folder\)/],
    ['none', /none: holds no image: no IDX, PNG, JPEG or WebP file and no metadata.jsonl/],
    ['bad', /bad\/images-idx3-ubyte: 2 × 4 × 4 bytes of data expected, got 31/],
    ['odd', /odd\/labels-idx1-ubyte: 2 labels expected, one per image, got 3/],
    ['odd/labels-idx1-ubyte', /is not a file of images/],
    ['torn', /torn\/images-idx3-ubyte.gz: cannot read it \(Z_BUF_ERROR\)/],
    ['flat', /flat\/metadata.jsonl:1: file_name must lie below the folder/],
  ];
  for (const [path, expected] of cases) {
    const error = await files.openImages(join(folder, path), skips()).catch((e: Error) => e);
    check(error instanceof Error && expected.test(error.message), `${path}: ${String(error)}`);
  }
});
