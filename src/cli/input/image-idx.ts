/**
 * Images in IDX files: `…images-idx3-ubyte` (N, H, W) or `…images-idx4-ubyte` (N, H, W, C), gzipped
 * or not, with `…labels-idx1-ubyte` next to them. Pixels are read from the file when they are asked
 * for; a gzipped one is unpacked to a temporary file first, no further than its header says.
 */

import { createHash } from 'node:crypto';
import {
  createReadStream,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createGunzip, gunzipSync } from 'node:zlib';
import {
  checkIdxSize,
  IDX_HEADER,
  IdxError,
  readIdx,
  readIdxHeader,
} from '../../data/files/idx.js';
import { fitImage } from '../../data/images/resize.js';
import { InputError } from '../../terminal/errors.js';
import { errorText } from '../../terminal/files.js';
import { type ImageOptions, NO_LABEL, type OpenedImages } from './image-source.js';
import { append, gatherPixels, openTemporary, PixelFile } from './pixel-file.js';
import { isValidationFile } from './split-names.js';

const IMAGES = /images[-.]idx[34][-.]ubyte(\.gz)?$/i;
/** Bytes before the labels of an IDX file. */
const LABELS_HEADER = 8;

/** Tells whether a file is an IDX file, by its name. */
export function isIdxFile(path: string): boolean {
  return /idx[134][-.]ubyte(\.gz)?$/i.test(path);
}

/** Lists the image files of a folder, those to validate with last; of a pair, the unpacked one. */
export function idxFiles(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => IMAGES.test(name) && !name.startsWith('.'));
  const last = (name: string): number => Number(isValidationFile(name));
  return names
    .filter((name) => !(name.endsWith('.gz') && names.includes(name.slice(0, -3))))
    .sort((a, b) => last(a) - last(b) || (a < b ? -1 : 1))
    .map((name) => join(folder, name));
}

/** A file of images that has been opened, and the labels next to it. */
interface Part {
  path: string;
  /** (N, H, W) or (N, H, W, C) */
  shape: number[];
  pixels: PixelFile;
  labels: Uint8Array | undefined;
}

/** Turns an error about a file into a line about it. */
function asInputError(path: string, error: unknown): InputError {
  if (error instanceof InputError) return error;
  if (error instanceof IdxError) return new InputError(`${path}: ${error.message}`);
  return new InputError(`${path}: cannot read it (${errorText(error)})`);
}

function checked<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw asInputError(path, error);
  }
}

async function openPart(path: string, hash: ReturnType<typeof createHash>): Promise<Part> {
  if (!IMAGES.test(path)) {
    throw new InputError(`${path}: is not a file of images, expected …images-idx3-ubyte or .gz`);
  }
  const packed = path.toLowerCase().endsWith('.gz');
  const file = checked(path, () => {
    if (!statSync(path).isFile()) throw new IdxError('is not a file');
    return packed ? openTemporary() : openSync(path, 'r');
  });
  const source = createReadStream(path);
  const stream = packed ? source.pipe(createGunzip()) : source;
  source.on('error', (error) => stream.destroy(error));
  /** The first bytes, and how many there may be by what they say. */
  let head: Uint8Array = new Uint8Array(0);
  let maxLength = Number.POSITIVE_INFINITY;
  let length = 0;
  try {
    for await (const chunk of stream) {
      hash.update(chunk);
      if (head.length < IDX_HEADER) {
        head = Buffer.concat([head, chunk]).subarray(0, IDX_HEADER);
        if (head.length === IDX_HEADER) {
          const { start, size } = readIdxHeader(head);
          maxLength = start + size;
        }
      }
      length += chunk.length;
      if (length > maxLength)
        throw new IdxError(`more bytes than the ${maxLength} that its header says`);
      if (packed) append(file, chunk);
    }
  } catch (error) {
    throw asInputError(path, error);
  } finally {
    source.destroy();
  }
  return checked(path, () => {
    const bytes = new Uint8Array(IDX_HEADER);
    const header = readIdxHeader(bytes.subarray(0, readSync(file, bytes, 0, IDX_HEADER, 0)));
    checkIdxSize(header, fstatSync(file).size);
    const [count = 0, height = 0, width = 0, channels = 1] = header.shape;
    if (![3, 4].includes(header.shape.length) || header.size === 0 || ![1, 3].includes(channels)) {
      const got = header.shape.join(' × ');
      throw new IdxError(`(N, H, W) or (N, H, W, 3) images expected, got ${got}`);
    }
    const pixels = new PixelFile(file, header.start, height * width * channels);
    return { path, shape: header.shape, pixels, labels: readLabels(path, count, hash) };
  });
}

