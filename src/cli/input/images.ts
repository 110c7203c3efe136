/**
 * Pictures from files: IDX files, or folders of PNG and JPEG. Whatever the kind, pixels are read
 * when they are asked for, so that a large set needs no more memory than a batch.
 */

import { statSync } from 'node:fs';
import { Random } from '../../core/random.js';
import { type ImageDataset, subset } from '../../data/images/dataset.js';
import { InputError } from '../command.js';
import { openPictureFolder } from './image-folder.js';
import { idxFiles, isIdxFile, openIdx } from './image-idx.js';

export interface PictureOptions {
  /** Height and width to bring pictures to; IDX files keep their own, folders have 32. */
  side?: number | undefined;
  /** 1 grey or 3 colours; grey if all pictures are. */
  channels?: number | undefined;
  /** Told of each picture that can't be read, once. */
  onSkip(path: string, reason: string): void;
}

/** Pictures of a path. */
export interface OpenedPictures extends ImageDataset {
  /** The file that a picture stands in. */
  name(row: number): string;
  /** Tells the set from any other. */
  hash: string;
  /** Pictures that the set itself keeps apart to validate with. */
  ownValidation: readonly number[] | undefined;
}

/** Pictures to train on and to validate with, and both together. */
export interface PictureData {
  all: OpenedPictures;
  training: ImageDataset;
  validation: ImageDataset;
  hash: string;
}

/** The split is the same whatever the run's seed: runs are judged by the same pictures. */
const SPLIT_SEED = 0;
const SPLIT_STREAM = 3;

/** What those who have nothing else to say it with tell of pictures that can't be read. */
export function saySkipped(): PictureOptions['onSkip'] {
  let count = 0;
  return (path, reason) => {
    count++;
    process.stderr.write(`skipped ${count}: ${path}: ${reason}\n`);
  };
}

/** Opens the pictures of a path, all of them as one set. */
export async function openPictures(path: string, options: PictureOptions): Promise<OpenedPictures> {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch (error) {
    throw new InputError(`${path}: cannot read it (${(error as { code?: string }).code})`);
  }
  const files = isFolder ? idxFiles(path) : [path];
  if (files.length > 0 && files.every(isIdxFile)) return openIdx(files, options);
  if (isFolder) return openPictureFolder(path, options);
  throw new InputError(
    `${path}: must be a folder of pictures or a file …images-idx3-ubyte, gzipped or not`,
  );
}

/**
 * Opens the pictures of a path and keeps some to validate with: those that the set keeps apart
 * itself (`t10k-…` beside `train-…`, a folder `test` or `val` beside `train`), or else a tenth of
 * all, drawn from all over the set, since sets come in the order of their labels.
 */
export async function openPictureData(path: string, options: PictureOptions): Promise<PictureData> {
  const all = await openPictures(path, options);
  const held = new Set(all.ownValidation ?? tenth(all.count));
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

function tenth(count: number): number[] {
  const rows = Array.from({ length: count }, (_, row) => row);
  return new Random(SPLIT_SEED, SPLIT_STREAM).shuffle(rows).slice(0, Math.ceil(count / 10));
}

/** The first of some pictures, so many at most. */
export function firstPictures(pictures: ImageDataset, most: number): ImageDataset {
  if (pictures.count <= most) return pictures;
  const rows = Array.from({ length: most }, (_, row) => row);
  return subset(pictures, rows);
}
