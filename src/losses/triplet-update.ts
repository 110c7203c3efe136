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

/** Which rows move: the anchor alone by the chapter's shortcut, or all three down the gradient. */
export type TripletRule = 'chapter' | 'gradient';
const RULES: readonly TripletRule[] = ['chapter', 'gradient'];

export interface TripletUpdateOptions {
  /** Length of the step (default 0.05). */
  learningRate?: number | undefined;
  /** How much more alike than the negative the positive has to be (default 0.5). */
  margin?: number | undefined;
  /** Which rows move, and how (default `'chapter'`). */
  rule?: TripletRule | undefined;
}

/**
 * Goes through triplets in order and changes `embeddings` in place. A triplet's loss is
 * max(0, margin - cos(a, p) + cos(a, n)); where it is positive, the rule `'chapter'` moves the
 * anchor by learningRate (p - n) / |a|, and `'gradient'` moves all three rows by learningRate
 * times the loss's gradient.
 *
 * @param embeddings (n, d); changed in place, whatever its form
 * @param triplets rows of anchor, positive, negative, anchor, positive, negative, …
 * @returns one loss for each triplet, as it was before its step
 */
export function tripletUpdate(
  embeddings: MatrixLike,
  triplets: ArrayLike<number>,
  given?: TripletUpdateOptions,
): Float32Array {
  const name = 'tripletUpdate';
  const source = readMatrix(name, 'embeddings', embeddings);
  checkWritable(source);
  const { rows, cols } = source;
  checkIntegers(name, 'triplets', triplets, undefined, {
    valid: (value) => value >= 0 && value < rows,
    what: `a row of embeddings, 0 to ${rows - 1}`,
  });
  if (triplets.length % 3 !== 0) {
    rangeError(name, 'triplets', 'a multiple of 3 long', triplets.length);
  }
  const options = readOptions(name, given);
  const rate = options.read('learningRate', checkPositive, 0.05);
  const margin = options.read('margin', checkNonNegative, 0.5);
  const rule = options.read('rule', oneOf(RULES), 'chapter');
  options.done();
  return scoped((scope) => {
    const at = copyIn(scope, source);
    const list = scope.i32From(triplets);
    const count = triplets.length / 3;
    const losses = scope.f32(count);
    const gradientRule = rule === 'gradient';
    kernels().tripletUpdateRows(losses, at, list, count, cols, rate, margin, gradientRule);
    const result = copyFloatsOut(name, losses, count);
    writeBack(source, at);
    return result;
  });
}
