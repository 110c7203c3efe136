/** Reads the parts of a `tokenizer.json`: objects with a `type`, some of them sequences of others. */

import { rangeError, show } from '../../../core/validation.js';
import { isExponential } from '../tokenizer-json.js';
import { toJavaScript } from './patterns.js';

/** One part of a `tokenizer.json`. */
export type Part = Readonly<Record<string, unknown>>;

/** Function and part of the file that messages name. */
export interface Where {
  /** Function that messages name. */
  name: string;
  /** File and part. */
  part: string;
}

export function isPart(value: unknown): value is Part {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads a part, or undefined where the file has none. */
export function readPart({ name, part }: Where, value: unknown): Part | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isPart(value) || typeof value.type !== 'string') {
    rangeError(name, part, 'an object with a type', value);
  }
  return value;
}

export function readList({ name, part }: Where, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) rangeError(name, part, 'a list', value);
  return value;
}

export function readFlag(where: Where, part: Part, key: string, fallback: boolean): boolean {
  const value = part[key] ?? fallback;
  if (typeof value !== 'boolean')
    rangeError(where.name, `${where.part}'s ${key}`, 'true or false', value);
  return value;
}

export function readString(where: Where, part: Part, key: string, fallback?: string): string {
  const value = part[key] ?? fallback;
  if (typeof value !== 'string')
    rangeError(where.name, `${where.part}'s ${key}`, 'a string', value);
  return value;
}

export function unknownType({ name, part }: Where, type: unknown): never {
  throw new RangeError(`${name}: ${part} is of type ${show(type)}, which is not supported`);
}

/**
 * Reads a `pattern`: `{ String }` or `{ Regex }`, as a global regular expression.
 */
export function readPattern(where: Where, value: unknown): RegExp {
  const pattern = isPart(value) ? value : {};
  if (typeof pattern.String === 'string') {
    return new RegExp(pattern.String.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'), 'gu');
  }
  if (typeof pattern.Regex !== 'string') {
    rangeError(where.name, `${where.part}'s pattern`, 'a String or a Regex', value);
  }
  if (isExponential(pattern.Regex)) {
    const expected = 'a regular expression that repeats nothing that is repeated within';
    rangeError(where.name, `${where.part}'s pattern`, expected, pattern.Regex);
  }
  try {
    return toJavaScript(pattern.Regex);
  } catch {
    const expected = 'a regular expression that JavaScript has too';
    rangeError(where.name, `${where.part}'s pattern`, expected, pattern.Regex);
  }
}
