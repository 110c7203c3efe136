/** How numbers of several seeds lie. */

export interface MeanStd {
  mean: number;
  /** Standard deviation over the seeds, 0 for one. */
  std: number;
}

export function meanStd(values: readonly number[]): MeanStd {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}

/** Of shares, in percent: 94.0 ± 1.2. */
export function formatMeanStd({ mean, std }: MeanStd): string {
  return `${(100 * mean).toFixed(1)} ± ${(100 * std).toFixed(1)}`;
}
