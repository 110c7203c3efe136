/** `tuneAdapter`: tries the forms of adapters on held-out data, and ships one only if it helps. */

import { readOptions } from '../core/options.js';
import { turn } from '../core/turn.js';
import {
  checkCallback,
  checkNonNegative,
  checkNumber,
  checkSignal,
  integerIn,
  oneOf,
  rangeError,
} from '../core/validation.js';
import { compareRankings } from '../evaluate/compare-rankings.js';
import { Adapter, type AdapterOptions } from './adapter.js';
import { type AdapterData, readData, sampleCount, type Task } from './data.js';
import { type AdapterMetric, Evaluation, METRICS, meanOf } from './evaluate.js';
import { type AdapterTrainingOptions, readTrainingOptions } from './fit.js';
import { type Form, listForms } from './forms.js';
import { adapterOf, Run, type RunSettings } from './run.js';
import { SIDES } from './shape.js';
import { allSamples, splitFolds } from './split.js';

/** Options of {@link tuneAdapter}. */
export interface TuneAdapterOptions extends AdapterTrainingOptions {
  /**
   * 'query' for forms alone that leave documents as they are.
   * @default 'both'
   */
  side?: 'both' | 'query' | undefined;
  /**
   * Level of the interval, greater than 0 and less than 1.
   * @default 0.998
   */
  level?: number | undefined;
  /**
   * Smallest gain of the metric that is worth shipping an adapter for, at least 0.
   * @default 0.01
   */
  minGain?: number | undefined;
  /** Is called as work is done, in parts of the whole. */
  onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
}

/** Findings of {@link tuneAdapter} on rows that no trained adapter has seen. */
export interface AdapterReport {
  /** Metric without an adapter. */
  base: number;
  /** Metric with the adapter that was chosen, on other held-out data, for each part. */
  adapted: number;
  /** adapted − base. */
  gain: number;
  /** Bounds of the gain at the level, by a bootstrap over what is independent. */
  interval: [low: number, high: number];
  /**
   * 'helps': the whole interval is above 0 and the gain at least `minGain`. 'too few': there is too
   * little data to tell. Else 'no gain'.
   */
  verdict: 'helps' | 'no gain' | 'too few';
  /** Mean over held-out queries (mrr@10), rows (map@10, labels counting alike), pairs or triplets. */
  metric: AdapterMetric;
  /** Level of the interval. */
  level: number;
  /** Smallest gain that is worth shipping. */
  minGain: number;
  /** Number of held-out queries, rows, pairs or triplets. */
  count: number;
  /** Number of rows that each query searches at most; undefined where nothing is searched. */
  searched: number | undefined;
  /** The form that is best on all held-out data, and its steps; undefined if none is better than the base. */
  form: TriedForm | undefined;
  /** Each form with its best number of steps. */
  forms: TriedForm[];
}

/** A form of adapters that was tried. */
export interface TriedForm {
  name: string;
  /** Options of `new Adapter` for it; undefined for whitening, which is not trained. */
  options: AdapterOptions | undefined;
  /** Number of steps after which it was best; 0 for whitening. */
  steps: number;
  /** Its metric then, on all held-out data: too good, as the steps are chosen on the same. */
  metric: number;
}

/** Below so many held-out groups nothing is trained. */
const MIN_GROUPS = 20;
/** Below so many, a gain that the interval doesn't bear out is 'too few', not 'no gain'. */
const ENOUGH_GROUPS = 100;
/** The interval of n groups is widened by so much / n: a bootstrap of few is too narrow. */
const WIDENING = 6;
/** Folds, and how many of them are used: all of a few samples, one of many. */
const FOLDS = 3;
const ALL_FOLDS_BELOW = 1500;
/** Queries and documents of an evaluation at most. */
const LIMITS = { queries: 1000, documents: 5000 };
/** Parts of the held-out data of one fold: the form for each is chosen on the others. */
const PARTS = 4;
/** Fractions of the steps after which a form is evaluated. */
const CHECKPOINTS = [1 / 8, 1 / 3, 1];

