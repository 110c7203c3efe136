/**
 * Times several candidates at the same work in an interleaved run: round by round, one after the
 * other, so that whatever slows the machine down for a second slows all of them. Before that their
 * results are compared. Runs on any runtime.
 */

import { getClock, nextTask } from './clock.js';
import type { Outputs } from './operations/operation.js';

/** Anything that can do the work and be timed: ours, ours on threads, a peer. */
export interface Candidate {
  name: string;
  /** Does the work a number of times. @returns milliseconds of all of them together */
  run(times: number): Promise<number>;
  /** Returns the results of the last run. */
  outputs(): Outputs | Promise<Outputs>;
}

/** Order statistics of several times or ratios. */
export interface Summary {
  median: number;
  quartiles: [number, number];
  min: number;
  /** True if the quartiles are too far apart, or the rounds too few, for the median to count. */
  noisy: boolean;
}

/** The times of one candidate. */
export interface Timing {
  name: string;
  /** Milliseconds of one call. */
  time: Summary;
  /** Time divided by that of the first candidate, round by round. */
  ratio: Summary;
}

/** Milliseconds for which each candidate is warmed up, is measured, and that one round takes. */
const WARM_UP = 300;
const MEASURED = 1000;
const ROUND = 4;
/** A round takes at least so many ticks of the clock. */
const TICKS = 100;
const MIN_ROUNDS = 7;
/** Milliseconds after which fewer rounds suffice. */
const MAX_MEASURED = 20_000;
/** Milliseconds of one call above which a candidate is not timed: many calls would take minutes. */
const MAX_CALL = 8000;
/** Quartiles further apart than this fraction of the median are noise. */
const NOISE = 0.2;
/** Fewer rounds than this are noise. */
const MIN_SUMMARIZED = 3;

/** Largest difference of results, as a fraction of the largest number among them. */
const TOLERANCE = 2e-3;

/** Makes a candidate from a function of this process. */
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

/** A candidate that is not timed: it fails, is too slow, or its results differ from the first's. */
export interface Excluded {
  name: string;
  reason: string;
}

/**
 * Has each candidate do the work a few times and compares results with those of the first.
 *
 * @returns the candidates that must not be timed; an error of the first is thrown
 */
export async function excludeDisagreeing(
  candidates: readonly Candidate[],
  steps: number,
): Promise<Excluded[]> {
  const [first, ...others] = candidates as [Candidate, ...Candidate[]];
  const runOnce = async (each: Candidate): Promise<{ outputs: Outputs; took: number }> => {
    const took = await each.run(steps);
    return { outputs: await each.outputs(), took: took / steps };
  };
  const expected = await runOnce(first);
  const excluded: Excluded[] = [];
  for (const each of others) {
    const { name } = each;
    try {
      const { outputs, took } = await runOnce(each);
      const reason = difference(expected.outputs, outputs) ?? (await slowness(each, took));
      if (reason !== undefined) excluded.push({ name, reason });
    } catch (error) {
      excluded.push({ name, reason: `fails: ${error instanceof Error ? error.message : error}` });
    }
  }
  return excluded;
}

/** Says how slow a candidate is whose first call took so many milliseconds, if it is too slow. */
async function slowness(each: Candidate, first: number): Promise<string | undefined> {
  if (first <= MAX_CALL) return undefined;
  // The first call may have compiled what it runs.
  const again = await each.run(1);
  return again > MAX_CALL ? `is right, but takes ${(again / 1000).toFixed(0)} s` : undefined;
}

/** Says where results differ; only the keys of the actual ones are compared. */
function difference(expected: Outputs, actual: Outputs): string | undefined {
  for (const [key, value] of Object.entries(actual)) {
    const want = numbers(expected[key]);
    const got = numbers(value);
    if (got.length !== want.length) {
      return `gives ${got.length} numbers of ${key} instead of ${want.length}`;
    }
    const scale = want.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
    const bad = want.findIndex((x, k) => {
      return !(Math.abs(x - (got[k] as number)) <= TOLERANCE * scale);
    });
    if (bad >= 0) return `gives ${got[bad]} for ${key}[${bad}] instead of ${want[bad]}`;
  }
  return undefined;
}

function numbers(value: Outputs[string] | undefined): number[] {
  return typeof value === 'number' ? [value] : Array.from(value ?? []);
}

/** Times all candidates, interleaved. */
export async function timeInterleaved(candidates: readonly Candidate[]): Promise<Timing[]> {
  const { resolution } = await getClock();
  const round = Math.max(ROUND, TICKS * resolution);
  const counts: number[] = [];
  for (const each of candidates) {
    let total = 0;
    let calls = 0;
    for (let count = 1; total < Math.max(WARM_UP, round); count *= 2) {
      total += await each.run(count);
      calls += count;
    }
    counts.push(Math.max(1, Math.round((round * calls) / total)));
  }
  const rounds: number[][] = candidates.map(() => []);
  const goesOn = (spent: number): boolean =>
    spent < MEASURED * candidates.length ||
    (spent < MAX_MEASURED && (rounds[0] as number[]).length < MIN_ROUNDS);
  for (let spent = 0; goesOn(spent); ) {
    for (const [i, each] of candidates.entries()) {
      const count = counts[i] as number;
      const took = await each.run(count);
      rounds[i]?.push(took / count);
      spent += took;
    }
    await nextTask();
  }
  const [first] = rounds as [number[]];
  return candidates.map(({ name }, i) => {
    const times = rounds[i] as number[];
    return {
      name,
      time: summarize(times),
      ratio: summarize(times.map((value, j) => value / (first[j] as number))),
    };
  });
}

/** Computes median, quartiles and minimum of some numbers. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (quantile: number): number =>
    sorted[Math.floor(quantile * (sorted.length - 1))] as number;
  const [low, median, high] = [at(0.25), at(0.5), at(0.75)];
  const noisy = sorted.length < MIN_SUMMARIZED || high - low > NOISE * median;
  return { median, quartiles: [low, high], min: at(0), noisy };
}
