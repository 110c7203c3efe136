/** The rule of the verdict, applied to what was found: what it ships, and what that is worth. */

import type { Cell, Tuned } from './study.js';

/** Thresholds that a gain must reach for its adapter to be shipped. */
export interface Rule {
  readonly level: number;
  readonly minGain: number;
}

/** The defaults of `tuneAdapter`. */
export const DEFAULT_RULE: Rule = { level: 0.998, minGain: 0.01 };

const LEVELS = [0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999];
const MIN_GAINS = [0, 0.005, 0.01, 0.015, 0.02];

/** All rules that are compared. */
export const RULES: readonly Rule[] = LEVELS.flatMap((level) =>
  MIN_GAINS.map((minGain) => ({ level, minGain })),
);

/** Tells whether a rule ships what was found. */
export function ships({ found }: Tuned, { level, minGain }: Rule): boolean {
  return found.gain >= minGain && found.confidence >= level;
}

/** The metric on the untouched part of what a rule ships: the adapter, or none. */
export function shippedMetric(cell: Cell, rule: Rule): number {
  const { base, forms } = cell.test;
  return ships(cell, rule) ? (forms[cell.found.form] as number) : base;
}

/** The largest metric on the untouched part: of a form, or without an adapter. */
export function bestMetric({ test }: Cell): number {
  return Math.max(test.base, ...Object.values(test.forms));
}

/** Results of a rule on cells and shuffled runs. */
export interface Outcome {
  cells: number;
  shipped: number;
  /** Shipped adapters that are worse than the base on the untouched part. */
  worse: number;
  /** The gains on the untouched part of what is shipped, over those of the best forms. */
  kept: number;
  shuffled: number;
  shuffledShipped: number;
}

/** Applies a rule. */
export function applyRule(rule: Rule, cells: readonly Cell[], shuffled: readonly Tuned[]): Outcome {
  let [shipped, worse, gained, possible] = [0, 0, 0, 0];
  for (const cell of cells) {
    const gain = shippedMetric(cell, rule) - cell.test.base;
    if (ships(cell, rule)) shipped++;
    if (gain < 0) worse++;
    gained += gain;
    possible += bestMetric(cell) - cell.test.base;
  }
  return {
    cells: cells.length,
    shipped,
    worse,
    kept: possible === 0 ? 1 : gained / possible,
    shuffled: shuffled.length,
    shuffledShipped: shuffled.filter((run) => ships(run, rule)).length,
  };
}

/** The rule that keeps the most among those that ship nothing shuffled and nothing that is worse. */
export function calibrate(cells: readonly Cell[], shuffled: readonly Tuned[]): Rule | undefined {
  let best: { rule: Rule; kept: number } | undefined;
  // The strictest first: of rules that keep as much it is taken.
  for (const rule of RULES.toReversed()) {
    const { worse, kept, shuffledShipped } = applyRule(rule, cells, shuffled);
    if (worse > 0 || shuffledShipped > 0) continue;
    if (best === undefined || kept > best.kept) best = { rule, kept };
  }
  return best?.rule;
}
