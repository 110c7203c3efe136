/**
 * Folders of PNG and JPEG files: one subfolder a label, flat, or with a `metadata.jsonl` of
 * `file_name`, `text` and `label`. Files are decoded when they are asked for, brought to one shape,
 * and kept so in a temporary file.
 */

import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs';
import { extname, isAbsolute, join, normalize, sep } from 'node:path';
import type { ImageShape } from '../../data/images/augment.js';
import {
  decodeImage,
  fitImage,
  HEADER_BYTES,
  ImageError,
  readImageHeader,
} from '../../data/images/decode.js';
import { InputError } from '../../terminal/errors.js';
import type { ImageOptions, OpenedImages } from './image-source.js';
import { gatherPixels, openTemporary, PixelFile } from './pixel-file.js';
import { readJsonLines, readUtf8 } from './texts.js';

/** Height and width that pictures are brought to, unless told otherwise. */
const SIDE = 32;

const METADATA = 'metadata.jsonl';
const KINDS = ['.png', '.jpg', '.jpeg'];
const TRAINING = ['train', 'training'];
const VALIDATION = ['test', 'val', 'valid', 'validation'];

/** A picture's file below the folder, and what is known of it. */
interface Entry {
  name: string;
  label?: string | undefined;
  caption?: string | undefined;
  validation?: boolean;
}

/** All picture files below a folder, in the order of their names. */
function listFiles(folder: string): Entry[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => KINDS.includes(extname(name).toLowerCase()))
    .map((name) => name.split(sep).join('/'))
    .sort();
  const tops = new Set(names.map((name) => (name.includes('/') ? name.split('/')[0] : '')));
  const within = (list: string[]): boolean => [...tops].some((top) => list.includes(top as string));
  const known = [...tops].every((top) => [...TRAINING, ...VALIDATION].includes(top as string));
  const split = known && within(TRAINING) && within(VALIDATION);
  return names.map((name) => {
    const path = name.split('/');
    const validation = split && VALIDATION.includes(path.shift() as string);
    return { name, label: path.length > 1 ? path[0] : undefined, validation };
  });
}

function listMetadata(folder: string): Entry[] {
  const file = join(folder, METADATA);
  return readJsonLines(file, readUtf8(file)).map(({ place, row }) => {
    const { file_name: name, text, label } = (row ?? {}) as Record<string, unknown>;
    if (typeof name !== 'string' || name === '') {
      throw new InputError(`${place}: there is no file_name`);
    }
    if (isAbsolute(name) || normalize(name).startsWith('..')) {
      throw new InputError(
        `${place}: file_name must lie below the folder, got ${JSON.stringify(name)}`,
      );
    }
    if (text !== undefined && typeof text !== 'string') {
      throw new InputError(`${place}: text must be a string`);
    }
    const named = label === undefined || label === null ? undefined : String(label);
    return { name, label: named, caption: text };
  });
}

/** The first bytes of a file, or why there are none. */
function readHead(path: string): Uint8Array {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new ImageError(`cannot be read (${(error as { code?: string }).code})`);
  }
  try {
    const bytes = new Uint8Array(HEADER_BYTES);
    return bytes.subarray(0, readSync(file, bytes, 0, HEADER_BYTES, 0));
  } finally {
    closeSync(file);
  }
}

/** Names of labels in order: by number where all are numbers. */
function labelOrder(labels: readonly string[]): string[] {
  const names = [...new Set(labels)];
  if (names.every((name) => /^\d+$/.test(name))) return names.sort((a, b) => Number(a) - Number(b));
  return names.sort();
}

/** A value of each entry, if all have one. */
function valuesOfAll(entries: readonly Entry[], what: 'label' | 'caption'): string[] | undefined {
  const values = entries.map((entry) => entry[what]);
  return values.every((value) => value !== undefined) ? (values as string[]) : undefined;
}

/** Opens a folder of picture files. */
export function openImageFolder(folder: string, options: ImageOptions): OpenedImages {
  const all = existsSync(join(folder, METADATA)) ? listMetadata(folder) : listFiles(folder);
  if (all.length === 0) {
    throw new InputError(
      `${folder}: holds no picture: no IDX, PNG or JPEG file and no ${METADATA}`,
    );
  }
  const { onSkip } = options;
  const hash = createHash('sha256');
  let grey = true;
  const entries = all.filter(({ name, label, caption }) => {
    const path = join(folder, name);
    try {
      const header = readImageHeader(readHead(path));
      grey &&= header.grayscale;
      hash.update(JSON.stringify([name, label, caption, statSync(path).size]));
      return true;
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      onSkip(path, error.message);
      return false;
    }
  });
  if (entries.length === 0) throw new InputError(`${folder}: holds no picture that can be read`);
  const side = options.side ?? SIDE;
  const shape = { height: side, width: side, channels: options.channels ?? (grey ? 1 : 3) };
  const labels = valuesOfAll(entries, 'label');
  const labelNames = labels && labelOrder(labels);
  const numbers = new Map(labelNames?.map((name, number) => [name, number]));
  return {
    shape,
    count: entries.length,
    labels: labels && Int32Array.from(labels, (label) => numbers.get(label) as number),
    labelNames,
    captions: valuesOfAll(entries, 'caption'),
    name: (row) => join(folder, (entries[row] as Entry).name),
    hash: hash.digest('hex'),
    ownValidation: entries.some(({ validation }) => validation)
      ? entries.flatMap(({ validation }, row) => (validation ? [row] : []))
      : undefined,
    read: reader(folder, entries, shape, onSkip),
  };
}

/** Reads pictures, from their files the first time and from a temporary one from then on. */
function reader(
  folder: string,
  entries: readonly Entry[],
  shape: ImageShape,
  onSkip: ImageOptions['onSkip'],
): OpenedImages['read'] {
  const size = shape.height * shape.width * shape.channels;
  const kept = new PixelFile(openTemporary(), 0, size);
  /** Of each picture: 0 not read yet, 1 kept, 2 can't be read. */
  const states = new Uint8Array(entries.length);
  const load = (row: number): Uint8Array | undefined => {
    if (states[row] === 1) return kept.read(row);
    if (states[row] === 2) return undefined;
    const path = join(folder, (entries[row] as Entry).name);
    try {
      const pixels = fitImage(decodeImage(readFileSync(path)), shape);
      kept.write(row, pixels);
      states[row] = 1;
      return pixels;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (!(error instanceof ImageError) && code !== 'ENOENT') throw error;
      states[row] = 2;
      onSkip(path, error instanceof ImageError ? message : `cannot be read (${code})`);
      return undefined;
    }
  };
  return (wanted) => gatherPixels(wanted, size, load);
}
