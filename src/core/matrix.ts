/**
 * Matrices as callers have them: what counts as one, how its rows reach WASM memory, and how a
 * result leaves it.
 */

import { decodeFloat16, isFloat16 } from './float16.js';
import { kernels } from './kernels.js';
import { f32, type Pointer, type Scope } from './memory.js';
import { isNumberArray, NonFiniteError, rangeError, show, typeError } from './validation.js';
import { WasmMatrix } from './wasm-matrix.js';

/** Row-major f32: element (i, j) is `data[i * cols + j]`. */
export interface Matrix {
  data: Float32Array;
  rows: number;
  cols: number;
}

/** Numbers in a row: a plain array or any typed array of numbers. */
export type NumberArray = ArrayLike<number>;

/** Another library's tensor; `type` or `dtype` says `'float16'` where a Uint16Array holds halves. */
interface TensorNumbers {
  readonly data: NumberArray;
  readonly type?: unknown;
  readonly dtype?: unknown;
}

/**
 * What every function takes as a matrix: a `Matrix`, anything with `data` and a two-element `dims`
 * or `shape` (tensors of other libraries, row-major), or an array of rows. Where queries are meant,
 * a single vector counts as one row.
 */
export type MatrixLike =
  | { readonly data: NumberArray; readonly rows: number; readonly cols: number }
  | (TensorNumbers & { readonly dims: readonly number[] })
  | (TensorNumbers & { readonly shape: readonly number[] })
  | readonly NumberArray[];

/** A matrix whose shape has been read and found sound, and whose numbers have not been touched. */
export interface MatrixInput {
  readonly name: string;
  readonly argument: string;
  readonly rows: number;
  readonly cols: number;
  /** The rows in one array, or row by row. */
  readonly data: NumberArray | readonly NumberArray[];
  /** Whether `data` is not the caller's own array. */
  readonly decoded?: boolean;
  /** The matrix itself where it is in WASM memory; then `data` is empty. */
  readonly resident?: WasmMatrix;
}

const EXPECTED =
  'a matrix: { data, rows, cols }, { data, dims or shape }, or an array of rows of numbers';

/**
 * Reads the shape of an argument without copying it.
 * @param vector whether a single vector counts as a row
 * @throws TypeError if it is no matrix, RangeError if its shape is not sound
 */
export function readMatrix(
  name: string,
  argument: string,
  value: unknown,
  vector = false,
): MatrixInput {
  if (vector && isNumberArray(value) && !isRow(value[0])) {
    if (value.length === 0) rangeError(name, argument, 'at least one number long', 0);
    checkFirst(name, argument, value);
    return { name, argument, rows: 1, cols: value.length, data: value };
  }
  if (value instanceof WasmMatrix) {
    return { name, argument, rows: value.rows, cols: value.cols, data: [], resident: value };
  }
  if (Array.isArray(value)) return readRows(name, argument, value);
  if (typeof value !== 'object' || value === null || !('data' in value)) {
    typeError(name, argument, EXPECTED, value);
  }
  return readFlat(name, argument, value as Flat);
}

