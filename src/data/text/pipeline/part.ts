/** Reads the parts of a `tokenizer.json`: objects with a `type`, some of them sequences of others. */

import { rangeError, show } from '../../../core/validation.js';

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
 * Character classes get the meaning that they have in Hugging Face's tokenizers.
 */
export function readPattern(where: Where, value: unknown): RegExp {
  const pattern = isPart(value) ? value : {};
  if (typeof pattern.String === 'string') {
    return new RegExp(pattern.String.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'), 'gu');
  }
  if (typeof pattern.Regex !== 'string') {
    rangeError(where.name, `${where.part}'s pattern`, 'a String or a Regex', value);
  }
  try {
    return new RegExp(toJavaScript(pattern.Regex), 'gu');
  } catch {
    rangeError(where.name, `${where.part}'s pattern`, 'a regular expression', pattern.Regex);
  }
}

const SPACES = '\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

/** Rewrites what JavaScript reads differently: `\s`, `\S`, `(?i:…)` of letters. */
function toJavaScript(regex: string): string {
  const anyCase = regex.replace(/\(\?i:([^()]*)\)/g, (_, inner: string) => {
    const both = inner.replace(/[a-z]/gi, (c) => `[${c.toLowerCase()}${c.toUpperCase()}]`);
    return `(?:${both})`;
  });
  let inClass = false;
  let result = '';
  for (let i = 0; i < anyCase.length; i++) {
    const two = anyCase.slice(i, i + 2);
    if (two === '\\s') result += inClass ? SPACES : `[${SPACES}]`;
    else if (two === '\\S' && !inClass) result += `[^${SPACES}]`;
    else if (two[0] === '\\') result += two;
    else {
      if (two[0] === '[') inClass = true;
      if (two[0] === ']') inClass = false;
      result += two[0];
      continue;
    }
    i++;
  }
  return result;
}
