/** Reads the files of a sentence encoder's folder: paths, JSON, numbers within bounds. */

import { isMap, rangeError, typeError } from '../../core/validation.js';
import { type Files, readJson } from '../files/files.js';

export type Json = Readonly<Record<string, unknown>>;

/** Largest size of a network that a config.json may ask for. */
const MAX_SIZE = 2 ** 20;

/** A folder, and the function that reads it. */
export interface Folder {
  name: string;
  files: Files;
}

/** Path of a file in the folder of a module, which is '' or '.' for the folder itself. */
export function pathOf(folder: string, file: string): string {
  const parts = folder.split('/').filter((part) => part !== '' && part !== '.');
  return [...parts, file].join('/');
}

/** The object of a JSON file, or undefined where there is none. */
export function readOptionalJson({ name, files }: Folder, file: string): Json | undefined {
  return files.has(file) ? readJson(name, files, file) : undefined;
}

/** One file of a folder, whose fields are read by name. */
export class ConfigReader {
  readonly json: Json;
  readonly #name: string;
  readonly #file: string;

  constructor(name: string, file: string, json: Json) {
    this.#name = name;
    this.#file = file;
    this.json = json;
  }

  #label(key: string): string {
    return `${this.#file}'s ${key}`;
  }

  /** A whole number from 1, or from `min`. */
  int(key: string, fallback?: number, min = 1, max = MAX_SIZE): number {
    const value = this.json[key] ?? fallback;
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
      return value as number;
    }
    rangeError(this.#name, this.#label(key), `a whole number from ${min} to ${max}`, value);
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.json[key] ?? fallback;
    if (typeof value === 'boolean') return value;
    rangeError(this.#name, this.#label(key), 'true or false', value);
  }

  text(key: string, fallback?: string): string {
    const value = this.json[key] ?? fallback;
    if (typeof value === 'string') return value;
    rangeError(this.#name, this.#label(key), 'a string', value);
  }

  choice<T extends string>(key: string, choices: readonly T[], fallback: T): T {
    const value = this.json[key] ?? fallback;
    if (choices.includes(value as T)) return value as T;
    rangeError(this.#name, this.#label(key), choices.map((c) => `'${c}'`).join(' or '), value);
  }

  positive(key: string, fallback: number): number {
    const value = this.json[key] ?? fallback;
    if (typeof value === 'number' && value > 0 && value < 1) return value;
    rangeError(this.#name, this.#label(key), 'between 0 and 1', value);
  }

  /** A fraction from 0 to below 1. */
  fraction(key: string, fallback: number): number {
    const value = this.json[key] ?? fallback;
    if (typeof value === 'number' && value >= 0 && value < 1) return value;
    rangeError(this.#name, this.#label(key), 'from 0 to below 1', value);
  }

  /** Refuses a field that has another value than what our networks do. */
  only(key: string, expected: unknown): void {
    const value = this.json[key] ?? expected;
    if (value !== expected) rangeError(this.#name, this.#label(key), String(expected), value);
  }
}

/** Checks that files are a map of bytes by path. */
export function checkFiles(name: string, files: unknown): Files {
  if (!isMap(files)) typeError(name, 'files', 'a Map from paths to bytes', files);
  for (const [path, bytes] of files) {
    if (typeof path !== 'string') typeError(name, 'files', 'a Map from paths to bytes', path);
    if (!(bytes instanceof Uint8Array)) {
      // Buffers of another realm are bytes too.
      if (!ArrayBuffer.isView(bytes)) typeError(name, `files' ${path}`, 'a Uint8Array', bytes);
    }
  }
  return files as Files;
}
