/** Embeddings as models and APIs give them, as one matrix. */

import { parseBase64 } from '../core/base64.js';
import { decodeHalves } from '../core/float16.js';
import {
  copyFloatsOut,
  copyIn,
  type Matrix,
  type MatrixLike,
  type NumberArray,
  readMatrix,
} from '../core/matrix.js';
import { scoped } from '../core/memory.js';
import { checkNoOptions } from '../core/options.js';
import {
  integerIn,
  isNumberArray,
  type NoOptions,
  rangeError,
  typeError,
} from '../core/validation.js';

/** One embedding of an API's answer. */
export interface EmbeddingItem {
  /** Numbers, or the base64 of little-endian f32. */
  readonly embedding: NumberArray | string;
  /** Position of the input that it belongs to; without it, the order is that of the list. */
  readonly index?: number;
}

/** An API's answer: `{ data: [{ embedding, index }, …] }`, or `{ embeddings: [[…], …] }`. */
export type EmbeddingResponse =
  | {
      /** One item per input. */
      readonly data: readonly EmbeddingItem[];
    }
  | {
      /** One row per input, or rows by their type. */
      readonly embeddings: MatrixLike | { readonly float: MatrixLike };
    };

/** An array of another library, its numbers column by column. */
interface ColumnMajor {
  /** rows × cols numbers. */
  readonly data: NumberArray;
  /** [rows, cols] */
  readonly dims?: readonly number[];
  /** [rows, cols] */
  readonly shape?: readonly number[];
  /** Set by readers of `.npy` files where numbers lie column by column. */
  readonly fortranOrder?: boolean;
  /** [1, rows] where numbers lie column by column. */
  readonly stride?: NumberArray;
  /** Another name of `stride`. */
  readonly strides?: NumberArray;
  /** Index of the first number; must be 0. */
  readonly offset?: number;
}

/**
 * Makes a matrix of anything that holds one: every `MatrixLike`, one vector (one row), an API's
 * `{ data: [{ embedding, index }] }` (numbers or base64; rows in the order of `index`) or
 * `{ embeddings: [[…]] }`, 16-bit floats (`Float16Array`, or a tensor of type `float16` or
 * `bfloat16` over a `Uint16Array`), and column-major numbers (`fortranOrder`, or a stride of
 * [1, rows]), which are transposed.
 *
 * @param x the embeddings
 * @param options none yet
 * @returns a new (n, d) matrix
 * @throws {TypeError} if it is none of these
 * @throws {RangeError} if its shape or a value is not valid
 * @example toMatrix([[1, 2], [3, 4]]) // { data: Float32Array [1, 2, 3, 4], rows: 2, cols: 2 }
 */
export function toMatrix(
  x: MatrixLike | NumberArray | EmbeddingResponse | readonly EmbeddingItem[] | ColumnMajor,
  options?: NoOptions,
): Matrix {
  const input = readMatrix('toMatrix', 'x', transposed(unwrap(x)), true);
  checkNoOptions('toMatrix', options);
  const { rows, cols } = input;
  return scoped((scope) => {
    const data = copyFloatsOut('toMatrix', copyIn(scope, input), rows * cols);
    return { data, rows, cols };
  });
}

/** Gives the rows of an API's answer, or the value itself. */
function unwrap(x: unknown): unknown {
  if (typeof x !== 'object' || x === null) return x;
  if (Array.isArray(x)) return isItem(x[0]) ? readItems('x', x) : x;
  if ('rows' in x || 'cols' in x || 'dims' in x || 'shape' in x) return x;
  const { data, embeddings } = x as { data?: unknown; embeddings?: unknown };
  if (data === undefined && embeddings !== undefined) {
    return (embeddings as { float?: unknown } | null)?.float ?? embeddings;
  }
  if (!Array.isArray(data) || (data.length > 0 && typeof data[0] !== 'object')) return x;
  return readItems('x.data', data);
}

/** Reads a list of embeddings, in the order of their `index` if all have one. */
function readItems(what: string, list: readonly unknown[]): NumberArray[] {
  if (list.length === 0) rangeError('toMatrix', what, 'at least one embedding long', 0);
  const items = Array.from(list, (item: unknown, i) => {
    const argument = `${what}[${i}]`;
    if (!isItem(item)) typeError('toMatrix', argument, 'an object with an embedding', item);
    const row = readEmbedding(`${argument}.embedding`, item.embedding);
    return { row, index: item.index, argument: `${argument}.index` };
  });
  if (items.some(({ index }) => index === undefined)) return items.map(({ row }) => row);
  const seen = new Set<number>();
  for (const { index, argument } of items) {
    const position = integerIn(0)('toMatrix', argument, index);
    if (seen.has(position)) rangeError('toMatrix', argument, 'different from the others', index);
    seen.add(position);
  }
  return items.sort((a, b) => Number(a.index) - Number(b.index)).map(({ row }) => row);
}

function isItem(value: unknown): value is EmbeddingItem {
  return typeof value === 'object' && value !== null && 'embedding' in value;
}

function readEmbedding(argument: string, embedding: unknown): NumberArray {
  if (typeof embedding === 'string') return decodeFloats(argument, embedding);
  if (isNumberArray(embedding)) return embedding;
  typeError('toMatrix', argument, 'an array of numbers or base64', embedding);
}

/** Decodes little-endian f32 from base64. */
function decodeFloats(argument: string, text: string): Float32Array {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = parseBase64(text);
  } catch {
    rangeError('toMatrix', argument, 'valid base64', text);
  }
  if (bytes.length === 0 || bytes.length % 4 !== 0) {
    rangeError('toMatrix', argument, 'base64 of 4 bytes per number', `${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer);
  const values = new Float32Array(bytes.length / 4);
  for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(4 * i, true);
  return values;
}

/** Copies column-major numbers row by row; gives back everything else as it is. */
function transposed(x: unknown): unknown {
  if (typeof x !== 'object' || x === null || !('data' in x)) return x;
  const {
    dims,
    shape = dims,
    fortranOrder,
    stride,
    strides = stride,
    offset = 0,
  } = x as ColumnMajor;
  const data = decodeHalves(x) ?? (x as ColumnMajor).data;
  if (!isNumberArray(shape) || shape.length !== 2 || !isNumberArray(data)) return x;
  const [rows, cols] = [shape[0] as number, shape[1] as number];
  const byStride = isNumberArray(strides) && strides[0] === 1 && strides[1] === rows && rows > 1;
  // Sizes that don't fit go to readMatrix, which says what is wrong with them.
  if (!(byStride || fortranOrder === true) || data.length !== rows * cols || offset !== 0) return x;
  const steps = Array.from({ length: cols }, (_, c) => c * rows);
  const found = Array.from({ length: rows }, (_, r) => steps.map((step) => data[r + step]));
  return found as NumberArray[];
}
