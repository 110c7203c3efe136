/**
 * Forms of arguments: every form of a matrix, of a list of whole numbers and of options gives the
 * same bits in every function, and the answers of embedding APIs become matrices.
 */

import * as nearfar from 'nearfar';
import { check, same, sameBits, suite, throws } from '../harness.js';
import { type Matrix, toRows } from '../validation/bad-matrix.js';
import { bits } from '../validation/bits.js';
import { matrix } from '../validation/signature.js';
import { SIGNATURES } from '../validation/signatures.js';

const test = suite('matrix-like');

const api = nearfar as unknown as Record<string, (...args: unknown[]) => unknown>;
const call = (name: string, args: unknown[]) =>
  (api[name] as (...a: unknown[]) => unknown)(...args);

type Form = (matrix: Matrix) => unknown;

/** A view in the middle of a larger buffer. */
function view(data: Float32Array, at = 3): Float32Array {
  const larger = new Float32Array(data.length + 8).fill(Number.NaN);
  larger.set(data, at);
  return larger.subarray(at, at + data.length);
}

function shared(data: Float32Array): Float32Array {
  const result = new Float32Array(new SharedArrayBuffer(4 * data.length));
  result.set(data);
  return result;
}

class Tensor {
  readonly #matrix: Matrix;
  readonly stride: number[];
  readonly offset = 0;
  constructor(matrix: Matrix) {
    this.#matrix = matrix;
    this.stride = [matrix.cols, 1];
  }
  get data(): Float32Array {
    return this.#matrix.data;
  }
  get shape(): number[] {
    return [this.#matrix.rows, this.#matrix.cols];
  }
}

const FORMS: Record<string, Form> = {
  'data and dims': ({ data, rows, cols }) => ({ data, dims: [rows, cols] }),
  'data and shape': ({ data, rows, cols }) => ({ data, shape: [rows, cols], dtype: 'float32' }),
  'dims in an Int32Array': ({ data, rows, cols }) => ({ data, dims: Int32Array.of(rows, cols) }),
  'dims and shape that agree': (m) => ({ ...m, dims: [m.rows, m.cols], shape: [m.rows, m.cols] }),
  'undefined next to dims': ({ data, rows, cols }) => ({
    ...{ data, dims: [rows, cols] },
    ...{ rows: undefined, cols: undefined, shape: undefined },
  }),
  'a class with getters, row-major': (m) => new Tensor(m),
  'a proxy': (m) => new Proxy(m, {}),
  'a frozen object': (m) => Object.freeze({ ...m }),
  'no prototype': (m) => Object.assign(Object.create(null), m),
  'plain data': (m) => ({ ...m, data: [...m.data] }),
  'f64 data': (m) => ({ ...m, data: Float64Array.from(m.data) }),
  'a view with an offset': (m) => ({ ...m, data: view(m.data) }),
  'shared data': (m) => ({ ...m, data: shared(m.data) }),
  rows: (m) => toRows(m),
  'f32 rows': (m) => toRows(m).map((row) => Float32Array.from(row)),
  'f64 rows': (m) => toRows(m).map((row) => Float64Array.from(row)),
  'rows with offsets': (m) => toRows(m).map((row, i) => view(Float32Array.from(row), i)),
  'shared rows': (m) => toRows(m).map((row) => shared(Float32Array.from(row))),
  'rows of several kinds': (m) =>
    toRows(m).map((row, i) => (i % 2 === 0 ? row : Float64Array.from(row))),
  'a proxy of rows': (m) => new Proxy(toRows(m), {}),
};

/** Forms that can't be changed in place. */
const READ_ONLY: Record<string, Form> = {
  'frozen rows': (m) => Object.freeze(toRows(m).map((row) => Object.freeze(row))),
};

/** Forms that hold no fractions. */
const WHOLE: Record<string, Form> = {
  'i8 data': (m) => ({ ...m, data: Int8Array.from(m.data) }),
  'clamped u8 data': (m) => ({ ...m, data: Uint8ClampedArray.from(m.data) }),
  'i32 data': (m) => ({ ...m, data: Int32Array.from(m.data) }),
  'u8 rows': (m) => toRows(m).map((row) => Uint8Array.from(row)),
  'a Buffer a row': (m) => toRows(m).map((row) => Buffer.from(row)),
  'i16 rows': (m) => toRows(m).map((row) => Int16Array.from(row)),
  'f16 bits': ({ data, rows, cols }) => ({
    data: Uint16Array.from(data, (value) => (value === 1 ? 0x3c00 : 0)),
    dims: [rows, cols],
    type: 'float16',
  }),
};
const Float16Array = Reflect.get(globalThis, 'Float16Array') as typeof Float32Array | undefined;
if (Float16Array) {
  WHOLE['f16 data'] = (m) => ({ ...m, data: Float16Array.from(m.data) });
  WHOLE['f16 rows'] = (m) => toRows(m).map((row) => Float16Array.from(row));
}

function isMatrix(value: unknown): value is Matrix {
  return typeof value === 'object' && value !== null && 'data' in value && 'rows' in value;
}

/** Ones and zeros instead of a matrix: rows of probabilities, if they are needed. */
function oneHot({ rows, cols }: Matrix): Matrix {
  const data = Float32Array.from({ length: rows * cols }, (_, i) =>
    Math.floor(i / cols) % cols === i % cols ? 1 : 0,
  );
  return { data, rows, cols };
}

/** Every matrix in some arguments, options and what `pca` returns included, in another form. */
function convert(value: unknown, form: Form): unknown {
  if (isMatrix(value)) return form(value);
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, convert(item, form)]));
}

