/**
 * Random numbers of the engine: one seed, and a counter that rises with every tensor that is
 * filled, so that the same program with the same seed draws the same numbers. Both can be saved
 * and set again.
 */

import nnCode from '#wasm/nn';
import { kernels } from '../core/kernels.js';
import { readOptions } from '../core/options.js';
import { checkNonNegative, checkNumber, rangeError } from '../core/validation.js';
import { checkTensor } from './check.js';
import { empty, record, type Tensor } from './tensor.js';
import { checkedShape, type Shape } from './tensor-data.js';

export interface RandomState {
  seed: number;
  position: number;
}

/** Streams keep what is drawn for one purpose apart from what is drawn for another. */
const INITIAL = 1;
const DROPOUT = 2;

let state: RandomState = { seed: 0, position: 0 };

/** Starts the random numbers anew: of initial weights and of dropout. */
export function manualSeed(seed: number): void {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    rangeError('manualSeed', 'seed', 'a whole number of at least 0', seed);
  }
  state = { seed, position: 0 };
}

/** Where the random numbers stand. */
export function randomState(): RandomState {
  return { ...state };
}

/** Goes on from where they stood. */
export function setRandomState(to: RandomState): void {
  state = { ...to };
}

/** Key and counter of a draw: the two halves of the seed, the stream and the position. */
export type Counter = [number, number, number, number];

/** Those of the next draw. */
function next(stream: number): Counter {
  const { seed, position } = state;
  state = { seed, position: position + 1 };
  return [seed | 0, Math.floor(seed / 2 ** 32), stream, position | 0];
}

/** Those of the next dropout. */
export function nextDropout(): Counter {
  return next(DROPOUT);
}

export interface NormalOptions {
  /** Mean of the distribution. @default 0 */
  mean?: number | undefined;
  /** Standard deviation of the distribution, at least 0. @default 1 */
  std?: number | undefined;
}

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
  kernels(nnCode).fillNormal(y.at, y.size, mean, std, ...next(INITIAL));
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
  kernels(nnCode).fillUniform(y.at, y.size, low, high, ...next(INITIAL));
  return y;
}

/** Refuses what is no share of numbers to drop. */
export function checkRate(name: string, argument: string, rate: unknown): number {
  if (typeof rate !== 'number' || !(rate >= 0 && rate < 1)) {
    rangeError(name, argument, 'at least 0 and below 1', rate);
  }
  return rate;
}

/**
 * Sets a share `rate` of the numbers to 0 and scales the others up by 1 / (1 - rate). The same
 * mask is drawn again for the gradient rather than kept.
 */
export function dropout(x: Tensor, rate: number): Tensor {
  checkTensor('dropout', 'x', x);
  checkRate('dropout', 'rate', rate);
  const counters = nextDropout();
  const core = kernels(nnCode);
  return record(
    'dropout',
    [x],
    x.shape,
    (y) => core.dropoutArray(y, x.at, x.size, rate, ...counters, 0),
    (dy) => {
      const dx = empty(x.shape);
      core.dropoutArray(dx.at, dy.at, dy.size, rate, ...counters, 0);
      return [dx];
    },
    { saved: [] },
  );
}
