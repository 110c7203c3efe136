/** `fitAdapter`: training of one adapter, the best step on validation kept. */

import { type OptionReader, readOptions } from '../core/options.js';
import { turn } from '../core/turn.js';
import {
  checkFlag,
  checkFraction,
  checkNonNegative,
  checkPositive,
  checkSignal,
  checkTemperature,
  instanceOf,
  integerIn,
  isNumberArray,
  oneOf,
  rangeError,
  typeError,
} from '../core/validation.js';
import { Adapter, shapeOf, WEIGHTS } from './adapter.js';
import { type AdapterData, type Kind, type Pairs, readData, type Task } from './data.js';
import { Evaluation } from './evaluate.js';
import { type AdapterLoss, LOSSES, type Objective } from './objective.js';
import { type AdapterState, findBase, Run, type RunSettings } from './run.js';
import { parameterShapes } from './shape.js';
import { allSamples, FEW_SAMPLES, splitFolds } from './split.js';
import {
  crossValidation,
  heldOutValidation,
  type RunState,
  type Validation,
} from './validation.js';

/** Options of the loss and the optimizer, of `fitAdapter` and `tuneAdapter`. */
export interface AdapterTrainingOptions {
  /**
   * Loss: `infoNce` for pairs, `coSentLoss` or `angleLoss` for scores, `supCon` for labels,
   * `tripletLoss` or `infoNce` for triplets.
   * @default the first of these
   */
  loss?: AdapterLoss | undefined;
  /**
   * Divides the cosines; greater than 0.
   * @default 0.05
   */
  temperature?: number | undefined;
  /**
   * Learning rate of AdamW after a warm-up of 10 steps; greater than 0.
   * @default 0.001
   */
  learningRate?: number | undefined;
  /**
   * Samples of a step, from 1; cut to what there is.
   * @default 128
   */
  batchSize?: number | undefined;
  /**
   * Steps, from 0.
   * @default 300
   */
  steps?: number | undefined;
  /**
   * Hard negatives that are mined for each query of pairs before training, from 0.
   * @default 0
   */
  hardNegatives?: number | undefined;
  /**
   * Documents that are drawn for each step of pairs, from 0, as negatives of all its queries: of those
   * that are trained on or that no pair names. A few pairs have too few negatives in each other.
   * @default 256 in `fitAdapter` with fewer than 300 pairs, else 0
   */
  randomNegatives?: number | undefined;
  /**
   * Let each document find its query among all queries too.
   * @default true
   */
  symmetric?: boolean | undefined;
  /**
   * Margin of the triplet loss, at least 0.
   * @default 0.2
   */
  margin?: number | undefined;
  /**
   * Matryoshka: numbers of columns whose prefixes are trained too, each less than the output's width.
   * The loss is the mean over all of them and the whole width.
   * @default none
   */
  matryoshka?: readonly number[] | undefined;
  /**
   * Seed of the split, the batches and the initial weights, from 0.
   * @default 0
   */
  seed?: number | undefined;
  /** Stops training when it is aborted. */
  signal?: { readonly aborted: boolean } | undefined;
}

/** Options of {@link fitAdapter}. */
export interface FitAdapterOptions extends AdapterTrainingOptions {
  /**
   * Data that the best step is chosen on: data like the training data (pairs alone, if the rows are the
   * same), or the fraction that is held out; 0 keeps the last step. Of 20 to 299 samples nothing is
   * held out from the adapter: it is trained on all of them for as many steps as are best for adapters that
   * are trained without a fraction of them, at least a fifth, on that fraction (cross-validation).
   * @default 0.1
   */
  validation?: AdapterData | { pairs: Pairs } | number | undefined;
  /**
   * Steps between evaluations on validation, from 1.
   * @default a fifteenth of the steps, a thirtieth with fewer than 300 samples
   */
  evalEvery?: number | undefined;
  /**
   * Evaluations without a better step after which training stops, from 1.
   * @default 5
   */
  patience?: number | undefined;
  /** Continues from here, as `state()` of an earlier run's step returned it, with the same data and options. */
  state?: AdapterState | undefined;
}

