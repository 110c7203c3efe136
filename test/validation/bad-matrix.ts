/**
 * Everything that is nearly a matrix. Each bad value is made from a valid matrix, so that it has
 * the right shape wherever it isn't the shape that is wrong.
 */

import { type Bad, bad, type ErrorKind, wrongKinds } from './bad.js';

export interface Matrix {
  data: Float32Array;
  rows: number;
  cols: number;
}

type Change = (matrix: Matrix) => unknown;

function from(error: ErrorKind, values: Record<string, Change>): Bad[] {
  return Object.entries(values).map(([what, make]) => ({
    what,
    error,
    make: (valid) => make(valid as Matrix),
  }));
}

export function toRows({ data, rows, cols }: Matrix): number[][] {
  return Array.from({ length: rows }, (_, r) => [...data.subarray(r * cols, (r + 1) * cols)]);
}

/** Rows as f32, the middle one replaced. */
function withRow(matrix: Matrix, row: unknown): unknown[] {
  const rows: unknown[] = toRows(matrix).map((values) => Float32Array.from(values));
  rows[rows.length >> 1] = row;
  return rows;
}

const WRONG_CONTAINER: Record<string, Change> = {
  'data alone': ({ data }) => ({ data }),
  'no cols': ({ data, rows }) => ({ data, rows }),
  'no rows': ({ data, cols }) => ({ data, cols }),
  'cols by another name': ({ data, rows, cols }) => ({ data, rows, columns: cols }),
  'rows as a string': (m) => ({ ...m, rows: String(m.rows) }),
  'cols as a string': (m) => ({ ...m, cols: String(m.cols) }),
  'rows null': (m) => ({ ...m, rows: null }),
  'cols null': (m) => ({ ...m, cols: null }),
  'rows true': (m) => ({ ...m, rows: true }),
  'rows a bigint': (m) => ({ ...m, rows: BigInt(m.rows) }),
  'cols a boxed number': (m) => ({ ...m, cols: Object(m.cols) }),
  'rows an array': (m) => ({ ...m, rows: [m.rows] }),
  'cols a symbol': (m) => ({ ...m, cols: Symbol('cols') }),
  'cols a function': (m) => ({ ...m, cols: () => m.cols }),
  'dims null': ({ data }) => ({ data, dims: null }),
  'dims a number': ({ data }) => ({ data, dims: data.length }),
  'dims a string': ({ data, rows, cols }) => ({ data, dims: `${rows}${cols}` }),
  'dims an object': ({ data, rows, cols }) => ({ data, dims: { 0: rows, 1: cols, length: 2 } }),
  'dims a set': ({ data, rows, cols }) => ({ data, dims: new Set([rows, cols]) }),
  'dims of strings': ({ data, rows, cols }) => ({ data, dims: [String(rows), String(cols)] }),
  'dims of bigints': ({ data, rows, cols }) => ({ data, dims: [BigInt(rows), BigInt(cols)] }),
  'dims of two holes': ({ data }) => ({ data, dims: new Array(2) }),
  'dims with a null': ({ data, rows }) => ({ data, dims: [rows, null] }),
  'dims in an i64 array': ({ data, rows, cols }) => ({
    data,
    dims: BigInt64Array.of(BigInt(rows), BigInt(cols)),
  }),
  'shape null': ({ data }) => ({ data, shape: null }),
  'shape a function': ({ data, rows, cols }) => ({ data, shape: () => [rows, cols] }),
  'shape of symbols': ({ data }) => ({ data, shape: [Symbol('rows'), Symbol('cols')] }),
  'data undefined': (m) => ({ ...m, data: undefined }),
  'data null': (m) => ({ ...m, data: null }),
  'data a string': (m) => ({ ...m, data: 'x'.repeat(m.data.length) }),
  'data digits': (m) => ({ ...m, data: '1'.repeat(m.data.length) }),
  'data a number': (m) => ({ ...m, data: 1 }),
  'data a set': (m) => ({ ...m, data: new Set(m.data) }),
  'data an object': (m) => ({ ...m, data: { ...m.data, length: m.data.length } }),
  'data a buffer': (m) => ({ ...m, data: m.data.slice().buffer }),
  'data a DataView': (m) => ({ ...m, data: new DataView(m.data.slice().buffer) }),
  'data of bigints': (m) => ({ ...m, data: new BigInt64Array(m.data.length) }),
  'data a matrix': (m) => ({ ...m, data: m }),
  'data a function': (m) => ({ ...m, data: () => m.data }),
  'data a proxy of an f32 array': (m) => ({ ...m, data: new Proxy(m.data, {}) }),
  'a function with data': (m) => Object.assign(() => 1, m),
  'a map of the fields': (m) => new Map(Object.entries(m)),
  JSON: (m) => JSON.stringify(toRows(m)),
  'a null among the rows': (m) => withRow(m, null),
  'an undefined among the rows': (m) => withRow(m, undefined),
  'a hole among the rows': (m) => {
    const rows = toRows(m);
    delete rows[rows.length >> 1];
    return rows;
  },
  'a number among the rows': (m) => withRow(m, m.cols),
  'a string among the rows': (m) => withRow(m, '1'.repeat(m.cols)),
  'an object among the rows': (m) => withRow(m, { length: m.cols }),
  'a set among the rows': (m) => withRow(m, new Set([1])),
  'a buffer among the rows': (m) => withRow(m, new ArrayBuffer(4 * m.cols)),
  'a DataView among the rows': (m) => withRow(m, new DataView(new ArrayBuffer(4 * m.cols))),
  'an i64 array among the rows': (m) => withRow(m, new BigInt64Array(m.cols)),
  'matrices as rows': (m) => toRows(m).map((row) => ({ data: row, rows: 1, cols: row.length })),
  'rows a level deeper': (m) => toRows(m).map((row) => row.map((value) => [value])),
  'numbers as strings in rows': (m) => toRows(m).map((row) => row.map(String)),
  'numbers as strings in data': (m) => ({ ...m, data: [...m.data].map(String) }),
  'data a list of rows': (m) => ({ ...m, data: toRows(m) }),
  'a set of rows': (m) => new Set(toRows(m)),
  'an iterator of rows': (m) => toRows(m).values(),
  'rows of characters': (m) => toRows(m).map((row) => 'x'.repeat(row.length)),
};

