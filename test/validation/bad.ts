/**
 * Bad values for each kind of argument: what they are, how they are made from the valid value that
 * they stand for, and whether they are the wrong kind of thing (TypeError) or of the wrong size or
 * value (RangeError). Matrices have a file of their own.
 */

export type ErrorKind = typeof TypeError | typeof RangeError;

export interface Bad {
  what: string;
  error: ErrorKind;
  /** A fresh bad value, from the valid one. */
  make(valid: unknown): unknown;
}

export function bad(error: ErrorKind, values: Record<string, (valid: unknown) => unknown>): Bad[] {
  return Object.entries(values).map(([what, make]) => ({ what, error, make }));
}

const KINDS = bad(TypeError, {
  undefined: () => undefined,
  null: () => null,
  'a string': () => 'cosine',
  'an empty string': () => '',
  'a number as a string': () => '1',
  'a list as a string': () => '1,2,3',
  'a number': () => 1,
  'NaN for another kind': () => Number.NaN,
  true: () => true,
  false: () => false,
  'a bigint': () => 1n,
  'a symbol': () => Symbol('one'),
  'a function': () => () => 1,
  'a class': () => class Matrix {},
  'a plain object': () => ({}),
  'an object without a prototype': () => Object.create(null),
  'an array-like object': () => ({ length: 1, 0: 1 }),
  'a boxed number': () => Object(1),
  'a boxed string': () => Object('1'),
  'a boxed boolean': () => Object(true),
  'a Date': () => new Date(0),
  'a Map': () => new Map([[0, 1]]),
  'a Set': () => new Set([1]),
  'a RegExp': () => /1/,
  'an Error': () => new Error('1'),
  'a promise': () => Promise.resolve(1),
  'an iterator': () => [1].values(),
  'a DataView': () => new DataView(new ArrayBuffer(8)),
  'an ArrayBuffer': () => new ArrayBuffer(8),
  'a SharedArrayBuffer': () => new SharedArrayBuffer(8),
  'a BigInt64Array': () => new BigInt64Array(4),
  'a BigUint64Array': () => new BigUint64Array(4),
  'an array of strings': () => ['1', '2'],
  'an array of null': () => [null],
  'an array of bigints': () => [1n, 2n],
});

/** Things of the wrong kind, but for those that are of the right one. */
export function wrongKinds(...right: string[]): Bad[] {
  for (const what of right) {
    if (!KINDS.some((kind) => kind.what === what)) throw new Error(`no kind ${what}`);
  }
  return KINDS.filter(({ what }) => !right.includes(what));
}

/** The value may be left out. */
export function optional(list: Bad[]): Bad[] {
  return list.filter(({ what }) => what !== 'undefined');
}

const ARRAYS = bad(TypeError, {
  'an empty array': () => [],
  'an array of one': () => [1],
  'a Float32Array of one': () => new Float32Array(1),
});

const NO_NUMBER = [...optional(wrongKinds('a number', 'NaN for another kind')), ...ARRAYS];

const NOT_FINITE = bad(RangeError, {
  NaN: () => Number.NaN,
  Infinity: () => Number.POSITIVE_INFINITY,
  '-Infinity': () => Number.NEGATIVE_INFINITY,
  '1e39': () => 1e39,
  '-1e39': () => -1e39,
  '3.5e38': () => 3.5e38,
  'the largest double': () => Number.MAX_VALUE,
});

const NEGATIVE = bad(RangeError, {
  '-1': () => -1,
  '-1e-300': () => -1e-300,
  '-3.4e38': () => -3.4e38,
});

/** Any finite number. */
export const REAL = [...NO_NUMBER, ...NOT_FINITE];

export const NON_NEGATIVE = [...NO_NUMBER, ...NOT_FINITE, ...NEGATIVE];

export const POSITIVE = [...NON_NEGATIVE, ...bad(RangeError, { '0': () => 0, '-0': () => -0 })];

