/**
 * Random numbers of the engine: one seed, and a counter that rises with every tensor that is
 * filled, so that the same program with the same seed draws the same numbers. Both can be saved
 * and set again.
 */

import { rangeError } from '../core/validation.js';
import { nnKernels } from './kernels.js';
import { checkTensor } from './ops/shape.js';
import { empty, record, type Tensor } from './tensor.js';
import type { Shape } from './tensor-data.js';

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

/** A tensor of normally distributed numbers. */
export function randomNormal(shape: Shape, std = 1, mean = 0): Tensor {
  const y = empty(shape);
  nnKernels().fillNormal(y.at, y.size, mean, std, ...next(INITIAL));
  return y;
}

/** A tensor of numbers uniform in [low, high). */
export function randomUniform(shape: Shape, low = 0, high = 1): Tensor {
  const y = empty(shape);
  nnKernels().fillUniform(y.at, y.size, low, high, ...next(INITIAL));
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
  const core = nnKernels();
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
  );
}
