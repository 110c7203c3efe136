/** Schedules: learning rates as functions of the step. */

import { readOptions } from '../core/options.js';
import { checkNonNegative, checkPositive, rangeError } from '../core/validation.js';
import { cosinePi } from './deterministic-math.js';

/** Options of schedules. */
export interface ScheduleOptions {
  /** Highest learning rate, after the warm-up; greater than 0. */
  peak: number;
  /** Number of steps in all, greater than 0. */
  steps: number;
  /**
   * Steps in which the rate rises from near 0 to the peak; at most `steps`.
   * @default 0
   */
  warmup?: number | undefined;
  /**
   * Rate at the end, at least 0.
   * @default a tenth of the peak for a cosine, 0 for a line
   */
  floor?: number | undefined;
}

/** Checks a number of a step. */
function checkStep(name: string, step: unknown): number {
  return checkNonNegative(name, 'step', step);
}

/**
 * Makes a rate that rises linearly over the warm-up and then falls to the floor.
 *
 * @param floorFraction default of the floor, as a fraction of the peak
 * @param decay falls from 1 to 0 as its argument goes from 0 to 1
 */
function schedule(
  name: string,
  options: ScheduleOptions,
  floorFraction: number,
  decay: (fraction: number) => number,
): (step: number) => number {
  const read = readOptions(name, options);
  const peak = read.read('peak', checkPositive);
  const steps = read.read('steps', checkPositive);
  const warmup = read.read('warmup', checkNonNegative, 0);
  const floor = read.read('floor', checkNonNegative, floorFraction * peak);
  read.done();
  if (warmup > steps) rangeError(name, 'warmup', `at most ${steps} steps`, warmup);
  return (given) => {
    const step = checkStep(name, given);
    if (step < warmup) return (peak * (step + 1)) / (warmup + 1);
    if (step >= steps) return floor;
    return floor + (peak - floor) * decay((step - warmup) / (steps - warmup));
  };
}

/**
 * Makes a schedule that rises linearly over the warm-up and then falls along half a cosine to the
 * floor.
 *
 * @param options peak, steps, warmup, floor
 * @returns the learning rate of step 0, 1, 2, …; the floor after the last
 * @throws {TypeError | RangeError} if an option is not valid; the schedule, if a step is below 0
 * @see https://arxiv.org/abs/1608.03983
 * @example const rate = cosineSchedule({ peak: 1e-3, steps: 1000, warmup: 100 }); rate(0);
 */
export function cosineSchedule(options: ScheduleOptions): (step: number) => number {
  return schedule('cosineSchedule', options, 0.1, (fraction) => 0.5 * (1 + cosinePi(fraction)));
}

/**
 * Makes a schedule that rises linearly over the warm-up and then falls linearly to the floor, as
 * BERT's.
 *
 * @param options peak, steps, warmup, floor
 * @returns the learning rate of step 0, 1, 2, …; the floor after the last
 * @throws {TypeError | RangeError} if an option is not valid; the schedule, if a step is below 0
 * @see https://arxiv.org/abs/1810.04805
 */
export function linearSchedule(options: ScheduleOptions): (step: number) => number {
  return schedule('linearSchedule', options, 0, (fraction) => 1 - fraction);
}