/** Reads the labels of an image file. */
function readLabels(
  images: string,
  count: number,
  hash: ReturnType<typeof createHash>,
): Uint8Array | undefined {
  const plain = basename(images)
    .replace(/\.gz$/i, '')
    .replace(/images/i, 'labels')
    .replace(/idx[34]/i, 'idx1')
    .toLowerCase();
  const names = readdirSync(dirname(images));
  const found = [plain, `${plain}.gz`]
    .map((wanted) => names.find((name) => name.toLowerCase() === wanted))
    .find((name) => name !== undefined);
  if (found === undefined) return undefined;
  const path = join(dirname(images), found);
  return checked(path, () => {
    const bytes = readFileSync(path);
    const packed = path.toLowerCase().endsWith('.gz');
    const { shape, data } = readIdx(
      packed ? gunzipSync(bytes, { maxOutputLength: LABELS_HEADER + count }) : bytes,
    );
    if (shape.length !== 1 || data.length !== count) {
      throw new IdxError(`${count} labels expected, one per image, got ${shape.join(' × ')}`);
    }
    hash.update(data);
    return data;
  });
}

/** Opens image files as one set. */
export async function openIdx(
  paths: readonly string[],
  options: ImageOptions,
): Promise<OpenedImages> {
  const hash = createHash('sha256');
  const parts: Part[] = [];
  for (const path of paths) parts.push(await openPart(path, hash));
  const [first] = parts as [Part];
  const odd = parts.find(({ shape }) => String(shape.slice(1)) !== String(first.shape.slice(1)));
  if (odd !== undefined) {
    const [got, want] = [odd, first].map(({ shape }) => shape.slice(1).join(' × '));
    throw new InputError(`${odd.path}: images are ${got}, those of ${first.path} ${want}`);
  }
  const [, height = 0, width = 0, channels = 1] = first.shape;
  const side = options.side;
  const shape = {
    height: side ?? height,
    width: side ?? width,
    channels: options.channels ?? channels,
  };
  const positions = parts.flatMap((part) =>
    Array.from({ length: part.shape[0] as number }, (_, row) => ({ part, row })),
  );
  const asIs = shape.height === height && shape.width === width && shape.channels === channels;
  const load = (row: number): Uint8Array => {
    const { part, row: own } = positions[row] as { part: Part; row: number };
    const data = part.pixels.read(own);
    return asIs ? data : fitImage({ height, width, channels, data }, shape);
  };
  const labels = parts.some(({ labels }) => labels !== undefined)
    ? Int32Array.from(positions, ({ part, row }) => part.labels?.[row] ?? NO_LABEL)
    : undefined;
  const classes = labels?.reduce((maxLength, label) => Math.max(maxLength, label), -1) ?? -1;
  const trained = parts.filter(({ path }) => !isValidationFile(basename(path)));
  const start = trained.reduce((sum, { shape }) => sum + (shape[0] as number), 0);
  const ownSplit = trained.length > 0 && trained.length < parts.length;
  return {
    shape,
    count: positions.length,
    labels,
    labelNames: labels && Array.from({ length: classes + 1 }, (_, label) => `${label}`),
    name: (row) => {
      const { part, row: own } = positions[row] as { part: Part; row: number };
      return `${part.path}#${own}`;
    },
    hash: hash.digest('hex'),
    ownValidation: ownSplit
      ? Array.from({ length: positions.length - start }, (_, i) => start + i)
      : undefined,
    read: (rows) => gatherPixels(rows, shape.height * shape.width * shape.channels, load),
  };
}
