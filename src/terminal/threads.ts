/** The number of threads of a command: all physical cores, or what `--threads` says. */

import { setThreads } from '../threads/index.js';
import { MAX_THREADS } from '../threads/max-threads.js';
import { physicalCores } from './cores.js';
import { type Option, parseInteger } from './options.js';

/**
 * Returns the option of the number of threads, which every command has.
 *
 * @param fewer default of the command, where that is not all cores
 */
export function threadsOption(fewer: number | undefined): Option {
  const unless = fewer ?? 'all physical cores';
  return {
    flags: '--threads <n>',
    description: `number of threads (1 to ${MAX_THREADS}; default: ${unless}); any gives the same bits`,
  };
}

/**
 * Returns the number of threads that a command is to have.
 *
 * @param given value of the option, if it was given
 * @param fewer default of the command, where that is not all cores
 * @param sharers number of processes or threads that share the cores
 */
export function readThreads(given: unknown, fewer?: number, sharers = 1): number {
  if (typeof given === 'string') return parseInteger('--threads', given, 1, MAX_THREADS);
  return fewer ?? Math.min(MAX_THREADS, Math.max(1, Math.floor(physicalCores() / sharers)));
}

/**
 * Starts the threads.
 *
 * @param given value of the option, if it was given
 * @param fewer default of the command, where that is not all cores
 * @param sharers number of processes or threads that share the cores
 */
export async function startThreads(
  given: unknown,
  fewer: number | undefined,
  sharers = 1,
): Promise<void> {
  await setThreads(readThreads(given, fewer, sharers));
}
