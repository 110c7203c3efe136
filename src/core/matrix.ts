/**
 * Matrices as callers have them: `readMatrix` reads the container and the shape, once; `copyIn`
 * brings the numbers to WASM memory and checks them there; `copyOut` brings a result back.
 */

import { decodeHalves } from './float16.js';
import { kernels } from './kernels.js';
import { f32, type Pointer, type Scope } from './memory.js';
import { isNumberArray, NonFiniteError, rangeError, show, tagOf, typeError } from './validation.js';
import { WasmMatrix } from './wasm-matrix.js';

/** A matrix of f32 in row-major order: element (i, j) is `data[i * cols + j]`. */
export interface Matrix {
  /** rows × cols numbers, row by row. */
  data: Float32Array;
  /** Number of rows, at least 1. */
  rows: number;
  /** Number of columns, at least 1. */
  cols: number;
}

/** A vector: a plain array or any typed array of numbers. */
export type NumberArray = ArrayLike<number>;

/** Another library's tensor; `type` or `dtype` names halves in a Uint16Array: float16, bfloat16. */
interface TensorNumbers {
  readonly data: NumberArray;
  readonly type?: unknown;
  readonly dtype?: unknown;
}

/**
 * A matrix in any form that functions take: a `Matrix`, a tensor of `nearfar/nn` (read where it
 * lies), anything with `data` and a two-element `dims` or `shape` (tensors of other libraries,
 * row-major), or an array of rows. Where queries are meant, a single vector counts as one row.
 */
export type MatrixLike =
  | {
      /** rows × cols numbers, row by row. */
      readonly data: NumberArray;
      /** Number of rows, at least 1. */
      readonly rows: number;
      /** Number of columns, at least 1. */
      readonly cols: number;
    }
  | (TensorNumbers & { readonly dims: readonly number[] })
  | (TensorNumbers & { readonly shape: readonly number[] })
  | readonly NumberArray[];

/** A matrix whose shape has been read and checked, but not its numbers. */
export interface MatrixInput {
  /** Function and argument that messages name. */
  readonly name: string;
  readonly argument: string;
  readonly rows: number;
  readonly cols: number;
  /** All rows in one array, or row by row. */
  readonly data: NumberArray | readonly NumberArray[];
  /** Set where `data` is a copy of the caller's numbers. */
  readonly copied?: boolean;
  /** Address of the numbers, where they are in WASM memory already. */
  readonly at?: Pointer | undefined;
  /** Address where the gradient is wanted, where that is in WASM memory too. */
  readonly grad?: Pointer;
}

const EXPECTED =
  'a matrix: { data, rows, cols }, { data, dims or shape }, or an array of rows of numbers';

/**
 * Reads the container and the shape of a matrix, not its numbers.
 *
 * @param vector whether a single vector counts as a row
 * @throws {TypeError} if it is not a matrix
 * @throws {RangeError} if its shape is not valid
 */
