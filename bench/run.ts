/**
 * Times the table of operations on its large sizes, and training steps: ours first, the others in
 * turns with it on the same inputs, once their results agree.
 */

import type { setThreads } from '../src/threads/index.js';
import type { Growth } from './growth.js';
import {
  type Candidate,
  type Excluded,
  excludeDisagreeing,
  type Summary,
  type Timing,
  timeInterleaved,
} from './interleave.js';
import type { Machine } from './machine.js';
import type { Api, Sizes } from './operations/operation.js';
import type { Peer } from './peers/peer.js';
import { allWorkloads, type Workload } from './work.js';

/** The package, wherever imported from. */
export interface Package {
  api: Api;
  setThreads: typeof setThreads;
}

export interface Plan {
  /** What the name of an operation must contain, capitals or not; all contain ''. */
  name: string;
  /** Sizes whose largest letter is above are left out. */
  largest: number;
  /** More than 1: ours runs on so many as well. */
  threads: number;
  peers: readonly Peer[];
}

export interface Result {
  operation: string;
  sizes: Sizes;
  /** Floating-point operations of one call, where that has a meaning. */
  flops?: number;
  /** Ours on one thread is the first. */
  timings: Timing[];
  /** Who was not timed, and why. */
  excluded?: Excluded[];
}

/** How long a process takes to get going, in milliseconds. */
export interface StartUp {
  /** From the import of the package to its first result. */
  first: Summary;
  /** The import of a module that is empty: what no package can be below. */
  empty: Summary;
}

/** All that was measured in one process. */
export interface Run {
  machine: Machine;
  /** GFLOP/s that a core reaches. */
  peak?: number;
  results: Result[];
  growth?: Growth[];
  startUp?: StartUp;
  callOverhead?: Result[];
}

/** Microseconds that no call takes: none is shared. */
const NEVER_SHARED = 1e15;
/** Milliseconds of calls after which threads that slept are awake. */
const AWAKE = 30;
/** Milliseconds that any call takes, whatever a coarse clock says. */
const MIN_CALL = 1e-3;

/** What a plan asks for. */
export function selectWorkloads(
  { api }: Package,
  { name, largest }: Pick<Plan, 'name' | 'largest'>,
): Workload[] {
  return allWorkloads(api).filter(
    (work) =>
      work.name.toLowerCase().includes(name.toLowerCase()) &&
      Math.max(...Object.values(work.sizes)) <= largest,
  );
}

/** Compares the results of all who do some work, then times them. */
export async function measureWorkload(
  { setThreads }: Package,
  { threads, peers }: Plan,
  { name, sizes, flops, steps = 1, inputs, ours }: Workload,
): Promise<Result> {
  /** The same candidate on one thread; the workers are there, but nothing is shared. */
  const onOne = (candidate: Candidate): Candidate => ({
    ...candidate,
    async run(times) {
      await setThreads(threads, { minWorkNs: NEVER_SHARED });
      return candidate.run(times);
    },
  });
  /** And on all of them, as in a program that goes on and on: awake when the time begins. */
  const onAll = (candidate: Candidate): Candidate => {
    let each = AWAKE;
    return {
      ...candidate,
      name: `${candidate.name}, ${threads} threads`,
      async run(times) {
        await setThreads(threads);
        if (each < AWAKE) await candidate.run(Math.ceil(AWAKE / Math.max(each, MIN_CALL)));
        const took = await candidate.run(times);
        each = took / times;
        return took;
      },
    };
  };
  const given = inputs();
  const candidates = threads === 1 ? [ours(given)] : [onOne(ours(given)), onAll(ours(inputs()))];
  for (const peer of peers) {
    const other = await peer.prepare(name, sizes, given);
    if (other) candidates.push(other);
  }
  const excluded = await excludeDisagreeing(candidates, steps);
  const agreeing = candidates.filter((each) => excluded.every((out) => out.name !== each.name));
  const timings = await timeInterleaved(agreeing);
  const rate = flops === undefined ? {} : { flops };
  return { operation: name, sizes, ...rate, timings, ...(excluded.length > 0 && { excluded }) };
}

/** Sizes as they are written: N 8, C 3. */
export function formatSizes(sizes: Sizes): string {
  return Object.entries(sizes)
    .map(([letter, value]) => `${letter} ${value}`)
    .join(' ');
}