const NO_SIZES: Record<string, number> = {
  '0': 0,
  '-0': -0,
  '-1': -1,
  'half a one': 0.5,
  'a fraction': 1.5,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
  '2^31': 2 ** 31,
  '2^32': 2 ** 32,
  '2^53': 2 ** 53,
  '1e300': 1e300,
};

const WRONG_SIZES: Record<string, Change> = Object.fromEntries(
  Object.entries(NO_SIZES).flatMap(([what, size]): [string, Change][] => [
    [`rows ${what}`, (m) => ({ ...m, rows: size })],
    [`cols ${what}`, (m) => ({ ...m, cols: size })],
    [`dims[0] ${what}`, ({ data, cols }) => ({ data, dims: [size, cols] })],
    [`shape[1] ${what}`, ({ data, rows }) => ({ data, shape: [rows, size] })],
  ]),
);

const WRONG_SHAPE: Record<string, Change> = {
  'no row': () => [],
  'one empty row': () => [[]],
  'empty rows': (m) => toRows(m).map(() => []),
  'empty f32 rows': (m) => toRows(m).map(() => new Float32Array()),
  'a short row': (m) => withRow(m, new Float32Array(m.cols - 1)),
  'a long row': (m) => withRow(m, new Float32Array(m.cols + 1)),
  'an empty row': (m) => withRow(m, []),
  'a ragged last row': (m) => [...toRows(m).slice(1), new Array(m.cols + 1).fill(1)],
  'data too short': (m) => ({ ...m, data: m.data.slice(1) }),
  'data too long': (m) => ({ ...m, data: Float32Array.of(...m.data, 0) }),
  'data twice as long': (m) => ({ ...m, data: Float32Array.of(...m.data, ...m.data) }),
  'empty data': (m) => ({ ...m, data: [] }),
  'data of no row': () => ({ data: new Float32Array(), rows: 0, cols: 0 }),
  'data in a detached buffer': (m) => {
    const data = m.data.slice();
    structuredClone(data.buffer, { transfer: [data.buffer] });
    return { ...m, data };
  },
  'a row in a detached buffer': (m) => {
    const row = new Float32Array(m.cols);
    structuredClone(row.buffer, { transfer: [row.buffer] });
    return withRow(m, row);
  },
  'no dims': ({ data }) => ({ data, dims: [] }),
  'one dim': ({ data }) => ({ data, dims: [data.length] }),
  'three dims': ({ data, rows, cols }) => ({ data, dims: [rows, cols, 1] }),
  'three dims, one in front': ({ data, rows, cols }) => ({ data, shape: [1, rows, cols] }),
  'four dims': ({ data, rows, cols }) => ({ data, shape: [1, 1, rows, cols] }),
  'an empty shape': ({ data }) => ({ data, shape: new Int32Array() }),
  'three symbols as dims': ({ data }) => ({ data, dims: [Symbol('a'), Symbol('b'), Symbol('c')] }),
  'dims against rows and cols': (m) => ({ ...m, dims: [m.rows + 1, m.cols] }),
  'shape against rows and cols': (m) => ({ ...m, shape: [m.cols, m.rows + 1] }),
  'dims against shape': ({ data, rows, cols }) => ({
    data,
    dims: [rows, cols],
    shape: [rows + 1, cols],
  }),
  'column-major': (m) => ({ ...m, stride: [1, m.rows] }),
  'every second row': (m) => ({ ...m, stride: [2 * m.cols, 1] }),
  'an offset': (m) => ({ ...m, offset: m.cols }),
};

