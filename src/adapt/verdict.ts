/** The form that is chosen on held-out data, its gain on other held-out data, and what follows from it. */

import { bootstrapMeans, quantile } from '../evaluate/compare-rankings.js';
import { type Dependence, meanOf, type Sample, sampleOf, studentDeviate } from './certainty.js';

/**
 * Held-out values by the part they are in. Part p is measured with what is chosen in view p, on all
 * values but its own; the last view has all of them.
 */
export interface Parts {
  /** Part of each value. */
  readonly of: Int32Array;
  /** Number of parts. */
  readonly count: number;
}

/** The mean of the values in a view. */
export function meanInView(values: Float64Array, { of }: Parts, view: number): number {
  let [sum, count] = [0, 0];
  values.forEach((value, i) => {
    if (of[i] === view) return;
    sum += value;
    count++;
  });
  return sum / Math.max(1, count);
}

/** A candidate for a choice: values on all held-out data, and the views in which it is there to choose. */
export interface Choosable {
  readonly values: Float64Array;
  readonly inViews: readonly boolean[];
}

/** Values before and after, with what was chosen for each part on the other parts. */
export interface Choice<T extends Choosable> {
  readonly before: Float64Array;
  readonly after: Float64Array;
  /** The best on all held-out data; undefined if none is better than the base. */
  readonly best: T | undefined;
}

/** Chooses for each part on the others, so that choosing among many does not look like a gain. */
export function choose<T extends Choosable>(
  before: Float64Array,
  candidates: readonly T[],
  parts: Parts,
): Choice<T> {
  const after = new Float64Array(before.length);
  for (let part = 0; part < parts.count; part++) {
    const values = bestInView(before, candidates, parts, part)?.values ?? before;
    parts.of.forEach((own, i) => {
      if (own === part) after[i] = values[i] as number;
    });
  }
  return { before, after, best: bestInView(before, candidates, parts, parts.count) };
}

/** The candidate with the largest mean in a view; undefined if that of the base is as large. */
function bestInView<T extends Choosable>(
  base: Float64Array,
  candidates: readonly T[],
  parts: Parts,
  view: number,
): T | undefined {
  let [best, largest]: [T | undefined, number] = [undefined, meanInView(base, parts, view)];
  for (const candidate of candidates) {
    if (!candidate.inViews[view]) continue;
    const mean = meanInView(candidate.values, parts, view);
    if (mean > largest) [best, largest] = [candidate, mean];
  }
  return best;
}

/** Below so many independent values a gain that the interval doesn't bear out is 'too few', not 'no gain'. */
const ENOUGH_VALUES = 100;
/** Samples of the bootstrap. */
const SAMPLES = 10_000;

/** Gain and its bounds, and what follows from them. */
export interface Verdict {
  /** Metric without an adapter. */
  base: number;
  /** Metric with the adapter that was chosen, on other held-out data, for each part. */
  adapted: number;
  /** adapted − base. */
  gain: number;
  /** Bounds of the gain at the level, by a bootstrap over what is independent. */
  interval: [low: number, high: number];
  /** The largest level at which the whole interval is above 0; 0 if there is none. */
  confidence: number;
  /**
   * 'helps': the whole interval is above 0 and the gain at least `minGain`. 'too few': there is too
   * little data to tell. Else 'no gain'.
   */
  verdict: 'helps' | 'no gain' | 'too few';
}

/**
 * The gain of a choice, its interval by a bootstrap over groups, and the verdict.
 *
 * Where values have several kinds of rows in common, the groups are those by which the gain is least
 * certain. A bootstrap takes the spread of its values for that of all data, which of few values is too
 * certain: what it draws is spread out as Student's t is, with the number of values that counts where they
 * have weights.
 */
export function verdictOf(
  { before, after, groupings, weights }: Choice<Choosable> & Dependence,
  { level, minGain }: { level: number; minGain: number },
): Verdict {
  const gains = after.map((value, i) => value - (before[i] as number));
  const widened = ({ std, count }: Sample): number =>
    std * Math.sqrt(count / Math.max(1, count - 1));
  const sample = groupings
    .map((groups) => sampleOf(gains, weights, groups))
    .reduce((worst, next) => (widened(next) > widened(worst) ? next : worst));
  const { mean: gain, means } = bootstrapMeans(sample.differences, SAMPLES, 0);
  const { std, count } = sample;
  const freedom = Math.max(1, count - 1);
  const scale = widened(sample);
  const bound = (mean: number): number =>
    std === 0 ? mean : gain + scale * studentDeviate((mean - gain) / std, freedom);
  const tail = (1 - level) / 2;
  const interval = [tail, 1 - tail].map((fraction) => bound(quantile(means, fraction))) as [
    number,
    number,
  ];
  const notAbove = means.filter((mean) => bound(mean) <= 0).length;
  const confidence = Math.max(0, 1 - (2 * notAbove) / (SAMPLES - 1));
  const base = meanOf(before);
  const enough = gain >= minGain;
  const verdict =
    enough && confidence >= level
      ? 'helps'
      : enough && count < ENOUGH_VALUES
        ? 'too few'
        : 'no gain';
  return { base, adapted: base + gain, gain, interval, confidence, verdict };
}
