/** Certainty of a mean whose values weigh differently and have rows in common. */

/** Mean of values. */
export function meanOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** Dependence of values on each other, and their weights in the mean. */
export interface Dependence {
  /** For each value its group, once by each kind of row that values may have in common. */
  readonly groupings: readonly Int32Array[];
  readonly weights: Float64Array;
}

/** Differences of groups, of which the mean is the gain, and how certain it is. */
export interface Sample {
  readonly differences: Float64Array;
  /** Standard deviation of the mean of as many groups that are drawn with replacement. */
  readonly std: number;
  /** Number of groups that would be as certain if all weighed the same. */
  readonly count: number;
}

/** Number of groups of the coarsest grouping, those that weigh little counting less than one. */
export function independentCount({ groupings, weights }: Dependence): number {
  return Math.min(...groupings.map((groups) => effectiveCount(sumByGroup(weights, groups))));
}

function sumByGroup(values: Float64Array, groups: Int32Array): Float64Array {
  const sums = new Map<number, number>();
  groups.forEach((group, i) => {
    sums.set(group, (sums.get(group) ?? 0) + (values[i] as number));
  });
  return Float64Array.from(sums.values());
}

/** Kish's effective number of values with weights: their squared sum over the sum of their squares. */
function effectiveCount(weights: Float64Array): number {
  let [sum, squares] = [0, 0];
  for (const weight of weights) {
    sum += weight;
    squares += weight * weight;
  }
  return squares === 0 ? 0 : (sum * sum) / squares;
}

/** The differences of groups of values. */
export function sampleOf(gains: Float64Array, weights: Float64Array, groups: Int32Array): Sample {
  const sums = sumByGroup(gains, groups);
  // A bootstrap draws whole groups: their sums, scaled so that their mean is the mean of all values.
  const differences = sums.map((sum) => (sum * sums.length) / gains.length);
  const mean = meanOf(differences);
  let squares = 0;
  for (const difference of differences) squares += (difference - mean) * (difference - mean);
  const std = Math.sqrt(squares) / differences.length;
  return { differences, std, count: effectiveCount(sumByGroup(weights, groups)) };
}

/**
 * Turns a normal deviate into one of Student's t at the same probability: the expansion of Cornish and
 * Fisher, with products alone.
 *
 * @see Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5
 */
export function studentDeviate(z: number, freedom: number): number {
  const z2 = z * z;
  const terms = [
    (z2 + 1) / 4,
    ((5 * z2 + 16) * z2 + 3) / 96,
    (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384,
  ];
  return z * (1 + terms.reduceRight((sum, term) => (sum + term) / freedom, 0));
}
