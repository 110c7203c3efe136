/** Evaluates how an encoder finds the document of each query of a task. */

import { type Matrix, topK } from 'nearfar';
import type { Task } from './tasks.js';

/** Documents that are looked at. */
const K = 10;

/** Encodes texts, a row each. */
export type Encode = (texts: readonly string[]) => Matrix;

/**
 * Mean reciprocal rank of each query's document within the first ten. Documents of the same text
 * are the same document.
 */
export function reciprocalRank(encode: Encode, { queries, documents }: Task): number {
  const corpus = [...new Set(documents)];
  const numbers = new Map(corpus.map((text, i) => [text, i]));
  const { indices } = topK(encode(queries), encode(corpus), K);
  const k = indices.length / queries.length;
  let total = 0;
  documents.forEach((text, i) => {
    const document = numbers.get(text) as number;
    const rank = indices.subarray(i * k, (i + 1) * k).indexOf(document);
    if (rank >= 0) total += 1 / (1 + rank);
  });
  return total / queries.length;
}
