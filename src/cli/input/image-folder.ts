/**
 * Folders of PNG, JPEG and WebP files: one subfolder per label, flat, or with a `metadata.jsonl` of
 * `file_name`, `text` and `label`. Files are decoded when they are asked for, brought to one shape,
 * and kept so in a temporary file.
 */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, normalize } from 'node:path';
import { decodeImage, ImageError, readImageHeader } from '../../data/images/decode.js';
import { fitImage } from '../../data/images/resize.js';
import type { ImageShape } from '../../data/images/shape.js';
import { InputError } from '../../terminal/errors.js';
import { errorCode, errorText } from '../../terminal/files.js';
import { listFiles, type OnSkip } from './folder.js';
import { type ImageOptions, NO_LABEL, type OpenedImages } from './image-source.js';
import { readJsonLines } from './json-rows.js';
import { gatherPixels, openTemporary, PixelFile } from './pixel-file.js';
import { type Assigned, assignParts } from './split-names.js';

/** Height and width that images are resized to, unless told otherwise. */
const SIDE = 32;

const METADATA = 'metadata.jsonl';
/** Suffixes of images; of which kind a file is, its bytes say. */
const IMAGE =
  /\.(png|apng|jpe?g|jpe|jfif|webp|gif|avif|hei[cf]|bmp|dib|tiff?|svg|jxl|jp2|p[pgnb]m|ico)$/i;
/** Largest file that is read as an image, in bytes. */
const MAX_BYTES = 2 ** 29;

/** An image's file below the folder, and what is known of it. */
interface Entry {
  name: string;
  label?: string | undefined;
  caption?: string | undefined;
  validation?: boolean;
}

/** Tells whether a file is an image, by its suffix. */
export function isImageFile(path: string): boolean {
  return IMAGE.test(path);
}

/** Lists the image files below a folder, with the labels and the split that their folders say. */
function listImages(folder: string, onSkip: OnSkip): Entry[] {
  const names = listFiles(folder, onSkip).filter(isImageFile);
  const { isSplit, assigned } = assignParts(names.map((name) => name.split('/').slice(0, -1)));
  return names.flatMap((name, i) => {
    const { part, label } = assigned[i] as Assigned;
    if (!isSplit) return [{ name, label }];
    if (part === undefined) {
      onSkip(join(folder, name), 'is outside the folders to train on and to validate with');
      return [];
    }
    return [{ name, label, validation: part === 'validation' }];
  });
}

function listMetadata(folder: string): Entry[] {
  const file = join(folder, METADATA);
  const rows = [...readJsonLines(file)];
  if (rows.length === 0) throw new InputError(`${file}: is empty`);
  return rows.map(({ at, row }) => {
    const { file_name: name, text, label } = (row ?? {}) as Record<string, unknown>;
    if (typeof name !== 'string' || name === '') {
      throw new InputError(`${at}: has no file_name`);
    }
    if (isAbsolute(name) || normalize(name).startsWith('..')) {
      throw new InputError(
        `${at}: file_name must lie below the folder, got ${JSON.stringify(name)}`,
      );
    }
    if (text !== undefined && typeof text !== 'string') {
      throw new InputError(`${at}: text must be a string`);
    }
    if (typeof label === 'object' && label !== null) {
      throw new InputError(`${at}: label must be a string or a number`);
    }
    const named = label === undefined || label === null ? undefined : String(label);
    return { name, label: named, caption: text };
  });
}

/**
 * Reads an image file.
 *
 * @throws {ImageError} if there is no such file
 */
function readImage(path: string): Uint8Array {
  try {
    const kind = statSync(path);
    if (kind.isDirectory()) throw new ImageError('is a folder');
    if (!kind.isFile()) throw new ImageError('is not a file but a pipe or a device');
    if (kind.size > MAX_BYTES) throw new ImageError(`has ${kind.size} bytes, at most ${MAX_BYTES}`);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    const code = errorCode(error);
    // Neither the file nor the image is to blame: the machine has run out of something.
    if (['EMFILE', 'ENFILE', 'EIO', 'ENOMEM'].includes(code)) throw error;
    throw new ImageError(`cannot be read (${errorText(error)})`);
  }
}