/** Result of one step of {@link fitAdapter}. */
export interface FitAdapterStep {
  /** Steps done, from 1. */
  step: number;
  /** Loss of the step's batch, before the step. */
  loss: number;
  /** Learning rate of the step. */
  learningRate: number;
  /** Metric on validation after the step, where it was evaluated. */
  validation: number | undefined;
  /** Returns what a later call needs to continue after this step. */
  state(): AdapterState;
}

/** Drawn negatives of a step with few pairs. */
const RANDOM_NEGATIVES = 256;
/** Fewer are not split in folds: what remains would be too little to train on. */
const MIN_CROSSED = 20;
/** Folds of a cross-validation at most: each is an adapter to train. */
const MAX_FOLDS = 5;

/** Rows that are searched for a validation within training. */
const VALIDATION_LIMITS = { queries: 512, documents: 4096 };

/**
 * Reads the options that `fitAdapter` and `tuneAdapter` have in common.
 *
 * @param randomNegatives default of that option
 */
export function readTrainingOptions(
  reader: OptionReader,
  name: string,
  kind: Kind,
  outputWidth: number,
  randomNegatives = 0,
): RunSettings {
  const losses: readonly AdapterLoss[] = LOSSES[kind];
  const loss = reader.read('loss', oneOf(losses), losses[0] as AdapterLoss);
  const temperature = reader.read('temperature', checkTemperature, DEFAULTS.temperature);
  const symmetric = reader.read('symmetric', checkFlag, true);
  const margin = reader.read('margin', checkNonNegative, 0.2);
  const prefixes = reader.optional('matryoshka', checkPrefixes(outputWidth)) ?? [];
  const objective: Objective = {
    ...{ loss, temperature, symmetric, margin },
    widths: [...prefixes, outputWidth],
  };
  const settings = {
    objective,
    learningRate: reader.read('learningRate', checkPositive, DEFAULTS.learningRate),
    batchSize: reader.read('batchSize', integerIn(1), DEFAULTS.batchSize),
    steps: reader.read('steps', integerIn(0), DEFAULTS.steps),
    hardNegatives: reader.read('hardNegatives', integerIn(0), 0),
    randomNegatives: reader.read('randomNegatives', integerIn(0), randomNegatives),
    seed: reader.read('seed', integerIn(0), 0),
  };
  for (const option of ['hardNegatives', 'randomNegatives'] as const) {
    if (settings[option] === 0 || kind === 'pairs') continue;
    rangeError(name, option, '0 for data without pairs', settings[option]);
  }
  return settings;
}

/** Defaults of training. */
export const DEFAULTS = { temperature: 0.05, learningRate: 1e-3, batchSize: 128, steps: 300 };

function checkPrefixes(
  outputWidth: number,
): (name: string, argument: string, value: unknown) => number[] {
  return (name, argument, value) => {
    if (!isNumberArray(value)) typeError(name, argument, 'an array of whole numbers', value);
    const check = integerIn(1, outputWidth - 1, 'less than the output width');
    return Array.from(value, (width, i) => check(name, `${argument}[${i}]`, width));
  };
}

/**
 * Trains an adapter on pairs, scored pairs, labels or triplets of ready-made embeddings. Rows with
 * equal ids or equal numbers are never negatives of each other, and never on both sides of the split.
 * At the end, also by `break` or `signal`, the adapter holds the best step on validation, which may be
 * what it started as; while training goes on, the best so far.
 *
 * @param adapter is trained in place; a trained one is trained further
 * @param data queries, documents and pairs (and scores); embeddings and labels; embeddings and triplets
 * @param options loss, temperature, learningRate, batchSize, steps, hardNegatives, randomNegatives,
 *   symmetric, margin, matryoshka, validation, evalEvery, patience, seed, signal, state
 * @returns an async generator of the steps
 * @throws {TypeError} if data or an option is of the wrong kind
 * @throws {RangeError} if sizes don't match, a value is out of range or not finite
 * @example
 * const adapter = new Adapter({ inputWidth: 384 });
 * for await (const { step, loss } of fitAdapter(adapter, { queries, documents, pairs })) console.log(step, loss);
 */
