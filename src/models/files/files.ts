/** A trained system as files by name; whoever has a file system writes them. */

import { rangeError } from '../../core/validation.js';

export type Files = Map<string, Uint8Array>;

export function writeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}

/** The text of a file in UTF-8. */
export function readText(name: string, files: Files, file: string): string {
  const bytes = files.get(file);
  if (bytes === undefined) throw new RangeError(`${name}: files must hold ${file}`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new RangeError(`${name}: ${file} must be valid UTF-8`);
  }
}

/** The object in a JSON file. */
export function readJson(name: string, files: Files, file: string): Record<string, unknown> {
  const text = readText(name, files, file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RangeError(`${name}: ${file} must be JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    rangeError(name, file, 'a JSON object', value);
  }
  return value as Record<string, unknown>;
}

/** A whole number of at least 1 in a config.json. */
export function readInt(name: string, config: Record<string, unknown>, key: string): number {
  const value = config[key];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 2 ** 24) {
    rangeError(name, `config.json's ${key}`, 'a whole number of at least 1', value);
  }
  return value;
}

/** One of some names in a config.json. */
export function readEnum<T extends string>(
  name: string,
  config: Record<string, unknown>,
  key: string,
  choices: readonly T[],
  fallback: T,
): T {
  const value = config[key] ?? fallback;
  if (choices.includes(value as T)) return value as T;
  const list = choices.map((choice) => `'${choice}'`).join(' or ');
  rangeError(name, `config.json's ${key}`, list, value);
}

/** A form of GELU in a config.json; the hub has two names for the approximate one. */
export function readActivation(
  name: string,
  config: Record<string, unknown>,
  key: string,
  fallback: 'gelu' | 'gelu_new',
): 'gelu' | 'gelu_new' {
  const choices = ['gelu', 'gelu_new', 'gelu_pytorch_tanh'] as const;
  return readEnum(name, config, key, choices, fallback) === 'gelu' ? 'gelu' : 'gelu_new';
}

/** What a normalization adds to the variance in a config.json. */
export function readEps(
  name: string,
  config: Record<string, unknown>,
  key: string,
  fallback: number,
): number {
  const value = config[key] ?? fallback;
  if (typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY) return value;
  rangeError(name, `config.json's ${key}`, 'above 0', value);
}

/** Refuses a config.json in which a switch is set to what our networks do not have. */
export function requireFlag(
  name: string,
  config: Record<string, unknown>,
  key: string,
  only: boolean,
): void {
  if ((config[key] ?? only) !== only) {
    rangeError(name, `config.json's ${key}`, String(only), config[key]);
  }
}

/** A rate of dropout in a config.json; none if it is not there. */
export function readRate(name: string, config: Record<string, unknown>, key: string): number {
  const value = config[key] ?? 0;
  if (typeof value === 'number' && value >= 0 && value < 1) return value;
  rangeError(name, `config.json's ${key}`, 'at least 0 and below 1', value);
}

/** The weights of a trained system. */
export function readWeights(name: string, files: Files): Uint8Array {
  const bytes = files.get('model.safetensors');
  if (bytes === undefined) throw new RangeError(`${name}: files must hold model.safetensors`);
  return bytes;
}
