/**
 * Training as an asynchronous generator. Every step is one object of the loop; between steps the
 * event loop has a turn, so that a page paints and a timer ticks. Leaving the loop, by `break`, an
 * error or an `AbortSignal`, frees what training took; the model stays.
 *
 * Which samples a step sees follows from the seed and the step's number alone, so a run that goes
 * on from a checkpoint is the run that was never stopped.
 */

import {
  checkChoice,
  checkCount,
  checkNumber,
  checkPositive,
  NonFiniteError,
} from '../core/validation.js';
import {
  AdamW,
  clipGradNorm,
  cosineSchedule,
  decayGroups,
  div,
  linearSchedule,
  type Module,
  manualSeed,
  type RandomState,
  randomState,
  setRandomState,
  type Tensor,
  tidy,
} from '../nn/index.js';

/** Something that can be trained on batches of its own kind. */
export interface Trainable<Data, Batch> extends Module {
  /** The batch of each step, as a function of its number; later, if it takes time to make. */
  batches(
    data: Data,
    options: { batchSize: number; seed: number },
  ): (step: number) => Batch | Promise<Batch>;
  loss(batch: Batch): Tensor;
  /** What training does unless told otherwise. */
  readonly defaults: TrainDefaults;
}

export interface TrainDefaults {
  steps: number;
  batchSize: number;
  learningRate: number;
  warmup: number;
  weightDecay: number;
  betas: readonly [number, number];
  gradClip: number;
  /** Of AdamW (default 1e-8). */
  eps?: number;
  /** How the rate falls after the warm-up: to a tenth, or linearly to 0 (default `'cosine'`). */
  schedule?: 'cosine' | 'linear';
}

export interface TrainOptions extends Partial<TrainDefaults> {
  /** Of the batches and of dropout (default 0). */
  seed?: number;
  /** Batches whose gradients are added up to one step (default 1). */
  accumulate?: number;
  /** Stops training when it fires. */
  signal?: AbortSignalLike;
  /** Where to go on from, as an earlier run's `state()` gave it. */
  state?: TrainState;
}

/** What every runtime's AbortSignal is. */
export interface AbortSignalLike {
  readonly aborted: boolean;
}

/** What a run needs to go on with the same bits. */
export interface TrainState {
  step: number;
  optimizer: ReadonlyMap<string, Tensor>;
  random: RandomState;
}

export interface TrainStep {
  /** Steps done, from 1. */
  step: number;
  /** Steps in all. */
  steps: number;
  /** Mean loss of the step's batches, before the step. */
  loss: number;
  learningRate: number;
  /** Length of the gradient before clipping. */
  gradNorm: number;
  /** What is needed to go on from here; its tensors live until the next step. */
  state(): TrainState;
}

/** A loss or its gradient that is not finite: training stops before it touches a weight. */
export class DivergedError extends Error {
  constructor(
    readonly step: number,
    readonly value: number,
    /** What has that value. */
    readonly what = 'loss',
  ) {
    super(`train: the ${what} of step ${step} is ${value}: try a lower learning rate`);
  }
}

/** A macrotask: timers and painting come before what follows. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/**
 * Trains a model by AdamW with warm-up and a falling rate.
 * @throws DivergedError when a loss or its gradient is not finite
 */
export async function* train<Data, Batch>(
  model: Trainable<Data, Batch>,
  data: Data,
  options: TrainOptions = {},
): AsyncGenerator<TrainStep, void, void> {
  const defaults = model.defaults;
  const most = Number.MAX_SAFE_INTEGER;
  const count = (name: 'steps' | 'batchSize'): number =>
    checkCount('train', name, options[name], defaults[name], most, 'as many as you like');
  const steps = count('steps');
  const accumulate = checkCount('train', 'accumulate', options.accumulate, 1, most, 'batches');
  const seed = checkNumber('train', 'seed', options.seed, 0);
  const peak = checkPositive('train', 'learningRate', options.learningRate, defaults.learningRate);
  const gradClip = checkPositive('train', 'gradClip', options.gradClip, defaults.gradClip);
  const warmup = Math.min(options.warmup ?? defaults.warmup, Math.floor(steps / 10));
  const schedule = checkChoice(
    'train',
    'schedule',
    options.schedule ?? defaults.schedule,
    ['cosine', 'linear'],
    'cosine',
  );
  const rate = { cosine: cosineSchedule, linear: linearSchedule }[schedule]({
    peak,
    steps,
    warmup,
  });
  const params = model.parameters();
  const groups = decayGroups(params, options.weightDecay ?? defaults.weightDecay);
  const betas = options.betas ?? defaults.betas;
  const eps = options.eps ?? defaults.eps ?? 1e-8;
  const optimizer = new AdamW(groups, { learningRate: peak, betas, eps });
  const batches = model.batches(data, { batchSize: count('batchSize'), seed });
  const { state: resume, signal } = options;
  if (resume === undefined) manualSeed(seed);
  else {
    optimizer.loadStateDict(resume.optimizer);
    setRandomState(resume.random);
  }
  try {
    model.train();
    for (let step = resume?.step ?? 0; step < steps; step++) {
      if (signal?.aborted) return;
      let loss = 0;
      optimizer.zeroGrad();
      for (let part = 0; part < accumulate; part++) {
        const batch = await batches(step * accumulate + part);
        loss += orNaN(() => tidy(() => accumulateGradient(model.loss(batch), accumulate)));
      }
      if (!Number.isFinite(loss)) throw new DivergedError(step + 1, loss);
      const gradNorm = clipGradNorm(params, gradClip);
      if (!Number.isFinite(gradNorm)) throw new DivergedError(step + 1, gradNorm, 'gradient norm');
      optimizer.learningRate = rate(step);
      optimizer.step();
      yield {
        step: step + 1,
        steps,
        loss,
        learningRate: optimizer.learningRate,
        gradNorm,
        state: () => ({
          step: step + 1,
          optimizer: optimizer.stateDict(),
          random: randomState(),
        }),
      };
      await turn();
    }
  } finally {
    optimizer.zeroGrad();
    optimizer.dispose();
    model.eval();
  }
}

/** What a loss refuses as not finite is no number. */
function orNaN(loss: () => number): number {
  try {
    return loss();
  } catch (error) {
    if (error instanceof NonFiniteError) return Number.NaN;
    throw error;
  }
}

/** Backward of a part of a step; returns its share of the loss. */
function accumulateGradient(loss: Tensor, parts: number): number {
  const value = loss.item() / parts;
  if (Number.isFinite(value)) (parts === 1 ? loss : div(loss, parts)).backward();
  return value;
}
