/**
 * nearfar/threads: the kernels of `nearfar` and `nearfar/nn` on several threads over shared memory,
 * with the same bits as on one. Nothing changes for who calls them; this entry is all there is.
 */

import { readOptions } from '../core/options.js';
import { checkNonNegative, rangeError, typeError } from '../core/validation.js';
import type { Kernel } from './job.js';
import { MAX_THREADS } from './max-threads.js';
import { CUTTINGS } from './partitions.js';
import { Pool } from './pool.js';
import { allKernels, share } from './shared.js';

/** The worker's script, which the build puts here. */
declare const WORKER_SCRIPT: string;

export interface ThreadsOptions {
  /**
   * Nanoseconds of work, estimated from the sizes of a call, below which it stays on one thread.
   * Threads that have had nothing to do for a while sleep, and are only woken once calls have
   * brought 150 times as much without as long a pause: to wake one takes time, too.
   * @default 30000
   */
  minWorkNs?: number | undefined;
}

/** How much more work it takes to wake threads that sleep than to share it with those awake. */
const WAKE = 150;

type Table = Record<string, Kernel>;

let pool: Pool | undefined;
/** Nanoseconds of work from which a call is shared. */
let minWork = 0;
/** The kernels that were replaced, to be put back. */
let before: readonly { table: Table; name: string; kernel: Kernel }[] = [];
/** Calls of `setThreads` wait for each other. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Lets all kernels whose work can be cut run on so many threads, this one among them: workers of
 * Node, Deno or Bun, or of a page that is cross-origin isolated. Results have the same bits as on
 * one thread. The workers keep no program from ending; if one dies, that is said with
 * `console.warn`, and all goes on with one thread.
 *
 * @param n threads, 1 to 128; 1 ends the workers. More than there are cores is of no use.
 * @returns how many there are now: 1 where the runtime has no workers or no shared memory
 */
export async function setThreads(n: number, options?: ThreadsOptions): Promise<number> {
  if (typeof n !== 'number') typeError('setThreads', 'n', 'a whole number', n);
  if (!Number.isInteger(n) || n < 1 || n > MAX_THREADS) {
    rangeError('setThreads', 'n', `a whole number from 1 to ${MAX_THREADS} (threads)`, n);
  }
  const reader = readOptions('setThreads', options);
  const minWorkNs = reader.read('minWorkNs', checkNonNegative, 30_000);
  reader.done();
  const next = last.then(() => change(n, minWorkNs));
  last = next.catch(() => undefined);
  return next;
}

async function change(n: number, minWorkNs: number): Promise<number> {
  minWork = minWorkNs;
  if (pool?.threads === n) return n;
  end();
  const shared = n > 1 ? share() : undefined;
  if (shared === undefined) return 1;
  const tables = allKernels() as unknown as Table[];
  const cut = Object.keys(CUTTINGS).map((name) => {
    const table = tables.find((each) => name in each) as Table;
    return { table, name, kernel: table[name] as Kernel };
  });
  const own = cut.map(({ kernel }) => kernel);
  const names = cut.map(({ name }) => name);
  const started = await Pool.start(n, WORKER_SCRIPT, { ...shared, names }, own, (reason) => {
    if (pool !== started) return;
    end();
    console.warn(`nearfar: a thread has died (${reason}); all goes on with one thread`);
  });
  if (started.threads === 1) return 1;
  pool = started;
  before = cut;
  for (const [place, { table, name, kernel }] of cut.entries()) {
    const { cost, cut } = CUTTINGS[name] as (typeof CUTTINGS)[string];
    table[name] = (...args) => {
      const nanoseconds = cost(args);
      if (nanoseconds < minWork) return kernel(...args);
      return started.run(place, args, cut(args), nanoseconds, WAKE * minWork);
    };
  }
  return started.threads;
}

/** Back to one thread. */
function end(): void {
  for (const { table, name, kernel } of before) table[name] = kernel;
  before = [];
  pool?.end();
  pool = undefined;
}