export function fitAdapter(
  adapter: Adapter,
  data: AdapterData,
  options?: FitAdapterOptions,
): AsyncGenerator<FitAdapterStep, void, void> {
  const name = 'fitAdapter';
  instanceOf(Adapter, 'an Adapter')(name, 'adapter', adapter);
  const task = readData(name, data);
  checkShape(name, adapter, task);
  const reader = readOptions(name, options);
  let samples = allSamples(task);
  const few = samples.length < FEW_SAMPLES;
  const negatives = few && task.kind === 'pairs' ? RANDOM_NEGATIVES : 0;
  const settings = readTrainingOptions(reader, name, task.kind, adapter.outputWidth, negatives);
  const validation = reader.read('validation', checkValidation(name, task, data), 0.1);
  const crossed = few && samples.length >= MIN_CROSSED && typeof validation === 'number';
  const every = Math.max(1, Math.round(settings.steps / (few ? 30 : 15)));
  const evalEvery = reader.read('evalEvery', integerIn(1), every);
  const patience = reader.read('patience', integerIn(1), 5);
  const signal = reader.optional('signal', checkSignal<{ readonly aborted: boolean }>);
  const state = reader.optional('state', checkState(adapter, settings));
  reader.done();
  let folds: HeldOut[] = [];
  if (typeof validation !== 'number') {
    const evaluation = evaluationOf(validation, allSamples(validation), settings);
    folds = [{ training: samples, evaluation }];
  } else if (validation > 0) {
    const parts = Math.max(2, Math.round(1 / validation));
    const count = crossed ? Math.min(MAX_FOLDS, parts) : parts;
    const split = splitFolds(task, samples, count, settings.seed);
    folds = Array.from({ length: crossed ? count : 1 }, (_, fold) => ({
      training: split.outside(fold),
      evaluation: evaluationOf(task, split.inside(fold), settings),
    }));
  }
  folds = folds.filter(({ training, evaluation }) => training.length > 0 && evaluation.count > 0);
  const first = folds[0];
  if (!crossed && first !== undefined) samples = first.training;
  const crossedFolds = crossed ? folds.length : 0;
  if (state !== undefined && state.folds?.length !== crossedFolds) {
    rangeError(name, 'state', `of a run with ${crossedFolds} folds`, state.folds?.length ?? 0);
  }
  return train(adapter, task, samples, settings, {
    ...{ folds, crossed, evalEvery, patience, signal, state },
  });
}

function evaluationOf(task: Task, samples: Int32Array, { seed }: RunSettings): Evaluation {
  return new Evaluation(task, samples, VALIDATION_LIMITS, seed);
}

/** Checks that an adapter fits data. */
function checkShape(name: string, adapter: Adapter, task: Task): void {
  if (task.width !== adapter.inputWidth) {
    rangeError(name, 'data', `${adapter.inputWidth} wide like the adapter`, task.width);
  }
  if (task.kind === 'labels' && adapter.side === 'query') {
    rangeError(name, 'adapter', 'one of both sides, as labels have no queries', "side 'query'");
  }
}

function checkValidation(
  caller: string,
  task: Task,
  data: AdapterData,
): (name: string, argument: string, value: unknown) => Task | number {
  return (name, argument, value) => {
    if (typeof value === 'number') return checkFraction(name, argument, value);
    if (typeof value !== 'object' || value === null) {
      typeError(name, argument, 'data or the fraction that is held out', value);
    }
    const rows = 'queries' in value || 'embeddings' in value ? {} : matricesOf(data);
    const other = readData(`${caller}: validation`, { ...rows, ...value });
    if (other.kind !== task.kind) rangeError(name, argument, `of ${task.kind}`, other.kind);
    if (other.width !== task.width) rangeError(name, argument, `${task.width} wide`, other.width);
    return other;
  };
}

/** The rows of data, and their ids. */
function matricesOf(data: AdapterData): object {
  if ('embeddings' in data) return { embeddings: data.embeddings, ids: data.ids };
  const { queries, documents, queryIds, documentIds } = data;
  return { queries, documents, queryIds, documentIds };
}

