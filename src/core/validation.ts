/**
 * Checks of arguments and options. All messages have one form: function, argument, what was
 * expected, what was given. A TypeError is the wrong kind of thing, a RangeError the wrong size or
 * value.
 */

/**
 * Checks one argument or option: returns the value that is used, or throws.
 *
 * @param name function that messages name
 * @param argument argument or option that messages name
 * @param value what the caller passed
 */
export type Check<T> = (name: string, argument: string, value: unknown) => T;

/** Largest finite f32. */
const F32_MAX = 3.4028234663852886e38;

/** Options of a function that has none: any key is a TypeError. */
export type NoOptions = Readonly<Record<string, never>>;

/** Labels, targets or ids: whole numbers of 32 bits, or booleans as 0 and 1. */
export type Labels = ArrayLike<number> | BigInt64Array | readonly boolean[];

/** Gives the tag of a value, the same in every realm: Object, Array, Map, Float32Array. */
export function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** Tells a Map, also one of another realm. */
export function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> {
  return tagOf(value) === 'Map';
}

/** Describes a value for an error message. */
export function show(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value !== 'object') return String(value);
  const tag = tagOf(value);
  return tag === 'Object' ? 'an object' : `${/^[AEIOU]/.test(tag) ? 'an' : 'a'} ${tag}`;
}

export function typeError(name: string, argument: string, expected: string, got: unknown): never {
  throw new TypeError(`${name}: ${argument} must be ${expected}, got ${show(got)}`);
}

/** RangeError at a number that is NaN or infinite, which a training loop reports as divergence. */
export class NonFiniteError extends RangeError {
  /** Consoles print this name, which would be a minified one. */
  static override readonly name = 'RangeError';
}

export function rangeError(name: string, argument: string, expected: string, got: unknown): never {
  throw new RangeError(`${name}: ${argument} must be ${expected}, got ${show(got)}`);
}

/** Checks that options are undefined or a plain object, of any realm. */
export function checkOptionsObject(
  name: string,
  options: unknown,
): Readonly<Record<string, unknown>> {
  if (options === undefined) return {};
  // A Map, a Date or a boxed number has no options to find, and would pass for none given.
  if (typeof options !== 'object' || options === null || tagOf(options) !== 'Object') {
    typeError(name, 'options', 'an object', options);
  }
  return options as Readonly<Record<string, unknown>>;
}

/** Checks a finite number within f32's range. */
export function checkNumber(name: string, argument: string, value: unknown): number {
  if (typeof value !== 'number') typeError(name, argument, 'a number', value);
  if (!Number.isFinite(value)) rangeError(name, argument, 'finite', value);
  if (Math.abs(value) > F32_MAX) rangeError(name, argument, "within f32's range", value);
  return value;
}

/** Checks a number greater than 0. */
export function checkPositive(name: string, argument: string, value: unknown): number {
  const number = checkNumber(name, argument, value);
  if (!(number > 0)) rangeError(name, argument, 'greater than 0', number);
  return number;
}

/** Checks a number that is at least 0. */
export function checkNonNegative(name: string, argument: string, value: unknown): number {
  const number = checkNumber(name, argument, value);
  if (number < 0) rangeError(name, argument, 'at least 0', number);
  return number;
}

/** Checks a temperature > 0 whose inverse, the factor of the cosines, is within f32's range. */
export function checkTemperature(name: string, argument: string, value: unknown): number {
  const temperature = checkPositive(name, argument, value);
  if (1 / temperature > F32_MAX) rangeError(name, argument, 'at least 3e-39', temperature);
  return temperature;
}

/** Checks a fraction: a number from 0 up to, but without, 1. */
export function checkFraction(name: string, argument: string, value: unknown): number {
  const fraction = checkNumber(name, argument, value);
  if (fraction < 0 || fraction >= 1) rangeError(name, argument, 'from 0 to less than 1', fraction);
  return fraction;
}

/** Makes a check for numbers from `min` to `max`, both included. */
export function numberIn(min: number, max: number): Check<number> {
  return (name, argument, value) => {
    const number = checkNumber(name, argument, value);
    if (number < min || number > max) rangeError(name, argument, `from ${min} to ${max}`, number);
    return number;
  };
}

/** Checks a whole number of any size that numbers hold exactly. */
export function checkInteger(name: string, argument: string, value: unknown): number {
  return integerIn(-Number.MAX_SAFE_INTEGER)(name, argument, value);
}

/**
 * Makes a check for whole numbers from `min` to `max`.
 *
 * @param what the source of the limit, for the message: "the rows of corpus"
 */
export function integerIn(min: number, max = Number.MAX_SAFE_INTEGER, what = ''): Check<number> {
  return (name, argument, value) => {
    if (typeof value !== 'number') typeError(name, argument, 'a whole number', value);
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
    const range =
      max === Number.MAX_SAFE_INTEGER
        ? min < 0
          ? ''
          : ` of at least ${min}`
        : ` from ${min} to ${max}`;
    rangeError(name, argument, `a whole number${range}${what === '' ? '' : ` (${what})`}`, value);
  };
}