/** Columns from which on the default steps are not raised: fewer columns make cheaper steps. */
const FULL_STEPS_WIDTH = 384;
const MAX_RAISED = 8;

/** Steps by the number of samples, as few are learned soon, and of columns. */
function defaultSteps(samples: number, width: number): number {
  const steps = samples < 1000 ? 120 : samples < 4000 ? 200 : 300;
  return Math.round(steps * Math.min(MAX_RAISED, Math.max(1, FULL_STEPS_WIDTH / width)));
}

/** A form after some steps, and its values on all held-out data. */
interface Candidate {
  readonly form: Form;
  readonly steps: number;
  readonly values: Float64Array[];
}

function checkLevel(name: string, argument: string, value: unknown): number {
  const level = checkNumber(name, argument, value);
  if (level > 0 && level < 1) return level;
  rangeError(name, argument, 'greater than 0 and less than 1', level);
}

/**
 * Finds out whether an adapter helps on one's own data, and trains it if it does. Part of the data is
 * held out, so that no row, nor one that is the same, is on both sides; the forms (linear for both
 * sides or for queries only, low rank, two layers, whitening) are trained on the others and measured
 * there. The form is chosen on other held-out data than its gain is measured on. Where the gain is
 * certain and large enough, that form is trained on all data; else the adapter is the identity.
 *
 * @param data queries, documents and pairs (and scores); embeddings and labels; embeddings and triplets
 * @param options those of `fitAdapter`'s training; side, level, minGain, onProgress
 * @returns the adapter and what was found
 * @throws {TypeError} if data or an option is of the wrong kind
 * @throws {RangeError} if sizes don't match, a value is out of range or not finite
 * @example
 * const { adapter, report } = await tuneAdapter({ queries, documents, pairs });
 * if (report.verdict === 'helps') await writeFile('adapter.safetensors', adapter.save());
 */
export async function tuneAdapter(
  data: AdapterData,
  options?: TuneAdapterOptions,
): Promise<{ adapter: Adapter; report: AdapterReport }> {
  const name = 'tuneAdapter';
  const task = readData(name, data);
  const reader = readOptions(name, options);
  const steps = reader.read('steps', integerIn(1), defaultSteps(sampleCount(task), task.width));
  const settings = { ...readTrainingOptions(reader, name, task.kind, task.width), steps };
  const side = reader.read('side', oneOf(SIDES), 'both');
  if (side === 'query' && task.kind === 'labels') {
    rangeError(name, 'side', "'both' for labels, which have no queries", side);
  }
  const level = reader.read('level', checkLevel, 0.998);
  const minGain = reader.read('minGain', checkNonNegative, 0.01);
  const signal = reader.optional('signal', checkSignal<{ readonly aborted: boolean }>);
  const onProgress = reader.optional(
    'onProgress',
    checkCallback<(progress: { done: number; total: number }) => void>,
  );
  reader.done();
  const samples = allSamples(task);
  const held = heldOut(task, samples, settings.seed);
  const common = { metric: METRICS[task.kind], level, minGain };
  const identity = new Adapter({ inputWidth: task.width });
  const base = held.map(({ evaluation }) => evaluation.values(undefined));
  const groups = new Set(held.flatMap(({ evaluation }) => [...evaluation.groups]));
  const count = base.reduce((sum, { length }) => sum + length, 0);
  const searched = held[0]?.evaluation.searched;
  if (groups.size < MIN_GROUPS) {
    const metric = count === 0 ? 0 : meanOf(concat(base));
    const report: AdapterReport = {
      ...{ base: metric, adapted: metric, gain: 0, interval: [0, 0], verdict: 'too few' },
      ...{ ...common, count, searched, form: undefined, forms: [] },
    };
    return { adapter: identity, report };
  }
  const forms = listForms(task, side);
  const trainedForms = forms.filter(({ weights }) => weights === undefined).length;
  const total = (held.length * trainedForms + 1) * steps;
  let done = 0;
  const advance = async (): Promise<void> => {
    done++;
    if (done % 5 !== 0) return;
    onProgress?.({ done, total });
    await turn();
    if (signal?.aborted) throw new Error('tuneAdapter: stopped by its signal');
  };
  const candidates: Candidate[] = [];
  for (const form of forms) {
    candidates.push(...(await tryForm(form, task, held, settings, advance)));
  }
  const choice = chooseAndMeasure(base, candidates, held);
  const verdict = verdictOf(choice, { level, minGain, groups: groups.size });
  const report: AdapterReport = {
    ...{ ...verdict, ...common, count, searched },
    form: choice.best && describe(choice.best),
    forms: bestCandidates(forms, candidates).map(describe),
  };
  const adapter =
    report.verdict === 'helps' && choice.best !== undefined
      ? await trainForm(choice.best, task, samples, settings, advance)
      : identity;
  onProgress?.({ done: total, total });
  return { adapter, report };
}

