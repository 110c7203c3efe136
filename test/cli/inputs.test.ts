/** Files as people have them: kinds of texts, splits, folders with links, hidden and odd entries. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { encode } from 'fast-png';

import type * as FolderModule from '../../src/cli/input/folder.js';
import type * as IdxModule from '../../src/cli/input/image-idx.js';
import type * as ImagesModule from '../../src/cli/input/images.js';
import type * as LargeModule from '../../src/cli/input/large-text.js';
import type * as TextsModule from '../../src/cli/input/texts.js';
import type * as DecodeModule from '../../src/data/images/decode.js';
import { check, same, suite, throws } from '../harness.js';
import { load } from './load.js';
import { folder } from './program.js';

const test = suite('cli inputs');
const texts = await load<typeof TextsModule>('src/cli/input/texts.ts');
const folders = await load<typeof FolderModule>('src/cli/input/folder.ts');
const large = await load<typeof LargeModule>('src/cli/input/large-text.ts');
const images = await load<typeof ImagesModule>('src/cli/input/images.ts');
const idx = await load<typeof IdxModule>('src/cli/input/image-idx.ts');

function write(files: Readonly<Record<string, string | Uint8Array>>): string {
  const home = folder();
  for (const [name, contents] of Object.entries(files)) {
    mkdirSync(join(home, name, '..'), { recursive: true });
    writeFileSync(join(home, name), contents);
  }
  return home;
}

/** Texts and labels of a file. */
function read(name: string, contents: string): (string | undefined)[][] {
  const home = write({ [name]: contents });
  return texts.readTexts(join(home, name)).map(({ text, label }) => [text, label]);
}

const ROWS = [
  ['one', 'a'],
  ['two', undefined],
];

test('tables and lists of texts in every form', () => {
  same(read('a.csv', 'text,label\none,a\ntwo,\n'), ROWS);
  same(read('A.CSV', '\uFEFF Text;LABEL\r\none;a\r\ntwo;\r\n'), ROWS);
  same(read('a.csv', 'sep=;\ntext;label\none;a\ntwo;\n'), ROWS);
  same(read('a.tsv', 'label\ttext\na\tone\n\ttwo\n'), ROWS);
  same(read('a.ndjson', '{"text":"one","label":"a"}\n\n{"text":"two"}\n'), ROWS);
  same(read('a.json', '[{"text":"one","label":"a"},{"text":"two","label":null}]'), ROWS);
  same(read('a.json', '["one","two"]'), [
    ['one', undefined],
    ['two', undefined],
  ]);
  same(read('a.csv', 'text\nhe said "hi" to me\n'), [['he said "hi" to me', undefined]]);
});

test('what is not a text is refused by name, with the columns that were found', () => {
  const cases: [name: string, contents: string, says: RegExp][] = [
    ['a.jsonl', '{"text":5}', /a.jsonl:1: text must be a string, got 5/],
    ['a.parquet', 'PAR1', /a\.parquet: must be .txt, .*got .parquet/],
    ['a.md', '# text', /got .md/],
    ['a', 'text', /got a file without a suffix/],
    ['a.csv', 'body;class\nx;y\n', /no column text; its columns are "body", "class"/],
    ['a.csv', 'text,text\nx,y\n', /several columns text/],
    ['a.jsonl', '{"text":"x","label":{"a":1}}', /a.jsonl:1: label must be .*got an object/],
    ['a.json', '{"text":"x"}', /must be an array/],
  ];
  for (const [name, contents, says] of cases) {
    let message = '';
    try {
      read(name, contents);
    } catch (error) {
      message = (error as Error).message;
    }
    check(says.test(message), `${name}: ${message}`);
  }
});

/** Texts to train on and to validate with. */
function splitRows(...rows: TextsModule.Text[]): Record<'training' | 'validation', string[]> {
  const { training, validation } = texts.splitTexts(rows);
  const read = (part: readonly TextsModule.Text[]): string[] => part.map(({ text }) => text);
  return { training: read(training), validation: read(validation) };
}