function checkState(
  adapter: Adapter,
  settings: RunSettings,
): (name: string, argument: string, value: unknown) => AdapterState {
  return (name, argument, value) => {
    const state = value as AdapterState;
    if (typeof value !== 'object' || value === null || !Number.isSafeInteger(state.step)) {
      typeError(name, argument, 'the state of a step of fitAdapter', value);
    }
    if (state.seed !== settings.seed) {
      rangeError(name, argument, `of a run with the seed ${settings.seed}`, state.seed);
    }
    const runs = [state, ...(Array.isArray(state.folds) ? state.folds : [])];
    for (const map of runs.flatMap((run) => [run?.weights, run?.mean, run?.meanSquare])) {
      for (const [key, sizes] of parameterShapes(shapeOf(adapter))) {
        const length = sizes.reduce((product, size) => product * size, 1);
        if (map?.get?.(key)?.data?.length === length) continue;
        rangeError(name, argument, 'of an adapter of the same shape', 'another one');
      }
    }
    return state;
  };
}

/** Samples to train on, and an evaluation on others. */
interface HeldOut {
  readonly training: Int32Array;
  readonly evaluation: Evaluation;
}

/** Validation, end and state of a run. */
interface Watch {
  /** None without validation. */
  readonly folds: readonly HeldOut[];
  /** True if folds are trained on their own, for a cross-validation. */
  readonly crossed: boolean;
  readonly evalEvery: number;
  readonly patience: number;
  readonly signal: { readonly aborted: boolean } | undefined;
  readonly state: AdapterState | undefined;
}

async function* train(
  adapter: Adapter,
  task: Task,
  samples: Int32Array,
  settings: RunSettings,
  { folds, crossed, evalEvery, patience, signal, state }: Watch,
): AsyncGenerator<FitAdapterStep, void, void> {
  const shape = shapeOf(adapter);
  const start = adapter[WEIGHTS];
  const base = start === undefined ? findBase(shape, task, samples) : undefined;
  const runOn = (training: Int32Array, from: RunState | undefined): Run => {
    const run = new Run(shape, task, training, settings, from?.weights ?? start, base);
    if (from !== undefined && state !== undefined) run.restore(from, state.step);
    return run;
  };
  const run = runOn(samples, state);
  const first = folds[0];
  const validator: Validation | undefined =
    first === undefined
      ? undefined
      : crossed
        ? crossValidation(
            shape,
            folds.map(({ training, evaluation }, i) => ({
              run: runOn(training, state?.folds[i]),
              evaluation,
            })),
          )
        : heldOutValidation(shape, first.evaluation);
  let best = state?.best;
  let waited = state?.waited ?? 0;
  try {
    if (best === undefined) {
      // The identity stays without weights, so that it gives rows back bit for bit.
      const weights = start ?? (base === undefined ? undefined : new Map(run.weights()));
      best = {
        ...{ step: 0, validation: validator?.measure(weights) },
        weights: weights && new Map(weights),
      };
    }
    while (run.steps < settings.steps && waited < patience && !signal?.aborted) {
      await turn();
      if (signal?.aborted) break;
      const learningRate = run.learningRate(run.steps + 1);
      const loss = run.step();
      validator?.advance();
      const step = run.steps;
      let validation: number | undefined;
      if (validator === undefined) {
        best = { step, validation, weights: run.weights() };
      } else if (step % evalEvery === 0 || step === settings.steps) {
        const weights = run.weights();
        validation = validator.measure(weights);
        if (validation > (best.validation ?? Number.NEGATIVE_INFINITY)) {
          best = { step, validation, weights };
          waited = 0;
          adapter[WEIGHTS] = weights;
        } else waited++;
      }
      const now = { step, best, waited };
      const takeState = (): AdapterState => {
        if (run.steps !== step) {
          throw new RangeError('fitAdapter: state() must be called before the next step');
        }
        const { mean, meanSquare } = run.moments();
        return {
          ...{ ...now, seed: settings.seed, weights: run.weights(), mean, meanSquare },
          folds: validator?.state() ?? [],
        };
      };
      yield { step, loss, learningRate, validation, state: takeState };
    }
  } finally {
    run.dispose();
    validator?.dispose();
    if (best !== undefined) adapter[WEIGHTS] = best.weights;
  }
}