/** Its inverse has to be within f32's range too. */
export const TEMPERATURE = [
  ...POSITIVE,
  ...bad(RangeError, { '1e-300': () => 1e-300, 'the smallest double': () => Number.MIN_VALUE }),
];

export const UP_TO_ONE = [
  ...NON_NEGATIVE,
  ...bad(RangeError, { '1.1': () => 1.1, 'just above 1': () => 1 + Number.EPSILON, '2': () => 2 }),
];

export const WHOLE_NUMBER = [
  ...NO_NUMBER,
  ...NOT_FINITE,
  ...bad(RangeError, {
    '0.5': () => 0.5,
    '-100.5': () => -100.5,
    '2^31': () => 2 ** 31,
    '-2^31 - 1': () => -(2 ** 31) - 1,
    '2^53': () => 2 ** 53,
  }),
];

/** Bad values of a whole number from 1 to `max`, or to any size. */
export function count(max?: number): Bad[] {
  const tooLarge = bad(RangeError, {
    'one more than there are': () => (max ?? 0) + 1,
    '2^31': () => 2 ** 31,
    '2^32 + 1': () => 2 ** 32 + 1,
    '2^53': () => 2 ** 53,
  });
  return [
    ...(max === undefined ? [] : tooLarge),
    ...NO_NUMBER,
    ...NOT_FINITE,
    ...NEGATIVE,
    ...bad(RangeError, {
      '0': () => 0,
      '-0': () => -0,
      '0.5': () => 0.5,
      '1.5': () => 1.5,
      'just below 1': () => 1 - Number.EPSILON,
    }),
  ];
}

export const FLAG = [
  ...optional(wrongKinds('true', 'false')),
  ...ARRAYS,
  ...bad(TypeError, { '0': () => 0, "'true'": () => 'true' }),
];

/** One of some names; `near` is one of them. */
export function choice(near: string): Bad[] {
  const strings = ['a string', 'an empty string', 'a number as a string', 'a list as a string'];
  return [
    ...optional(wrongKinds(...strings)),
    ...ARRAYS,
    ...bad(TypeError, { 'a name in an array': () => [near] }),
    ...bad(RangeError, {
      'no name': () => '',
      'an unknown name': () => 'manhattan',
      'a name in capitals': () => near.toUpperCase(),
      'a name with a blank': () => `${near} `,
      'half a name': () => near.slice(0, 3),
      'a name of two lines': () => `${near}\n${near}`,
      'a method of objects': () => 'constructor',
      'the prototype of objects': () => '__proto__',
      'a number as a name': () => '0',
    }),
  ];
}

/** Copies valid numbers to an array of its own kind or another, with a value put at each index. */
function changed(valid: unknown, at: number, value: unknown): unknown[] {
  const copy: unknown[] = Array.from(valid as ArrayLike<number>);
  copy[at] = value;
  return copy;
}

/** `values` at the first, a middle and the last index of an array of numbers. */
function atIndices(error: ErrorKind, length: number, values: Record<string, unknown>): Bad[] {
  return [0, length >> 1, length - 1].flatMap((at) =>
    Object.entries(values).map(([what, value]) => ({
      what: `${what} at ${at}`,
      error,
      make: (valid: unknown) => changed(valid, at, value),
    })),
  );
}

