/**
 * Reads the fixtures that generate.py writes: tagged arguments become typed arrays and matrices,
 * expected values keep their float64 and the tolerance next to them. README.md has the schema.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface Matrix {
  data: Float32Array;
  rows: number;
  cols: number;
}

/** Expected value of a result: `within` is absolute, one number or one for each row. */
export type Expected =
  | { number: number; within: number }
  | { int32: number[] }
  | { object: Record<string, Expected> }
  | ExpectedArray;

/** A Matrix, or without `matrix` a Float32Array. */
export interface ExpectedArray {
  f64: string;
  within: number | number[];
  matrix?: [number, number];
}

type Tagged =
  | number
  | string
  | boolean
  | (number | number[])[]
  | { f32: string; matrix?: [number, number] }
  | { int32: number[] }
  | { object: Record<string, Tagged> };

export interface Row {
  name: string;
  function: string;
  args: Tagged[];
  options?: Record<string, Tagged>;
  /** One value, or one for each field of the result. */
  expected: Expected | Record<string, Expected>;
  /** Content of the first argument after the call; no other argument may change. */
  changed?: Expected;
}

export interface Fixture {
  seed: number;
  python: string;
  numpy: string;
  torch: string;
  rows: Row[];
}

const FOLDER = new URL('./fixtures/', import.meta.url);

export function fixtures(): Fixture[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')));
}

/** Form of a matrix: the same numbers in each shape that a MatrixLike may have. */
export type Form = (matrix: Matrix) => unknown;

export const FORMS: Record<string, Form> = {
  'a Matrix': (matrix) => matrix,
  '{ data, dims }': ({ data, rows, cols }) => ({ data, dims: [rows, cols] }),
  '{ data, shape }': ({ data, rows, cols }) => ({ data, shape: [rows, cols] }),
  'number[][]': (matrix) => split(matrix).map((row) => [...row]),
  'Float32Array[]': (matrix) => split(matrix),
};

function split({ data, rows, cols }: Matrix): Float32Array[] {
  return Array.from({ length: rows }, (_, i) => data.slice(i * cols, (i + 1) * cols));
}

/** The arguments of a call, the options last; fresh arrays each time. */
export function decodeArguments(row: Row, form: Form): unknown[] {
  const args = row.args.map((value) => decode(value, form));
  return row.options ? [...args, decodeFields(row.options, form)] : args;
}

function decode(value: Tagged, form: Form): unknown {
  if (typeof value !== 'object' || Array.isArray(value)) return value;
  if ('int32' in value) return Int32Array.from(value.int32);
  // An object is what another function returned (a fitted PCA), so its matrices are Matrix.
  if ('object' in value) return decodeFields(value.object, (matrix) => matrix);
  const data = new Float32Array(bytes(value.f32));
  if (!value.matrix) return data;
  return form({ data, rows: value.matrix[0], cols: value.matrix[1] });
}

function decodeFields(fields: Record<string, Tagged>, form: Form): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, v]) => [key, decode(v, form)]));
}

export function doubles(text: string): Float64Array {
  return new Float64Array(bytes(text));
}

function bytes(text: string): ArrayBuffer {
  return new Uint8Array(Buffer.from(text, 'base64')).buffer;
}

export function isSingle(expected: Row['expected']): expected is Expected {
  return 'within' in expected || 'int32' in expected || 'object' in expected;
}
