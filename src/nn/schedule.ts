/** Learning rates over time. */

import { checkAtLeastZero, checkOptions, checkPositive, rangeError } from '../check.js';
import { cosinePi } from './series.js';

export interface CosineScheduleOptions {
  /** The highest learning rate, after the warm-up. */
  peak: number;
  /** Steps in all. */
  steps: number;
  /** Steps in which the rate rises from near 0 (default 0). */
  warmup?: number;
  /** The rate at the end (default a tenth of the peak). */
  floor?: number;
}

/**
 * A rate that rises linearly over the warm-up and then falls along half a cosine to the floor
 * (https://arxiv.org/abs/1608.03983).
 * @returns the rate of step 0, 1, 2, …; the floor after the last
 */
export function cosineSchedule(options: CosineScheduleOptions): (step: number) => number {
  checkOptions('cosineSchedule', options, ['peak', 'steps', 'warmup', 'floor']);
  const peak = checkPositive('cosineSchedule', 'peak', options?.peak, Number.NaN);
  const steps = checkPositive('cosineSchedule', 'steps', options.steps, Number.NaN);
  const warmup = checkAtLeastZero('cosineSchedule', 'warmup', options.warmup, 0);
  const floor = checkAtLeastZero('cosineSchedule', 'floor', options.floor, peak / 10);
  if (warmup > steps) rangeError('cosineSchedule', 'warmup', `at most ${steps} steps`, warmup);
  return (step) => {
    if (step < warmup) return (peak * (step + 1)) / (warmup + 1);
    if (step >= steps) return floor;
    const share = (step - warmup) / (steps - warmup);
    return floor + (peak - floor) * 0.5 * (1 + cosinePi(share));
  };
}
