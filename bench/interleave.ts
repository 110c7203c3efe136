/**
 * Contestants at the same work, timed in turns: what slows the machine down for a second slows all
 * of them. Before that their results are compared. Runs on any runtime.
 */

import { theClock, turn } from './clock.js';
import type { Outputs } from './operations/operation.js';

export interface Contestant {
  name: string;
  /** Does the work a number of times. @returns milliseconds of them all */
  run(times: number): Promise<number>;
  /** What the last run gave. */
  outputs(): Outputs | Promise<Outputs>;
}

/** The middle of several numbers, and the range within which half of them are. */
export interface Middle {
  median: number;
  quartiles: [number, number];
  least: number;
  /** The quartiles lie so far apart that the median says little. */
  noisy: boolean;
}

export interface Standing {
  name: string;
  /** Milliseconds of one call. */
  time: Middle;
  /** Times of this contestant over those of the first, round by round. */
  ratio: Middle;
}

/** For how long each contestant is warmed up and measured, in milliseconds, and how a round is. */
const WARM_UP = 300;
const MEASURED = 1000;
const LEAST_ROUNDS = 7;
const ROUND = 4;
/** Of a clock that is coarse: a round is so many times what it tells apart. */
const TICKS = 100;
/** After this long, in milliseconds, fewer rounds have to do. */
const LONGEST = 20_000;
/** Milliseconds: whoever takes longer for one call is not timed, as many calls would take minutes. */
const SLOW = 4000;
/** Quartiles further apart than this share of the median are noise, and so are too few rounds. */
const NOISE = 0.2;
const FEW = 3;

/** Largest difference of results, as a share of the largest number among them. */
const TOLERANCE = 2e-3;

/** A function of this process as a contestant. */
export function contestant(name: string, call: () => Outputs | Promise<Outputs>): Contestant {
  let last: Outputs = {};
  return {
    name,
    async run(times) {
      const { now } = await theClock();
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
export interface LeftOut {
  name: string;
  reason: string;
}

/**
 * Has each do the work a few times.
 * @returns who is out, those among them that would take minutes; without the first there is no race
 */
export async function compare(
  contestants: readonly Contestant[],
  steps: number,
): Promise<LeftOut[]> {
  const [first, ...others] = contestants as [Contestant, ...Contestant[]];
  const result = async (each: Contestant): Promise<{ gives: Outputs; took: number }> => {
    const took = await each.run(steps);
    return { gives: await each.outputs(), took: took / steps };
  };
  const ours = await result(first);
  const out: LeftOut[] = [];
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
async function slowness(each: Contestant, first: number): Promise<string | undefined> {
  if (first <= SLOW) return undefined;
  // The first call may have compiled what it runs.
  const again = await each.run(1);
  return again > SLOW ? `is right, but takes ${(again / 1000).toFixed(0)} s` : undefined;
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
export async function race(contestants: readonly Contestant[]): Promise<Standing[]> {
  const { resolution } = await theClock();
  const long = Math.max(ROUND, TICKS * resolution);
  const times: number[] = [];
  for (const each of contestants) {
    let total = 0;
    let calls = 0;
    for (let count = 1; total < Math.max(WARM_UP, long); count *= 2) {
      total += await each.run(count);
      calls += count;
    }
    times.push(Math.max(1, Math.round((long * calls) / total)));
  }
  const rounds: number[][] = contestants.map(() => []);
  const goesOn = (spent: number): boolean =>
    spent < MEASURED * contestants.length ||
    (spent < LONGEST && (rounds[0] as number[]).length < LEAST_ROUNDS);
  for (let spent = 0; goesOn(spent); ) {
    for (const [i, each] of contestants.entries()) {
      const count = times[i] as number;
      const took = await each.run(count);
      rounds[i]?.push(took / count);
      spent += took;
    }
    await turn();
  }
  const [first] = rounds as [number[]];
  return contestants.map(({ name }, i) => {
    const own = rounds[i] as number[];
    return {
      name,
      time: middleOf(own),
      ratio: middleOf(own.map((value, round) => value / (first[round] as number))),
    };
  });
}

/** Median and quartiles of some numbers. */
export function middleOf(values: readonly number[]): Middle {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] as number;
  const [low, median, high] = [at(0.25), at(0.5), at(0.75)];
  const noisy = sorted.length < FEW || high - low > NOISE * median;
  return { median, quartiles: [low, high], least: at(0), noisy };
}
