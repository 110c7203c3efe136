/** A trained system as files by name; whoever has a file system writes them. */

import { rangeError } from '../check.js';

export type Files = Map<string, Uint8Array>;

export function writeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}

/** The object in a JSON file. */
export function readJson(name: string, files: Files, file: string): Record<string, unknown> {
  const bytes = files.get(file);
  if (bytes === undefined) throw new RangeError(`${name}: files must hold ${file}`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new RangeError(`${name}: ${file} must be JSON in UTF-8`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    rangeError(name, file, 'a JSON object', value);
  }
  return value as Record<string, unknown>;
}