export function readMatrix(
  name: string,
  argument: string,
  value: unknown,
  vector = false,
): MatrixInput {
  if (value instanceof WasmMatrix) {
    const { at, rows, cols, grad } = value;
    return { name, argument, rows, cols, data: [], at, grad };
  }
  if (vector && isNumberArray(value) && !isObject(value[0])) {
    if (value.length === 0) rangeError(name, argument, 'at least one number long', 0);
    checkFirst(name, argument, value);
    return { name, argument, rows: 1, cols: value.length, data: value, at: addressOf(value) };
  }
  if (Array.isArray(value)) return readRows(name, argument, value);
  if (!isObject(value) || !('data' in value)) typeError(name, argument, EXPECTED, value);
  return readContainer(name, argument, value);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Address of an array that is a view of WASM memory: allocating may detach it. */
function addressOf(data: unknown): Pointer | undefined {
  const view = data as Float32Array;
  return data instanceof Float32Array && view.buffer === f32().buffer ? view.byteOffset : undefined;
}

/** The wrong kind of numbers is said before the wrong number of them. */
function checkFirst(name: string, argument: string, data: NumberArray): void {
  if (data.length > 0 && typeof data[0] !== 'number') {
    typeError(name, `${argument}[0]`, 'a number', data[0]);
  }
}

function readRows(name: string, argument: string, value: readonly unknown[]): MatrixInput {
  if (value.length === 0) rangeError(name, argument, 'a matrix of at least one row', value);
  let cols = 0;
  let copied = false;
  let data = value as readonly NumberArray[];
  for (let r = 0; r < value.length; r++) {
    const row = value[r];
    if (!isNumberArray(row)) typeError(name, `${argument}[${r}]`, 'a row of numbers', row);
    if (r === 0) cols = row.length;
    if (cols === 0) rangeError(name, `${argument}[0]`, 'at least one number long', 0);
    if (row.length !== cols) {
      rangeError(name, `${argument}[${r}]`, `${cols} long like the first row`, row.length);
    }
    copied ||= addressOf(row) !== undefined;
  }
  if (copied) data = data.map((row) => Array.from(row));
  return { name, argument, rows: value.length, cols, data, copied };
}

/** A tensor of another library, a `Matrix`, or a tensor of nearfar/nn. */
interface Container {
  data: unknown;
  rows?: unknown;
  cols?: unknown;
  dims?: unknown;
  shape?: unknown;
  stride?: unknown;
  strides?: unknown;
  offset?: unknown;
  fortranOrder?: unknown;
}

function readContainer(name: string, argument: string, value: object): MatrixInput {
  const container = value as Container;
  const halves = decodeHalves(container);
  const data = halves ?? container.data;
  if (!isNumberArray(data)) typeError(name, `${argument}.data`, 'an array of numbers', data);
  checkFirst(name, `${argument}.data`, data);
  const [rows, cols] = readShape(name, argument, container);
  if (data.length !== rows * cols) {
    const expected = `${rows} × ${cols} = ${rows * cols} long`;
    rangeError(name, `${argument}.data`, expected, data.length);
  }
  checkLayout(name, argument, container, rows, cols);
  return { name, argument, rows, cols, data, copied: halves !== undefined, at: addressOf(data) };
}

/** Refuses views of another library's array that are not row-major. */
function checkLayout(
  name: string,
  argument: string,
  { stride, strides, offset, fortranOrder }: Container,
  rows: number,
  cols: number,
): void {
  for (const steps of [stride, strides]) {
    if (!isNumberArray(steps) || ((steps[0] === cols || rows === 1) && steps[1] === 1)) continue;
    rejectList(name, `${argument}.stride`, `[${cols}, 1] (row-major)`, steps);
  }
  if (offset !== undefined && offset !== 0) rangeError(name, `${argument}.offset`, '0', offset);
  if (fortranOrder === true && rows > 1 && cols > 1) {
    rangeError(name, `${argument}.fortranOrder`, 'false (row-major)', fortranOrder);
  }
}

/** Reads rows and columns, by whichever names they have; where they have several, they must agree. */
function readShape(name: string, argument: string, value: Container): [number, number] {
  const { rows, cols } = value;
  const first = value.dims === undefined ? 'shape' : 'dims';
  const named = rows !== undefined || cols !== undefined || value[first] === undefined;
  const shape: [number, number] = named
    ? [readExtent(name, `${argument}.rows`, rows), readExtent(name, `${argument}.cols`, cols)]
    : readPair(name, `${argument}.${first}`, value[first]);
  const origin = named ? 'rows and cols' : first;
  for (const key of ['dims', 'shape'] as const) {
    const other = value[key];
    if (key === origin || !isNumberArray(other)) continue;
    if (other.length === 2 && other[0] === shape[0] && other[1] === shape[1]) continue;
    rejectList(name, `${argument}.${key}`, `[${shape.join(', ')}] like ${origin}`, other);
  }
  return shape;
}

function readPair(name: string, argument: string, pair: unknown): [number, number] {
  if (!isNumberArray(pair)) typeError(name, argument, '[rows, cols]', pair);
  if (pair.length !== 2) rejectList(name, argument, 'two numbers, [rows, cols]', pair);
  return [readExtent(name, `${argument}[0]`, pair[0]), readExtent(name, `${argument}[1]`, pair[1])];
}

function rejectList(name: string, argument: string, expected: string, got: NumberArray): never {
  const items = Array.from(got).slice(0, 5).map(show);
  const list = items.length < got.length ? [...items, '…'] : items;
  throw new RangeError(`${name}: ${argument} must be ${expected}, got [${list.join(', ')}]`);
}

/** Checks a number of rows or columns. */
function readExtent(name: string, argument: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
  const reject = typeof value === 'number' ? rangeError : typeError;
  return reject(name, argument, 'a whole number of at least 1', value);
}

/** Checks that a matrix is as wide as another one. */
export function checkWidth(source: MatrixInput, like: MatrixInput): void {
  if (source.cols === like.cols) return;
  rangeError(source.name, source.argument, `${like.cols} wide like ${like.argument}`, source.cols);
}

/** Checks that a matrix has the shape of another one. */
export function checkShape(source: MatrixInput, like: MatrixInput): void {
  if (source.rows !== like.rows) {
    const expected = `of ${like.rows} rows like ${like.argument}`;
    rangeError(source.name, source.argument, expected, source.rows);
  }
  checkWidth(source, like);
}

/**
 * Copies rows `from` to `to` of a matrix to an address and checks their numbers there.
 *
 * @throws {TypeError} at the first element that is not a number
 * @throws {RangeError} at the first number that is not finite or past f32's range
 */
export function copyRowsIn(input: MatrixInput, at: Pointer, from: number, to: number): void {
  const { cols, data } = input;
  const heap = f32();
  const start = at / 4;
  if (input.at !== undefined) {
    const begin = input.at / 4;
    heap.copyWithin(start, begin + from * cols, begin + to * cols);
  } else if (isObject(data[0])) {
    for (let r = from; r < to; r++) {
      const row = data[r] as NumberArray;
      copyNumbers(input, heap, start + (r - from) * cols, row, 0, cols, r * cols);
    }
  } else {
    const numbers = data as NumberArray;
    copyNumbers(input, heap, start, numbers, from * cols, to * cols, from * cols);
  }
  const bad = kernels().firstNonFinite(at, (to - from) * cols);
  if (bad >= 0) rejectNumber(input, at, from * cols + bad, bad);
}

/** Copies numbers begin..end of an array; `first` is the index of the first in the matrix. */
function copyNumbers(
  input: MatrixInput,
  heap: Float32Array,
  at: number,
  numbers: NumberArray,
  begin: number,
  end: number,
  first: number,
): void {
  if (ArrayBuffer.isView(numbers)) {
    const typed = numbers as unknown as Float32Array;
    heap.set(begin === 0 && end === typed.length ? typed : typed.subarray(begin, end), at);
    return;
  }
  for (let i = begin; i < end; i++) {
    const value: unknown = numbers[i];
    if (typeof value !== 'number') {
      const { name, argument } = input;
      const where = position(input, first + i - begin);
      throw new TypeError(
        `${name}: ${argument} must hold only numbers, got ${show(value)} ${where}`,
      );
    }
    heap[at + i - begin] = value;
  }
}

/**
 * Says what is wrong with a number.
 *
 * @param index of the number in the matrix
 * @param copied index of its copy, counted from `at`
 */
function rejectNumber(input: MatrixInput, at: Pointer, index: number, copied: number): never {
  const { name, argument, cols, data } = input;
  let value: unknown = data[index];
  if (input.at !== undefined) value = f32()[at / 4 + copied];
  else if (isObject(data[0])) value = (data[Math.floor(index / cols)] as NumberArray)[index % cols];
  const expected = Number.isFinite(value) ? "within f32's range" : 'finite';
  const where = position(input, index);
  throw new NonFiniteError(`${name}: ${argument} must be ${expected}, got ${show(value)} ${where}`);
}

function position({ cols }: MatrixInput, index: number): string {
  return `at index ${index} (row ${Math.floor(index / cols)}, column ${index % cols})`;
}

/** Copies a matrix to memory of `scope`. */
export function copyIn(scope: Scope, input: MatrixInput): Pointer {
  const at = scope.f32(input.rows * input.cols);
  copyRowsIn(input, at, 0, input.rows);
  return at;
}

/** Checks that f32 numbers can be written back to a matrix. */
export function checkWritable(input: MatrixInput): void {
  const { name, argument, data, copied } = input;
  const expected = 'writable numbers of at least 32 bits, to be changed in place';
  if (copied) throw new TypeError(`${name}: ${argument} must hold ${expected}, got a copy`);
  const arrays = isObject(data[0]) ? (data as readonly NumberArray[]) : [data as NumberArray];
  for (const numbers of arrays) {
    const plain = Array.isArray(numbers);
    const wide = /^Float(32|64)Array$/.test(tagOf(numbers));
    if (plain ? !Object.isFrozen(numbers) : wide) continue;
    const got = plain ? 'a frozen array' : show(numbers);
    throw new TypeError(`${name}: ${argument} must hold ${expected}, got ${got}`);
  }
}

/** Copies a matrix from WASM memory over the numbers that it was read from. */
export function writeBack(input: MatrixInput, at: Pointer): void {
  const { rows, cols, data } = input;
  const start = at / 4;
  if (input.at !== undefined) {
    f32().copyWithin(input.at / 4, start, start + rows * cols);
  } else if (isObject(data[0])) {
    for (let r = 0; r < rows; r++) writeNumbers(data[r] as number[], start + r * cols, cols);
  } else {
    writeNumbers(data as number[], start, rows * cols);
  }
}

function writeNumbers(
  to: number[] | Float32Array | Float64Array,
  start: number,
  length: number,
): void {
  const numbers = f32().subarray(start, start + length);
  if (!Array.isArray(to)) to.set(numbers);
  else for (let i = 0; i < length; i++) to[i] = numbers[i] as number;
}

/**
 * Copies a result out of WASM memory; the gradient of a matrix that lies there goes where that
 * wants it.
 *
 * @param gradOf the matrix that the result is the gradient of, if it is one
 * @throws {RangeError} if the result has left f32's range
 */
export function copyOut(
  name: string,
  at: Pointer,
  rows: number,
  cols: number,
  gradOf?: MatrixInput,
): Matrix {
  checkResult(name, at, rows * cols);
  return copyOutFinite(at, rows, cols, gradOf);
}

/** Copies a result out as `copyOut` does, one whose numbers can't leave f32's range. */
export function copyOutFinite(
  at: Pointer,
  rows: number,
  cols: number,
  gradOf?: MatrixInput,
): Matrix {
  const grad = gradOf?.grad;
  if (grad === undefined) {
    return { data: f32().slice(at / 4, at / 4 + rows * cols), rows, cols };
  }
  f32().copyWithin(grad / 4, at / 4, at / 4 + rows * cols);
  return new WasmMatrix(grad, rows, cols, 0);
}

/** Copies a plain array of f32 out of WASM memory, as `copyOut` does. */
export function copyFloatsOut(name: string, at: Pointer, length: number): Float32Array {
  checkResult(name, at, length);
  return f32().slice(at / 4, at / 4 + length);
}

const OVERFLOW = "past f32's range: scale the input down";

function checkResult(name: string, at: Pointer, length: number): void {
  const bad = kernels().firstNonFinite(at, length);
  if (bad >= 0) throw new NonFiniteError(`${name}: the result at index ${bad} is ${OVERFLOW}`);
}

/** Checks that a loss is finite; it is not where the input was too large for f32. */
export function checkLoss(name: string, loss: number): number {
  if (Number.isFinite(loss)) return loss;
  throw new NonFiniteError(`${name}: the result is ${OVERFLOW}`);
}
