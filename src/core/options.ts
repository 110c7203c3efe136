/**
 * Reads the options of a public function. An option is registered by being read, so no list of
 * names is kept by hand:
 *
 *     const options = readOptions('ntXent', given);
 *     const temperature = options.read('temperature', checkTemperature, 0.5);
 *     options.done();
 *
 * `null` and wrong types are a TypeError and values out of range a RangeError; both name the
 * function and the option. Only `undefined` means the default.
 */

import { type Check, checkOptionsObject, show } from './validation.js';

/** The options that a caller gave to one call, and the names that the function has read so far. */
export class OptionReader {
  readonly #name: string;
  readonly #given: Readonly<Record<string, unknown>>;
  readonly #known: string[] = [];

  /**
   * @param name function that messages name
   * @param given what the caller passed; undefined is an empty object
   */
  constructor(name: string, given: unknown) {
    this.#name = name;
    this.#given = checkOptionsObject(name, given);
  }

  /**
   * Reads one option.
   *
   * @param key name of the option
   * @param check turns a valid value into the one that is used, and throws at an invalid one
   * @param fallback default value; without one the option is required
   */
  read<T>(key: string, check: Check<T>, fallback?: T): T {
    this.#known.push(key);
    const value = this.#given[key];
    return value === undefined && fallback !== undefined ? fallback : check(this.#name, key, value);
  }

  /** Reads an option without a default; undefined where it was not given. */
  optional<T>(key: string, check: Check<T>): T | undefined {
    return this.read<T | undefined>(key, (name, argument, value) =>
      value === undefined ? undefined : check(name, argument, value),
    );
  }

  /** @throws {TypeError} if the caller gave an option that was not read */
  done(): void {
    for (const key of Object.keys(this.#given)) {
      if (this.#known.includes(key)) continue;
      const list = this.#known.length === 0 ? 'it has none' : `it has ${this.#known.join(', ')}`;
      throw new TypeError(`${this.#name}: unknown option ${show(key)}; ${list}`);
    }
  }
}

/**
 * Refuses options of a function that has none. Everything but an object passes, so that the
 * function can be given to `map`, which adds an index.
 *
 * @throws {TypeError} if there is any option
 */
export function checkNoOptions(name: string, given: unknown): void {
  if (typeof given === 'object' && given !== null) new OptionReader(name, given).done();
}

/**
 * Begins to read the options of a call; `done()` ends it.
 *
 * @param name function that messages name
 * @param given what the caller passed as options
 * @throws {TypeError} if it is neither undefined nor a plain object
 */
export function readOptions(name: string, given: unknown): OptionReader {
  return new OptionReader(name, given);
}
