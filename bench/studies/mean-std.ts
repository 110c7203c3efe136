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

/** Rounds to the four digits that files of results keep. */
export function round(x: number): number {
  return Number(x.toFixed(4));
}

/** Computes both, rounded as files of results keep them. */
export function roundedMeanStd(values: readonly number[]): MeanStd {
  const { mean, std } = meanStd(values);
  return { mean: round(mean), std: round(std) };
}

/** Formats scores from 0 to 1: 0.537 ± 0.003. */
export function formatScore({ mean, std }: MeanStd): string {
  return `${mean.toFixed(3)} ± ${std.toFixed(3)}`;
}