/** An array of `length` whole numbers from `min` to `max`. */
export function wholeNumbers(
  length: number,
  min = -(2 ** 31),
  max = 2 ** 31 - 1,
  fixedLength = true,
): Bad[] {
  const lengths = bad(RangeError, {
    'an empty array': () => [],
    'one too few': (valid) => Array.from(valid as ArrayLike<number>).slice(1),
    'one too many': (valid) => [...Array.from(valid as ArrayLike<number>), 0],
    'an empty Int32Array': () => new Int32Array(0),
  });
  return [
    ...wrongKinds(
      'a BigInt64Array',
      'an array of strings',
      'an array of null',
      'an array of bigints',
    ),
    ...(fixedLength ? lengths : lengths.filter(({ what }) => what.startsWith('one too'))),
    ...bad(TypeError, {
      'digits in a string': (valid) => Array.from(valid as ArrayLike<number>).join(''),
      'a set of them': (valid) => new Set(Array.from(valid as ArrayLike<number>)),
      'a matrix of them': (valid) => ({ data: valid, rows: 1, cols: length }),
      'an object of them': (valid) => Object.assign({ length }, changed(valid, 0, 0)),
      'unsigned bigints': () => new BigUint64Array(length),
      'numbers and booleans': () => Array.from({ length }, (_, i) => (i === 0 ? 0 : true)),
      'an array of holes': () => new Array(length),
      'a hole in the middle': (valid) => {
        const copy = changed(valid, 0, 0);
        delete copy[length >> 1];
        return copy;
      },
    }),
    ...atIndices(TypeError, length, {
      null: null,
      undefined: undefined,
      'a string': '1',
      'a bigint': 1n,
      true: true,
      'an array': [1],
      'an object': {},
      'a boxed number': Object(1),
    }),
    ...atIndices(RangeError, length, {
      '0.5': 0.5,
      NaN: Number.NaN,
      Infinity: Number.POSITIVE_INFINITY,
      '-Infinity': Number.NEGATIVE_INFINITY,
      '1e39': 1e39,
      '2^31': 2 ** 31,
      'one too large': max + 1,
      'one too small': min - 1,
    }),
    ...bad(RangeError, {
      'a BigInt64Array of one too many': () => new BigInt64Array(length + 1),
      'a bigint past 32 bits': () => new BigInt64Array(length).fill(2n ** 31n),
      'half a number as f32': (valid) => Float32Array.from(changed(valid, 1, 0.5) as number[]),
      'NaN as f64': (valid) => Float64Array.from(changed(valid, 1, Number.NaN) as number[]),
      'the largest u32': (valid) => Uint32Array.from(changed(valid, 1, -1) as number[]),
    }),
  ];
}

/** An array of `length` finite numbers. */
export function realNumbers(length: number): Bad[] {
  return [
    ...wrongKinds('an array of strings', 'an array of null', 'an array of bigints'),
    ...bad(RangeError, {
      'an empty array': () => [],
      'one too few': (valid) => Array.from(valid as ArrayLike<number>).slice(1),
      'one too many': (valid) => [...Array.from(valid as ArrayLike<number>), 0],
      'an empty Float32Array': () => new Float32Array(0),
      'NaN as f32': (valid) => Float32Array.from(changed(valid, 1, Number.NaN) as number[]),
    }),
    ...bad(TypeError, {
      'a set of them': (valid) => new Set(Array.from(valid as ArrayLike<number>)),
      booleans: () => Array.from({ length }, () => true),
      'an array of holes': () => new Array(length),
    }),
    ...atIndices(TypeError, length, {
      null: null,
      undefined: undefined,
      'a string': '1',
      'a bigint': 1n,
      true: true,
      'an array': [1],
    }),
    ...atIndices(RangeError, length, {
      NaN: Number.NaN,
      Infinity: Number.POSITIVE_INFINITY,
      '-Infinity': Number.NEGATIVE_INFINITY,
      '1e39': 1e39,
    }),
  ];
}

/** Bad options, whatever a function's options are. */
export const OPTIONS = [
  ...optional(wrongKinds('a plain object', 'an object without a prototype')),
  ...ARRAYS,
  ...bad(TypeError, {
    'options in an array': (valid) => [valid],
    'options as JSON': (valid) => JSON.stringify(valid),
    'an unknown option': (valid) => ({ ...(valid as object), nonsense: 1 }),
    'an unknown option, undefined': (valid) => ({ ...(valid as object), nonsense: undefined }),
    'an option of two lines': (valid) => ({ ...(valid as object), 'two\nlines': 1 }),
    'a very long option': (valid) => ({ ...(valid as object), ['x'.repeat(5000)]: 1 }),
  }),
];
