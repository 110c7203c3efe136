/**
 * Candidates at the same work, timed in turns: what slows the machine down for a second slows all
 * of them. Before that their results are compared. Runs on any runtime.
 */

import { getClock, nextTask } from './clock.js';
import type { Outputs } from './operations/operation.js';

export interface Candidate {
  name: string;
  /** Does the work a number of times. @returns milliseconds of them all */
  run(times: number): Promise<number>;
  /** What the last run gave. */
  outputs(): Outputs | Promise<Outputs>;
}

/** The middle of several numbers, and the range within which half of them are. */
export interface Summary {
  median: number;
  quartiles: [number, number];
  min: number;
  /** The quartiles lie so far apart that the median says little. */
  noisy: boolean;
}

export interface Timing {
  name: string;
  /** Milliseconds of one call. */
  time: Summary;
  /** Times of this candidate over those of the first, round by round. */
  ratio: Summary;
}

/** For how long each candidate is warmed up and measured, in milliseconds, and how a round is. */
const WARM_UP = 300;
const MEASURED = 1000;
const MIN_ROUNDS = 7;
const ROUND = 4;
/** Of a clock that is coarse: a round is so many times what it tells apart. */
const TICKS = 100;
/** After this long, in milliseconds, fewer rounds have to do. */
const MAX_MEASURED = 20_000;
/** Milliseconds: whoever takes longer for one call is not timed, as many calls would take minutes. */
const MAX_CALL = 4000;
/** Quartiles further apart than this share of the median are noise, and so are too few rounds. */
const NOISE = 0.2;
const MIN_SUMMARIZED = 3;

/** Largest difference of results, as a share of the largest number among them. */
const TOLERANCE = 2e-3;

/** A function of this process as a candidate. */
export function candidate(name: string, call: () => Outputs | Promise<Outputs>): Candidate {
  let last: Outputs = {};
  return {
    name,
    async run(times) {
      const { now } = await getClock();
      const start = await now();
      for (let i = 0; i < times; i++) {
        const made = call();
        last = made instanceof Promise ? await made : made;
      }
      return (await now()) - start;
    },
    outputs: () => last,
  };
}

/** Whose results are not to be had, or differ from those of the first: not to be timed. */
export interface Excluded {
  name: string;
  reason: string;
}

/**
 * Has each do the work a few times.
 * @returns who is out, those among them that would take minutes; without the first there is no race
 */
export async function excludeDisagreeing(
  candidates: readonly Candidate[],
  steps: number,
): Promise<Excluded[]> {
  const [first, ...others] = candidates as [Candidate, ...Candidate[]];
  const result = async (each: Candidate): Promise<{ gives: Outputs; took: number }> => {
    const took = await each.run(steps);
    return { gives: await each.outputs(), took: took / steps };
  };
  const ours = await result(first);
  const out: Excluded[] = [];
  for (const each of others) {
    const { name } = each;
    try {
      const { gives, took } = await result(each);
      const reason = difference(ours.gives, gives) ?? (await slowness(each, took));
      if (reason !== undefined) out.push({ name, reason });
    } catch (error) {
      out.push({ name, reason: `fails: ${error instanceof Error ? error.message : error}` });
    }
  }
  return out;
}

/** How slow one is that took so many milliseconds for its first call, if it is too slow. */
async function slowness(each: Candidate, first: number): Promise<string | undefined> {
  if (first <= MAX_CALL) return undefined;
  // The first call may have compiled what it runs.
  const again = await each.run(1);
  return again > MAX_CALL ? `is right, but takes ${(again / 1000).toFixed(0)} s` : undefined;
}

/** What differs, named as the others name it. */
function difference(ours: Outputs, theirs: Outputs): string | undefined {
  for (const [key, value] of Object.entries(theirs)) {
    const expected = numbers(ours[key]);
    const got = numbers(value);
    if (got.length !== expected.length) {
      return `gives ${got.length} numbers of ${key} instead of ${expected.length}`;
    }
    const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const bad = expected.findIndex((x, k) => {
      return !(Math.abs(x - (got[k] as number)) <= TOLERANCE * largest);
    });
    if (bad >= 0) return `gives ${got[bad]} for ${key}[${bad}] instead of ${expected[bad]}`;
  }
  return undefined;
}

function numbers(value: Outputs[string] | undefined): number[] {
  return typeof value === 'number' ? [value] : Array.from(value ?? []);
}

/** Times all in turns. */
export async function timeInterleaved(candidates: readonly Candidate[]): Promise<Timing[]> {
  const { resolution } = await getClock();
  const long = Math.max(ROUND, TICKS * resolution);
  const times: number[] = [];
  for (const each of candidates) {
    let total = 0;
    let calls = 0;
    for (let count = 1; total < Math.max(WARM_UP, long); count *= 2) {
      total += await each.run(count);
      calls += count;
    }
    times.push(Math.max(1, Math.round((long * calls) / total)));
  }
  const rounds: number[][] = candidates.map(() => []);
  const goesOn = (spent: number): boolean =>
    spent < MEASURED * candidates.length ||
    (spent < MAX_MEASURED && (rounds[0] as number[]).length < MIN_ROUNDS);
  for (let spent = 0; goesOn(spent); ) {
    for (const [i, each] of candidates.entries()) {
      const count = times[i] as number;
      const took = await each.run(count);
      rounds[i]?.push(took / count);
      spent += took;
    }
    await nextTask();
  }
  const [first] = rounds as [number[]];
  return candidates.map(({ name }, i) => {
    const own = rounds[i] as number[];
    return {
      name,
      time: summarize(own),
      ratio: summarize(own.map((value, round) => value / (first[round] as number))),
    };
  });
}

/** Median and quartiles of some numbers. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] as number;
  const [low, median, high] = [at(0.25), at(0.5), at(0.75)];
  const noisy = sorted.length < MIN_SUMMARIZED || high - low > NOISE * median;
  return { median, quartiles: [low, high], min: at(0), noisy };
}