/** Held-out samples of one fold, and those to train on. */
interface HeldOut {
  readonly training: Int32Array;
  readonly evaluation: Evaluation;
}

function heldOut(task: Task, samples: Int32Array, seed: number): HeldOut[] {
  const folds = splitFolds(task, samples, FOLDS, seed, 1);
  const used = samples.length < ALL_FOLDS_BELOW ? FOLDS : 1;
  return Array.from({ length: used }, (_, fold) => ({
    training: folds.outside(fold),
    evaluation: new Evaluation(task, folds.inside(fold), LIMITS, seed),
  })).filter(({ training, evaluation }) => training.length > 1 && evaluation.count > 0);
}

/** Trains a form on each fold and evaluates it after some steps. */
async function tryForm(
  form: Form,
  task: Task,
  held: readonly HeldOut[],
  settings: RunSettings,
  advance: () => Promise<void>,
): Promise<Candidate[]> {
  const evaluate = (adapter: Adapter, { evaluation }: HeldOut): Float64Array => {
    const values = evaluation.values(adapter);
    adapter.dispose();
    return values;
  };
  if (form.weights !== undefined) {
    const values = held.map((fold) => evaluate(adapterOf(form.shape, form.weights), fold));
    return [{ form, steps: 0, values }];
  }
  const candidates = CHECKPOINTS.map((fraction): Candidate => {
    return { form, steps: Math.max(1, Math.round(fraction * settings.steps)), values: [] };
  });
  for (const fold of held) {
    const run = new Run(form.shape, task, fold.training, settings, undefined, undefined);
    try {
      for (const { steps, values } of candidates) {
        while (run.steps < steps) {
          run.step();
          await advance();
        }
        values.push(evaluate(run.adapter(), fold));
      }
    } finally {
      run.dispose();
    }
  }
  return candidates;
}

/** Trains a form on all samples. */
async function trainForm(
  { form, steps }: Candidate,
  task: Task,
  samples: Int32Array,
  settings: RunSettings,
  advance: () => Promise<void>,
): Promise<Adapter> {
  if (form.weights !== undefined) return adapterOf(form.shape, form.weights);
  const run = new Run(form.shape, task, samples, settings, undefined, undefined);
  try {
    while (run.steps < steps) {
      run.step();
      await advance();
    }
    return run.adapter();
  } finally {
    run.dispose();
  }
}

function concat(lists: readonly Float64Array[]): Float64Array {
  return Float64Array.from(lists.flatMap((list) => Array.from(list)));
}

/** Values before and after, with what was chosen for each part on the other parts. */
interface Choice {
  readonly before: Float64Array;
  readonly after: Float64Array;
  readonly groups: Int32Array;
  /** The best on all held-out data; undefined if none is better than the base. */
  readonly best: Candidate | undefined;
}

