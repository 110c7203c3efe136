/** Training of one model by several ranks: every rank has the model, and a part of each batch. */

import { checkNoOptions, readOptions } from '../../core/options.js';
import { turn } from '../../core/turn.js';
import { integerIn, type NoOptions, oneOf, rangeError, typeError } from '../../core/validation.js';
import { SENTENCE_ENCODER } from '../../models/sentence/brand.js';
import type { SentenceEncoder } from '../../models/sentence/sentence-encoder.js';
import type { SentenceData } from '../../models/sentence/training/data.js';
import {
  type SentenceTrainOptions,
  trainSentenceEncoder,
} from '../../models/sentence/training/trainer.js';
import type { Tensor } from '../../nn/index.js';
import { type RunOptions, readRunOptions, type TrainOptions } from '../../train/options.js';
import { checkTrainable, RunUpdates, type Trainable, type TrainStep } from '../../train/train.js';
import { type Communicator, RankLostError } from '../transport/communicator.js';
import { GRADIENT_FORMATS, type GradientFormat } from '../transport/format.js';
import { Buffers, contrastiveStep, type StepContext, Turns } from './contrastive-step.js';
import { ShardGradients } from './gradients.js';
import { meanStep } from './mean-step.js';
import { StepMeter } from './meter.js';
import { contrastiveOf } from './models.js';
import { readSnapshot, writeSnapshot } from './snapshot.js';

/** Options of a training that ranks share. */
export interface ShardOptions {
  /** Connects this rank to the others. */
  communicator: Communicator;
  /**
   * Number of shards that each batch is cut into, a power of two, at least the number of ranks; at
   * least two samples each. The bits of a run depend on it, and not on the number of ranks.
   * @default 8, or fewer for batches of less than 16 samples
   */
  shards?: number | undefined;
  /**
   * Format in which gradients are summed and sent: `'bf16'` takes half of the bytes. The bits of a run
   * depend on it, and not on the number of ranks.
   * @default 'f32'
   */
  gradients?: GradientFormat | undefined;
  /**
   * Is told of ranks that were lost, where the training waits for them to come back.
   */
  onLost?: ((error: RankLostError) => void) | undefined;
}

/** Options of `trainRanks`. */
export interface TrainRanksOptions extends Omit<TrainOptions, 'accumulate'>, ShardOptions {}

/** Options of `trainRanks` for a `SentenceEncoder`. */
export interface SentenceRanksOptions
  extends Omit<SentenceTrainOptions, 'accumulate'>,
    ShardOptions {}

/** Shards of a batch unless told otherwise. */
export const DEFAULT_SHARDS = 8;
/** Shards at most. */
const MAX_SHARDS = 1024;
const NAME = 'trainRanks';

function checkCommunicator(name: string, argument: string, value: unknown): Communicator {
  const { rank, size, allGather, allReduce } = (value ?? {}) as Partial<Communicator>;
  if (typeof allGather !== 'function' || typeof allReduce !== 'function') {
    typeError(name, argument, 'a communicator, as joinRanks and connectRanks give one', value);
  }
  integerIn(1)(name, `${argument}.size`, size);
  integerIn(0)(name, `${argument}.rank`, rank);
  return value as Communicator;
}

function checkShards(name: string, argument: string, value: unknown): number {
  const shards = integerIn(1, MAX_SHARDS)(name, argument, value);
  if ((shards & (shards - 1)) !== 0) rangeError(name, argument, 'a power of two', shards);
  return shards;
}

/**
 * Chooses the number of shards of a batch.
 *
 * @param batchSize samples of a whole batch, from 1
 * @param options none
 * @returns 8, or for less than 16 samples the largest power of two that leaves two to each shard
 * @throws {TypeError | RangeError} if it is not a whole number from 1
 */
export function defaultShards(batchSize: number, options?: NoOptions): number {
  checkNoOptions('defaultShards', options);
  integerIn(1)('defaultShards', 'batchSize', batchSize);
  let shards = DEFAULT_SHARDS;
  while (shards > 1 && batchSize < 2 * shards) shards /= 2;
  return shards;
}

