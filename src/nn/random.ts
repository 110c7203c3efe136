/**
 * Random numbers of tensors and of dropout.
 *
 * Outside a training loop there is one seed, and a position that rises with every tensor that is
 * drawn, so that the same program with the same seed draws the same numbers. Both can be saved and
 * set again. Within the loss of a training step numbers are keyed by the run's seed, the step, the
 * call and the sample instead (`withSampleKeys`): a run neither uses nor moves the position.
 */

import nnCode from '#wasm/nn';
import { kernels } from '../core/kernels.js';
import { type Pointer, scoped } from '../core/memory.js';
import { checkNoOptions, readOptions } from '../core/options.js';
import { STREAMS, type Stream, streamAt } from '../core/streams.js';
import {
  checkNonNegative,
  checkNumber,
  integerIn,
  type NoOptions,
  rangeError,
} from '../core/validation.js';
import { checkTensor } from './check.js';
import { record } from './record.js';
import { empty, type Tensor } from './tensor.js';
import { checkedShape, type Shape } from './tensor-data.js';

/** State of the random numbers outside training loops. */
export interface RandomState {
  /** Whole number from 0. */
  seed: number;
  /** Number of draws since the seed was set. */
  position: number;
}

let state: RandomState = { seed: 0, position: 0 };

/**
 * Sets the seed of initial weights, of `randomNormal` and `randomUniform`, and of dropout outside
 * `train`, whose numbers come from its own seed.
 *
 * @param seed whole number from 0
 * @param options none
 * @throws {TypeError} if it is not a number
 * @throws {RangeError} if it is not a whole number from 0
 * @example manualSeed(1);
 */
export function manualSeed(seed: number, options?: NoOptions): void {
  checkNoOptions('manualSeed', options);
  state = { seed: integerIn(0)('manualSeed', 'seed', seed), position: 0 };
}

/**
 * Returns the state of the random numbers, for `setRandomState`.
 *
 * @returns seed and position of the stream; a copy
 */
export function randomState(): RandomState {
  return { ...state };
}

/**
 * Continues from a state of the random numbers.
 *
 * @param to as `randomState` returned it
 * @param options none
 * @throws {TypeError} if it is not such a state
 * @throws {RangeError} if seed or position is not a whole number from 0
 */
export function setRandomState(to: RandomState, options?: NoOptions): void {
  checkNoOptions('setRandomState', options);
  const given = readOptions('setRandomState', to);
  const [seed, position] = [given.read('seed', integerIn(0)), given.read('position', integerIn(0))];
  given.done();
  state = { seed, position };
}

/** Runs a function with a seed of its own, and continues afterwards as if it had drawn nothing. */
export function withSeed<T>(seed: number, body: () => T): T {
  const before = state;
  manualSeed(seed);
  try {
    return body();
  } finally {
    state = before;
  }
}

/** Key of a stream's draws: low and high word of the seed, the stream and the position. */
type Key = [seedLow: number, seedHigh: number, stream: number, position: number];

/** Low and high word of a seed. */
export function seedWords(seed: number): [low: number, high: number] {
  return [seed | 0, Math.floor(seed / 2 ** 32)];
}

function nextKey(stream: Stream): Key {
  const { seed, position } = state;
  state = { seed, position: position + 1 };
  return [...seedWords(seed), stream, position | 0];
}

/** Samples that the loss of a training step is computed of. */
export interface SampleKeys {
  /** Seed of the run. */
  seed: number;
  /** Number of the step. */
  step: number;
  /** Index of each sample in the whole batch of the step. */
  samples: ArrayLike<number>;
}

interface Samples extends SampleKeys {
  /** Number of the next call that draws. */
  site: number;
}

let current: Samples | undefined;

function withSamples<T>(samples: Samples, body: () => T): T {
  const before = current;
  current = samples;
  try {
    return body();
  } finally {
    current = before;
  }
}

/**
 * Runs a function, the loss of some samples, in which every sample draws numbers of its own: those
 * of the run's seed, the step, the call and the sample's index in the whole batch. They don't
 * depend on which other samples are there.
 */
export function withSampleKeys<T>(keys: SampleKeys, body: () => T): T {
  return withSamples({ ...keys, site: 0 }, body);
}

/** Runs a function; the second time it draws the numbers of the first time once more. */
export type Replay = <T>(body: () => T) => T;

/**
 * Prepares chunks of a batch to be computed twice with the same numbers. In a training step a
 * chunk's samples draw what they draw in the whole batch.
 *
 * @param sizes number of samples in each chunk, in the order of the batch
 */
export function replays(sizes: readonly number[]): Replay[] {
  const whole = current;
  if (whole === undefined) return sizes.map(() => replayState());
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const { site, samples } = whole;
  let from = 0;
  return sizes.map((size) => {
    const first = from;
    from += size;
    // Chunks of something else than the samples have calls of their own.
    if (total !== samples.length) return replaySites(whole);
    const own = Array.prototype.slice.call(samples, first, first + size) as number[];
    return (body) => {
      const chunk = { ...whole, samples: own, site };
      try {
        return withSamples(chunk, body);
      } finally {
        whole.site = Math.max(whole.site, chunk.site);
      }
    };
  });
}

function replaySites(whole: Samples): Replay {
  let site: number | undefined;
  return (body) => {
    site ??= whole.site;
    const again = { ...whole, site };
    try {
      return withSamples(again, body);
    } finally {
      whole.site = Math.max(whole.site, again.site);
    }
  };
}

