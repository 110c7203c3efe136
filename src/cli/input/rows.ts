/** Ready rows of numbers: a `.npy` file and the ids next to it. */

import { existsSync } from 'node:fs';
import type { Matrix } from '../../index.js';
import { InputError } from '../../terminal/errors.js';
import { readNpyMatrix } from './matrix-files.js';
import { readUtf8 } from './texts.js';

/** Rows and what each of them is of. */
export interface Rows extends Matrix {
  ids: readonly string[];
}

/** Path of the file of ids next to a `.npy` file. */
export function idsPath(path: string): string {
  return path.replace(/\.npy$/i, '.ids.txt');
}

/** Bytes of the file of ids: a line for each row. */
export function idsBytes(ids: readonly string[]): Uint8Array {
  // A line feed in the name of a file would shift all that follow.
  return new TextEncoder().encode(ids.map((id) => `${id.replaceAll('\n', '\\n')}\n`).join(''));
}

/** Tells a `.npy` file by its suffix. */
export function isRowsFile(path: string): boolean {
  return path.toLowerCase().endsWith('.npy');
}

/**
 * Reads the rows of a `.npy` file, and their ids from the `.ids.txt` that `nearfar encode` writes
 * next to it; without one they are numbered from 0 on.
 *
 * @throws {InputError} if it is not such a file, or the ids are not as many as the rows
 */
export function readRows(path: string): Rows {
  const matrix = readNpyMatrix(path);
  const file = idsPath(path);
  if (!existsSync(file))
    return { ...matrix, ids: Array.from({ length: matrix.rows }, (_, i) => `${i}`) };
  const ids = readUtf8(file).replace(/\n$/, '').split('\n');
  if (ids.length !== matrix.rows) {
    throw new InputError(`${file}: holds ${ids.length} ids, and ${path} ${matrix.rows} rows`);
  }
  return { ...matrix, ids };
}
