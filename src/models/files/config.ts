/**
 * Reads a model's `config.json`. Every number has bounds, so that a damaged or hostile file is
 * refused before memory of its size is taken; what the networks here don't have is refused by its
 * key.
 */

import { rangeError } from '../../core/validation.js';
import { type Files, readJson } from './files.js';

/** Largest width, vocabulary or context. */
const MAX_SIZE = 2 ** 24;
/** Largest number of layers or heads. */
export const MAX_LAYERS = 4096;
/** Largest height and width of images, in pixels. */
export const MAX_SIDE = 2 ** 15;

/** Reads the values of a config by key. */
export class ConfigReader {
  readonly #loader: string;
  readonly #file: string;
  /** Values as the file has them. */
  readonly values: Readonly<Record<string, unknown>>;

  /**
   * @param loader function that messages name
   * @param file file that messages name
   */
  constructor(loader: string, values: Readonly<Record<string, unknown>>, file = 'config.json') {
    this.#loader = loader;
    this.#file = file;
    this.values = values;
  }

  /** Opens one of the files. */
  static open(loader: string, files: Files, file = 'config.json'): ConfigReader {
    return new ConfigReader(loader, readJson(loader, files, file), file);
  }

  /** Refuses a value. */
  refuse(key: string, expected: string): never {
    rangeError(this.#loader, `${this.#file}'s ${key}`, expected, this.values[key]);
  }

  /** Opens an object within the config; one that is missing or null is empty. */
  section(key: string): ConfigReader {
    const value = this.values[key] ?? {};
    if (typeof value !== 'object' || Array.isArray(value)) this.refuse(key, 'an object');
    return new ConfigReader(this.#loader, value as Record<string, unknown>, this.#file);
  }

  /** Reads a whole number of at least 1; `fallback` where the file leaves it out. */
  readInt(key: string, options: { max?: number; fallback?: number } = {}): number {
    const { max = MAX_SIZE, fallback } = options;
    const value = this.values[key];
    // The file does not say it, so its bounds are not the file's either.
    if ((value === undefined || value === null) && fallback !== undefined) return fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max) {
      return value;
    }
    const tooLarge = typeof value === 'number' && value > max;
    this.refuse(key, tooLarge ? `at most ${max}` : 'a whole number of at least 1');
  }

  /** Reads one of some names. */
  readEnum<T extends string>(key: string, choices: readonly T[], fallback: T): T {
    const value = this.values[key] ?? fallback;
    if (choices.includes(value as T)) return value as T;
    this.refuse(key, choices.map((choice) => `'${choice}'`).join(' or '));
  }

  /** Reads a form of GELU; Hugging Face has two names for the approximate one. */
  readGelu(key: string, fallback: 'gelu' | 'gelu_new'): 'gelu' | 'gelu_new' {
    const choices = ['gelu', 'gelu_new', 'gelu_pytorch_tanh'] as const;
    return this.readEnum(key, choices, fallback) === 'gelu' ? 'gelu' : 'gelu_new';
  }

  /** Reads a positive number, such as what a normalization adds to the variance. */
  readPositive(key: string, fallback: number): number {
    const value = this.values[key] ?? fallback;
    if (typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY) return value;
    this.refuse(key, 'above 0');
  }

  /** Reads a rate of dropout, at least 0 and below 1. */
  readRate(key: string, fallback = 0): number {
    const value = this.values[key] ?? fallback;
    if (typeof value === 'number' && value >= 0 && value < 1) return value;
    this.refuse(key, 'at least 0 and below 1');
  }

  /** Reads a fraction above 0 and below 1. */
  readFraction(key: string, fallback: number): number {
    const value = this.values[key] ?? fallback;
    if (typeof value === 'number' && value > 0 && value < 1) return value;
    this.refuse(key, 'above 0 and below 1');
  }

  /** Reads true or false. */
  readFlag(key: string, fallback: boolean): boolean {
    const value = this.values[key] ?? fallback;
    if (typeof value === 'boolean') return value;
    this.refuse(key, 'true or false');
  }

  /** Refuses a key that is missing or has another value. */
  requireGiven(key: string, only: string): void {
    if (this.values[key] !== only) this.refuse(key, `'${only}'`);
  }

  /** Refuses a key that has another value than the only one that the networks here have. */
  require(key: string, only: boolean | number | string): void {
    if ((this.values[key] ?? only) === only) return;
    this.refuse(key, typeof only === 'string' ? `'${only}'` : String(only));
  }
}
