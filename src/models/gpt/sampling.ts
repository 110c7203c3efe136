/** Choosing the next token from logits. */

import type { Random } from '../../core/random.js';
import { checkCount, checkPositive, rangeError } from '../../core/validation.js';
import { softmax } from '../../linalg/softmax.js';

export interface SamplingOptions {
  /** Divides the logits: below 1 the likely becomes likelier (default 1). */
  temperature?: number;
  /** Only the k likeliest tokens, and those as likely as the k-th. */
  topK?: number;
  /** Only the likeliest tokens that together have this probability. */
  topP?: number;
}

/** Draws a token. */
export function pickToken(logits: Float32Array, options: SamplingOptions, random: Random): number {
  const temperature = checkPositive('generate', 'temperature', options.temperature, 1);
  const { topP } = options;
  if (topP !== undefined && !(topP > 0 && topP <= 1)) {
    rangeError('generate', 'topP', 'above 0 and at most 1', topP);
  }
  const size = logits.length;
  const topK = checkCount('generate', 'topK', options.topK, size, Number.MAX_SAFE_INTEGER, 'any');
  const ranked = Array.from(logits, (logit, id) => ({ logit, id }));
  ranked.sort((a, b) => b.logit - a.logit || a.id - b.id);
  const least = ranked[Math.min(topK, size) - 1]?.logit as number;
  const kept = ranked.filter(({ logit }) => logit >= least);
  const most = kept[0]?.logit as number;
  const { data } = softmax([kept.map(({ logit }) => (logit - most) / temperature)]);
  let reached = 0;
  let end = 0;
  while (end < kept.length && (end === 0 || topP === undefined || reached < topP)) {
    reached += data[end++] as number;
  }
  let left = random.uniform() * reached;
  for (let i = 0; i < end; i++) {
    left -= data[i] as number;
    if (left < 0) return kept[i]?.id as number;
  }
  return kept[end - 1]?.id as number;
}
