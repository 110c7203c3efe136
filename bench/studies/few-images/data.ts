/** Reads labeled images from IDX files and holds some of them out. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type ImageDataset, imagesFrom, subset } from 'nearfar/models';
import { readIdx } from '../../../src/data/files/idx.js';
import { InputError } from '../../../src/terminal/errors.js';

export interface Dataset {
  training: ImageDataset;
  heldOut: ImageDataset;
}

const IMAGES = /images[-.]idx3[-.]ubyte(\.gz)?$/;
const HELD_OUT = /^(t10k|test|val)/;
/** Without a test file, the last 1 / HELD_OUT_PART of the images is held out. */
const HELD_OUT_PART = 3;

/** Turns errors of the body into an InputError that names the path. */
function reading<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    throw new InputError(`${path}: cannot read it (${code ?? message})`);
  }
}

function readFile(path: string): ReturnType<typeof readIdx> {
  return reading(path, () => {
    const bytes = readFileSync(path);
    return readIdx(path.endsWith('.gz') ? gunzipSync(bytes) : bytes);
  });
}

function readImages(folder: string, name: string): ImageDataset {
  const images = readFile(join(folder, name));
  const labels = readFile(join(folder, name.replace(/images([-.])idx3/, 'labels$1idx1')));
  const [, height = 0, width = 0] = images.shape;
  return imagesFrom(images.data, { height, width, channels: 1 }, labels.data);
}

/** Reads a folder of IDX files, as MNIST and Fashion-MNIST have them. */
export function readDataset(folder: string): Dataset {
  const names = reading(folder, () => readdirSync(folder)).filter((name) => IMAGES.test(name));
  const train = names.find((name) => !HELD_OUT.test(name));
  const test = names.find((name) => HELD_OUT.test(name));
  if (train === undefined) throw new InputError(`${folder}: no …images-idx3-ubyte to train on`);
  const all = readImages(folder, train);
  if (test !== undefined) return { training: all, heldOut: readImages(folder, test) };
  const rows = Array.from({ length: all.count }, (_, row) => row);
  const from = all.count - Math.floor(all.count / HELD_OUT_PART);
  return {
    training: subset(all, rows.slice(0, from)),
    heldOut: subset(all, rows.slice(from)),
  };
}
