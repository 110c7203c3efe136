/** Options of a run, checked and completed by the model's defaults. */

import type { OptionReader } from '../core/options.js';
import {
  checkNonNegative,
  checkPositive,
  checkSignal,
  integerIn,
  isMap,
  oneOf,
  rangeError,
  typeError,
} from '../core/validation.js';
import type { Tensor } from '../nn/index.js';

/** Options of `train` that every model has its own defaults for. */
export interface TrainDefaults {
  /** Number of optimizer steps, from 1. */
  steps: number;
  /** Samples per forward pass, from 1; a step has `accumulate` × `batchSize`. */
  batchSize: number;
  /** Peak of the learning rate, above 0. */
  learningRate: number;
  /** Steps over which the learning rate rises; a default above a tenth of the steps is cut to it. */
  warmup: number;
  /** AdamW's weight decay of tensors of two axes or more, at least 0. */
  weightDecay: number;
  /** AdamW's decay rates of the first and second moment. */
  betas: readonly [number, number];
  /** Maximum norm of the gradient, above 0; a larger one is scaled down to it, as by `clipGradNorm`. */
  gradClip: number;
  /** AdamW's epsilon. @default 1e-8 */
  eps?: number;
  /** Decay of the learning rate after the warm-up: by a cosine to a tenth, or linearly to 0. @default 'cosine' */
  schedule?: 'cosine' | 'linear';
}

/** Options of `train`. */
export interface TrainOptions extends Partial<TrainDefaults> {
  /** Seed of all random numbers of the run, a whole number from 0. @default 0 */
  seed?: number;
  /**
   * Gradient accumulation: number of parts of a step's batch, `batchSize` samples each, from 1. Where
   * the loss is a mean over samples or tokens, the gradient is that of one batch of all of them. A
   * contrastive loss compares only the samples of a part: SimCLR's `chunkSize` compares them all.
   * @default 1
   */
  accumulate?: number;
  /** Steps between evaluations by the model's `evaluate`, from 1. @default none */
  evalEvery?: number;
  /** Data of these evaluations. @default the data of the training */
  evalData?: unknown;
  /** Stops training before the next step when it is aborted. */
  signal?: AbortSignalLike;
  /** Continues from here, as an earlier run's `state()` returned it; the model has its weights. */
  state?: TrainState;
}

/** AbortSignal, of any runtime. */
export interface AbortSignalLike {
  readonly aborted: boolean;
}

/** State of a run, besides the model's weights. */
export interface TrainState {
  /** Steps done. */
  step: number;
  /** Seed of the run. */
  seed: number;
  /** State of the optimizer, and what the run carries besides the model's own weights. */
  optimizer: ReadonlyMap<string, Tensor>;
}

/** Checked options of a run, the model's defaults filled in. */
export interface RunOptions extends Required<TrainDefaults> {
  seed: number;
  accumulate: number;
  evalEvery: number;
  evalData: unknown;
  signal: AbortSignalLike | undefined;
  state: TrainState | undefined;
}

/** Largest batch: its indices and tokens are arrays of JavaScript's. */
const MAX_BATCH = 2 ** 20;

/**
 * Reads the options of a run; the caller reads its own from the same reader and ends it.
 *
 * @param name function that messages name
 * @param canEvaluate true if the model has `evaluate`
 */
export function readRunOptions(
  name: string,
  options: OptionReader,
  defaults: TrainDefaults,
  canEvaluate: boolean,
): RunOptions {
  const count = integerIn(1);
  const steps = options.read('steps', count, defaults.steps);
  const state = options.optional('state', checkState);
  const run: RunOptions = {
    steps,
    state,
    batchSize: options.read('batchSize', integerIn(1, MAX_BATCH), defaults.batchSize),
    learningRate: options.read('learningRate', checkPositive, defaults.learningRate),
    warmup: readWarmup(options, steps, defaults.warmup),
    weightDecay: options.read('weightDecay', checkNonNegative, defaults.weightDecay),
    betas: options.read('betas', checkBetas, defaults.betas),
    gradClip: options.read('gradClip', checkPositive, defaults.gradClip),
    eps: options.read('eps', checkPositive, defaults.eps ?? 1e-8),
    schedule: options.read('schedule', oneOf(['cosine', 'linear']), defaults.schedule ?? 'cosine'),
    seed: options.read('seed', integerIn(0), state?.seed ?? 0),
    accumulate: options.read('accumulate', count, 1),
    evalEvery: options.read('evalEvery', count, Number.POSITIVE_INFINITY),
    evalData: options.optional('evalData', (_name, _argument, value) => value),
    signal: options.optional('signal', checkSignal<AbortSignalLike>),
  };
  if (state !== undefined && run.seed !== state.seed) {
    rangeError(name, 'seed', `${state.seed}, the seed of the state`, run.seed);
  }
  if (run.evalEvery <= steps && !canEvaluate) {
    rangeError(name, 'evalEvery', 'left out for a model without evaluate', run.evalEvery);
  }
  return run;
}

/** A warm-up that was asked for is kept; a default one is at most a tenth of the run. */
function readWarmup(options: OptionReader, steps: number, usual: number): number {
  return options.read('warmup', integerIn(0, steps), Math.min(usual, Math.floor(steps / 10)));
}

function checkBetas(name: string, argument: string, value: unknown): readonly [number, number] {
  const isBeta = (beta: unknown): boolean => typeof beta === 'number' && beta >= 0 && beta < 1;
  if (!Array.isArray(value)) typeError(name, argument, 'a pair of numbers', value);
  if (value.length !== 2 || !value.every(isBeta)) {
    rangeError(name, argument, 'two numbers from 0 to less than 1', value);
  }
  return value as unknown as readonly [number, number];
}

/** Checks the state of a run. */
export function checkState(name: string, argument: string, value: unknown): TrainState {
  const state = (value ?? {}) as Partial<TrainState>;
  if (!isMap(state.optimizer)) {
    typeError(name, argument, 'the state of a run, as state() returns it', value);
  }
  integerIn(0)(name, `${argument}.step`, state.step);
  integerIn(0)(name, `${argument}.seed`, state.seed);
  return state as TrainState;
}
