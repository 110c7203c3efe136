/**
 * The training loop, an asynchronous generator. It yields one object per step; between steps the
 * event loop runs, so that a page paints and a timer ticks. Leaving the loop, by `break`, an error or
 * an `AbortSignal`, frees the memory of the training; the model stays.
 *
 * Every random number of a run is keyed by its seed, the step and the index of the sample in the
 * whole batch of the step. So a run that is resumed from a checkpoint has the same bits as an
 * uninterrupted one, two runs at once have the bits of each run alone, and nothing that the loop's
 * body draws or computes changes a bit of a run.
 */

import nnCode from '#wasm/nn';
import { kernels } from '../core/kernels.js';
import { readOptions } from '../core/options.js';
import { turn } from '../core/turn.js';
import { NonFiniteError, typeError } from '../core/validation.js';
import {
  AdamW,
  clipGradNorm,
  cosineSchedule,
  decayGroups,
  linearSchedule,
  type Module,
  mul,
  type Tensor,
  tidy,
} from '../nn/index.js';
import { withMode } from '../nn/inference.js';
import { gradsOf } from '../nn/parameters.js';
import { withSampleKeys } from '../nn/random.js';
import { firstNonFiniteRow } from '../nn/row-grad.js';
import {
  type RunOptions,
  readRunOptions,
  type TrainDefaults,
  type TrainOptions,
  type TrainState,
} from './options.js';

/** Model that `train` can train: a module with batches and a loss. */
export interface Trainable<Data, Batch> extends Module {
  /**
   * Prepares the batches of a run.
   *
   * @param data data of the model's kind, as given to `train`
   * @param options batchSize: samples of a step's whole batch, over all its parts; seed: of the run
   * @returns `count` samples of a step (from 0) from index `first` of its whole batch; all of it by
   *   default. A promise if it takes time to make. A batch that leaves samples out, or is not made of
   *   these, lists in `samples` the index of each of its samples in the whole batch.
   */
  batches(
    data: Data,
    options: { batchSize: number; seed: number },
  ): (step: number, first?: number, count?: number) => Batch | Promise<Batch>;
  /**
   * Computes the loss of a batch.
   *
   * @param batch a batch, as `batches` returned it
   * @returns scalar tensor
   */
  loss(batch: Batch): Tensor;
  /**
   * Counts the terms that the loss of a batch is the mean of; by default its samples. The parts of
   * an accumulated batch are weighted by this number.
   *
   * @param batch a batch, as `batches` returned it
   * @returns number of samples or tokens
   */
  lossWeight?(batch: Batch): number;
  /**
   * Evaluates the model.
   *
   * @param data `evalData`, or the data of the training
   * @returns a loss, or metrics by name
   */
  evaluate?(data: Data): number | object;
  /**
   * Gives what a run needs to go on besides the weights that the model keeps in its own files.
   *
   * @returns tensors by names that begin with `run.`; they become part of the run's state
   */
  carried?(): ReadonlyMap<string, Tensor>;
  /** Options of `train` where it is given none. */
  readonly defaults: TrainDefaults;
}

/** Result of one step of training. */
export interface TrainStep {
  /** Steps done, from 1. */
  step: number;
  /** Steps in all. */
  steps: number;
  /** Mean loss of the step's batch, before the step. */
  loss: number;
  /** Learning rate of the step. */
  learningRate: number;
  /** Norm of the gradient before clipping. */
  gradNorm: number;
  /** Result of the model's `evaluate` after the step, where `evalEvery` asks for it. */
  evaluation?: number | object | undefined;
  /** Time and bytes of the step on this rank, in a training that ranks share. */
  cost?: StepCost | undefined;
  /**
   * Returns the state to continue from.
   *
   * @returns state after this step; its tensors live until the next step
   */
  state(): TrainState;
}

/** Time and bytes of a step of a rank. */
export interface StepCost {
  /** Milliseconds of the whole step. */
  total: number;
  /** Milliseconds of exchanging embeddings, or losses. */
  gather: number;
  /** Milliseconds of summing gradients. */
  reduce: number;
  /** Milliseconds of both that this rank waited for others, after all that it had to send. */
  wait: number;
  /** Bytes sent to other ranks. */
  sent: number;
  /** Bytes received from other ranks. */
  received: number;
}

/** Loss, gradient or weights that are not finite. */
export class DivergedError extends Error {
  /** Name in consoles, which would be a minified one. */
  static override readonly name = 'DivergedError';
  override readonly name = 'DivergedError';

