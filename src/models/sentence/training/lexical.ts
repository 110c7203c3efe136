/** Measures how far words alone bring the texts of pairs together, before anything is learned. */

import { logarithm } from '../../../nn/deterministic-math.js';
import type { TextPair } from './data.js';
import type { TokenIds } from './network.js';

/** Accuracy from which on words alone find enough positives for training to keep what they find. */
export const LEXICAL = 0.5;
/** Pairs that are looked at. */
const SAMPLE = 256;
/** Pairs up to which a new encoder is changed with caution. */
const FEW_PAIRS = 600;
/** Adam's epsilon then, thousands of times the usual one: about the gradients of a row at the start. */
const CAUTIOUS_EPS = 3e-4;

/** Takes at most so many of a list, evenly. */
function spread<T>(list: readonly T[], max: number): readonly T[] {
  if (list.length <= max) return list;
  return Array.from({ length: max }, (_, i) => list[Math.floor((i * list.length) / max)] as T);
}

/**
 * Counts the anchors that find their positive by the tokens which both have, weighted by inverse
 * document frequency.
 *
 * @param tokens numbers of a text's tokens
 * @returns fraction of at most 256 pairs, from 0 to 1
 */
export function lexicalAccuracy(
  pairs: readonly TextPair[],
  tokens: (text: string) => TokenIds,
): number {
  const sample = spread(pairs, SAMPLE);
  const n = sample.length;
  const documents = new Map<number, number[]>();
  sample.forEach(([, positive], i) => {
    for (const id of new Set(Array.from(tokens(positive)))) {
      const list = documents.get(id);
      if (list === undefined) documents.set(id, [i]);
      else list.push(i);
    }
  });
  const squares = new Float64Array(n);
  const weights = new Map<number, number>();
  for (const [id, list] of documents) {
    const idf = logarithm((n + 1) / list.length);
    const weight = idf * idf;
    weights.set(id, weight);
    for (const i of list) squares[i] = (squares[i] as number) + weight;
  }
  const scores = new Float64Array(n);
  let found = 0;
  sample.forEach(([anchor, positive], i) => {
    scores.fill(0);
    for (const id of new Set(Array.from(tokens(anchor)))) {
      const weight = weights.get(id) ?? 0;
      for (const k of documents.get(id) ?? []) scores[k] = (scores[k] as number) + weight;
    }
    const own = (scores[i] as number) / Math.sqrt(squares[i] as number);
    const isFound = scores.every(
      (score, k) => sample[k]?.[1] === positive || score < own * Math.sqrt(squares[k] as number),
    );
    if (own > 0 && isFound) found++;
  });
  return found / n;
}

/**
 * Chooses Adam's epsilon for a new static encoder. It weighs words by how rare they are, so where words
 * alone find most positives it ranks well before it is trained, and few pairs teach it accidents:
 * Adam moves what has a small gradient, such as frequent words, as fast as all else. A large
 * epsilon keeps that in place.
 *
 * @param tokens numbers of a text's tokens
 * @returns undefined for the usual one
 */
export function cautiousEps(
  pairs: readonly TextPair[],
  tokens: (text: string) => TokenIds,
): number | undefined {
  const isCautious = pairs.length <= FEW_PAIRS && lexicalAccuracy(pairs, tokens) > LEXICAL;
  return isCautious ? CAUTIOUS_EPS : undefined;
}
