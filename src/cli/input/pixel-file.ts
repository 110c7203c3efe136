/** Pixels of many images in one file, each at a known offset, so that memory holds none of them. */

import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../../terminal/errors.js';
import { errorText } from '../../terminal/files.js';

/** A file of images of one size. */
export class PixelFile {
  readonly #file: number;
  readonly #start: number;
  /** Bytes per image. */
  readonly size: number;

  /**
   * @param file descriptor of an open file
   * @param start offset of the first image
   * @param size bytes per image
   */
  constructor(file: number, start: number, size: number) {
    this.#file = file;
    this.#start = start;
    this.size = size;
  }

  /** Reads the image of a row. */
  read(row: number): Uint8Array {
    const pixels = new Uint8Array(this.size);
    const from = this.#start + row * this.size;
    for (let at = 0; at < this.size; ) {
      const got = readSync(this.#file, pixels, at, this.size - at, from + at);
      if (got === 0) throw new InputError('--data: the file of images has become shorter');
      at += got;
    }
    return pixels;
  }

  /** Writes the image of a row to a temporary file. */
  write(row: number, pixels: Uint8Array): void {
    const to = this.#start + row * this.size;
    writeTemporary(() => {
      for (let at = 0; at < this.size; ) {
        at += writeSync(this.#file, pixels, at, this.size - at, to + at);
      }
    });
  }
}

/** Writes to a temporary file; a full disk is the user's to clear. */
function writeTemporary(write: () => void): void {
  try {
    write();
  } catch (error) {
    throw new InputError(
      `${tmpdir()}: cannot keep decoded images there (${errorText(error)}); set TMPDIR to another folder`,
    );
  }
}

/** Writes bytes at the end of what was written to a temporary file so far. */
export function append(file: number, bytes: Uint8Array): void {
  writeTemporary(() => {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  });
}

/** Opens a temporary file to write and read, which is gone when the program ends. */
export function openTemporary(): number {
  let file = 0;
  writeTemporary(() => {
    const folder = mkdtempSync(join(tmpdir(), 'nearfar-'));
    const remove = (): void => rmSync(folder, { recursive: true, force: true });
    try {
      file = openSync(join(folder, 'pixels'), 'w+');
    } catch (error) {
      remove();
      throw error;
    }
    try {
      // An open file stays usable without its name, where the operating system allows it.
      remove();
    } catch {
      process.once('exit', () => {
        closeSync(file);
        remove();
      });
    }
  });
  return file;
}

/** Gathers the pixels of some rows one after the other, without those that cannot be read. */
export function gatherPixels(
  wanted: ArrayLike<number>,
  size: number,
  load: (row: number) => Uint8Array | undefined,
): { pixels: Uint8Array; rows: number[] } {
  const pixels = new Uint8Array(wanted.length * size);
  const rows: number[] = [];
  for (const row of Array.from(wanted)) {
    const one = load(row);
    if (one === undefined) continue;
    pixels.set(one, rows.length * size);
    rows.push(row);
  }
  return { pixels: pixels.subarray(0, rows.length * size), rows };
}
