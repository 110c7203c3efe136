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
import { Adapter, type AdapterOptions } from './adapter.js';
import { independentCount, meanOf } from './certainty.js';
import { type AdapterData, readData, sampleCount, type Task } from './data.js';
import { type AdapterMetric, METRICS } from './evaluate.js';
import { type AdapterTrainingOptions, readTrainingOptions } from './fit.js';
import { type Form, listForms } from './forms.js';
import { adapterOf, Run, type RunSettings } from './run.js';
import {
  type Candidate,
  concat,
  dependenceOf,
  holdOut,
  maxSteps,
  searchForms,
} from './search-forms.js';
import { SIDES } from './shape.js';
import { allSamples } from './split.js';
import { type Verdict, verdictOf } from './verdict.js';

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
export interface AdapterReport extends Verdict {
  /** Mean over held-out queries (mrr@10), rows (ndcg@10, labels counting alike), pairs or triplets. */
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

/** Below so many independent values nothing is trained. */
const MIN_GROUPS = 20;

/** Steps between turns of the event loop. */
const TURN_EVERY = 5;

/** Columns from which on the default steps are not raised: fewer columns make cheaper steps. */
const FULL_STEPS_WIDTH = 384;
const MAX_RAISED = 8;

/** Steps by the number of samples, as few are learned soon, and of columns. */
function defaultSteps(samples: number, width: number): number {
  const steps = samples < 1000 ? 120 : samples < 4000 ? 200 : 300;
  return Math.round(steps * Math.min(MAX_RAISED, Math.max(1, FULL_STEPS_WIDTH / width)));
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
  const held = holdOut(task, samples, settings.seed);
  const common = { metric: METRICS[task.kind], level, minGain };
  const identity = new Adapter({ inputWidth: task.width });
  const base = concat(held.map(({ evaluation }) => evaluation.values(undefined)));
  const measured = { ...common, count: base.length, searched: held[0]?.evaluation.searched };
  if (independentCount(dependenceOf(held)) < MIN_GROUPS) {
    const metric = base.length === 0 ? 0 : meanOf(base);
    const report: AdapterReport = {
      ...{ base: metric, adapted: metric, gain: 0, interval: [0, 0] },
      ...{ confidence: 0, verdict: 'too few' },
      ...{ ...measured, form: undefined, forms: [] },
    };
    return { adapter: identity, report };
  }
  const forms = listForms(task, side);
  const total = maxSteps(forms, held, settings) + steps;
  let [done, shown] = [0, 0];
  const advance = async (more: number): Promise<void> => {
    done += more;
    if (done < shown + TURN_EVERY) return;
    shown = done;
    onProgress?.({ done, total });
    await turn();
    if (signal?.aborted) throw new Error('tuneAdapter: stopped by its signal');
  };
  const found = await searchForms(task, forms, held, base, settings, advance);
  const { best } = found.choice;
  const report: AdapterReport = {
    ...{ ...verdictOf(found.choice, { level, minGain }), ...measured },
    form: best && describe(best),
    forms: bestCandidates(forms, found.candidates).map(describe),
  };
  const adapter =
    report.verdict === 'helps' && best !== undefined
      ? await trainOnAll(best, task, samples, settings, advance)
      : identity;
  onProgress?.({ done: total, total });
  return { adapter, report };
}

/** Trains a form on all samples. */
async function trainOnAll(
  { form, steps }: Candidate,
  task: Task,
  samples: Int32Array,
  settings: RunSettings,
  advance: (steps: number) => Promise<void>,
): Promise<Adapter> {
  if (form.weights !== undefined) return adapterOf(form.shape, form.weights);
  const run = new Run(form.shape, task, samples, settings, undefined, undefined);
  try {
    while (run.steps < steps) {
      run.step();
      await advance(1);
    }
    return run.adapter();
  } finally {
    run.dispose();
  }
}

/** The best number of steps of each form. */
function bestCandidates(forms: readonly Form[], candidates: readonly Candidate[]): Candidate[] {
  return forms.map((form) => {
    const own = candidates.filter((candidate) => candidate.form === form);
    const metric = (candidate: Candidate): number => meanOf(candidate.values);
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
    metric: meanOf(values),
  };
}
