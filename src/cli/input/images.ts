/**
 * Images from files: IDX files, or folders of PNG, JPEG and WebP. Whatever the kind, pixels are read
 * when they are asked for, so that a large set needs no more memory than a batch.
 */

import { type Stats, statSync } from 'node:fs';
import { extname } from 'node:path';
import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
import { type ImageDataset, subset } from '../../data/images/dataset.js';
import { InputError } from '../../terminal/errors.js';
import { errorText } from '../../terminal/files.js';
import { printable } from '../../terminal/text.js';
import { type OnSkip, reportSkipped } from './folder.js';
import { isImageFile, openImageFile, openImageFolder } from './image-folder.js';
import { idxFiles, isIdxFile, openIdx } from './image-idx.js';
import { type ImageOptions, NO_LABEL, type OpenedImages } from './image-source.js';

/** Images to train on and to validate with, and both together. */
export interface ImageSplit {
  all: OpenedImages;
  training: ImageDataset;
  validation: ImageDataset;
  hash: string;
}

/** The split does not depend on the run's seed: all runs are evaluated on the same images. */
const SPLIT_SEED = 0;
/** Sets of so many images are decoded before training: a batch of damaged ones would stop it. */
const DECODED_FIRST = 512;

/** Returns a function that tells of each image that is left out, on standard error. */
export function reportSkippedImages(): OnSkip {
  return reportSkipped((line) => process.stderr.write(`${printable(line)}\n`));
}

/** Opens the images of a path, all of them as one set. */
export async function openImages(path: string, options: ImageOptions): Promise<OpenedImages> {
  let kind: Stats;
  try {
    kind = statSync(path);
  } catch (error) {
    throw new InputError(`${path}: cannot read it (${errorText(error)})`);
  }
  const files = kind.isDirectory() ? idxFiles(path) : [path];
  if (files.length > 0 && files.every(isIdxFile)) return openIdx(files, options);
  if (kind.isDirectory()) return openImageFolder(path, options);
  if (kind.isFile() && isImageFile(path)) return openImageFile(path, options);
  const got = extname(path) === '' ? '' : `, got ${extname(path)}`;
  throw new InputError(
    `${path}: must be a folder of images, a PNG, JPEG or WebP file, or a file …images-idx3-ubyte, ` +
      `gzipped or not${got}`,
  );
}

/**
 * Opens the images of a path and sets some aside to validate with: those that the set keeps apart
 * itself (`t10k-…` next to `train-…`, a folder `test` or `val` next to `train`), or else a tenth of
 * all, drawn from all over the set, since sets come in the order of their labels.
 */
export async function openImageSplit(path: string, options: ImageOptions): Promise<ImageSplit> {
  const all = await openImages(path, options);
  const held = new Set(all.ownValidation ?? randomTenth(all.count));
  const every = Array.from({ length: all.count }, (_, row) => row);
  const rows =
    all.count > DECODED_FIRST ? every : every.filter((row) => all.read([row]).rows.length > 0);
  const training = rows.filter((row) => !held.has(row));
  const validation = rows.filter((row) => held.has(row));
  if (training.length === 0 || validation.length === 0) {
    throw new InputError(`${path}: at least two images are needed, got ${rows.length}`);
  }
  return {
    all,
    training: subset(all, training),
    validation: subset(all, validation),
    hash: all.hash,
  };
}

function randomTenth(count: number): number[] {
  const rows = Array.from({ length: count }, (_, row) => row);
  return new Random(SPLIT_SEED, STREAMS.validation).shuffle(rows).slice(0, Math.ceil(count / 10));
}

/** Returns the first images of a set, so many at most. */
export function firstImages(images: ImageDataset, max: number): ImageDataset {
  if (images.count <= max) return images;
  const rows = Array.from({ length: max }, (_, row) => row);
  return subset(images, rows);
}

/** Returns the images that have a label, and how many have none. */
export function labeledImages(images: ImageDataset): { labeled: ImageDataset; unlabeled: number } {
  const { labels } = images;
  if (labels === undefined) return { labeled: subset(images, []), unlabeled: images.count };
  const rows = Array.from(labels.keys()).filter((row) => labels[row] !== NO_LABEL);
  const unlabeled = images.count - rows.length;
  return { labeled: unlabeled === 0 ? images : subset(images, rows), unlabeled };
}

/** Returns the images of a set that can be read, and their rows in it. */
export function readableImages(images: ImageDataset): { readable: ImageDataset; rows: number[] } {
  const all = Array.from({ length: images.count }, (_, row) => row);
  const rows = all.filter((row) => images.read([row]).rows.length > 0);
  return { readable: rows.length === images.count ? images : subset(images, rows), rows };
}
