/** Command-line options: their notation, and readers that turn their text into checked values. */

import { InputError } from './errors.js';
import { suggestion } from './text.js';

/** A flag or an option of a command. */
export interface Option {
  /** Notation of commander: `--full`, `--out <dir>`. */
  flags: string;
  /** One line of the help. */
  description: string;
  /** Value that holds if the option is not given. */
  default?: string;
}

/** Largest integer that an option may have, unless it says otherwise. */
export const MAX_INTEGER = 2 ** 31;

/**
 * Reads an integer.
 *
 * @param option name for the message: `--steps`
 * @param text what was given
 * @throws {InputError} if it is not an integer from `min` to `max`
 */
export function parseInteger(option: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    const range = `a whole number from ${min} to ${max}`;
    throw new InputError(`${option} must be ${range}, got ${JSON.stringify(text)}`);
  }
  return value;
}

/**
 * Reads a number.
 *
 * @param option name for the message: `--lr`
 * @param text what was given
 * @throws {InputError} if it is not a number from `min` to `max`
 */
export function parseNumber(option: string, text: string, min: number, max: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= min && value <= max)) {
    const range = `a number from ${min} to ${max}`;
    throw new InputError(`${option} must be ${range}, got ${JSON.stringify(text)}`);
  }
  return value;
}

/**
 * Reads one of several names.
 *
 * @param option name for the message: `--loss`
 * @param text what was given
 * @throws {InputError} if it is none of `choices`
 */
export function parseChoice(option: string, text: string, choices: readonly string[]): string {
  if (choices.includes(text)) return text;
  const got = `${JSON.stringify(text)}${suggestion(text, choices)}`;
  throw new InputError(`${option} must be ${choices.join(' or ')}, got ${got}`);
}
