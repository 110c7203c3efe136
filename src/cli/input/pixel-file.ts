/** Pixels of many pictures in a file, each at its place, so that memory holds none of them. */

import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class PixelFile {
  readonly #file: number;
  readonly #start: number;
  /** Bytes a picture. */
  readonly size: number;

  /**
   * @param file an open file
   * @param start where the first picture begins
   */
  constructor(file: number, start: number, size: number) {
    this.#file = file;
    this.#start = start;
    this.size = size;
  }

  read(row: number): Uint8Array {
    const pixels = new Uint8Array(this.size);
    const from = this.#start + row * this.size;
    for (let at = 0; at < this.size; ) {
      const got = readSync(this.#file, pixels, at, this.size - at, from + at);
      if (got === 0) throw new Error('the file of pixels has become shorter');
      at += got;
    }
    return pixels;
  }

  write(row: number, pixels: Uint8Array): void {
    const to = this.#start + row * this.size;
    for (let at = 0; at < this.size; ) {
      at += writeSync(this.#file, pixels, at, this.size - at, to + at);
    }
  }
}

/** Writes all of some bytes at the end of what was written so far. */
export function append(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

/** Opens a temporary file to write and read, which is gone when the program ends. */
export function openTemporary(): number {
  const folder = mkdtempSync(join(tmpdir(), 'nearfar-'));
  const file = openSync(join(folder, 'pixels'), 'w+');
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    // What is open stays usable without its name, where the system allows it.
    remove();
  } catch {
    process.once('exit', () => {
      closeSync(file);
      remove();
    });
  }
  return file;
}

/** Pixels of pictures one after the other, those left out that can't be read. */
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
