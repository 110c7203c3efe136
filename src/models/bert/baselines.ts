/**
 * Baselines of predicting hidden tokens: counts of the training text. A network that is no better
 * has learned nothing that a table of counts does not know.
 */

import { checkNoOptions } from '../../core/options.js';
import {
  checkIntegers,
  instanceOf,
  type NoOptions,
  rangeError,
  tagOf,
  typeError,
} from '../../core/validation.js';
import { checkTextList, type Texts } from './batches.js';
import { BERT } from './bert.js';
import { IGNORE_INDEX } from './masking.js';

/** Counts of how often each token follows each other: a table that is mostly empty. */
type Counts = Map<number, Map<number, number>>;

function count(counts: Counts, first: number, second: number, times: number): void {
  let row = counts.get(first);
  if (row === undefined) {
    row = new Map();
    counts.set(first, row);
  }
  row.set(second, (row.get(second) ?? 0) + times);
}

/** Counts of neighboring tokens in a text, and the guesses that they make. */
export class Bigrams {
  readonly #after: Counts = new Map();
  readonly #before: Counts = new Map();
  readonly #single = new Map<number, number>();
  /** The most frequent token of all. */
  readonly mostFrequent: number;

  /**
   * @param pairs rows of first token, second token and count, one after the other
   * @throws {TypeError | RangeError} if it is not an f32 array of such rows
   */
  constructor(
    /** Rows of first token, second token and count, one after the other. */
    readonly pairs: Float32Array,
  ) {
    if (tagOf(pairs) !== 'Float32Array') {
      typeError('Bigrams', 'pairs', 'a Float32Array', pairs);
    }
    if (pairs.length % 3 !== 0) {
      rangeError('Bigrams', 'pairs', 'a multiple of 3 long', pairs.length);
    }
    for (let i = 0; i < pairs.length; i += 3) {
      const [first, second, times] = pairs.subarray(i, i + 3) as unknown as [
        number,
        number,
        number,
      ];
      count(this.#after, first, second, times);
      count(this.#before, second, first, times);
      this.#single.set(second, (this.#single.get(second) ?? 0) + times);
    }
    this.mostFrequent = best(this.#single.keys(), (id) => this.#single.get(id) ?? 0) ?? 0;
  }

  /**
   * Counts documents.
   * @param documents token ids of each
   * @returns the counts
   * @throws {TypeError | RangeError} if they are not lists of token ids
   */
  static of(documents: readonly ArrayLike<number>[]): Bigrams {
    if (!Array.isArray(documents)) {
      typeError('Bigrams', 'documents', 'an array of lists of token ids', documents);
    }
    const counts: Counts = new Map();
    for (const [d, given] of documents.entries()) {
      const document = checkIntegers('Bigrams', `documents[${d}]`, given);
      for (let i = 0; i + 1 < document.length; i++) {
        count(counts, document[i] as number, document[i + 1] as number, 1);
      }
    }
    const rows = [...counts].flatMap(([first, row]) =>
      [...row].map(([second, times]) => [first, second, times]),
    );
    return new Bigrams(Float32Array.from(rows.flat()));
  }

  /**
   * Finds the token that stands most often between two others: by both counts together where some
   * token was seen next to both, otherwise by their sum.
   *
   * @param previous token before it
   * @param next token after it
   * @returns the token
   */
  between(previous: number, next: number): number {
    const after = this.#after.get(previous) ?? new Map<number, number>();
    const before = this.#before.get(next) ?? new Map<number, number>();
    const both = best(after.keys(), (id) => {
      const single = this.#single.get(id) ?? 1;
      return ((after.get(id) ?? 0) * (before.get(id) ?? 0)) / single;
    });
    const either = best([...after.keys(), ...before.keys()], (id) => {
      return (after.get(id) ?? 0) + (before.get(id) ?? 0);
    });
    return both ?? either ?? this.mostFrequent;
  }
}

/** Finds the id that scores highest, and above 0; ties to the lower id. */
function best(ids: Iterable<number>, scoreOf: (id: number) => number): number | undefined {
  let [found, max]: [number | undefined, number] = [undefined, 0];
  for (const id of ids) {
    const score = scoreOf(id);
    if (score > max || (score === max && found !== undefined && id < found)) {
      [found, max] = [id, score];
    }
  }
  return found;
}

/** Accuracies of counts on hidden tokens. */
export interface Baselines {
  /** Accuracy of always the most frequent token. */
  mostFrequentAccuracy: number;
  /** Accuracy of the counts of bigrams on both sides. */
  bigramAccuracy: number;
}

/**
 * Evaluates counts on the tokens that `bert.evaluate(data)` hides.
 *
 * @param bert model whose tokenizer and masks are used
 * @param data a text or many
 * @param bigrams counts of the training text
 * @param options none
 * @returns accuracies, from 0 to 1
 * @throws {TypeError | RangeError} if an argument is not valid
 */
export function maskedBaselines(
  bert: BERT,
  data: Texts,
  bigrams: Bigrams,
  options?: NoOptions,
): Baselines {
  checkNoOptions('maskedBaselines', options);
  instanceOf(BERT, 'a BERT')('maskedBaselines', 'bert', bert);
  const texts = checkTextList('maskedBaselines', data);
  instanceOf(Bigrams, 'Bigrams')('maskedBaselines', 'bigrams', bigrams);
  let [tokens, mostFrequent, between] = [0, 0, 0];
  for (const { ids, labels } of bert.hiddenBatches(texts)) {
    for (const [i, label] of labels.entries()) {
      if (label === IGNORE_INDEX) continue;
      tokens++;
      if (label === bigrams.mostFrequent) mostFrequent++;
      // Counts know neither a neighbor that is hidden itself, nor [CLS] and [SEP].
      const guess = bigrams.between(ids[i - 1] as number, ids[i + 1] as number);
      if (label === guess) between++;
    }
  }
  return { mostFrequentAccuracy: mostFrequent / tokens, bigramAccuracy: between / tokens };
}