  /**
   * @param step number of the step, from 1
   * @param value value that is not finite
   * @param what quantity that has it
   */
  constructor(
    readonly step: number,
    readonly value: number,
    readonly what = 'loss',
  ) {
    super(`train: the ${what} of step ${step} is ${value}: try a lower learning rate`);
  }
}

/**
 * Trains a model by AdamW with a warm-up and a falling learning rate.
 *
 * Each module is in training mode while a loss is computed, and in its own mode otherwise.
 *
 * @param model a model of `nearfar/models`, or any module with `batches`, `loss` and `defaults`
 * @param data data of the model's kind
 * @param options see `TrainOptions`; defaults are the model's
 * @returns one object per step, when the step is done
 * @throws {TypeError} if an option is unknown or of the wrong type
 * @throws {RangeError} if an option is out of range
 * @throws {DivergedError} if the loss, its gradient or the weights are not finite
 * @example for await (const { step, loss } of train(model, data, { steps: 100 })) console.log(step, loss);
 */
export async function* train<Data, Batch>(
  model: Trainable<Data, Batch>,
  data: Data,
  options?: TrainOptions,
): AsyncGenerator<TrainStep, void, void> {
  checkTrainable('train', model);
  const reader = readOptions('train', options);
  const run = readRunOptions('train', reader, model.defaults, model.evaluate !== undefined);
  reader.done();
  yield* runTraining(model, data, run);
}

/** Runs the training loop with checked options, for callers that read further ones of their own. */
export async function* runTraining<Data, Batch>(
  model: Trainable<Data, Batch>,
  data: Data,
  run: RunOptions,
): AsyncGenerator<TrainStep, void, void> {
  const { steps, batchSize, accumulate, seed, state } = run;
  const updates = new RunUpdates(model, run);
  try {
    updates.restore(state);
    const batches = model.batches(data, { batchSize: batchSize * accumulate, seed });
    for (let index = state?.step ?? 0; index < steps; index++) {
      if (run.signal?.aborted) return;
      updates.begin();
      const parts = new GradAccumulator(model, accumulate);
      for (let part = 0; part < accumulate; part++) {
        const first = part * batchSize;
        const batch = await batches(index, first, batchSize);
        const samples = samplesOf(batch, first, batchSize);
        withSampleKeys({ seed, step: index, samples }, () => parts.add(batch, samples.length));
      }
      yield updates.finish(index, parts.finish(updates.params), data);
      await turn();
    }
  } finally {
    updates.end();
  }
}

/** The part of a model that the updates of its weights use. */
type Updatable<Data> = Module & Pick<Trainable<Data, unknown>, 'evaluate' | 'carried'>;

/** The updates of a run's weights, whatever computes the gradients. */
export class RunUpdates<Data> {
  /** Parameters of the model by their names. */
  readonly params: ReadonlyMap<string, Tensor>;
  readonly #model: Updatable<Data>;
  readonly #run: RunOptions;
  readonly #optimizer: AdamW;
  readonly #learningRateAt: (step: number) => number;

  constructor(model: Updatable<Data>, run: RunOptions) {
    const { steps, warmup, betas, eps, learningRate } = run;
    this.#model = model;
    this.#run = run;
    const schedule = { cosine: cosineSchedule, linear: linearSchedule }[run.schedule];
    this.#learningRateAt = schedule({ peak: learningRate, steps, warmup });
    this.params = model.parameters();
    const groups = decayGroups(this.params, run.weightDecay);
    this.#optimizer = new AdamW(groups, { learningRate, betas, eps });
  }

  /** Takes the moments of an earlier run. */
  restore(state: TrainState | undefined): void {
    if (state === undefined) return;
    const moments = [...state.optimizer].filter(([name]) => !name.startsWith('run.'));
    this.#optimizer.loadStateDict(new Map(moments));
  }

  /** Begins a step, without gradients. */
  begin(): void {
    this.#optimizer.zeroGrad();
  }

