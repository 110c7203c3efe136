/** BM25: search by words. */

import searchCode from '#wasm/search';
import { kernels } from '../core/kernels.js';
import { f32, scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import {
  checkCallback,
  checkNonNegative,
  integerIn,
  numberIn,
  rangeError,
  typeError,
} from '../core/validation.js';
import { selectTop } from './select-top.js';
import type { TopK } from './top-k.js';

/** Options of {@link Bm25}. */
export interface Bm25Options {
  /**
   * Saturation of how often a document has a word, at least 0: with 0 only whether counts.
   * @default 1.2
   */
  k1?: number | undefined;
  /**
   * Discount of long documents, from 0 to 1.
   * @default 0.75
   */
  b?: number | undefined;
  /** Splits a text into words; by default runs of letters and digits in lower case. */
  tokenize?: ((text: string) => readonly string[]) | undefined;
}

/** Scripts that put no blank between words. */
const CONTINUOUS =
  '\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}';

/**
 * Splits a text into words: runs of letters and digits in lower case; pairs of characters where a
 * script puts no blank between words.
 */
function defaultTokenize(text: string): string[] {
  const runs = new RegExp(`[${CONTINUOUS}]+|(?:(?![${CONTINUOUS}])[\\p{L}\\p{M}\\p{N}])+`, 'gu');
  const continuous = new RegExp(`^[${CONTINUOUS}]`, 'u');
  const words: string[] = [];
  for (const run of text.normalize('NFC').toLowerCase().match(runs) ?? []) {
    if (!continuous.test(run)) {
      words.push(run);
      continue;
    }
    const characters = [...run];
    if (characters.length === 1) words.push(run);
    for (let i = 1; i < characters.length; i++) {
      words.push(`${characters[i - 1]}${characters[i]}`);
    }
  }
  return words;
}

/** Checks texts: an array of at least one string. */
export function checkTextList(name: string, argument: string, texts: unknown): readonly string[] {
  if (!Array.isArray(texts)) typeError(name, argument, 'an array of texts', texts);
  for (let i = 0; i < texts.length; i++) {
    if (typeof texts[i] !== 'string') typeError(name, `${argument}[${i}]`, 'a text', texts[i]);
  }
  if (texts.length === 0) rangeError(name, argument, 'at least one text long', 0);
  return texts;
}

/** Reads the queries of a search by words: one text or an array of texts. */
export function readQueries(name: string, argument: string, queries: unknown): readonly string[] {
  return typeof queries === 'string' ? [queries] : checkTextList(name, argument, queries);
}

/** Documents in which a word is, and what it is worth in each. */
interface Postings {
  /** Index of the first posting of each term, and their number at the end. */
  readonly starts: Int32Array;
  readonly documents: Int32Array;
  readonly weights: Float32Array;
}

/**
 * An index of the words of texts that ranks them by BM25, with Lucene's formula. It is built once
 * and may be queried often.
 *
 * @see https://www.staff.city.ac.uk/~sbrp622/papers/foundations_bm25_review.pdf
 * @example
 * const index = new Bm25(['a red cat', 'a blue dog']);
 * index.topK('red dog', 2).indices; // Int32Array [ 0, 1 ]
 */
export class Bm25 {
  /** Number of documents. */
  readonly size: number;
  readonly #terms = new Map<string, number>();
  readonly #postings: Postings;
  readonly #tokenize: (text: string) => readonly string[];

  /**
   * @param texts documents, in the order of their indices
   * @param options k1, b, tokenize
   * @throws {TypeError | RangeError} if there are no texts, or one is not a string
   */
  constructor(texts: readonly string[], options?: Bm25Options) {
    const name = 'Bm25';
    const list = checkTextList(name, 'texts', texts);
    const reader = readOptions(name, options);
    const k1 = reader.read('k1', checkNonNegative, 1.2);
    const b = reader.read('b', numberIn(0, 1), 0.75);
    this.#tokenize = reader.read(
      'tokenize',
      checkCallback<(text: string) => readonly string[]>,
      defaultTokenize,
    );
    reader.done();
    this.size = list.length;
    this.#postings = this.#index(list, k1, b);
  }

  /**
   * Finds the k best documents for each query, best first, ties to the lower index.
   *
   * @param queries one text or several
   * @param k number of documents per query, at least 1; past `size` it gives `size`
   * @returns indices and scores, (queries, min(k, size)) each; where fewer documents have a word of
   *   the query, -1 and 0 fill the row
   * @throws {TypeError | RangeError} if a query is not a string
   * @example const { indices } = index.topK(['red dog', 'blue cat'], 10);
   */
  topK(queries: string | readonly string[], k: number): TopK {
    const name = 'Bm25.topK';
    const texts = readQueries(name, 'queries', queries);
    const width = Math.min(integerIn(1)(name, 'k', k), this.size);
    const indices = new Int32Array(texts.length * width);
    const scores = new Float32Array(texts.length * width);
    const sums = new Float64Array(this.size);
    const scoreOf = (document: number): number => sums[document] as number;
    texts.forEach((text, i) => {
      const found = this.#addScores(text, sums);
      const [from, to] = [i * width, (i + 1) * width];
      selectTop(found, scoreOf, indices.subarray(from, to), scores.subarray(from, to));
      for (const document of found) sums[document] = 0;
    });
    return { indices, scores };
  }

  /** Adds up the scores of all documents that have a word of the query, and lists those. */
  #addScores(query: string, sums: Float64Array): number[] {
    const { starts, documents, weights } = this.#postings;
    const found: number[] = [];
    for (const word of this.#words('Bm25.topK', query)) {
      const term = this.#terms.get(word);
      if (term === undefined) continue;
      for (let p = starts[term] as number; p < (starts[term + 1] as number); p++) {
        const weight = weights[p] as number;
        if (weight === 0) continue;
        const document = documents[p] as number;
        const sum = sums[document] as number;
        if (sum === 0) found.push(document);
        sums[document] = sum + weight;
      }
    }
    return found;
  }

  #words(name: string, text: string): readonly string[] {
    const words: unknown = this.#tokenize(text);
    if (Array.isArray(words)) return words;
    typeError(name, 'tokenize', 'a function that returns an array of words', words);
  }

  #index(texts: readonly string[], k1: number, b: number): Postings {
    const lists: { documents: number[]; frequencies: number[] }[] = [];
    const lengths = texts.map((text, document) => {
      const words = this.#words('Bm25', text);
      for (const word of words) {
        let term = this.#terms.get(word);
        if (term === undefined) {
          term = lists.length;
          this.#terms.set(word, term);
          lists.push({ documents: [], frequencies: [] });
        }
        const { documents, frequencies } = lists[term] as (typeof lists)[number];
        const last = documents.length - 1;
        if (documents[last] === document) frequencies[last] = (frequencies[last] as number) + 1;
        else {
          documents.push(document);
          frequencies.push(1);
        }
      }
      return words.length;
    });
    const starts = new Int32Array(lists.length + 1);
    lists.forEach(({ documents }, term) => {
      starts[term + 1] = (starts[term] as number) + documents.length;
    });
    const documents = Int32Array.from(lists.flatMap((list) => list.documents));
    const frequencies = lists.flatMap((list) => list.frequencies);
    const average = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
    const weights = scoped((scope) => {
      const at = scope.f32(documents.length);
      const [startsAt, documentsAt] = [scope.i32From(starts), scope.i32From(documents)];
      const [frequenciesAt, lengthsAt] = [scope.i32From(frequencies), scope.i32From(lengths)];
      kernels(searchCode).bm25Weights(
        at,
        startsAt,
        lists.length,
        documentsAt,
        frequenciesAt,
        lengthsAt,
        texts.length,
        average,
        k1,
        b,
      );
      return f32().slice(at / 4, at / 4 + documents.length);
    });
    return { starts, documents, weights };
  }
}
