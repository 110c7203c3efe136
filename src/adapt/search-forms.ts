/** Trains forms of adapters on folds of the data and measures them on the others. */

import type { Adapter } from './adapter.js';
import type { Dependence } from './certainty.js';
import type { Task } from './data.js';
import { Evaluation } from './evaluate.js';
import type { Form } from './forms.js';
import { adapterOf, Run, type RunSettings } from './run.js';
import { FEW_SAMPLES, splitFolds } from './split.js';
import { type Choice, type Choosable, choose, meanInView, type Parts } from './verdict.js';

/**
 * Folds: more of few samples, so that nearly all are trained on, as at the end. All of them are used of
 * samples that are not many, else one.
 */
const FOLDS = { few: 5, many: 3 };
const ALL_FOLDS_BELOW = 1500;
/** Queries and documents of an evaluation at most. */
const LIMITS = { queries: 1000, documents: 5000 };
/** Parts of the held-out data of one fold: the form for each is chosen on the others. */
const PARTS = 4;
/** Fractions of the steps after which a form is evaluated. */
const CHECKPOINTS = [1 / 8, 1 / 3, 1];

/** Held-out samples of one fold, and those to train on. */
export interface HeldOut {
  readonly training: Int32Array;
  readonly evaluation: Evaluation;
}

/** A form after some steps, and its values on all held-out data. */
export interface Candidate extends Choosable {
  readonly form: Form;
  readonly steps: number;
}

/** Forms that were tried, and what was chosen among them. */
export interface FormSearch {
  readonly candidates: readonly Candidate[];
  readonly choice: Choice<Candidate> & Dependence;
}

/** Values that a form that is trained must not be behind. */
interface Rivals {
  readonly base: Float64Array;
  readonly parts: Parts;
  /** The forms before it. */
  readonly others: readonly Candidate[];
}

/** Splits samples in folds, so that no row, nor one that is the same, is on both sides. */
export function holdOut(task: Task, samples: Int32Array, seed: number): HeldOut[] {
  const count = samples.length < FEW_SAMPLES ? FOLDS.few : FOLDS.many;
  const folds = splitFolds(task, samples, count, seed, 1);
  const used = samples.length < ALL_FOLDS_BELOW ? count : 1;
  return Array.from({ length: used }, (_, fold) => ({
    training: folds.outside(fold),
    evaluation: new Evaluation(task, folds.inside(fold), LIMITS, seed),
  })).filter(({ training, evaluation }) => training.length > 1 && evaluation.count > 0);
}

/** Steps of training that `searchForms` does at most. */
export function maxSteps(
  forms: readonly Form[],
  held: readonly HeldOut[],
  { steps }: RunSettings,
): number {
  return held.length * steps * forms.filter(({ weights }) => weights === undefined).length;
}

/**
 * Trains each form on each fold, measures it after some steps, and chooses.
 *
 * A form that is behind the base, or behind another form after as many steps, is not trained
 * further. That is decided in each view of its own, so that no part decides about what it is
 * measured with.
 *
 * @param base values without an adapter
 * @param advance is awaited after each step, and called with steps that are not needed
 */
export async function searchForms(
  task: Task,
  forms: readonly Form[],
  held: readonly HeldOut[],
  base: Float64Array,
  settings: RunSettings,
  advance: (steps: number) => Promise<void>,
): Promise<FormSearch> {
  const parts = partsOf(held);
  const candidates: Candidate[] = [];
  for (const form of forms) {
    const found =
      form.weights === undefined
        ? await trainForm(form, task, held, settings, { base, parts, others: candidates }, advance)
        : [measureForm(form, held, parts)];
    candidates.push(...found);
  }
  return { candidates, choice: { ...choose(base, candidates, parts), ...dependenceOf(held) } };
}

/** Gives the groups and the weights of the values of all held-out data. */
export function dependenceOf(held: readonly HeldOut[]): Dependence {
  const count = held[0]?.evaluation.groupings.length ?? 0;
  return {
    groupings: Array.from({ length: count }, (_, i) =>
      Int32Array.from(
        held.flatMap(({ evaluation }) => [...(evaluation.groupings[i] as Int32Array)]),
      ),
    ),
    weights: concat(held.map(({ evaluation }) => evaluation.weights)),
  };
}

/** Values of an adapter on all held-out data. */
function valuesOf(held: readonly HeldOut[], adapterFor: (fold: number) => Adapter): Float64Array {
  return concat(
    held.map(({ evaluation }, fold) => {
      const adapter = adapterFor(fold);
      const values = evaluation.values(adapter);
      adapter.dispose();
      return values;
    }),
  );
}

/** Measures a form that is not trained. */
function measureForm(form: Form, held: readonly HeldOut[], { count }: Parts): Candidate {
  const values = valuesOf(held, () => adapterOf(form.shape, form.weights));
  return { form, steps: 0, values, inViews: new Array(count + 1).fill(true) };
}

/** Trains a form on each fold and measures it after some steps, as long as it is not behind. */
async function trainForm(
  form: Form,
  task: Task,
  held: readonly HeldOut[],
  settings: RunSettings,
  rivals: Rivals,
  advance: (steps: number) => Promise<void>,
): Promise<Candidate[]> {
  const runs: Run[] = [];
  const found: Candidate[] = [];
  let inViews: readonly boolean[] = new Array(rivals.parts.count + 1).fill(true);
  try {
    for (const { training } of held) {
      runs.push(new Run(form.shape, task, training, settings, undefined, undefined));
    }
    for (const fraction of CHECKPOINTS) {
      const steps = Math.max(1, Math.round(fraction * settings.steps));
      for (const run of runs) {
        while (run.steps < steps) {
          run.step();
          await advance(1);
        }
      }
      const values = valuesOf(held, (fold) => (runs[fold] as Run).adapter());
      const candidate = { form, steps, values, inViews };
      found.push(candidate);
      inViews = inViews.map((live, view) => live && !isBehind(candidate, rivals, view));
      if (!inViews.includes(true)) {
        await advance(held.length * (settings.steps - steps));
        break;
      }
    }
  } finally {
    for (const run of runs) run.dispose();
  }
  return found;
}

/** Tells whether no adapter, or another form after as many steps, was better in this view. */
function isBehind(
  { steps, values }: Candidate,
  { base, parts, others }: Rivals,
  view: number,
): boolean {
  const mean = meanInView(values, parts, view);
  if (meanInView(base, parts, view) > mean) return true;
  return others.some((other) => {
    if (other.steps !== steps || !other.inViews[view]) return false;
    return meanInView(other.values, parts, view) > mean;
  });
}

/** Lists one after the other. */
export function concat(lists: readonly Float64Array[]): Float64Array {
  return Float64Array.from(lists.flatMap((list) => Array.from(list)));
}

/** Part of each value: its fold, or one of some parts of the only fold; a group is in one part. */
function partsOf(held: readonly HeldOut[]): Parts {
  if (held.length > 1) {
    const of = held.flatMap(({ evaluation }, fold) =>
      new Array<number>(evaluation.count).fill(fold),
    );
    return { of: Int32Array.from(of), count: held.length };
  }
  const partOf = new Map<number, number>();
  const of = ((held[0] as HeldOut).evaluation.groupings[0] as Int32Array).map((group) => {
    const part = partOf.get(group) ?? partOf.size % PARTS;
    partOf.set(group, part);
    return part;
  });
  return { of, count: Math.max(...of) + 1 };
}
