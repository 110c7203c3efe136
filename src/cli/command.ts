/**
 * What a command is. A command lives in a file of its own and stands in the table of index.ts;
 * help, refusal of unknown options and exit codes come from there.
 */

import type { Terminal } from '../terminal/progress.js';

/** A flag or an option, in the notation of commander: `--full`, `--out <dir>`. */
export interface Option {
  flags: string;
  description: string;
  /** What holds if it isn't given. */
  default?: string;
}

export interface Command {
  name: string;
  summary: string;
  /** Arguments without a flag, in the notation of commander: `[name...]`, `<dir>`. */
  arguments?: { notation: string; description: string }[];
  options: Option[];
  /** On how many it runs unless told otherwise (default: all physical cores). */
  threads?: number;
  run(input: Input): Promise<void>;
}

export interface Input {
  positional: readonly string[];
  options: Readonly<Record<string, string | boolean | undefined>>;
  terminal: Terminal;
  /** What an interrupt does instead of ending the program at once. */
  onInterrupt(action: () => void): void;
}

/** For every command that works for more than a moment. */
export const JSON_OPTION: Option = {
  flags: '--json',
  description: 'print one JSON object a line instead of progress and tables',
};

/** Something that the user can put right: said in one line, exit status 2. */
export class InputError extends Error {}

/** The user stopped the work: said in one line, with what became of it; exit status 130. */
export class Interrupted extends Error {}

/** The value of an option that cannot be left out. */
export function required(options: Input['options'], name: string): string {
  const value = options[name];
  if (typeof value !== 'string' || value === '') throw new InputError(`--${name} is needed`);
  return value;
}

/** A whole number given as an option. */
export function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    const range = `a whole number from ${least} to ${most}`;
    throw new InputError(`${option} must be ${range}, got ${JSON.stringify(text)}`);
  }
  return value;
}

/** A number given as an option. */
export function realNumber(option: string, text: string, least: number, most: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= least && value <= most)) {
    const range = `a number from ${least} to ${most}`;
    throw new InputError(`${option} must be ${range}, got ${JSON.stringify(text)}`);
  }
  return value;
}
