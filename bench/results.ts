/** Types of a benchmark's results, as `results.json` holds them and the report draws them. */

import type { Excluded, Summary, Timing } from './interleave.js';
import type { Machine } from './machine.js';
import type { Sizes } from './operations/operation.js';
import type { Items } from './workload.js';

/** One operation at one size: ours on one thread first, then the other candidates. */
export interface Result {
  operation: string;
  sizes: Sizes;
  /** Floating-point operations of one call, where that has a meaning. */
  flops?: number;
  /** Units that one call works on, where its rate has a meaning. */
  items?: Items;
  timings: Timing[];
  /** Candidates that were not timed, with the reason. */
  excluded?: Excluded[];
}

/** One size of a growth measurement. */
export interface GrowthPoint {
  size: number;
  /** Milliseconds of one call. */
  time: Summary;
  /** Bytes of WASM memory beyond the rows and their gradient. */
  bytes?: number;
}

/** Growth of an operation's time with one of its sizes. */
export interface Growth {
  operation: string;
  /** The size that grows: `N` rows or `d` columns. */
  letter: 'N' | 'd';
  /** The size that stays. */
  other: number;
  points: GrowthPoint[];
  /** Time is proportional to size ** exponent: the slope of a line through all points, log-log. */
  exponent: number;
}

/** Start-up time of a process, in milliseconds. */
export interface StartUp {
  /** From the import of the package to its first result. */
  first: Summary;
  /** The import of an empty module: the lower bound for any package. */
  empty: Summary;
}

/** All that was measured in one process. */
export interface Run {
  machine: Machine;
  /** GFLOP/s that one core reaches. */
  peak?: number;
  results: Result[];
  growth?: Growth[];
  startUp?: StartUp;
  callOverhead?: Result[];
}

/** Writes sizes as text: N 8, C 3. */
export function formatSizes(sizes: Sizes): string {
  return Object.entries(sizes)
    .map(([letter, value]) => `${letter} ${value}`)
    .join(' ');
}