function isRow(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** The wrong kind of numbers is said before the wrong number of them. */
function checkFirst(name: string, argument: string, data: NumberArray): void {
  if (data.length > 0 && typeof data[0] !== 'number') {
    typeError(name, `${argument}[0]`, 'a number', data[0]);
  }
}

function readRows(name: string, argument: string, value: readonly unknown[]): MatrixInput {
  if (value.length === 0) rangeError(name, argument, 'a matrix of at least one row', value);
  const first = value[0];
  if (!isNumberArray(first)) typeError(name, `${argument}[0]`, 'a row of numbers', first);
  const cols = first.length;
  if (cols === 0) rangeError(name, `${argument}[0]`, 'at least one number long', 0);
  for (let r = 1; r < value.length; r++) {
    const row = value[r];
    if (!isNumberArray(row)) typeError(name, `${argument}[${r}]`, 'a row of numbers', row);
    if (row.length !== cols) {
      rangeError(name, `${argument}[${r}]`, `${cols} long like the first row`, row.length);
    }
  }
  const data = value as readonly NumberArray[];
  return { name, argument, rows: value.length, cols, data };
}

interface Flat {
  data: unknown;
  rows?: unknown;
  cols?: unknown;
  dims?: unknown;
  shape?: unknown;
  stride?: unknown;
  offset?: unknown;
}

function readFlat(name: string, argument: string, value: Flat): MatrixInput {
  const decoded = isFloat16(value);
  const data = decoded ? decodeFloat16(value.data) : value.data;
  if (!isNumberArray(data)) typeError(name, `${argument}.data`, 'an array of numbers', data);
  checkFirst(name, `${argument}.data`, data);
  const [rows, cols] = readShape(name, argument, value);
  if (data.length !== rows * cols) {
    const expected = `${rows} × ${cols} = ${rows * cols} long`;
    rangeError(name, `${argument}.data`, expected, data.length);
  }
  // An n-dimensional array of another library may be a view: only a row-major one is a matrix.
  const { stride, offset } = value;
  if (Array.isArray(stride) && !((stride[0] === cols || rows === 1) && stride[1] === 1)) {
    refuseList(name, `${argument}.stride`, `[${cols}, 1] (row-major)`, stride);
  }
  if (typeof offset === 'number' && offset !== 0) {
    rangeError(name, `${argument}.offset`, '0', offset);
  }
  return { name, argument, rows, cols, data, decoded };
}

/** Rows and columns, by whichever names they have; where they have several, these must agree. */
function readShape(name: string, argument: string, value: Flat): [number, number] {
  const { rows, cols } = value;
  const first = value.dims === undefined ? 'shape' : 'dims';
  const named = rows !== undefined || cols !== undefined || value[first] === undefined;
  const shape: [number, number] = named
    ? [extent(name, argument, '.rows', rows), extent(name, argument, '.cols', cols)]
    : readPair(name, `${argument}.${first}`, value[first]);
  const origin = named ? 'rows and cols' : first;
  for (const key of ['dims', 'shape'] as const) {
    const other = value[key];
    if (key === origin || !isNumberArray(other)) continue;
    if (other.length === 2 && other[0] === shape[0] && other[1] === shape[1]) continue;
    refuseList(name, `${argument}.${key}`, `[${shape.join(', ')}] like ${origin}`, other);
  }
  return shape;
}

function readPair(name: string, argument: string, pair: unknown): [number, number] {
  if (!isNumberArray(pair)) typeError(name, argument, '[rows, cols]', pair);
  if (pair.length !== 2) refuseList(name, argument, 'two numbers, [rows, cols]', pair);
  return [extent(name, argument, '[0]', pair[0]), extent(name, argument, '[1]', pair[1])];
}

function refuseList(name: string, argument: string, expected: string, got: NumberArray): never {
  const items = Array.from(got).slice(0, 5).map(show);
  const list = items.length < got.length ? [...items, '…'] : items;
  throw new RangeError(`${name}: ${argument} must be ${expected}, got [${list.join(', ')}]`);
}

/** A number of rows or columns; its place in the argument is put into words only to refuse it. */
function extent(name: string, argument: string, place: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
  const refuse = typeof value === 'number' ? rangeError : typeError;
  return refuse(name, argument + place, 'a whole number of at least 1', value);
}

/** Refuses a matrix that is not `cols` wide like another one. */
export function checkWidth(source: MatrixInput, like: MatrixInput): void {
  if (source.cols === like.cols) return;
  rangeError(source.name, source.argument, `${like.cols} wide like ${like.argument}`, source.cols);
}

/** Refuses a matrix that has not the shape of another one. */
export function checkShape(source: MatrixInput, like: MatrixInput): void {
  if (source.rows !== like.rows) {
    const expected = `of ${like.rows} rows like ${like.argument}`;
    rangeError(source.name, source.argument, expected, source.rows);
  }
  checkWidth(source, like);
}

/**
 * Copies rows `from` to `to` of a matrix to an address.
 * @throws TypeError at the first element that is no number, RangeError at the first that is not
 * finite or past f32's range
 */
export function copyRowsIn(source: MatrixInput, at: Pointer, from: number, to: number): void {
  const { cols, data, resident } = source;
  const heap = f32();
  const start = at / 4;
  if (resident) {
    const begin = resident.at / 4;
    heap.copyWithin(start, begin + from * cols, begin + to * cols);
  } else if (isRow(data[0])) {
    for (let r = from; r < to; r++) {
      copyNumbers(
        source,
        heap,
        start + (r - from) * cols,
        data[r] as NumberArray,
        0,
        cols,
        r * cols,
      );
    }
  } else {
    const numbers = data as NumberArray;
    copyNumbers(source, heap, start, numbers, from * cols, to * cols, from * cols);
  }
  const bad = kernels().firstNonFinite(at, (to - from) * cols);
  if (bad >= 0) refuseNumber(source, from * cols + bad);
}

/** Copies numbers begin..end of an array; `first` is the index in the matrix of the first. */
function copyNumbers(
  source: MatrixInput,
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
      const { name, argument } = source;
      const where = place(source, first + i - begin);
      throw new TypeError(
        `${name}: ${argument} must hold only numbers, got ${show(value)} ${where}`,
      );
    }
    heap[at + i - begin] = value;
  }
}

