/** Pictures that are read when they are asked for, in memory or not, and their labels. */

import { checkIntegers, rangeError, typeError } from '../../core/validation.js';
import { checkPictureShape, type PictureShape } from './augment.js';

/** Pictures of one shape, with what is known of them. */
export interface Pictures {
  readonly shape: PictureShape;
  readonly count: number;
  /** A class number for each, if there are any. */
  readonly labels?: Int32Array | undefined;
  /** What the class numbers stand for. */
  readonly labelNames?: readonly string[] | undefined;
  /** A text for each, if there are any. */
  readonly captions?: readonly string[] | undefined;
  /**
   * Pixels of some pictures, u8 (B, H, W, C), and which they are: a picture that can't be read is
   * left out.
   */
  read(rows: ArrayLike<number>): { pixels: Uint8Array; rows: number[] };
}

/**
 * @param shape what the network takes
 * @throws TypeError if it isn't pictures, RangeError if they have another shape
 */
export function checkPictures(name: string, data: Pictures, shape: PictureShape): void {
  const { shape: own, read } = (data ?? {}) as Partial<Pictures>;
  if (!own || typeof read !== 'function') {
    typeError(name, 'data', 'pictures, as picturesOf makes them', data);
  }
  const show = ({ height, width, channels }: PictureShape): string =>
    `${height} × ${width} × ${channels}`;
  if (show(own) === show(shape)) return;
  throw new RangeError(
    `${name}: pictures must be ${show(shape)} as the network's, got ${show(own)}`,
  );
}

/**
 * Pictures in memory.
 * @param pixels u8 (N, H, W, C), 0 black to 255 white
 * @param labels a class number for each
 */
export function picturesOf(
  pixels: Uint8Array,
  shape: PictureShape,
  labels?: ArrayLike<number>,
): Pictures {
  checkPictureShape('picturesOf', shape);
  if (!(pixels instanceof Uint8Array)) typeError('picturesOf', 'pixels', 'a Uint8Array', pixels);
  const size = shape.height * shape.width * shape.channels;
  const count = pixels.length / size;
  if (!Number.isInteger(count) || count < 1) {
    rangeError('picturesOf', 'pixels', `a multiple of ${size} bytes a picture`, pixels.length);
  }
  const checked =
    labels &&
    checkIntegers(
      'picturesOf',
      'labels',
      labels,
      { of: count, what: 'one a picture' },
      { valid: (label) => label >= 0, what: 'at least 0' },
    );
  return {
    shape,
    count,
    labels: checked && Int32Array.from(checked),
    read(rows) {
      const wanted = Array.from(rows);
      const out = new Uint8Array(wanted.length * size);
      wanted.forEach((row, i) => {
        out.set(pixels.subarray(row * size, (row + 1) * size), i * size);
      });
      return { pixels: out, rows: wanted };
    },
  };
}

/** Some of the pictures, by their numbers. */
export function pictureSubset(pictures: Pictures, chosen: ArrayLike<number>): Pictures {
  const list = Int32Array.from(chosen);
  const { labels, captions } = pictures;
  return {
    shape: pictures.shape,
    count: list.length,
    labels: labels && list.map((row) => labels[row] as number),
    labelNames: pictures.labelNames,
    captions: captions && Array.from(list, (row) => captions[row] as string),
    read(rows) {
      const own = Array.from(rows);
      const before = own.map((row) => list[row] as number);
      const { pixels, rows: read } = pictures.read(before);
      if (read.length === own.length) return { pixels, rows: own };
      // Some were left out: what is left has kept its order.
      const kept: number[] = [];
      own.forEach((row, i) => {
        if (before[i] === read[kept.length]) kept.push(row);
      });
      return { pixels, rows: kept };
    },
  };
}