test('texts are split by row, and never inside a word or a character', () => {
  const rows = Array.from({ length: 20 }, (_, i) => ({
    ...{ text: `row ${i} of words`, id: '', row: true },
  }));
  const { training, validation } = splitRows(...rows);
  same(
    [...training, ...validation],
    rows.map(({ text }) => text),
  );
  same(validation.length, 2);
  const document = (text: string) => splitRows({ text, id: '', row: false });
  const words = document('ab cde '.repeat(150));
  check(/ $/.test(words.training[0] as string), 'a word is cut');
  const emoji = document('😀'.repeat(99));
  for (const text of [...emoji.training, ...emoji.validation])
    check(!/\p{Surrogate}/u.test(text), text);
  same(document('a\nb\n'.repeat(100)).training[0]?.endsWith('\n'), true, 'a line is cut');
});

test('pieces of a large text give it again, and begin with a space', () => {
  const text = 'some words and\nlines '.repeat(600_000);
  for (const parts of [
    [text],
    [text.slice(0, 3e6), text.slice(3e6, 3e6 + 7), text.slice(3e6 + 7)],
  ]) {
    const pieces = [...large.piecesOf(parts)];
    check(pieces.length > 2 && pieces.join('') === text, `${pieces.length} pieces`);
    check(
      pieces.slice(1).every((piece) => /^[ \n]\S/.test(piece)),
      'inside a word',
    );
  }
});

test('a large file is read in pieces, which are the same text in any script', () => {
  const texts13 = {
    latin: 'some words and\r\nlines ',
    cyrillic: 'слова и ',
    none: '\uFEFF近く遠く',
    emoji: '😀😀😀\r\n',
  };
  for (const [name, part] of Object.entries(texts13)) {
    const whole = part.repeat(Math.ceil(9e6 / Buffer.byteLength(part)));
    const home = write({ 'large.txt': whole });
    const read = texts.readTexts(join(home, 'large.txt'));
    check(read.length > 5, `${name}: ${read.length} pieces`);
    const plain = whole.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
    check([...texts.joinTexts(read)].join('') === plain, `${name}: another text`);
    check(!read.some(({ text }) => /^\p{Surrogate}|\p{Surrogate}$/u.test(text)), name);
    const { training, validation } = texts.splitTexts(read);
    const both = [...texts.joinTexts(training), ...texts.joinTexts(validation)].join('');
    check(both === plain, `${name}: split`);
    writeFileSync(join(home, 'large.txt'), plain.slice(0, 5e5));
    const changed = (): string => texts.hashTexts(read);
    throws(changed, Error as never, /has changed while it was read/);
  }
  const home = write({ 'bad.txt': Buffer.concat([Buffer.alloc(9e6, 97), Buffer.of(0xc3)]) });
  throws(() => texts.readTexts(join(home, 'bad.txt')), Error as never, /is not valid UTF-8/);
});

test('hidden entries are no data; links that go round are named once', () => {
  const home = write({
    'data/a/1.txt': 'x',
    'data/b/2.txt': 'x',
    'data/.git/3.txt': 'x',
    'data/__MACOSX/4.txt': 'x',
    'data/._5.txt': 'x',
    'data/6.txt/7.txt': 'x',
    'elsewhere/8.txt': 'x',
  });
  symlinkSync('..', join(home, 'data/a/up'));
  symlinkSync('../..', join(home, 'data/a/above'));
  symlinkSync('.', join(home, 'data/loop'));
  symlinkSync('../elsewhere', join(home, 'data/linked'));
  symlinkSync('nowhere', join(home, 'data/broken.txt'));
  execFileSync('mkfifo', [join(home, 'data/pipe.txt')]);
  const skipped: string[] = [];
  const files = folders.listFiles(join(home, 'data'), (path, reason) => {
    skipped.push(`${path.slice(home.length + 6)}: ${reason}`);
  });
  same(files, ['a/1.txt', 'b/2.txt', 'linked/8.txt']);
  same(skipped.sort(), [
    '6.txt: is a folder',
    'a/above: is a link to a folder that has been read',
    'a/up: is a link to a folder that has been read',
    'broken.txt: is a link that leads nowhere (ENOENT: no such file or folder)',
    'loop: is a link to a folder that has been read',
    'pipe.txt: is not a file but a pipe or a device',
  ]);
});

const png = (value: number): Uint8Array =>
  encode({ width: 2, height: 2, channels: 1, data: new Uint8Array(4).fill(value) });

