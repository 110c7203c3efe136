/** Mean reciprocal rank of a search that has one right document for each query. */

import { type Matrix, topK } from 'nearfar';

/** Documents of each query that are looked at. */
export const K = 10;

/**
 * Searches by rows and returns MRR@10.
 *
 * @param queries rows of the queries, (m, C)
 * @param documents rows of the documents, (n, C)
 * @param relevant row of each query's document, m numbers
 */
export function reciprocalRank(
  queries: Matrix,
  documents: Matrix,
  relevant: readonly number[],
): number {
  const { indices } = topK(queries, documents, K);
  const found = indices.length / relevant.length;
  let total = 0;
  relevant.forEach((document, i) => {
    const rank = indices.subarray(i * found, (i + 1) * found).indexOf(document);
    if (rank >= 0) total += 1 / (1 + rank);
  });
  return total / relevant.length;
}
