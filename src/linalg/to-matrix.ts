/** Embeddings as models and APIs hand them out, to one matrix. */

import {
  copyRowsIn,
  type Matrix,
  type MatrixLike,
  type NumberArray,
  readMatrix,
} from '../core/matrix.js';
import { f32, scoped } from '../core/memory.js';
import { isNumberArray, rangeError, typeError } from '../core/validation.js';

/** One embedding of an API's answer: numbers, or the base64 of little-endian f32. */
export interface EmbeddingItem {
  readonly embedding: NumberArray | string;
}

/** An API's answer, `{ data: [{ embedding }, …] }`, or its list alone. */
export type EmbeddingResponse = { readonly data: readonly EmbeddingItem[] };

/**
 * Makes a matrix of anything that holds one: every `MatrixLike`, one vector (one row), an API's
 * `{ data: [{ embedding }] }` with numbers or base64, and f16 (`Float16Array`, or a tensor of type
 * `float16` over a `Uint16Array`).
 *
 * @returns a fresh row-major f32 matrix
 * @throws TypeError if it is none of these, RangeError if its shape or a value is not sound
 * @example toMatrix([[1, 2], [3, 4]]) // { data: Float32Array [1, 2, 3, 4], rows: 2, cols: 2 }
 */
export function toMatrix(
  x: MatrixLike | NumberArray | EmbeddingResponse | readonly EmbeddingItem[],
): Matrix {
  const source = readMatrix('toMatrix', 'x', unwrap(x), true);
  return scoped((scope) => {
    const { rows, cols } = source;
    const at = scope.f32(rows * cols);
    copyRowsIn(source, at, 0, rows);
    return { data: f32().slice(at / 4, at / 4 + rows * cols), rows, cols };
  });
}

/** The rows of an API's answer, or the value itself. */
function unwrap(x: unknown): unknown {
  if (typeof x !== 'object' || x === null) return x;
  const alone = Array.isArray(x);
  const list: unknown = alone ? x : (x as { data?: unknown }).data;
  if (!Array.isArray(list) || !(alone ? isItem(list[0]) : isAnswer(x, list))) return x;
  const what = alone ? 'x' : 'x.data';
  if (list.length === 0) rangeError('toMatrix', what, 'at least one embedding long', 0);
  return Array.from(list, (item: unknown, i) => {
    if (!isItem(item)) typeError('toMatrix', `${what}[${i}]`, 'an object with an embedding', item);
    const { embedding } = item;
    const argument = `${what}[${i}].embedding`;
    if (typeof embedding === 'string') return decodeBase64(argument, embedding);
    if (!isNumberArray(embedding)) {
      typeError('toMatrix', argument, 'an array of numbers or base64', embedding);
    }
    return embedding;
  });
}

/** Whether an object with a list in `data` is an API's answer, and no matrix. */
function isAnswer(x: object, list: readonly unknown[]): boolean {
  if ('rows' in x || 'cols' in x || 'dims' in x || 'shape' in x) return false;
  return list.length === 0 || typeof list[0] === 'object';
}

function isItem(value: unknown): value is EmbeddingItem {
  return typeof value === 'object' && value !== null && 'embedding' in value;
}

/** f32, little-endian, from base64. */
function decodeBase64(argument: string, text: string): Float32Array {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    rangeError('toMatrix', argument, 'valid base64', text);
  }
  if (binary.length === 0 || binary.length % 4 !== 0) {
    rangeError('toMatrix', argument, 'base64 of 4 bytes a number', `${binary.length} bytes`);
  }
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  const view = new DataView(bytes.buffer);
  const values = new Float32Array(bytes.length / 4);
  for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(4 * i, true);
  return values;
}
