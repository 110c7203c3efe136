/**
 * What a command is. A command lives in a file of its own and stands in the table of index.ts;
 * help, refusal of unknown options and exit codes come from there.
 */

import { InputError } from '../terminal/errors.js';
import type { Option } from '../terminal/options.js';
import type { Terminal } from '../terminal/progress.js';

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

/** The value of an option that cannot be left out. */
export function required(options: Input['options'], name: string): string {
  const value = options[name];
  if (typeof value !== 'string' || value === '') throw new InputError(`--${name} is needed`);
  return value;
}
