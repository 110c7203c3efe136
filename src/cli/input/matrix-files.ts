/**
 * Matrices of files of numbers, read in pieces: nothing is held but the matrix itself, whatever the
 * type of its numbers is in the file.
 */

import { readSafetensorsIndex, toFloat32 } from '../../core/safetensors.js';
import { decodeNpy, NPY_HEAD, readNpyHeader } from '../../data/files/npy.js';
import type { Matrix } from '../../index.js';
import { InputError } from '../../terminal/errors.js';
import { fileSize } from '../../terminal/files.js';
import { PIECE, readRange, withFile } from './file-pieces.js';

/** Where the numbers of a matrix lie in a file. */
interface Layout {
  readonly shape: readonly number[];
  readonly fortranOrder: boolean;
  /** First byte, and the one behind the last. */
  readonly begin: number;
  readonly end: number;
  decode(buffer: ArrayBuffer): ArrayLike<number>;
}

/** Calls a reader of the library; its errors are about the file. */
export function ofFile<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    throw new InputError(
      (error.message.startsWith(path) ? error.message : `${path}: ${error.message}`).replace(
        ': bytes must be',
        ': must be',
      ),
    );
  }
}

/** Reads a matrix piece by piece as f32. */
function readMatrix(path: string, file: number, layout: Layout): Matrix {
  const { shape, fortranOrder, begin, end } = layout;
  const [rows = 0, cols = 0] = shape;
  const data = new Float32Array(rows * cols);
  let at = 0;
  for (let from = begin; from < end; from += PIECE) {
    const length = Math.min(PIECE, end - from);
    const bytes = readRange(file, from, length);
    if (bytes.length < length) throw new InputError(`${path}: became shorter while it was read`);
    const numbers = layout.decode(bytes.buffer as ArrayBuffer);
    for (let i = 0; i < numbers.length; i++, at++) {
      const value = numbers[i] as number;
      const index = fortranOrder ? (at % rows) * cols + Math.floor(at / rows) : at;
      if (!Number.isFinite(Math.fround(value))) {
        const position = `[${Math.floor(index / cols)}, ${index % cols}]`;
        throw new InputError(`${path}: must hold finite numbers, got ${value} at ${position}`);
      }
      data[index] = value;
    }
  }
  return { data, rows, cols };
}

/**
 * Reads the matrix of a `.npy` file.
 *
 * @throws {InputError} if it is not such a file, or a number is not finite
 */
export function readNpyMatrix(path: string): Matrix {
  const size = fileSize(path);
  return withFile(path, (file) => {
    const head = readRange(file, 0, Math.min(NPY_HEAD, size));
    const { type, start, ...header } = ofFile(path, () => readNpyHeader(path, head, size));
    const decode = (buffer: ArrayBuffer): ArrayLike<number> => decodeNpy(type, buffer);
    return readMatrix(path, file, { ...header, begin: start, end: size, decode });
  });
}

/**
 * Reads one matrix of a safetensors file, and the metadata of its header.
 *
 * @param name matrix that is taken of several
 * @throws {InputError} if it is not such a file, has no such matrix, or a number is not finite
 */
export function readTensorMatrix(
  path: string,
  name: string,
): { matrix: Matrix; metadata: Record<string, string> } {
  const size = fileSize(path);
  return withFile(path, (file) => {
    const { arrays, metadata } = ofFile(path, () =>
      readSafetensorsIndex(path, size, (length) => readRange(file, 0, length)),
    );
    const matrices = [...arrays].filter(([, { shape }]) => shape.length === 2);
    const [key, array] = matrices.find(([each]) => each === name) ?? matrices[0] ?? [];
    if (key === undefined || array === undefined || (matrices.length > 1 && key !== name)) {
      const found = [...arrays.keys()].join(', ').slice(0, 200) || 'none';
      throw new InputError(`${path}: must hold one matrix, or one named ${name}, got ${found}`);
    }
    const { dtype, shape, begin, end } = array;
    if (begin === end) throw new InputError(`${path}: ${JSON.stringify(key)} is empty`);
    const decode = (buffer: ArrayBuffer): ArrayLike<number> =>
      toFloat32(`${path}: ${JSON.stringify(key)}`, dtype, new Uint8Array(buffer));
    const layout = { shape, fortranOrder: false, begin, end, decode };
    return { matrix: ofFile(path, () => readMatrix(path, file, layout)), metadata };
  });
}