/** Says what is wrong with the number at `index`. */
function refuseNumber(source: MatrixInput, index: number): never {
  const { name, argument, cols } = source;
  const data = source.resident?.data ?? source.data;
  const value = isRow(data[0])
    ? (data[Math.floor(index / cols)] as NumberArray)[index % cols]
    : (data as NumberArray)[index];
  const expected = Number.isFinite(value) ? "within f32's range" : 'finite';
  throw new NonFiniteError(
    `${name}: ${argument} must be ${expected}, got ${show(value)} ${place(source, index)}`,
  );
}

function place({ cols }: MatrixInput, index: number): string {
  return `at index ${index} (row ${Math.floor(index / cols)}, column ${index % cols})`;
}

/** Takes memory for a matrix and copies it there. */
export function copyIn(scope: Scope, source: MatrixInput): Pointer {
  const at = scope.f32(source.rows * source.cols);
  copyRowsIn(source, at, 0, source.rows);
  return at;
}

/** Refuses a matrix that f32 numbers can't be written back to. */
export function checkWritable(source: MatrixInput): void {
  const { name, argument, data, decoded } = source;
  const expected = 'writable numbers of at least 32 bits, to be changed in place';
  if (decoded) throw new TypeError(`${name}: ${argument} must hold ${expected}, got float16`);
  const arrays = isRow(data[0]) ? (data as readonly NumberArray[]) : [data as NumberArray];
  for (const numbers of arrays) {
    const plain = Array.isArray(numbers);
    const wide = numbers instanceof Float32Array || numbers instanceof Float64Array;
    if (plain ? !Object.isFrozen(numbers) : wide) continue;
    const got = plain ? 'a frozen array' : show(numbers);
    throw new TypeError(`${name}: ${argument} must hold ${expected}, got ${got}`);
  }
}

/** Copies a matrix from WASM memory over the numbers that it came from. */
export function writeBack(source: MatrixInput, at: Pointer): void {
  const { rows, cols, data } = source;
  const start = at / 4;
  if (isRow(data[0])) {
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
 * Copies a result out of WASM memory, or, if it is the gradient of a matrix that lives there, to
 * where that wants it.
 * @throws RangeError if it has left f32's range on the way
 */
export function copyOut(
  name: string,
  at: Pointer,
  rows: number,
  cols: number,
  gradientOf?: MatrixInput,
): Matrix {
  const resident = gradientOf?.resident;
  if (resident) {
    checkResult(name, at, rows * cols);
    f32().copyWithin(resident.grad / 4, at / 4, at / 4 + rows * cols);
    return new WasmMatrix(resident.grad, rows, cols, 0);
  }
  return { data: copyFloatsOut(name, at, rows * cols), rows, cols };
}

/** The same for a plain array of f32. */
export function copyFloatsOut(name: string, at: Pointer, length: number): Float32Array {
  checkResult(name, at, length);
  return f32().slice(at / 4, at / 4 + length);
}

function checkResult(name: string, at: Pointer, length: number): void {
  const bad = kernels().firstNonFinite(at, length);
  if (bad >= 0) {
    throw new NonFiniteError(
      `${name}: the result at index ${bad} is past f32's range: scale the input down`,
    );
  }
}

/** Refuses a loss that is not finite: its input was too large for f32. */
export function checkLoss(name: string, loss: number): number {
  if (Number.isFinite(loss)) return loss;
  throw new NonFiniteError(`${name}: the result is past f32's range: scale the input down`);
}
