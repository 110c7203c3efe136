/** Training a table of embeddings on triplets, one after the other. */

import { kernels } from '../core/kernels.js';
import {
  checkWritable,
  copyFloatsOut,
  copyIn,
  type MatrixLike,
  readMatrix,
  writeBack,
} from '../core/matrix.js';
import { scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import {
  checkIntegers,
  checkNonNegative,
  checkPositive,
  oneOf,
  rangeError,
} from '../core/validation.js';

/** Rows that a step moves: `'anchor'` moves the anchor alone, `'gradient'` all three. */
export type TripletRule = 'anchor' | 'gradient';
const RULES: readonly TripletRule[] = ['anchor', 'gradient'];

/** Options of {@link tripletUpdate}. */
export interface TripletUpdateOptions {
  /**
   * Factor of each step; greater than 0.
   * @default 0.05
   */
  learningRate?: number | undefined;
  /**
   * Cosine by which the positive has to be nearer than the negative; at least 0.
   * @default 0.5
   */
  margin?: number | undefined;
  /**
   * Rows that a step moves: the anchor alone, or all three down the gradient.
   * @default 'anchor'
   */
  rule?: TripletRule | undefined;
}

/**
 * Trains a table of embeddings on triplets, in order and in place.
 *
 * The loss of a triplet is max(0, margin − cos(a, p) + cos(a, n)). Where it is positive, the rule
 * `'anchor'` moves the anchor by learningRate (p − n) / |a|, and `'gradient'` moves all three rows
 * by learningRate times the negative gradient. A row of zeros stays.
 *
 * @param embeddings (n, d); changed in place, whatever its form
 * @param triplets rows of anchor, positive, negative, anchor, positive, negative, …
 * @param options learningRate, margin, rule
 * @returns one loss per triplet, as it was before its step
 * @throws {TypeError} if the embeddings can't be written to
 * @throws {RangeError} if a triplet is not of rows of the embeddings
 * @see https://arxiv.org/abs/1503.03832
 * @example const losses = tripletUpdate(embeddings, [0, 1, 2], { learningRate: 0.1 });
 */
export function tripletUpdate(
  embeddings: MatrixLike,
  triplets: ArrayLike<number>,
  options?: TripletUpdateOptions,
): Float32Array {
  const name = 'tripletUpdate';
  const input = readMatrix(name, 'embeddings', embeddings);
  checkWritable(input);
  const { rows, cols } = input;
  const indices = checkIntegers(name, 'triplets', triplets, undefined, {
    valid: (value) => value >= 0 && value < rows,
    what: `a row of embeddings, 0 to ${rows - 1}`,
  });
  const { length } = indices;
  if (length % 3 !== 0) rangeError(name, 'triplets', 'a multiple of 3 long', length);
  const reader = readOptions(name, options);
  const learningRate = reader.read('learningRate', checkPositive, 0.05);
  const margin = reader.read('margin', checkNonNegative, 0.5);
  const rule = reader.read('rule', oneOf(RULES), 'anchor');
  reader.done();
  return scoped((scope) => {
    const at = copyIn(scope, input);
    const list = scope.i32From(indices);
    const count = length / 3;
    const losses = scope.f32(count);
    const all = rule === 'gradient';
    kernels().tripletUpdateRows(losses, at, list, count, cols, learningRate, margin, all);
    const result = copyFloatsOut(name, losses, count);
    writeBack(input, at);
    return result;
  });
}
