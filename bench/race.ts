/**
 * Contestants at the same work, timed in turns: what slows the machine down for a second slows all
 * of them. Before that their results are compared.
 */

import type { Outputs } from './operations/operation.js';

export interface Contestant {
  name: string;
  /** Does the work a number of times. @returns milliseconds of them all */
  run(times: number): number | Promise<number>;
  /** What the last run gave. */
  outputs(): Outputs | Promise<Outputs>;
}

export interface Standing {
  name: string;
  /** Milliseconds of one call. */
  median: number;
  /** Half of the rounds are within this range. */
  quartiles: [number, number];
  /** Times of this contestant over those of the first, round by round. */
  ratio: number;
  ratioQuartiles: [number, number];
}

/** For how long each contestant is warmed up and measured, in milliseconds, and how a round is. */
const WARM_UP = 300;
const MEASURED = 1000;
const LEAST_ROUNDS = 7;
const ROUND = 4;
/** After this long, in milliseconds, fewer rounds have to do. */
const LONGEST = 20_000;

/** Largest difference of results, as a share of the largest number among them. */
const TOLERANCE = 2e-3;

/** A function of this process as a contestant. */
export function contestant(name: string, call: () => Outputs | Promise<Outputs>): Contestant {
  let last: Outputs = {};
  return {
    name,
    async run(times) {
      const start = performance.now();
      for (let i = 0; i < times; i++) {
        const made = call();
        last = made instanceof Promise ? await made : made;
      }
      return performance.now() - start;
    },
    outputs: () => last,
  };
}

/** @throws Error if one gives other results than the first, named as it names them */
export async function compare(contestants: readonly Contestant[], steps: number): Promise<void> {
  const results: Outputs[] = [];
  for (const each of contestants) {
    await each.run(steps);
    results.push(await each.outputs());
  }
  const [ours, ...theirs] = results as [Outputs, ...Outputs[]];
  theirs.forEach((outputs, i) => {
    for (const [key, value] of Object.entries(outputs)) {
      const expected = numbers(ours[key]);
      const got = numbers(value);
      const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const bad = expected.findIndex((x, k) => {
        return !(Math.abs(x - (got[k] as number)) <= TOLERANCE * largest);
      });
      if (bad < 0 && got.length === expected.length && got.length > 0) continue;
      const what = `${key}[${bad}] is ${got[bad]} instead of ${expected[bad]}`;
      throw new Error(`${contestants[i + 1]?.name} gives other results: ${what}`);
    }
  });
}

function numbers(value: Outputs[string] | undefined): number[] {
  return typeof value === 'number' ? [value] : Array.from(value ?? []);
}

/** Times all in turns. */
export async function race(contestants: readonly Contestant[]): Promise<Standing[]> {
  const times: number[] = [];
  for (const each of contestants) {
    let total = 0;
    let calls = 0;
    for (let count = 1; total < WARM_UP; count *= 2) {
      total += await each.run(count);
      calls += count;
    }
    times.push(Math.max(1, Math.round((ROUND * calls) / total)));
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
  }
  const [first] = rounds as [number[]];
  return contestants.map(({ name }, i) => {
    const own = rounds[i] as number[];
    const ratios = own.map((value, round) => value / (first[round] as number));
    return {
      name,
      median: quantile(own, 0.5),
      quartiles: [quantile(own, 0.25), quantile(own, 0.75)],
      ratio: quantile(ratios, 0.5),
      ratioQuartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
    };
  });
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] as number;
}
