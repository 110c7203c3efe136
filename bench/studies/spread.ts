/** How numbers of several seeds lie. */

export interface Spread {
  mean: number;
  /** Standard deviation over the seeds, 0 for one. */
  deviation: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}

/** Of shares, in percent: 94.0 ± 1.2. */
export function showSpread({ mean, deviation }: Spread): string {
  return `${(100 * mean).toFixed(1)} ± ${(100 * deviation).toFixed(1)}`;
}
