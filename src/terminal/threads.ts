/** How many threads a command runs on: all physical cores, or what `--threads` says. */

import { setThreads } from '../threads/index.js';
import { MAX_THREADS } from '../threads/max-threads.js';
import { physicalCores } from './cores.js';
import { type Option, parseInteger } from './options.js';

/** Of every command. @param fewer what holds if it isn't given, where that is not all cores */
export function threadsOption(fewer: number | undefined): Option {
  const unless = fewer ?? 'all physical cores';
  return {
    flags: '--threads <n>',
    description: `how many to run on (${unless}); any number gives the same results`,
  };
}

/** @param given the value of the option, if it was given */
export async function startThreads(given: unknown, fewer: number | undefined): Promise<void> {
  const count =
    typeof given === 'string'
      ? parseInteger('--threads', given, 1, MAX_THREADS)
      : (fewer ?? Math.min(MAX_THREADS, physicalCores()));
  await setThreads(count);
}