async function split(...names: string[]): Promise<{ names: string[]; skipped: string[] }> {
  const home = write(Object.fromEntries(names.map((name, i) => [`d/${name}`, png(i)])));
  const skipped: string[] = [];
  const path = join(home, 'd');
  const { all } = await images.openImageSplit(path, {
    onSkip: (name) => skipped.push(name.slice(path.length + 1)),
  });
  const validation = (all.ownValidation ?? []).map((row) => all.name(row).slice(path.length + 1));
  same([...(all.labelNames ?? [])], ['x', 'y'], 'labels');
  return { names: validation, skipped };
}

test('a split of folders, whatever its folders are called and what lies next to them', async () => {
  for (const [train, validate] of [
    ['Train', 'Test'],
    ['train', 'dev'],
    ['training_set', 'test_set'],
    ['set/train', 'set/val'],
    ['TRAIN', 'Holdout'],
    ['Training Set', 'Testing Set'],
    ['train2017', 'val2017'],
    ['seg_train/seg_train', 'seg_test/seg_test'],
    ['archive/png/train-images', 'archive/png/valid-images'],
    ['trainset', 'testset'],
  ]) {
    const files = [`${train}/x/1.png`, `${train}/y/2.png`, `${validate}/x/3.png`];
    same(await split(...files), { names: [`${validate}/x/3.png`], skipped: [] });
  }
  const stray = await split('train/x/1.png', 'train/y/2.png', 'test/y/3.png', 'stray.png');
  same(stray, { names: ['test/y/3.png'], skipped: ['stray.png'] });
  const archive = ['set/train/x/1.png', 'set/train/y/2.png', 'set/test/y/3.png', 'sample.png'];
  same(await split(...archive), { names: ['set/test/y/3.png'], skipped: ['sample.png'] });
  same((await split('x/1.png', 'y/2.png', 'y/3.png')).skipped, []);
  same((await split('photos/x/1.png', 'photos/y/2.png')).skipped, [], 'all in one folder');
});

test('classes that are called like parts of a split are classes', async () => {
  const home = write({ 'd/train/1.png': png(1), 'd/plane/2.png': png(2), 'd/bus/3.png': png(3) });
  const set = await images.openImages(join(home, 'd'), { onSkip: () => {} });
  same([...(set.labelNames ?? [])], ['bus', 'plane', 'train']);
  const two = write({ 'd/train station/1.png': png(1), 'd/test tube/2.png': png(2) });
  const other = await images.openImages(join(two, 'd'), { onSkip: () => {} });
  same([...(other.labelNames ?? [])], ['test tube', 'train station']);
});

test('files and folders of texts to validate with are not trained on', () => {
  const parts = (files: Readonly<Record<string, string>>): unknown => {
    const { training, validation } = texts.splitTexts(texts.readTexts(write(files)));
    return [training, validation].map((part) => part.map(({ text }) => text).join(' '));
  };
  same(parts({ 'test.csv': 'text\na\n', 'train.csv': 'text\nb\nc\n' }), ['b c', 'a']);
  same(parts({ 'wiki.valid.txt': 'a', 'wiki.train.txt': 'b' }), ['b', 'a']);
  same(parts({ 'Dev/1.txt': 'a', 'Train/1.txt': 'b', 'Train/2.txt': 'c' }), ['b c', 'a']);
  const plain = { 'contest.txt': 'one two ', 'training.txt': 'three four ' };
  check(JSON.stringify(parts(plain)).includes('three'), 'no split');
});

test('an image without a label keeps the labels of the others', async () => {
  const home = write({ 'a/1.png': png(1), 'b/2.png': png(2), 'c.png': png(3) });
  const set = await images.openImages(home, { onSkip: () => {} });
  same([...(set.labels ?? [])], [0, 1, -1]);
  const { labeled, unlabeled } = images.labeledImages(set);
  same([labeled.count, unlabeled], [2, 1]);
});

test('changed bytes of an image change the hash of the set', async () => {
  const hash = async (value: number) =>
    (await images.openImages(write({ 'a.png': png(value) }), { onSkip: () => {} })).hash;
  check((await hash(1)) !== (await hash(2)), 'equal');
});

