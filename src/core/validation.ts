/**
 * What a caller may pass: every sentence that says no is built here, so that they sound alike:
 * function, argument, what was expected, what came. A TypeError is the wrong kind of thing, a
 * RangeError the wrong size or value.
 */

/** The largest finite f32. */
const F32_MAX = 3.4028234663852886e38;

/** What an object calls itself: Object, Array, Map, Float32Array. */
function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** How a value looks in an error. */
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

const nonFinite = /* @__PURE__ */ new WeakSet<Error>();

/** The RangeError of a number that is NaN or infinite, which a training loop takes for divergence. */
export function nonFiniteError(message: string): RangeError {
  const error = new RangeError(message);
  nonFinite.add(error);
  return error;
}

export function isNonFinite(error: unknown): boolean {
  return error instanceof Error && nonFinite.has(error);
}

export function rangeError(name: string, argument: string, expected: string, got: unknown): never {
  throw new RangeError(`${name}: ${argument} must be ${expected}, got ${show(got)}`);
}

/** Options of a function: the given one, or none. Every key must be one the function knows. */
export function checkOptions(name: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  // A Map, a Date or a boxed number has no options to find, and would pass for none given.
  if (typeof options !== 'object' || options === null || tagOf(options) !== 'Object') {
    typeError(name, 'options', 'an object', options);
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const list = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
    throw new TypeError(`${name}: unknown option ${show(key)}; ${list}`);
  }
}

/** A finite number within f32's range; `undefined` means the default. */
export function checkNumber(
  name: string,
  argument: string,
  value: unknown,
  fallback: number,
): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number') typeError(name, argument, 'a number', value);
  if (!Number.isFinite(value)) rangeError(name, argument, 'finite', value);
  if (Math.abs(value) > F32_MAX) rangeError(name, argument, "within f32's range", value);
  return value;
}

export function checkPositive(
  name: string,
  argument: string,
  value: unknown,
  fallback: number,
): number {
  const number = checkNumber(name, argument, value, fallback);
  if (!(number > 0)) rangeError(name, argument, 'greater than 0', number);
  return number;
}

export function checkAtLeastZero(
  name: string,
  argument: string,
  value: unknown,
  fallback: number,
): number {
  const number = checkNumber(name, argument, value, fallback);
  if (number < 0) rangeError(name, argument, 'at least 0', number);
  return number;
}

/** A temperature > 0 whose inverse, the factor of the cosines, is within f32's range. */
export function checkTemperature(name: string, value: unknown, fallback: number): number {
  const temperature = checkPositive(name, 'temperature', value, fallback);
  if (1 / temperature > F32_MAX) rangeError(name, 'temperature', 'at least 3e-39', temperature);
  return temperature;
}

/**
 * A whole number from 1 to `most`, what there is of `what`. A default is cut to it; where there is
 * none, the number can't be left out.
 */
export function checkCount(
  name: string,
  argument: string,
  value: unknown,
  fallback: number | undefined,
  most: number,
  what: string,
): number {
  if (value === undefined && fallback !== undefined) return Math.min(fallback, most);
  if (typeof value !== 'number') typeError(name, argument, 'a whole number', value);
  if (!Number.isInteger(value) || value < 1 || value > most) {
    rangeError(name, argument, `a whole number from 1 to ${most} (${what})`, value);
  }
  return value;
}

/** One of the names in `choices`. */
export function checkChoice<T extends string>(
  name: string,
  argument: string,
  value: unknown,
  choices: readonly T[],
  fallback: T,
): T {
  if (value === undefined) return fallback;
  if (choices.includes(value as T)) return value as T;
  const list = choices.map((choice) => `'${choice}'`).join(' or ');
  if (typeof value !== 'string') typeError(name, argument, list, value);
  rangeError(name, argument, list, value);
}

export function checkFlag(
  name: string,
  argument: string,
  value: unknown,
  fallback: boolean,
): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') typeError(name, argument, 'true or false', value);
  return value;
}

/** Whether a value is a plain or typed array of numbers, not of bigints. */
export function isNumberArray(value: unknown): value is ArrayLike<number> {
  if (Array.isArray(value)) return true;
  if (!ArrayBuffer.isView(value)) return false;
  // Most are this one, and asking an object for its name takes longer than all other checks.
  if (value instanceof Float32Array) return true;
  return /^(Int|Uint|Float)(8|16|32|64)(Clamped)?Array$/.test(tagOf(value));
}

/**
 * Whole numbers in i32's range, `length` of them (any number where undefined); `valid` narrows
 * the range and `range` says so.
 */
export function checkIntegers(
  name: string,
  argument: string,
  values: unknown,
  length?: { of: number; what: string },
  range?: { valid: (value: number) => boolean; what: string },
): ArrayLike<number> {
  if (!isNumberArray(values)) typeError(name, argument, 'an array of whole numbers', values);
  if (length !== undefined && values.length !== length.of) {
    rangeError(name, argument, `${length.of} long (${length.what})`, values.length);
  }
  for (let i = 0; i < values.length; i++) {
    const value: unknown = values[i];
    if (typeof value !== 'number') typeError(name, `${argument}[${i}]`, 'a whole number', value);
    if (!Number.isInteger(value) || (value | 0) !== value) {
      rangeError(name, `${argument}[${i}]`, 'a whole number of 32 bits', value);
    }
    if (range !== undefined && !range.valid(value)) {
      rangeError(name, `${argument}[${i}]`, range.what, value);
    }
  }
  return values;
}
