/** BM25: the weight of a word in a document. */

import { logScalar } from '../core/math';

/**
 * Weights of all postings, term after term: term t has those from starts[t] to starts[t + 1] (i32),
 * each a document (i32) and how often it has the term (i32). A weight (f32) is
 * log(1 + (N - n + 0.5) / (n + 0.5)) f / (f + k1 (1 - b + b length / average)), n of N documents
 * having the term; lengths (i32) are in words. As Lucene's, without the factor k1 + 1 that changes no
 * order.
 */
export function bm25Weights(
  weights: usize, starts: usize, terms: i32, documents: usize, frequencies: usize, lengths: usize,
  count: i32, average: f64, k1: f64, b: f64,
): void {
  for (let t = 0; t < terms; t++) {
    const start = load<i32>(starts + (<usize>t << 2)), end = load<i32>(starts + (<usize>t << 2), 4);
    const having = <f64>(end - start);
    const idf = logScalar(1 + (<f64>count - having + 0.5) / (having + 0.5));
    for (let p = start; p < end; p++) {
      const at = <usize>p << 2;
      const f = <f64>load<i32>(frequencies + at);
      const length = <f64>load<i32>(lengths + (<usize>load<i32>(documents + at) << 2));
      const weight = (idf * f) / (f + k1 * (1 - b + (b * length) / average));
      store<f32>(weights + at, <f32>weight);
    }
  }
}