function chooseAndMeasure(
  base: readonly Float64Array[],
  candidates: readonly Candidate[],
  held: readonly HeldOut[],
): Choice {
  const before = concat(base);
  const lists = candidates.map(({ values }) => concat(values));
  const groups = Int32Array.from(held.flatMap(({ evaluation }) => [...evaluation.groups]));
  const parts = partsOf(held);
  const after = new Float64Array(before.length);
  const count = Math.max(...parts) + 1;
  for (let part = 0; part < count; part++) {
    const others = (i: number): boolean => parts[i] !== part;
    const chosen = bestOf(before, lists, others);
    parts.forEach((own, i) => {
      if (own !== part) return;
      after[i] = (chosen === undefined ? before : (lists[chosen] as Float64Array))[i] as number;
    });
  }
  const best = bestOf(before, lists, () => true);
  return { before, after, groups, best: best === undefined ? undefined : candidates[best] };
}

/** Part of each value: its fold, or one of some parts of the only fold; a group is in one part. */
function partsOf(held: readonly HeldOut[]): number[] {
  if (held.length > 1) {
    return held.flatMap(({ evaluation }, fold) => Array.from(evaluation.groups, () => fold));
  }
  const partOf = new Map<number, number>();
  return Array.from((held[0] as HeldOut).evaluation.groups, (group) => {
    const part = partOf.get(group) ?? partOf.size % PARTS;
    partOf.set(group, part);
    return part;
  });
}

/** The list with the largest sum over some values; undefined if that of the base is as large. */
function bestOf(
  base: Float64Array,
  lists: readonly Float64Array[],
  counts: (i: number) => boolean,
): number | undefined {
  const sumOf = (list: Float64Array): number =>
    list.reduce((sum, value, i) => (counts(i) ? sum + value : sum), 0);
  let [best, largest]: [number | undefined, number] = [undefined, sumOf(base)];
  lists.forEach((list, i) => {
    const sum = sumOf(list);
    if (sum > largest) [best, largest] = [i, sum];
  });
  return best;
}

/** The gain of a choice, its interval, and the verdict. */
function verdictOf(
  { before, after, groups }: Choice,
  { level, minGain, groups: count }: { level: number; minGain: number; groups: number },
): Pick<AdapterReport, 'base' | 'adapted' | 'gain' | 'interval' | 'verdict'> {
  // A bootstrap draws whole groups: their sums, scaled so that their mean is the mean of all values.
  const scale = count / before.length;
  const sums = (values: Float64Array): number[] => {
    const byGroup = new Map<number, number>();
    values.forEach((value, i) => {
      const group = groups[i] as number;
      byGroup.set(group, (byGroup.get(group) ?? 0) + value * scale);
    });
    return [...byGroup.values()];
  };
  const { difference, interval: percentiles } = compareRankings(sums(before), sums(after), {
    level,
    samples: 10_000,
  });
  const wider = 1 + WIDENING / count;
  const interval: [number, number] = [
    difference + wider * (percentiles[0] - difference),
    difference + wider * (percentiles[1] - difference),
  ];
  const base = meanOf(before);
  const enough = difference >= minGain;
  const verdict =
    enough && interval[0] > 0 ? 'helps' : enough && count < ENOUGH_GROUPS ? 'too few' : 'no gain';
  return { base, adapted: base + difference, gain: difference, interval, verdict };
}

/** The best number of steps of each form. */
function bestCandidates(forms: readonly Form[], candidates: readonly Candidate[]): Candidate[] {
  return forms.map((form) => {
    const own = candidates.filter((candidate) => candidate.form === form);
    const metric = (candidate: Candidate): number => meanOf(concat(candidate.values));
    return own.reduce((best, next) => (metric(next) > metric(best) ? next : best));
  });
}

function describe({ form, steps, values }: Candidate): TriedForm {
  const { inputWidth, rank, hidden, side } = form.shape;
  const options = {
    ...{ inputWidth, side },
    ...(rank !== undefined && { rank }),
    ...(hidden !== undefined && { hidden }),
  };
  return {
    name: form.name,
    options: form.weights === undefined ? options : undefined,
    steps,
    metric: meanOf(concat(values)),
  };
}