/** Makes a check for one of the names in `choices`. */
export function oneOf<T extends string>(choices: readonly T[]): Check<T> {
  return (name, argument, value) => {
    if (choices.includes(value as T)) return value as T;
    const list = choices.map((choice) => `'${choice}'`).join(' or ');
    if (typeof value !== 'string') typeError(name, argument, list, value);
    rangeError(name, argument, list, value);
  };
}

/** Checks true or false. */
export function checkFlag(name: string, argument: string, value: unknown): boolean {
  if (typeof value !== 'boolean') typeError(name, argument, 'true or false', value);
  return value;
}

/** Checks a string. */
export function checkString(name: string, argument: string, value: unknown): string {
  if (typeof value !== 'string') typeError(name, argument, 'a string', value);
  return value;
}

/** Makes a check for an instance of a class. */
export function instanceOf<T>(type: abstract new (...args: never[]) => T, what: string): Check<T> {
  return (name, argument, value) => {
    if (value instanceof type) return value;
    return typeError(name, argument, what, value);
  };
}

/** Checks a function that will be called back. */
export function checkCallback<F extends (...args: never[]) => unknown>(
  name: string,
  argument: string,
  value: unknown,
): F {
  if (typeof value !== 'function') typeError(name, argument, 'a function', value);
  return value as F;
}

/** Checks an AbortSignal, of any realm. */
export function checkSignal<S extends { readonly aborted: boolean }>(
  name: string,
  argument: string,
  value: unknown,
): S {
  if (typeof (value as S | null | undefined)?.aborted === 'boolean') return value as S;
  typeError(name, argument, 'an AbortSignal', value);
}

/** Tells whether a value is a Uint8Array, of any realm. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && tagOf(value) === 'Uint8Array';
}

/** Tells whether a value is a plain or typed array of numbers, not of bigints. */
export function isNumberArray(value: unknown): value is ArrayLike<number> {
  if (Array.isArray(value)) return true;
  if (!ArrayBuffer.isView(value)) return false;
  // The most frequent kind first: reading an object's tag takes longer than all other checks.
  if (value instanceof Float32Array) return true;
  return /^(Int|Uint|Float)(8|16|32|64)(Clamped)?Array$/.test(tagOf(value));
}

/**
 * Checks finite numbers: a plain or typed array.
 *
 * @param length required number of elements; any number if left out
 */
export function checkNumbers(
  name: string,
  argument: string,
  values: unknown,
  length?: LengthOf,
): ArrayLike<number> {
  if (!isNumberArray(values)) typeError(name, argument, 'an array of numbers', values);
  if (length !== undefined && values.length !== length.of) {
    rangeError(name, argument, `${length.of} long (${length.what})`, values.length);
  }
  for (let i = 0; i < values.length; i++) checkNumber(name, `${argument}[${i}]`, values[i]);
  return values;
}

/** Required number of elements, and its source for the message. */
export interface LengthOf {
  of: number;
  what: string;
}

/**
 * Checks whole numbers in i32's range: a plain or typed array of numbers, a BigInt64Array, or
 * booleans as 0 and 1.
 *
 * @param length required number of elements; any number if left out
 * @param range narrower range of the elements
 * @returns the numbers
 */
export function checkIntegers(
  name: string,
  argument: string,
  values: unknown,
  length?: LengthOf,
  range?: { valid: (value: number) => boolean; what: string },
): ArrayLike<number> {
  const given = toNumbers(values);
  if (!isNumberArray(given)) typeError(name, argument, 'an array of whole numbers', values);
  if (length !== undefined && given.length !== length.of) {
    rangeError(name, argument, `${length.of} long (${length.what})`, given.length);
  }
  for (let i = 0; i < given.length; i++) {
    const value: unknown = given[i];
    if (typeof value !== 'number') typeError(name, `${argument}[${i}]`, 'a whole number', value);
    if ((value | 0) !== value) {
      rangeError(name, `${argument}[${i}]`, 'a whole number of 32 bits', value);
    }
    if (range !== undefined && !range.valid(value)) {
      rangeError(name, `${argument}[${i}]`, range.what, value);
    }
  }
  return given;
}

/** Converts 64-bit integers and booleans to numbers; everything else is given back as it is. */
function toNumbers(values: unknown): unknown {
  if (Array.isArray(values)) {
    const booleans = values.length > 0 && values.every((value) => typeof value === 'boolean');
    return booleans ? values.map(Number) : values;
  }
  return ArrayBuffer.isView(values) && tagOf(values) === 'BigInt64Array'
    ? Float64Array.from(values as BigInt64Array, Number)
    : values;
}
