/** Evaluates how an encoder finds the document of each query of a task. */

import { topK } from 'nearfar';
import type { SentenceEncoder } from 'nearfar/models';
import type { Task } from './tasks.js';

/** Documents that are looked at. */
const K = 10;
/** Queries that are ranked at once. */
const QUERIES = 1000;

/**
 * Mean reciprocal rank of each query's document within the first ten. Documents of the same text
 * are the same document.
 *
 * @param dimensions first columns that count
 */
export function reciprocalRank(
  encoder: SentenceEncoder,
  { queries, documents }: Task,
  dimensions = encoder.width,
): number {
  const corpus = [...new Set(documents)];
  const numbers = new Map(corpus.map((text, i) => [text, i]));
  const rows = encoder.encode(corpus, { dimensions });
  let total = 0;
  for (let first = 0; first < queries.length; first += QUERIES) {
    const some = queries.slice(first, first + QUERIES);
    const { indices } = topK(encoder.encode(some, { dimensions }), rows, K);
    const k = indices.length / some.length;
    some.forEach((_, i) => {
      const document = numbers.get(documents[first + i] as string) as number;
      const rank = indices.subarray(i * k, (i + 1) * k).indexOf(document);
      if (rank >= 0) total += 1 / (1 + rank);
    });
  }
  return total / queries.length;
}