/** Splits the options of ranks from those of the training. */
function splitOptions(options: unknown): { own: Partial<ShardOptions>; others: object } {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    typeError(NAME, 'options', 'an object with a communicator', options);
  }
  const { communicator, shards, gradients, onLost, ...others } =
    options as Partial<TrainRanksOptions>;
  if ((others as { accumulate?: unknown }).accumulate !== undefined) {
    throw new TypeError(`${NAME}: accumulate is for one machine: ranks share the batch instead`);
  }
  const own = {
    ...(communicator !== undefined && { communicator }),
    ...(shards !== undefined && { shards }),
    ...(gradients !== undefined && { gradients }),
    ...(onLost !== undefined && { onLost }),
  };
  return { own, others };
}

/** Checks the options of ranks for batches of a size. */
function readShardOptions(own: Partial<ShardOptions>, batchSize: number) {
  const reader = readOptions(NAME, own);
  const communicator = reader.read('communicator', checkCommunicator);
  const shards = reader.read('shards', checkShards, defaultShards(batchSize));
  const format = reader.read('gradients', oneOf(GRADIENT_FORMATS), 'f32');
  const onLost = reader.optional('onLost', (name, argument, value) => {
    if (typeof value !== 'function') typeError(name, argument, 'a function', value);
    return value as (error: RankLostError) => void;
  });
  reader.done();
  if (batchSize < 2 * shards) {
    rangeError(NAME, 'shards', `at most half of the batch of ${batchSize} samples`, shards);
  }
  if (communicator.size > shards) {
    rangeError(NAME, 'shards', `at least ${communicator.size}, the number of ranks`, shards);
  }
  return { communicator, shards, format, onLost };
}

/**
 * Trains a sentence encoder in place, by several ranks.
 *
 * @param model a `SentenceEncoder`, the same on every rank
 * @param data as for `train`, the same on every rank
 * @param options see `SentenceRanksOptions`
 * @returns one object per step, when the step is done on all ranks
 * @throws {TypeError | RangeError} if the data or an option is not valid
 * @throws {DivergedError} if the loss, its gradient or the weights are not finite
 * @throws {RankLostError} if a rank is lost and can't come back
 */
export function trainRanks(
  model: SentenceEncoder,
  data: SentenceData,
  options: SentenceRanksOptions,
): AsyncGenerator<TrainStep, void, void>;
/**
 * Trains a model by several ranks, threads or machines, each of which calls this with the same model,
 * data and options. A rank computes its part of each batch; losses compare the samples of the whole
 * batch, and the gradient is that of one machine with all of it. Weights have the same bits on any
 * number of ranks.
 *
 * `simclr`, `clip` and sentence encoders compare the samples of the whole batch; the losses of all
 * other models are means over samples.
 *
 * @param model a model of `nearfar/models`, or any module with `batches`, `loss` and `defaults`
 * @param data data of the model's kind, the same on every rank
 * @param options see `TrainRanksOptions`; batchSize is that of all ranks together
 * @returns one object per step, when the step is done on all ranks
 * @throws {TypeError} if an option is unknown or of the wrong type
 * @throws {RangeError} if an option is out of range
 * @throws {DivergedError} if the loss, its gradient or the weights are not finite
 * @throws {RankLostError} if a rank is lost and can't come back
 * @example
 * const communicator = joinRanks(workerData.share, workerData.rank);
 * for await (const { step, loss } of trainRanks(simclr, images, { communicator, batchSize: 1024 })) …
 */