test('files of EMNIST: their test images validate, and there may be 130,000 labels', async () => {
  const count = 130_000;
  const head = (kind: number, ...sizes: number[]): number[] => [
    ...[0, 0, 8, kind],
    ...sizes.flatMap((size) => [size >>> 24, (size >> 16) & 255, (size >> 8) & 255, size & 255]),
  ];
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 62);
  const home = write({
    'emnist-x-test-images-idx3-ubyte': Uint8Array.from([...head(3, 1, 1, 1), 7]),
    'emnist-x-train-images-idx3-ubyte': Buffer.concat([
      Uint8Array.from(head(3, count, 1, 1)),
      new Uint8Array(count),
    ]),
    'emnist-x-train-labels-idx1-ubyte': Buffer.concat([Uint8Array.from(head(1, count)), labels]),
  });
  const set = await idx.openIdx(idx.idxFiles(home), { onSkip: () => {} });
  same(
    [set.count, set.labelNames?.length, [...(set.ownValidation ?? [])]],
    [count + 1, 62, [count]],
  );
  same(set.labels?.[count], -1, 'the label of an image without one');
});

const decoder = await load<typeof DecodeModule>('src/data/images/decode.ts');

/** A file of a folder of small images that other programs read. */
const sample = (name: string) => decoder.decodeImage(readFileSync(`test/cli/images/${name}`));
const first = (name: string): number[] => [...sample(name).data.subarray(0, 3)];

test('images as Pillow reads them: color keys, RGB JPEG, interlaced bits, damaged ends', () => {
  same(first('rgb-trns.png'), [255, 255, 255], 'a transparent color');
  same(first('gray-trns.png'), [255, 255, 255], 'a transparent gray');
  same(first('rgb-adobe0.jpg'), [255, 0, 0], 'RGB by its Adobe marker');
  same(first('png-bad-iccp.png'), [255, 0, 0], 'a damaged profile');
  same(first('png-without-iend.png'), [255, 0, 0], 'no end');
  same([...sample('interlaced-1bit-3x2.png').data].length, 6);
  const upright = sample('exif-orientation6.jpg');
  same([upright.width, upright.height], [48, 64], 'turned as EXIF says');
});

test('files with an image suffix are what their bytes say', async () => {
  const jpeg = readFileSync('test/cli/images/rgb-adobe0.jpg');
  const png = readFileSync('test/cli/images/rgb-trns.png');
  const home = write({
    'a/1.gif': jpeg,
    'a/2.JFIF': png,
    'a/3.png': jpeg,
    'b/4.webp': png,
    'b/5.gif': Buffer.from('GIF89a…'),
    'b/6.jpg': Buffer.from('<svg xmlns="…"/>'),
    'b/7.tif': Buffer.from('text'),
    'b/notes.txt': 'text',
  });
  const skipped: string[] = [];
  const onSkip = (path: string, reason: string): void => {
    skipped.push(`${path.slice(home.length + 1)} ${reason}`);
  };
  const set = await images.openImages(home, { onSkip });
  same(set.read([0, 1, 2, 3]).rows, [0, 1, 2, 3]);
  same(set.count, 4);
  same(skipped, [
    'b/5.gif is a GIF image, expected PNG, JPEG or WebP',
    'b/6.jpg is an SVG image, expected PNG, JPEG or WebP',
    'b/7.tif is neither PNG, JPEG nor WebP',
  ]);
});

test('interlaced images of all depths are those that are not', () => {
  const { width, height, channels } = sample('interlaced-4bit-palette.png');
  same([width, height, channels], [31, 17, 3]);
});

test('a PNG of few pixels whose data unpack to much more is decoded in small memory', () => {
  const bomb = pngOf(4, 4, deflateSync(new Uint8Array(2 ** 27)));
  const before = process.memoryUsage().rss;
  same(decoder.decodeImage(bomb).data.length, 16);
  check(process.memoryUsage().rss - before < 2 ** 26, 'memory grows with what follows the pixels');
});

/** An 8-bit gray PNG with packed data as they are. */
function pngOf(width: number, height: number, packed: Uint8Array): Uint8Array {
  const chunk = (name: string, body: Uint8Array): Uint8Array => {
    const bytes = Buffer.concat([Buffer.from(name), body]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(body.length, 0);
    ends.writeUInt32BE(crc32(bytes), 4);
    return Buffer.concat([ends.subarray(0, 4), bytes, ends.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  return Buffer.concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10),
    chunk('IHDR', header),
    chunk('IDAT', packed),
  ]);
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
