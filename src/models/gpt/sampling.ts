/** Choosing the next token from logits. */

import type { OptionReader } from '../../core/options.js';
import type { Random } from '../../core/random.js';
import {
  type Check,
  checkNumber,
  checkTemperature,
  integerIn,
  rangeError,
} from '../../core/validation.js';
import { softmax } from '../../linalg/softmax.js';

/** Options of sampling a token. */
export interface SamplingOptions {
  /** Number above 0 that divides the logits: below 1, probable tokens become more so. @default 1 */
  temperature?: number | undefined;
  /** Samples from the k most probable tokens alone, and those as probable as the k-th. @default all */
  topK?: number | undefined;
  /** Samples from the most probable tokens that together have this probability. @default 1 */
  topP?: number | undefined;
}

/** Sampling options with their defaults. */
export interface Sampling {
  temperature: number;
  topK: number | undefined;
  topP: number | undefined;
}

const checkTopP: Check<number> = (name, argument, value) => {
  const topP = checkNumber(name, argument, value);
  if (topP > 0 && topP <= 1) return topP;
  return rangeError(name, argument, 'above 0 and at most 1', topP);
};

/** Reads the options of sampling. */
export function readSampling(reader: OptionReader): Sampling {
  return {
    temperature: reader.read('temperature', checkTemperature, 1),
    topK: reader.optional('topK', integerIn(1)),
    topP: reader.optional('topP', checkTopP),
  };
}

/** Draws a token. */
export function sampleToken(logits: Float32Array, options: Sampling, random: Random): number {
  const { temperature, topK, topP } = options;
  const size = logits.length;
  const ranked = Array.from(logits, (logit, id) => ({ logit, id }));
  ranked.sort((a, b) => b.logit - a.logit || a.id - b.id);
  const min = ranked[Math.min(topK ?? size, size) - 1]?.logit as number;
  const kept = ranked.filter(({ logit }) => logit >= min);
  const max = kept[0]?.logit as number;
  const { data } = softmax([kept.map(({ logit }) => (logit - max) / temperature)]);
  let reached = 0;
  let end = 0;
  while (end < kept.length && (end === 0 || topP === undefined || reached < topP)) {
    reached += data[end++] as number;
  }
  let remaining = random.uniform() * reached;
  for (let i = 0; i < end; i++) {
    remaining -= data[i] as number;
    if (remaining < 0) return kept[i]?.id as number;
  }
  return kept[end - 1]?.id as number;
}
