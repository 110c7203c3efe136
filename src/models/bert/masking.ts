/**
 * The pretext task of BERT (Devlin et al., 2018): some tokens are hidden, and the network has to
 * say what they were. Which ones follows from the seed and the step's number alone.
 */

import { Random } from '../../core/random.js';
import { checkIntegers, checkNumber, checkOptions, rangeError } from '../../core/validation.js';

/** Label of a token that is not asked for. */
export const IGNORE_INDEX = -100;

export interface MaskOptions {
  /** Share of the tokens that are asked for (default 0.15). */
  probability?: number;
  /** Of those, the share that becomes `[MASK]` (default 0.8). */
  masked?: number;
  /** Of those, the share that becomes any token of the vocabulary (default 0.1); the rest stays. */
  random?: number;
  /** Default 0. */
  seed?: number;
  /** Another step draws other masks (default 0). */
  step?: number;
  /** Number of `[MASK]` (default 103, Google's). */
  maskId?: number;
  /** Tokens that are never asked for (default 0 and 100 to 103, Google's). */
  specialIds?: Iterable<number>;
  /** Tokens there are (default 30522, Google's). */
  vocabularySize?: number;
}

/** What the network makes of hidden tokens of a text. */
export interface MaskedLmMetrics {
  /** Mean cross-entropy of the hidden tokens, in nats. */
  loss: number;
  /** Share of them that are named rightly. */
  accuracy: number;
  /** How many there are. */
  tokens: number;
}

const KNOWN = ['probability', 'masked', 'random', 'seed', 'step'];
const VOCABULARY = ['maskId', 'specialIds', 'vocabularySize'];

/** Stream of random numbers. */
const MASKS = 3;

function fraction(argument: string, value: unknown, fallback: number): number {
  const number = checkNumber('maskTokens', argument, value, fallback);
  if (number < 0 || number > 1) rangeError('maskTokens', argument, 'from 0 to 1', number);
  return number;
}

/**
 * Hides tokens: of those asked for, 80 % become `[MASK]`, 10 % a random token, 10 % stay.
 * @returns what the network sees, and the labels: the token itself where it is asked for, else -100
 */
export function maskTokens(
  ids: ArrayLike<number>,
  options: MaskOptions = {},
): { inputs: Int32Array; labels: Int32Array } {
  checkOptions('maskTokens', options, [...KNOWN, ...VOCABULARY]);
  const probability = fraction('probability', options.probability, 0.15);
  const masked = fraction('masked', options.masked, 0.8);
  const replaced = masked + fraction('random', options.random, 0.1);
  const { seed = 0, step = 0, maskId = 103, vocabularySize = 30522 } = options;
  const special = new Set(options.specialIds ?? [0, 100, 101, 102, 103]);
  const inputs = Int32Array.from(checkIntegers('maskTokens', 'ids', ids));
  const labels = new Int32Array(inputs.length).fill(IGNORE_INDEX);
  const random = new Random(seed, MASKS, step);
  for (const [i, id] of inputs.entries()) {
    if (special.has(id) || random.uniform() >= probability) continue;
    labels[i] = id;
    const fate = random.uniform();
    if (fate < masked) inputs[i] = maskId;
    else if (fate < replaced) inputs[i] = random.integer(vocabularySize);
  }
  return { inputs, labels };
}
