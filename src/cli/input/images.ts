/**
 * Pictures from files: IDX files, or folders of PNG and JPEG. Whatever the kind, pixels are read
 * when they are asked for, so that a large set needs no more memory than a batch.
 */

import { statSync } from 'node:fs';
import { Random } from '../../core/random.js';
import { type ImageDataset, subset } from '../../data/images/dataset.js';
import { InputError } from '../../terminal/errors.js';
import { openImageFolder } from './image-folder.js';
import { idxFiles, isIdxFile, openIdx } from './image-idx.js';
import type { ImageOptions, OpenedImages } from './image-source.js';

/** ImageDataset to train on and to validate with, and both together. */
export interface ImageSplit {
  all: OpenedImages;
  training: ImageDataset;
  validation: ImageDataset;
  hash: string;
}

/** The split is the same whatever the run's seed: runs are judged by the same pictures. */
const SPLIT_SEED = 0;
const SPLIT_STREAM = 3;

/** What those who have nothing else to say it with tell of pictures that can't be read. */
export function reportSkipped(): ImageOptions['onSkip'] {
  let count = 0;
  return (path, reason) => {
    count++;
    process.stderr.write(`skipped ${count}: ${path}: ${reason}\n`);
  };
}

/** Opens the pictures of a path, all of them as one set. */
export async function openImages(path: string, options: ImageOptions): Promise<OpenedImages> {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    throw new InputError(`${path}: cannot read it (${(error as { code?: string }).code})`);
  }
  const files = isFolder ? idxFiles(path) : [path];
  if (files.length > 0 && files.every(isIdxFile)) return openIdx(files, options);
  if (isFolder) return openImageFolder(path, options);
  throw new InputError(
    `${path}: must be a folder of pictures or a file …images-idx3-ubyte, gzipped or not`,
  );
}

/**
 * Opens the pictures of a path and keeps some to validate with: those that the set keeps apart
 * itself (`t10k-…` beside `train-…`, a folder `test` or `val` beside `train`), or else a tenth of
 * all, drawn from all over the set, since sets come in the order of their labels.
 */
export async function openImageSplit(path: string, options: ImageOptions): Promise<ImageSplit> {
  const all = await openImages(path, options);
  const held = new Set(all.ownValidation ?? randomTenth(all.count));
  const rows = Array.from({ length: all.count }, (_, row) => row);
  if (held.size === 0 || held.size === all.count) {
    throw new InputError(`${path}: at least two pictures are needed, got ${all.count}`);
  }
  return {
    all,
    training: subset(
      all,
      rows.filter((row) => !held.has(row)),
    ),
    validation: subset(
      all,
      rows.filter((row) => held.has(row)),
    ),
    hash: all.hash,
  };
}

function randomTenth(count: number): number[] {
  const rows = Array.from({ length: count }, (_, row) => row);
  return new Random(SPLIT_SEED, SPLIT_STREAM).shuffle(rows).slice(0, Math.ceil(count / 10));
}

/** The first of some pictures, so many at most. */
export function firstImages(pictures: ImageDataset, most: number): ImageDataset {
  if (pictures.count <= most) return pictures;
  const rows = Array.from({ length: most }, (_, row) => row);
  return subset(pictures, rows);
}
