/** Evaluates how an encoder finds the document of each query of a task. */

import type { Matrix } from 'nearfar';
import { reciprocalRank } from '../reciprocal-rank.js';
import type { Task } from './tasks.js';

/** Encodes texts, a row each. */
export type Encode = (texts: readonly string[]) => Matrix;

/** MRR@10 of each query's document. Documents of the same text are the same document. */
export function evaluateSearch(encode: Encode, { queries, documents }: Task): number {
  const corpus = [...new Set(documents)];
  const numbers = new Map(corpus.map((text, i) => [text, i]));
  const relevant = documents.map((text) => numbers.get(text) as number);
  return reciprocalRank(encode(queries), encode(corpus), relevant);
}