const NOT_FINITE: Record<string, number> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};
const PAST_F32: Record<string, number> = {
  '1e39': 1e39,
  '-1e39': -1e39,
  '3.5e38': 3.5e38,
  'the largest double': Number.MAX_VALUE,
};
const NO_NUMBERS: Record<string, unknown> = {
  null: null,
  undefined: undefined,
  'a string': '1',
  'an empty string': '',
  true: true,
  'a bigint': 1n,
  'a symbol': Symbol('1'),
  'an array': [1],
  'an object': {},
  'a boxed number': Object(1),
  'a Date': new Date(0),
};

/** The valid matrix in some form, with one element replaced. */
const FORMS: Record<string, (matrix: Matrix, at: number, value: unknown) => unknown> = {
  'f32 data': (m, at, value) => ({ ...m, data: m.data.with(at, value as number) }),
  'f64 data': (m, at, value) => ({
    ...m,
    data: Float64Array.from(m.data).with(at, value as number),
  }),
  'plain data': (m, at, value) => ({ ...m, data: ([...m.data] as unknown[]).with(at, value) }),
  'plain rows': (m, at, value) => {
    const rows: unknown[][] = toRows(m);
    (rows[Math.floor(at / m.cols)] as unknown[])[at % m.cols] = value;
    return rows;
  },
  'f32 rows': (m, at, value) =>
    toRows({ ...m, data: m.data.with(at, value as number) }).map((row) => Float32Array.from(row)),
  'f64 rows': (m, at, value) => {
    const rows = toRows(m).map((row) => Float64Array.from(row));
    (rows[Math.floor(at / m.cols)] as Float64Array)[at % m.cols] = value as number;
    return rows;
  },
};

const POSITIONS: Record<string, (matrix: Matrix) => number> = {
  first: () => 0,
  'in the middle': ({ data }) => data.length >> 1,
  last: ({ data }) => data.length - 1,
};

function elements(error: ErrorKind, forms: RegExp, values: Record<string, unknown>): Bad[] {
  const found: Bad[] = [];
  for (const [form, make] of Object.entries(FORMS)) {
    if (!forms.test(form)) continue;
    for (const [what, value] of Object.entries(values)) {
      for (const [position, at] of Object.entries(POSITIONS)) {
        found.push({
          what: `${what} ${position}, ${form}`,
          error,
          make: (valid) => make(valid as Matrix, at(valid as Matrix), value),
        });
      }
    }
  }
  return found;
}

/** Half-precision bits that are no finite number. */
const HALF: Record<string, Change> = {
  'an infinite f16': ({ rows, cols, data }) => ({
    data: new Uint16Array(data.length).fill(0x7c00),
    dims: [rows, cols],
    type: 'float16',
  }),
  'a NaN as f16': ({ rows, cols, data }) => ({
    data: new Uint16Array(data.length).fill(0x7e01),
    dims: [rows, cols],
    dtype: 'float16',
  }),
};

/** A single vector is not a matrix. */
const VECTORS: Record<string, Change> = {
  'a flat f32 array': ({ data }) => data,
  'a flat f64 array': ({ data }) => Float64Array.from(data),
  'a flat array': ({ data }) => [...data],
};

const MATRIX: Bad[] = [
  ...from(TypeError, WRONG_CONTAINER),
  ...from(RangeError, WRONG_SIZES),
  ...from(RangeError, WRONG_SHAPE),
  ...from(RangeError, HALF),
  ...elements(TypeError, /plain/, NO_NUMBERS),
  ...elements(RangeError, /./, NOT_FINITE),
  ...elements(RangeError, /plain|f64/, PAST_F32),
];

const NO_ARRAYS = wrongKinds('an array of strings', 'an array of null', 'an array of bigints');

/** Bad values of a matrix. */
export const MATRIX_ONLY: Bad[] = [
  ...wrongKinds(),
  ...MATRIX,
  ...from(TypeError, VECTORS),
  ...bad(TypeError, { 'a flat f32 array of nothing': () => new Float32Array() }),
];

/** Bad values where one vector counts as a row. */
export const MATRIX_OR_VECTOR: Bad[] = [
  ...NO_ARRAYS,
  ...MATRIX,
  ...bad(RangeError, {
    'an empty f32 array': () => new Float32Array(),
    'an empty f64 array': () => new Float64Array(),
  }),
];

/** Bad values where only one vector will do: what has one row can't have a bad one among others. */
export const VECTOR_ONLY: Bad[] = [
  ...MATRIX_OR_VECTOR.filter(
    ({ what }) => !/ row$|rows$|among the|as rows|level|column-major/.test(what),
  ),
  ...from(RangeError, {
    'two rows': ({ data }) => [data, data],
    'a matrix of two rows': ({ data, cols }) => ({ data: [...data, ...data], rows: 2, cols }),
    'a vector too short': ({ data }) => data.slice(1),
    'a vector too long': ({ data }) => [...data, 1],
  }),
];