for (const [name, { valid, options }] of Object.entries(SIGNATURES)) {
  const args = () => (options === undefined ? valid() : [...valid(), options.valid()]);
  const inPlace = name === 'tripletUpdate';

  test(`${name}: the same bits from every form of a matrix`, () => {
    const expected = bits(call(name, args()));
    for (const [what, form] of Object.entries(inPlace ? FORMS : { ...FORMS, ...READ_ONLY })) {
      const given = args().map((value) => convert(value, form));
      const before = bits(given);
      same(bits(call(name, given)), expected, what);
      if (!inPlace) same(bits(given), before, `${what}: arguments after the call`);
    }
    if (inPlace) return;
    const whole = () => args().map((value) => convert(value, oneHot));
    const expectedOfWhole = bits(call(name, whole()));
    for (const [what, form] of Object.entries(WHOLE)) {
      const given = whole().map((value) => convert(value, form));
      same(bits(call(name, given)), expectedOfWhole, what);
    }
  });

  if (options === undefined) continue;
  test(`${name}: options left out, undefined, inherited or frozen`, () => {
    const expected = bits(call(name, valid()));
    same(bits(call(name, [...valid(), undefined])), expected, 'undefined');
    same(bits(call(name, [...valid(), {}])), expected, 'none');
    same(bits(call(name, [...valid(), Object.create(null)])), expected, 'no prototype');
    const none = Object.keys(options.valid()).map((key) => [key, undefined]);
    same(bits(call(name, [...valid(), Object.fromEntries(none)])), expected, 'each undefined');
    const chosen = bits(call(name, args()));
    const inherited = Object.create(options.valid());
    same(bits(call(name, [...valid(), inherited])), chosen, 'inherited');
    same(bits(call(name, [...valid(), Object.freeze(options.valid())])), chosen, 'frozen');
    const Options = class {};
    same(bits(call(name, [...valid(), Object.assign(new Options(), options.valid())])), chosen);
  });
}

const LISTS = {
  frozen: (list: number[]) => Object.freeze(list),
  i8: Int8Array.from.bind(Int8Array),
  u8: Uint8Array.from.bind(Uint8Array),
  i16: Int16Array.from.bind(Int16Array),
  i32: Int32Array.from.bind(Int32Array),
  u32: Uint32Array.from.bind(Uint32Array),
  f32: Float32Array.from.bind(Float32Array),
  f64: Float64Array.from.bind(Float64Array),
  'with a -0': (list: number[]) => list.map((value) => (value === 0 ? -0 : value)),
};

test('whole numbers come in any array', () => {
  const z = matrix(6, 4);
  const calls: Record<string, (list: ArrayLike<number>) => unknown> = {
    labels: (list) => nearfar.supConGrad(z, list),
    targets: (list) => nearfar.crossEntropyGrad(z, list),
    ids: (list) => nearfar.infoNceGrad(z, z, { ids: list }),
    'ids of CLIP': (list) => nearfar.clipLossGrad(z, z, { ids: list }),
    triplets: (list) => nearfar.tripletUpdate(matrix(6, 4), list),
  };
  for (const [what, run] of Object.entries(calls)) {
    const expected = bits(run([0, 1, 2, 3, 2, 1]));
    for (const [form, make] of Object.entries(LISTS)) {
      same(bits(run(make([0, 1, 2, 3, 2, 1]))), expected, `${what}, ${form}`);
    }
  }
});

test('tripletUpdate changes the numbers where they stand, in every form', () => {
  const triplets = [0, 1, 2, 3, 2, 1];
  const plain = matrix(4, 6);
  nearfar.tripletUpdate(plain, triplets, { rule: 'gradient' });
  check(bits(plain) !== bits(matrix(4, 6)), 'nothing has changed');
  for (const [what, form] of Object.entries(FORMS)) {
    const embeddings = form(matrix(4, 6)) as Matrix;
    nearfar.tripletUpdate(embeddings, triplets, { rule: 'gradient' });
    same(bits(nearfar.toMatrix(embeddings)), bits(plain), what);
  }
});

