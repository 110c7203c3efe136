/**
 * The pretext task of BERT (Devlin et al., 2018): some tokens are hidden, and the network has to
 * say what they were. Which ones follows from the seed, the step and the sample's index alone.
 */

import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
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
  /** Another sample draws other masks (default 0). */
  sample?: number;
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

const KNOWN = ['probability', 'masked', 'random', 'seed', 'step', 'sample'];
const VOCABULARY = ['maskId', 'specialIds', 'vocabularySize'];

function fraction(argument: string, value: unknown, fallback: number): number {
  const number = checkNumber('maskTokens', argument, value, fallback);
  if (number < 0 || number > 1) rangeError('maskTokens', argument, 'from 0 to 1', number);
  return number;
}

/**
 * Hides tokens, at least one: of those asked for, 80 % become `[MASK]`, 10 % a random token, 10 %
 * stay.
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
  const { seed = 0, step = 0, sample = 0, maskId = 103, vocabularySize = 30522 } = options;
  const special = new Set(options.specialIds ?? [0, 100, 101, 102, 103]);
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
  // A short text hides one token, as Google's code does, or it would teach nothing.
  if (hidden.length === 0 && candidates.length > 0 && probability > 0) {
    hidden.push(candidates[random.integer(candidates.length)] as [number, number]);
  }
  for (const [i, id] of hidden) hide(i, id);
  return { inputs, labels };
}
