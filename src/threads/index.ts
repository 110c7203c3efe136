/**
 * nearfar/threads: the kernels of `nearfar` and `nearfar/nn` on several threads over shared memory,
 * with the same bits as on one. Nothing changes where they are called; this entry is all there is.
 *
 * @module
 */

import { kernels } from '../core/kernels.js';
import { readOptions } from '../core/options.js';
import { checkNonNegative, rangeError, typeError } from '../core/validation.js';
import type { Kernel } from './job.js';
import { MAX_THREADS } from './max-threads.js';
import type { ByName, Partitioner } from './partition.js';
import { PARTITIONS } from './partitions.js';
import { Pool } from './pool.js';
import { share } from './shared.js';

/** The worker's script, which the build puts here. */
declare const WORKER_SCRIPT: string;

/** Parameters of the kernels that are partitioned, `name parameter …|name …`: the build lists them. */
declare const KERNEL_PARAMETERS: string;

/** Options of {@link setThreads}. */
export interface ThreadsOptions {
  /**
   * Nanoseconds of work, estimated from the sizes of a call, below which it stays on one thread.
   * Threads that have been idle for about a millisecond sleep. They are woken once calls
   * without a pause add up to 150 × this much work, as waking a thread takes time too.
   * @default 30000
   */
  minWorkNs?: number | undefined;
}

/** Factor of `minWorkNs` from which threads that sleep are woken. */
const WAKE = 150;

type Table = Record<string, Kernel>;

/** A kernel that threads share. */
interface SharedKernel {
  table: Table;
  name: string;
  /** The kernel on one thread. */
  single: Kernel;
  partitioner: Partitioner;
}

let pool: Pool | undefined;
/** Nanoseconds of work from which a call is shared. */
let minWork = 0;
/** The kernels that were replaced, to be put back. */
let replaced: readonly SharedKernel[] = [];
/** Calls of `setThreads` wait for each other. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Sets the number of threads, this one among them, that kernels run on: workers of Node, Deno or
 * Bun, or of a page that is cross-origin isolated. Results have the same bits as on one thread. The
 * workers don't keep a program from ending; if one fails, `console.warn` says so, and one thread
 * goes on.
 *
 * @param n threads, 1 to 128; 1 ends the workers. More than there are cores is of no use.
 * @param options from how much work on calls are shared
 * @returns number of threads that run now: 1 where the runtime has no workers or no shared memory
 * @throws {TypeError} if n is not a number or an option is unknown
 * @throws {RangeError} if n is not a whole number from 1 to 128, or `minWorkNs` is negative
 * @example await setThreads(4);
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
  const memory = n > 1 ? share() : undefined;
  if (memory === undefined) return 1;
  const shared = sharedKernels();
  const names = shared.map(({ name }) => name);
  const single = shared.map(({ single }) => single);
  const started = await Pool.start(n, WORKER_SCRIPT, { ...memory, names }, single, (reason) => {
    if (pool !== started) return;
    end();
    console.warn(`nearfar: a thread has died (${reason}); all goes on with one thread`);
  });
  if (started.threads === 1) return 1;
  pool = started;
  replaced = shared;
  for (const [index, { table, name, single, partitioner }] of shared.entries()) {
    table[name] = (...args) => {
      const nanoseconds = partitioner.costNs(args);
      if (nanoseconds < minWork) return single(...args);
      return started.run(index, args, partitioner.partition(args), nanoseconds, WAKE * minWork);
    };
  }
  return started.threads;
}

/** The kernels with partitions, whose parameters are resolved to positions here. */
function sharedKernels(): SharedKernel[] {
  const signatures = new Map(
    KERNEL_PARAMETERS.split('|').map((line) => {
      const [name = '', ...parameters] = line.split(' ');
      return [name, parameters];
    }),
  );
  return PARTITIONS.flatMap(({ code, partitions }) => {
    const table = kernels<object>(code) as Table;
    return Object.entries(partitions).map(([name, byName]) => {
      const positions = (...parameters: string[]) =>
        parameters.map((parameter) => signatures.get(name)?.indexOf(parameter));
      const partitioner = (byName as ByName<string>)(positions as never);
      return { table, name, single: table[name] as Kernel, partitioner };
    });
  });
}

/** Back to one thread. */
function end(): void {
  for (const { table, name, single } of replaced) table[name] = single;
  replaced = [];
  pool?.end();
  pool = undefined;
}