test('a vector counts as one row where queries are meant', () => {
  const x = matrix(1, 6).data;
  const corpus = matrix(9, 6, 2);
  const forms = [x, [...x], Float64Array.from(x), view(x), shared(x), Object.freeze([...x])];
  for (const form of forms) {
    for (const name of ['normalize', 'logSumExp', 'softmax', 'toMatrix']) {
      same(bits(call(name, [form])), bits(call(name, [[x]])), name);
    }
    same(bits(nearfar.topK(form, corpus, 3)), bits(nearfar.topK([x], corpus, 3)), 'topK');
    const fitted = nearfar.pca(corpus);
    const projected = nearfar.pcaTransform(form, fitted);
    same(bits(projected), bits(nearfar.pcaTransform([x], fitted)), 'pcaTransform');
    const other = corpus.data.subarray(0, 6);
    same(nearfar.cosineSimilarity(form, other), nearfar.cosineSimilarity([x], [other]), 'cosine');
  }
  const p = nearfar.softmax(x);
  const q = nearfar.softmax(corpus.data.subarray(0, 6));
  same(nearfar.klDivergence(p.data, q.data), nearfar.klDivergence(p, q), 'klDivergence');
});

test('signs of zero and denormals come through', () => {
  const values = [-0, 0, 1e-45, -1e-45, 1e-40, 1.17549435e-38, 3.4028234663852886e38];
  sameBits(nearfar.toMatrix([values]).data, Float32Array.from(values));
  // A sum begins at +0.
  const sums = nearfar.matmul([[1]], [values]).data;
  sameBits(
    sums,
    Float32Array.from(values, (value) => value + 0),
  );
});

const NUMBERS = [1.5, -2, 0.25];
const base64 = (values: number[]) =>
  Buffer.from(Float32Array.from(values).buffer).toString('base64');

test("an API's answer becomes a matrix, base64 too", () => {
  const expected = { data: Float32Array.of(...NUMBERS, 4, 5, 6), rows: 2, cols: 3 };
  const items = [{ index: 0, embedding: NUMBERS }, { embedding: base64([4, 5, 6]) }];
  for (const answer of [{ object: 'list', data: items, model: 'm' }, items]) {
    same(bits(nearfar.toMatrix(answer)), bits(expected));
  }
  const typed = [{ embedding: Float64Array.from(NUMBERS) }, { embedding: Int8Array.of(4, 5, 6) }];
  same(bits(nearfar.toMatrix({ data: typed })), bits(expected));
});

test('a bad answer is refused, and the item is named', () => {
  const item = { embedding: NUMBERS };
  const cases: [unknown, typeof TypeError | typeof RangeError, string][] = [
    [{ data: [] }, RangeError, 'x.data must be…'],
    [{ data: [item, null] }, TypeError, 'x.data[1] must be…'],
    [{ data: [null, item] }, TypeError, 'x.data[0] must be…'],
    [{ data: [item, { values: NUMBERS }] }, TypeError, 'x.data[1] must be…'],
    [{ data: [item, { embedding: null }] }, TypeError, 'x.data[1].embedding must be…'],
    [{ data: [{ embedding: {} }] }, TypeError, 'x.data[0].embedding must be…'],
    [{ data: [item, { embedding: [] }] }, RangeError, 'x[1] must be 3 long…'],
    [{ data: [item, { embedding: [1, 2] }] }, RangeError, 'x[1] must be 3 long…'],
    [
      [item, { embedding: [1, '2', 3] }],
      TypeError,
      'x must hold only numbers, got "2" at index 4…',
    ],
    [
      [item, { embedding: [1, Number.NaN, 3] }],
      RangeError,
      'x must be finite, got NaN at index 4…',
    ],
    [[{ embedding: '' }], RangeError, 'x[0].embedding must be…'],
    [[{ embedding: 'AAAA' }], RangeError, 'x[0].embedding must be base64 of 4 bytes…'],
    [[{ embedding: '***' }], RangeError, 'x[0].embedding must be valid base64…'],
    [[{ embedding: base64([1, Number.POSITIVE_INFINITY]) }], RangeError, 'x must be finite…'],
    [[item, NUMBERS], TypeError, 'x[1] must be…'],
    [[NUMBERS, item], TypeError, 'x[1] must be…'],
  ];
  for (const [answer, error, message] of cases) {
    throws(() => nearfar.toMatrix(answer as number[]), error, `toMatrix: ${message}`);
  }
});

test('all numbers of half precision', () => {
  const data = Uint16Array.from({ length: 63488 }, (_, i) => (i < 31744 ? i : i + 1024));
  const tensor = { data, dims: [1, data.length], type: 'float16' };
  const { data: values } = nearfar.toMatrix(tensor);
  values.forEach((value: number, i: number) => {
    const half = data[i] as number;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const size = exponent === 0 ? fraction / 2 ** 24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    check(Object.is(value, half >> 15 ? -size : size), `${half}: ${value}, not ${size}`);
  });
});
