/** The metric by which `fitAdapter` chooses a step: on held-out samples, or by cross-validation. */

import { meanOf } from './certainty.js';
import type { Evaluation } from './evaluate.js';
import { type AdapterState, adapterOf, type Run } from './run.js';
import type { AdapterShape, Weights } from './shape.js';

/** Weights and moments of a run. */
export type RunState = AdapterState['folds'][number];

/** Measures a run while it is trained. */
export interface Validation {
  /** Is called after each step of the run. */
  advance(): void;
  /** Returns the metric after as many steps as the run has made, with these weights. */
  measure(weights: Weights | undefined): number;
  /** State of runs of its own. */
  state(): RunState[];
  dispose(): void;
}

/** Measures the weights themselves. */
export function heldOutValidation(shape: AdapterShape, evaluation: Evaluation): Validation {
  return {
    advance() {},
    measure(weights) {
      const adapter = adapterOf(shape, weights);
      const metric = meanOf(evaluation.values(adapter));
      adapter.dispose();
      return metric;
    },
    state: () => [],
    dispose() {},
  };
}

/** A fold: a run on the samples outside of it, and an evaluation on those inside. */
export interface Fold {
  readonly run: Run;
  readonly evaluation: Evaluation;
}

/**
 * Measures, instead of the weights, those of runs that go along, each on what it is not trained on: of a
 * few samples, what could be held out is too little to choose a step on, and too much to do without.
 */
export function crossValidation(shape: AdapterShape, folds: readonly Fold[]): Validation {
  return {
    advance() {
      for (const { run } of folds) run.step();
    },
    measure(weights) {
      let [sum, count] = [0, 0];
      for (const { run, evaluation } of folds) {
        const adapter = run.steps === 0 ? adapterOf(shape, weights) : run.adapter();
        const values = evaluation.values(adapter);
        adapter.dispose();
        sum += meanOf(values) * values.length;
        count += values.length;
      }
      return sum / count;
    },
    state: () => folds.map(({ run }) => ({ weights: run.weights(), ...run.moments() })),
    dispose() {
      for (const { run } of folds) run.dispose();
    },
  };
}
