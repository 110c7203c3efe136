/**
 * Measures one workload: compares the results of all candidates, then times those that agree,
 * ours first.
 */

import type { EncoderFolder } from './encoding.js';
import { type Candidate, excludeDisagreeing, timeInterleaved } from './interleave.js';
import type { Peer } from './peers/peer.js';
import type { Result } from './results.js';
import { allWorkloads, type Package, type Workload } from './workloads.js';

/** Selection of workloads and candidates. */
export interface Plan {
  /** Text that the name of an operation must contain, ignoring case; '' selects all. */
  name: string;
  /** Sizes whose largest number is above are left out. */
  largest: number;
  /** With more than 1, ours runs on 1 thread and on so many. */
  threads: number;
  peers: readonly Peer[];
  /** Sentence encoders whose encoding is timed, too. */
  encoders?: readonly EncoderFolder[];
}

/** Nanoseconds of work that no call reaches: nothing is shared between threads. */
const NEVER_SHARED = 1e15;
/** Milliseconds of calls after which sleeping threads are awake. */
const AWAKE = 30;
/** Milliseconds assumed of a call that a coarse clock measures as 0. */
const MIN_CALL = 1e-3;

/** Returns the workloads that a plan selects. */
export function selectWorkloads(
  { api }: Package,
  { name, largest, encoders }: Pick<Plan, 'name' | 'largest' | 'encoders'>,
): Workload[] {
  return allWorkloads(api, encoders).filter(
    (work) =>
      work.name.toLowerCase().includes(name.toLowerCase()) &&
      Math.max(...Object.values(work.sizes)) <= largest,
  );
}

/** Compares the results of all candidates for a workload, then times them. */
export async function measureWorkload(
  { setThreads }: Package,
  { threads, peers }: Plan,
  { name, sizes, flops, steps = 1, inputs, ours, parts, items }: Workload,
): Promise<Result> {
  /** The candidate on one thread: the workers exist, but get no work. */
  const onOne = (candidate: Candidate): Candidate => ({
    ...candidate,
    async run(times) {
      await setThreads(threads, { minWorkNs: NEVER_SHARED });
      return candidate.run(times);
    },
  });
  /** The candidate on all threads, awake when the time begins, as in a program that runs on. */
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
  candidates.push(...(parts?.(given) ?? []));
  for (const peer of peers) {
    const other = await peer.prepare(name, sizes, given);
    if (other) candidates.push(other);
  }
  const excluded = await excludeDisagreeing(candidates, steps);
  const agreeing = candidates.filter((each) => excluded.every((out) => out.name !== each.name));
  const timings = await timeInterleaved(agreeing);
  return {
    operation: name,
    sizes,
    ...(flops !== undefined && { flops }),
    ...(items !== undefined && { items: items(given) }),
    timings,
    ...(excluded.length > 0 && { excluded }),
  };
}
