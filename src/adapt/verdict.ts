/** The form that is chosen on held-out data, its gain on other held-out data, and what follows from it. */

import { bootstrapMeans, quantile } from '../evaluate/compare-rankings.js';
import { meanOf } from './evaluate.js';

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
  /** Values of one group are not independent. */
  readonly groups: Int32Array;
  /** The best on all held-out data; undefined if none is better than the base. */
  readonly best: T | undefined;
}

/** Chooses for each part on the others, so that choosing among many does not look like a gain. */
export function choose<T extends Choosable>(
  before: Float64Array,
  candidates: readonly T[],
  groups: Int32Array,
  parts: Parts,
): Choice<T> {
  const after = new Float64Array(before.length);
  for (let part = 0; part < parts.count; part++) {
    const values = bestInView(before, candidates, parts, part)?.values ?? before;
    parts.of.forEach((own, i) => {
      if (own === part) after[i] = values[i] as number;
    });
  }
  return { before, after, groups, best: bestInView(before, candidates, parts, parts.count) };
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

/** Below so many held-out groups a gain that the interval doesn't bear out is 'too few', not 'no gain'. */
const ENOUGH_GROUPS = 100;
/** The interval of n groups is widened by so much / n: a bootstrap of few is too narrow. */
const WIDENING = 6;
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

/** The gain of a choice, its interval by a bootstrap over groups, and the verdict. */
export function verdictOf(
  { before, after, groups }: Choice<Choosable>,
  { level, minGain }: { level: number; minGain: number },
): Verdict {
  const sums = new Map<number, number>();
  groups.forEach((group, i) => {
    const difference = (after[i] as number) - (before[i] as number);
    sums.set(group, (sums.get(group) ?? 0) + difference);
  });
  const count = sums.size;
  // A bootstrap draws whole groups: their sums, scaled so that their mean is the mean of all values.
  const scale = count / before.length;
  const differences = Float64Array.from(sums.values(), (sum) => sum * scale);
  const { mean: gain, means } = bootstrapMeans(differences, SAMPLES, 0);
  const wider = 1 + WIDENING / count;
  const tail = (1 - level) / 2;
  const interval = [tail, 1 - tail].map((fraction) => {
    return gain + wider * (quantile(means, fraction) - gain);
  }) as [number, number];
  const notAbove = means.filter((mean) => gain + wider * (mean - gain) <= 0).length;
  const confidence = Math.max(0, 1 - (2 * notAbove) / (SAMPLES - 1));
  const base = meanOf(before);
  const enough = gain >= minGain;
  const verdict =
    enough && confidence >= level
      ? 'helps'
      : enough && count < ENOUGH_GROUPS
        ? 'too few'
        : 'no gain';
  return { base, adapted: base + gain, gain, interval, confidence, verdict };
}
