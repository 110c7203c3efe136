/**
 * The interface of a command. A command is a file in commands/ and a line in commands/index.ts;
 * index.ts gives all of them help, checks of options, threads, interrupts and exit codes.
 */

import { InputError } from '../terminal/errors.js';
import type { Option } from '../terminal/options.js';
import type { Terminal } from '../terminal/progress.js';

/** A command of the program. */
export interface Command {
  /** Word that calls it: `train`. */
  name: string;
  /** One line of the help. */
  summary: string;
  /** Arguments without a flag, in the notation of commander: `[name...]`, `<dir>`. */
  arguments?: { notation: string; description: string }[];
  options: Option[];
  /** Options as the help shows them, where that takes time to find out. */
  help?(): Option[];
  /** Command lines that the help shows. */
  examples?: string[];
  /** Number of threads unless told otherwise (by default all physical cores). */
  threads?: number;
  run(input: Input): Promise<void>;
}

/** A command's call. */
export interface Input {
  /** Arguments without a flag. */
  positional: readonly string[];
  /** Values of the options, by their names in camel case. */
  options: Readonly<Record<string, string | boolean | undefined>>;
  terminal: Terminal;
  /** Sets what an interrupt does instead of ending the program at once. */
  onInterrupt(action: () => void): void;
}

/** Option of every command that prints results. */
export const JSON_OPTION: Option = {
  flags: '--json',
  description: 'print one JSON object per line instead of progress and tables',
};

/** The folder of a trained model, as an argument. */
export const MODEL_FOLDER = { notation: '<dir>', description: 'folder of the trained model' };

/**
 * Returns the value of an option that cannot be left out.
 *
 * @throws {InputError} if it was not given
 */
export function required(options: Input['options'], name: string): string {
  const value = options[name];
  if (typeof value !== 'string' || value === '') throw new InputError(`--${name} is needed`);
  return value;
}
