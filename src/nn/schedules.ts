/** Learning rates over time. */

import { checkNonNegative, checkOptions, checkPositive, rangeError } from '../core/validation.js';
import { cosinePi } from './deterministic-math.js';

export interface ScheduleOptions {
  /** The highest learning rate, after the warm-up. */
  peak: number;
  /** Steps in all. */
  steps: number;
  /** Steps in which the rate rises from near 0 (default 0). */
  warmup?: number;
  /** The rate at the end (default a tenth of the peak for a cosine, 0 for a line). */
  floor?: number;
}

/**
 * A rate that rises linearly over the warm-up and then falls to the floor.
 * @param fall from 1 to 0 as its argument goes from 0 to 1
 */
function schedule(
  name: string,
  options: ScheduleOptions,
  lowest: number,
  fall: (share: number) => number,
): (step: number) => number {
  checkOptions(name, options, ['peak', 'steps', 'warmup', 'floor']);
  const peak = checkPositive(name, 'peak', options?.peak, Number.NaN);
  const steps = checkPositive(name, 'steps', options.steps, Number.NaN);
  const warmup = checkNonNegative(name, 'warmup', options.warmup, 0);
  const floor = checkNonNegative(name, 'floor', options.floor, lowest * peak);
  if (warmup > steps) rangeError(name, 'warmup', `at most ${steps} steps`, warmup);
  return (step) => {
    if (step < warmup) return (peak * (step + 1)) / (warmup + 1);
    if (step >= steps) return floor;
    return floor + (peak - floor) * fall((step - warmup) / (steps - warmup));
  };
}

/**
 * A rate that rises linearly over the warm-up and then falls along half a cosine to the floor
 * (https://arxiv.org/abs/1608.03983).
 * @returns the rate of step 0, 1, 2, …; the floor after the last
 */
export function cosineSchedule(options: ScheduleOptions): (step: number) => number {
  return schedule('cosineSchedule', options, 0.1, (share) => 0.5 * (1 + cosinePi(share)));
}

/** A rate that rises linearly over the warm-up and then falls linearly to the floor, as BERT's. */
export function linearSchedule(options: ScheduleOptions): (step: number) => number {
  return schedule('linearSchedule', options, 0, (share) => 1 - share);
}
