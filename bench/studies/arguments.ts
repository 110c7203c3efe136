/** Reads the arguments of a study, `npm run NAME -- …`; errors are one line, status 2. */

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { InputError } from '../../src/terminal/errors.js';
import { parseInteger } from '../../src/terminal/options.js';

const MAX_COUNT = 1e9;

function exitWith(error: unknown): never {
  const { code, message } = error as { code?: string; message: string };
  if (!(error instanceof InputError || code?.startsWith('ERR_PARSE_ARGS'))) throw error;
  // Node explains some mistakes in further lines.
  process.stderr.write(`${message.split('\n')[0]}\n`);
  process.exit(2);
}

/** Runs a function; an InputError ends the program with its message. */
export function exitOnInputError<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    return exitWith(error);
  }
}

/** Parses options and positionals; `--help` prints the usage, line by line, and exits. */
export function readArguments<T extends ParseArgsConfig>(
  usage: readonly string[],
  config: T,
): ReturnType<typeof parseArgs<T>> {
  const options = { ...config.options, help: { type: 'boolean' as const, short: 'h' } };
  const found = exitOnInputError(() => parseArgs({ ...config, options }));
  if ((found.values as { help?: boolean }).help) {
    process.stdout.write(`${usage.join('\n')}\n`);
    process.exit(0);
  }
  return found as unknown as ReturnType<typeof parseArgs<T>>;
}

/** Reads an integer of at least `min`. */
export function readInt(option: string, text: string, min = 1, max = MAX_COUNT): number {
  return exitOnInputError(() => parseInteger(option, text, min, max));
}

/** Checks that names are known; no name selects all. */
export function chooseNames(given: readonly string[], known: readonly string[]): readonly string[] {
  return exitOnInputError(() => {
    const odd = given.find((name) => !known.includes(name));
    if (odd !== undefined) throw new InputError(`no ${odd} here, only ${known.join(' and ')}`);
    return given.length > 0 ? given : known;
  });
}