/** Sorts names of labels: by number where all are numbers. */
function labelOrder(labels: readonly string[]): string[] {
  const names = [...new Set(labels)];
  if (names.every((name) => /^\d+$/.test(name))) return names.sort((a, b) => Number(a) - Number(b));
  return names.sort();
}

/** Opens a folder of image files. */
export function openImageFolder(folder: string, options: ImageOptions): OpenedImages {
  const { onSkip } = options;
  const described = existsSync(join(folder, METADATA));
  if (!described && options.needsCaption === true) {
    throw new InputError(
      `${folder}: has no ${METADATA}, which holds file_name and text of each image`,
    );
  }
  const all = described ? listMetadata(folder) : listImages(folder, onSkip);
  if (all.length === 0) {
    throw new InputError(
      `${folder}: holds no image: no IDX, PNG, JPEG or WebP file and no ${METADATA}`,
    );
  }
  return openEntries(folder, all, options);
}

/**
 * Opens one image file, as a set of one.
 *
 * @throws {InputError} if it cannot be read
 */
export function openImageFile(path: string, options: ImageOptions): OpenedImages {
  const onSkip = (skipped: string, reason: string): never => {
    throw new InputError(`${skipped}: ${reason}`);
  };
  return openEntries(dirname(path), [{ name: basename(path) }], { ...options, onSkip });
}

function openEntries(
  folder: string,
  all: readonly Entry[],
  { side = SIDE, channels, needsCaption, onSkip }: ImageOptions,
): OpenedImages {
  const hash = createHash('sha256');
  let grayscale = true;
  const entries = all.filter(({ name, label, caption, validation }) => {
    const path = join(folder, name);
    try {
      if (needsCaption === true && caption === undefined) throw new ImageError('has no text');
      const bytes = readImage(path);
      grayscale = readImageHeader(bytes).grayscale && grayscale;
      hash.update(JSON.stringify([name, label, caption, validation, bytes.length]));
      hash.update(bytes);
      return true;
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      onSkip(path, error.message);
      return false;
    }
  });
  if (entries.length === 0) throw new InputError(`${folder}: holds no image that can be read`);
  const shape = { height: side, width: side, channels: channels ?? (grayscale ? 1 : 3) };
  const labels = entries.flatMap(({ label }) => label ?? []);
  const labelNames = labels.length === 0 ? undefined : labelOrder(labels);
  const indices = new Map(labelNames?.map((name, index) => [name, index]));
  const captions = entries.flatMap(({ caption }) => caption ?? []);
  return {
    shape,
    count: entries.length,
    labels:
      labelNames &&
      Int32Array.from(entries, ({ label }) => indices.get(label as string) ?? NO_LABEL),
    labelNames,
    captions: captions.length === entries.length ? captions : undefined,
    name: (row) => join(folder, (entries[row] as Entry).name),
    hash: hash.digest('hex'),
    ownValidation: entries.some(({ validation }) => validation)
      ? entries.flatMap(({ validation }, row) => (validation ? [row] : []))
      : undefined,
    read: reader(folder, entries, shape, onSkip),
  };
}

/** Reads images, from their files the first time and from a temporary one from then on. */
function reader(
  folder: string,
  entries: readonly Entry[],
  shape: ImageShape,
  onSkip: OnSkip,
): OpenedImages['read'] {
  const size = shape.height * shape.width * shape.channels;
  const kept = new PixelFile(openTemporary(), 0, size);
  /** State of each image: 0 not read yet, 1 kept, 2 cannot be read. */
  const states = new Uint8Array(entries.length);
  const load = (row: number): Uint8Array | undefined => {
    if (states[row] === 1) return kept.read(row);
    if (states[row] === 2) return undefined;
    const path = join(folder, (entries[row] as Entry).name);
    try {
      const pixels = fitImage(decodeImage(readImage(path), shape), shape);
      kept.write(row, pixels);
      states[row] = 1;
      return pixels;
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
      states[row] = 2;
      onSkip(path, error.message);
      return undefined;
    }
  };
  return (wanted) => gatherPixels(wanted, size, load);
}