function replayState(): Replay {
  let from: RandomState | undefined;
  return (body) => {
    const after = from === undefined ? undefined : state;
    from ??= state;
    state = from;
    try {
      return body();
    } finally {
      state = after ?? state;
    }
  };
}

/** Keys of the rows of a dropout. */
export interface DropoutKeys {
  seed: readonly [low: number, high: number];
  step: number;
  /** Stream and sample of each row. */
  rows: Int32Array;
}

/**
 * Keys of the next dropout.
 *
 * @param rows leading extent: the samples of a training step, once or in several views one after the
 *   other
 * @param sites how many masks each row needs
 */
export function nextDropout(rows: number, sites = 1): DropoutKeys {
  const keys = new Int32Array(2 * rows);
  if (current === undefined) {
    const [low, high, stream, step] = nextKey(STREAMS.dropout);
    for (let row = 0; row < rows; row++) keys.set([stream, row], 2 * row);
    return { seed: [low, high], step, rows: keys };
  }
  const { seed, step, site } = current;
  const samples = rows % current.samples.length === 0 ? current.samples : NO_SAMPLES;
  const count = samples.length;
  for (let row = 0; row < rows; row++) {
    const view = Math.floor(row / count);
    const stream = streamAt(STREAMS.trainingDropout, site + view * sites);
    keys.set([stream, samples[row % count] as number], 2 * row);
  }
  current.site += (rows / count) * sites;
  return { seed: seedWords(seed), step: step | 0, rows: keys };
}

/** Index of what is not a sample of its own: each row is then a view of this one. */
const NO_SAMPLES = [-1];

/** Options of {@link randomNormal}. */
export interface NormalOptions {
  /** Mean of the distribution. @default 0 */
  mean?: number | undefined;
  /** Standard deviation of the distribution, at least 0. @default 1 */
  std?: number | undefined;
}

/** Options of {@link randomUniform}. */
export interface UniformOptions {
  /** Lower bound, included. @default 0 */
  low?: number | undefined;
  /** Upper bound, at least `low`, not included. @default 1 */
  high?: number | undefined;
}

/**
 * Creates a tensor of numbers drawn from a normal distribution.
 *
 * @param shape extents of the tensor
 * @param options mean and standard deviation
 * @returns f32 of that shape
 * @throws {TypeError} if an option is unknown or not a number
 * @throws {RangeError} if an extent or an option is out of range
 */
export function randomNormal(shape: Shape, options?: NormalOptions): Tensor {
  const given = readOptions('randomNormal', options);
  const mean = given.read('mean', checkNumber, 0);
  const std = given.read('std', checkNonNegative, 1);
  given.done();
  const y = empty(checkedShape('randomNormal', shape));
  kernels(nnCode).fillNormal(y.at, y.size, mean, std, ...nextKey(STREAMS.tensor));
  return y;
}

/**
 * Creates a tensor of numbers drawn uniformly from [low, high).
 *
 * @param shape extents of the tensor
 * @param options bounds
 * @returns f32 of that shape
 * @throws {TypeError} if an option is unknown or not a number
 * @throws {RangeError} if an extent is out of range, or high is below low
 */
export function randomUniform(shape: Shape, options?: UniformOptions): Tensor {
  const given = readOptions('randomUniform', options);
  const low = given.read('low', checkNumber, 0);
  const high = given.read('high', checkNumber, 1);
  given.done();
  if (high < low) rangeError('randomUniform', 'high', `at least low, ${low}`, high);
  const y = empty(checkedShape('randomUniform', shape));
  kernels(nnCode).fillUniform(y.at, y.size, low, high, ...nextKey(STREAMS.tensor));
  return y;
}

/** Checks the fraction of numbers that dropout sets to 0. */
export function checkDropoutRate(name: string, argument: string, rate: unknown): number {
  if (typeof rate !== 'number' || !(rate >= 0 && rate < 1)) {
    rangeError(name, argument, 'at least 0 and below 1', rate);
  }
  return rate;
}

/**
 * Sets a fraction of the numbers to 0 and scales the others by 1 / (1 − rate).
 *
 * In a training step (`train`) the first axis is the samples, and a sample's mask does not depend on
 * the others. The mask is drawn again for the gradient, not kept.
 *
 * @param x any shape
 * @param rate fraction of the numbers that become 0, from 0 up to, but without, 1
 * @param options none
 * @returns shape of x
 * @throws {RangeError} if the rate is out of range
 * @see https://jmlr.org/papers/v15/srivastava14a.html
 */
export function dropout(x: Tensor, rate: number, options?: NoOptions): Tensor {
  checkNoOptions('dropout', options);
  checkTensor('dropout', 'x', x);
  checkDropoutRate('dropout', 'rate', rate);
  // Outside a training step nothing says that the first axis is samples.
  const rows = current === undefined ? 1 : (x.shape[0] ?? 1);
  const cols = x.size / rows;
  const { seed, step, rows: keys } = nextDropout(rows);
  const run = (to: Pointer, from: Pointer): void =>
    scoped((scope) => {
      const list = scope.i32From(keys);
      kernels(nnCode).dropoutRows(to, from, rows, cols, cols, rate, ...seed, step, list, 0);
    });
  return record(
    'dropout',
    [x],
    x.shape,
    (y) => run(y, x.at),
    (dy) => {
      const dx = empty(x.shape);
      run(dx.at, dy.at);
      return [dx];
    },
    { saved: [] },
  );
}
