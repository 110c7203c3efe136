/**
 * The pretext task of BERT (Devlin et al., 2018): some tokens are hidden, and the network predicts
 * them. Which ones follows from the seed, the step and the sample's index alone.
 */

import { readOptions } from '../../core/options.js';
import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
import {
  type Check,
  checkInteger,
  checkIntegers,
  checkNumber,
  integerIn,
  rangeError,
  typeError,
} from '../../core/validation.js';

/** Label of a token that is not to be predicted. */
export const IGNORE_INDEX = -100;

/** Fraction of the tokens that are hidden, as in the paper. */
export const MASK_PROBABILITY = 0.15;

/** Options of `maskTokens`. */
export interface MaskOptions {
  /** Probability that a token is to be predicted, from 0 to 1. @default 0.15 */
  probability?: number;
  /** Fraction of those that becomes `[MASK]`, from 0 to 1. @default 0.8 */
  masked?: number;
  /** Fraction of those that becomes any token; the others stay. @default 0.1 */
  random?: number;
  /** Seed of the random numbers. @default 0 */
  seed?: number;
  /** Step of training: each draws other masks. @default 0 */
  step?: number;
  /** Index of the sample in its batch: each draws other masks. @default 0 */
  sample?: number;
  /** Id of `[MASK]`. @default 103, that of Google's vocabulary */
  maskId?: number;
  /** Ids of tokens that are never hidden. @default 0 and 100 to 103, those of Google's vocabulary */
  specialIds?: Iterable<number>;
  /** Number of tokens in the vocabulary. @default 30522, that of Google's */
  vocabularySize?: number;
}

/** Metrics of predicting hidden tokens. */
export interface MaskedLmMetrics {
  /** Mean cross-entropy of the hidden tokens, in nats. */
  loss: number;
  /** Fraction of them that is predicted. */
  accuracy: number;
  /** Number of them. */
  tokens: number;
}

/** Checks a number from 0 to 1. */
export const checkProbability: Check<number> = (name, argument, value) => {
  const number = checkNumber(name, argument, value);
  if (number < 0 || number > 1) rangeError(name, argument, 'from 0 to 1', number);
  return number;
};

const checkIds: Check<Iterable<number>> = (name, argument, value) => {
  if (typeof (value as Iterable<number> | null)?.[Symbol.iterator] !== 'function') {
    typeError(name, argument, 'whole numbers', value);
  }
  return Array.from(checkIntegers(name, argument, [...(value as Iterable<number>)]));
};

/**
 * Hides tokens: of those to be predicted, 80 % become `[MASK]`, 10 % a random token, 10 % stay. If
 * chance picks none, one is picked, as in Google's code.
 *
 * @param ids token ids, any number of texts one after the other
 * @param options probability, masked, random, seed, step, sample, maskId, specialIds, vocabularySize
 * @returns the ids that the network sees, and labels: the token where it is to be predicted, else -100
 * @throws {TypeError | RangeError} if an argument is not valid
 * @see https://arxiv.org/abs/1810.04805
 * @example const { inputs, labels } = maskTokens([101, 7592, 2088, 102], { probability: 0.15 });
 */
export function maskTokens(
  ids: ArrayLike<number>,
  options?: MaskOptions,
): { inputs: Int32Array; labels: Int32Array } {
  const reader = readOptions('maskTokens', options);
  const probability = reader.read('probability', checkProbability, MASK_PROBABILITY);
  const masked = reader.read('masked', checkProbability, 0.8);
  const replaced = masked + reader.read('random', checkProbability, 0.1);
  const seed = reader.read('seed', checkInteger, 0);
  const step = reader.read('step', checkInteger, 0);
  const sample = reader.read('sample', checkInteger, 0);
  const maskId = reader.read('maskId', integerIn(0, 2 ** 31 - 1), 103);
  const vocabularySize = reader.read('vocabularySize', integerIn(1, 2 ** 31), 30522);
  const special = new Set(reader.read('specialIds', checkIds, [0, 100, 101, 102, 103]));
  reader.done();
  // A little more than 1 is the rounding of a sum.
  if (replaced > 1 + 1e-9) {
    rangeError('maskTokens', 'masked and random', 'at most 1 together', replaced);
  }
  const inputs = Int32Array.from(checkIntegers('maskTokens', 'ids', ids));
  const labels = new Int32Array(inputs.length).fill(IGNORE_INDEX);
  const random = new Random(seed, STREAMS.tokenMask, step, sample);
  const hide = (i: number, id: number): void => {
    labels[i] = id;
    const draw = random.uniform();
    if (draw < masked) inputs[i] = maskId;
    else if (draw < replaced) inputs[i] = random.integer(vocabularySize);
  };
  const candidates = [...inputs.entries()].filter(([, id]) => !special.has(id));
  const hidden = candidates.filter(() => random.uniform() < probability);
  if (hidden.length === 0 && candidates.length > 0 && probability > 0) {
    hidden.push(candidates[random.integer(candidates.length)] as [number, number]);
  }
  for (const [i, id] of hidden) hide(i, id);
  return { inputs, labels };
}
