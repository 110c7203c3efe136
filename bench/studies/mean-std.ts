/** Computes mean and standard deviation over several seeds. */

export interface MeanStd {
  mean: number;
  /** Standard deviation (divisor n - 1); 0 for one value. */
  std: number;
}

/** Computes both of some values. */
export function meanStd(values: readonly number[]): MeanStd {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / Math.max(1, values.length - 1)) };
}

/** Formats accuracies in percent: 94.0 ± 1.2. */
export function formatMeanStd({ mean, std }: MeanStd): string {
  return `${(100 * mean).toFixed(1)} ± ${(100 * std).toFixed(1)}`;
}