  /**
   * Takes the optimizer's step, once the parameters have their gradients.
   *
   * @param index number of the step, from 0
   * @param data data of the training, where the model is evaluated on that
   */
  finish(index: number, loss: number, data: Data): TrainStep {
    const step = index + 1;
    if (!Number.isFinite(loss)) throw new DivergedError(step, loss);
    const gradNorm = clipGradNorm(this.params, this.#run.gradClip);
    if (!Number.isFinite(gradNorm)) throw new DivergedError(step, gradNorm, 'gradient norm');
    this.#optimizer.learningRate = this.#learningRateAt(index);
    this.#optimizer.step();
    checkWeights(this.params, step);
    return this.result(step, loss, gradNorm, data);
  }

  /** Describes a step that is done. */
  result(step: number, loss: number, gradNorm: number, data: Data): TrainStep {
    const { steps, seed, evalEvery, evalData } = this.#run;
    return {
      step,
      steps,
      loss,
      learningRate: this.#learningRateAt(step - 1),
      gradNorm,
      ...(step % evalEvery === 0
        ? { evaluation: evaluate(this.#model, (evalData ?? data) as Data, step) }
        : {}),
      state: () => ({ step, seed, optimizer: this.state() }),
    };
  }

  /** State of the optimizer, and what the run carries besides the model's own weights. */
  state(): Map<string, Tensor> {
    return new Map([...this.#optimizer.stateDict(), ...(this.#model.carried?.() ?? [])]);
  }

  /** Frees the gradients and the moments. */
  end(): void {
    this.#optimizer.zeroGrad();
    this.#optimizer.dispose();
  }
}

/** Checks that a model has what `train` calls. */
export function checkTrainable(name: string, model: unknown): void {
  const { batches, loss, parameters, defaults } = (model ?? {}) as Partial<
    Trainable<unknown, unknown>
  >;
  const methods = [batches, loss, parameters];
  if (methods.every((method) => typeof method === 'function') && defaults !== undefined) return;
  typeError(name, 'model', 'a Module with batches, loss and defaults', model);
}

/** Indices of a batch's samples in the whole batch of its step. */
export function samplesOf(batch: unknown, first: number, count: number): ArrayLike<number> {
  const { samples } = (batch ?? {}) as { samples?: ArrayLike<number> | undefined };
  return samples ?? Array.from({ length: count }, (_, i) => first + i);
}

/** Gradient accumulation: adds up the losses and gradients of the parts of a step's batch. */
class GradAccumulator<Batch> {
  readonly #model: Trainable<never, Batch>;
  readonly #count: number;
  #loss = 0;
  #weight = 0;

  constructor(model: Trainable<never, Batch>, count: number) {
    this.#model = model;
    this.#count = count;
  }

  /** Computes a part's loss, and adds its gradients times the part's weight. */
  add(batch: Batch, samples: number): void {
    const weight = this.#count === 1 ? 1 : (this.#model.lossWeight?.(batch) ?? samples);
    const forwardBackward = (): number => {
      const loss = this.#model.loss(batch);
      const value = loss.item();
      if (Number.isFinite(value)) (weight === 1 ? loss : mul(loss, weight)).backward();
      return value;
    };
    this.#loss += weight * withMode(this.#model, true, () => orNaN(() => tidy(forwardBackward)));
    this.#weight += weight;
  }

  /** Divides the gradients by the sum of all weights; returns the mean loss. */
  finish(params: ReadonlyMap<string, Tensor>): number {
    if (this.#weight === 0 || this.#count === 1) return this.#loss;
    const core = kernels(nnCode);
    for (const grad of [...params.values()].flatMap(gradsOf)) {
      core.scaleTo(grad.at, grad.at, grad.size, 1 / this.#weight);
    }
    return this.#loss / this.#weight;
  }
}

/** Runs a function that computes a loss; NaN if it threw because a number was not finite. */
export function orNaN(loss: () => number): number {
  try {
    return loss();
  } catch (error) {
    if (error instanceof NonFiniteError) return Number.NaN;
    throw error;
  }
}

function evaluate<Data>(
  model: Updatable<Data>,
  data: Data,
  step: number,
): number | object | undefined {
  try {
    return model.evaluate?.(data);
  } catch (error) {
    if (error instanceof NonFiniteError) throw new DivergedError(step, Number.NaN, 'evaluation');
    throw error;
  }
}

/** Checks that all weights that a step changed are finite, so that a diverged model is never saved. */
function checkWeights(params: ReadonlyMap<string, Tensor>, step: number): void {
  for (const { at, size, data, grad, rowGrad } of params.values()) {
    if (grad === undefined && (rowGrad === undefined || rowGrad.isStepFinite)) continue;
    const bad =
      grad === undefined && rowGrad !== undefined
        ? firstNonFiniteRow(at, rowGrad)
        : kernels().firstNonFinite(at, size);
    if (bad >= 0) throw new DivergedError(step, data[bad] as number, 'weights');
  }
}