export function trainRanks<Data, Batch>(
  model: Trainable<Data, Batch>,
  data: Data,
  options: TrainRanksOptions,
): AsyncGenerator<TrainStep, void, void>;
export async function* trainRanks(
  model: unknown,
  data: unknown,
  options: unknown,
): AsyncGenerator<TrainStep, void, void> {
  const { own, others } = splitOptions(options);
  if ((model as SentenceEncoder | null | undefined)?.brand === SENTENCE_ENCODER) {
    const encoder = model as SentenceEncoder;
    yield* trainSentenceEncoder(encoder, data as SentenceData, others, (trainer, run) =>
      runRanks(trainer, undefined as unknown, run, readShardOptions(own, run.batchSize)),
    );
    return;
  }
  checkTrainable(NAME, model);
  const trainable = model as Trainable<unknown, unknown>;
  const reader = readOptions(NAME, others);
  const canEvaluate = trainable.evaluate !== undefined;
  const run = readRunOptions(NAME, reader, trainable.defaults, canEvaluate);
  reader.done();
  yield* runRanks(trainable, data, run, readShardOptions(own, run.batchSize));
}

/** Runs the training loop of a rank. */
async function* runRanks<Data, Batch>(
  model: Trainable<Data, Batch>,
  data: Data,
  run: RunOptions,
  { communicator, shards, format, onLost }: ReturnType<typeof readShardOptions>,
): AsyncGenerator<TrainStep, void, void> {
  const { steps, batchSize, seed } = run;
  const updates = new RunUpdates(model, run);
  const trained = new Set(updates.params.values());
  const moved = [...model.stateDict().values()].filter((tensor) => !trained.has(tensor));
  const batches = model.batches(data, { batchSize, seed });
  const contrastive = contrastiveOf(model, batches);
  const sparse = contrastive?.sparse ?? new Set<Tensor>();
  const gradients = new ShardGradients(trained, moved, sparse, format);
  let last = { loss: Number.NaN, gradNorm: Number.NaN };
  let index = run.state?.step ?? 0;
  let isGrouped = communicator.regroup === undefined;
  /** Computes the gradients of a step, on this rank and all others; gives the loss. */
  const compute = async (context: StepContext, meter: StepMeter): Promise<number> => {
    const reduce = (factor: number): Promise<void> =>
      meter.reducing(() => gradients.reduce(communicator, shards, factor));
    if (contrastive === undefined) {
      const { loss, factor } = await meanStep(model, batches, batchSize, context);
      if (Number.isFinite(loss)) await reduce(factor);
      return loss;
    }
    const work = await contrastive.step({ step: index, shards, batchSize, seed });
    const loss = await contrastiveStep(contrastive, work, context);
    if (Number.isFinite(loss)) await reduce(1);
    return loss;
  };
  try {
    updates.restore(run.state);
    for (;;) {
      if (run.signal?.aborted) return;
      const buffers = new Buffers(moved);
      try {
        if (!isGrouped) {
          const save = (): Uint8Array =>
            writeSnapshot(model, updates.state(), { step: index, seed, ...last });
          const found = await communicator.regroup?.({ step: index, save });
          isGrouped = true;
          if (found?.state !== undefined) {
            const state = readSnapshot(found.state, model);
            if (state.seed !== seed)
              rangeError(NAME, 'seed', `${state.seed}, that of the other ranks`, seed);
            updates.restore(state);
            index = state.step;
            last = { loss: state.loss, gradNorm: state.gradNorm };
            yield updates.result(index, last.loss, last.gradNorm, data);
            continue;
          }
        }
        if (index >= steps) {
          // All stay until each has everything that it needs of the others.
          await communicator.barrier();
          return;
        }
        updates.begin();
        const meter = new StepMeter(communicator);
        const context = {
          model,
          communicator: meter.gathering,
          shards,
          seed,
          step: index,
          gradients,
          turns: new Turns(),
          buffers,
        };
        const loss = await compute(context, meter);
        const done = { ...updates.finish(index, loss, data), cost: meter.cost() };
        index++;
        last = { loss, gradNorm: done.gradNorm };
        yield done;
        await turn();
      } catch (error) {
        if (!(error instanceof RankLostError) || communicator.regroup === undefined) throw error;
        // Nothing of the step counts: it begins again once all are there.
        onLost?.(error);
        updates.begin();
        buffers.reset();
        isGrouped = false;
      } finally {
        gradients.clear();
      }
    }
  } finally {
    updates.end();
  }
}
