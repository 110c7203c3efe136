/** Garbage collection on demand: memory that one test leaves to it is not freed during another. */

import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Collects garbage, and gives finalizers, which run in turns of their own, time to free memory. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  for (let turn = 0; turn < 5; turn++) await setTimeout(1);
}
