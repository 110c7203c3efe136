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
import { type Documents, tokenizeDocuments } from './batches.js';
import { BERT } from './bert.js';
import { IGNORE_INDEX } from './masking.js';

/** Ids are whole numbers below this, which f32 holds exactly. */
const MAX_ID = 2 ** 24;

/** Order of rows by an id of each, rows of the same id as they come. */
function orderBy(ids: (row: number) => number, order: Int32Array, size: number): Int32Array {
  const ends = new Int32Array(size + 1);
  for (const row of order) {
    const next = ids(row) + 1;
    ends[next] = (ends[next] as number) + 1;
  }
  for (let id = 0; id < size; id++) {
    ends[id + 1] = (ends[id + 1] as number) + (ends[id] as number);
  }
  const sorted = new Int32Array(order.length);
  for (const row of order) {
    const id = ids(row);
    const at = ends[id] as number;
    sorted[at] = row;
    ends[id] = at + 1;
  }
  return sorted;
}

/** Rows of pairs that one id has in common, by the other id: its neighbors and how often they are. */
class Neighbors {
  readonly #pairs: Float32Array;
  readonly #order: Int32Array;
  readonly #common: 0 | 1;
  /** Where the rows of each id begin, and end. */
  readonly #starts: Int32Array;

  /**
   * @param pairs rows of first token, second token and count
   * @param order the rows by the common id, then by the other
   * @param common column of the common id
   */
  constructor(pairs: Float32Array, order: Int32Array, common: 0 | 1, size: number) {
    [this.#pairs, this.#order, this.#common] = [pairs, order, common];
    this.#starts = new Int32Array(size + 1);
    for (const row of order) {
      const next = (pairs[3 * row + common] as number) + 1;
      this.#starts[next] = (this.#starts[next] as number) + 1;
    }
    for (let id = 0; id < size; id++) {
      this.#starts[id + 1] = (this.#starts[id + 1] as number) + (this.#starts[id] as number);
    }
  }

  /** Begin and end of an id's rows in the order; none of an unknown one. */
  range(id: number): [number, number] {
    return [this.#starts[id] ?? 0, this.#starts[id + 1] ?? 0];
  }

  /** The other id of a row, by its position in the order. */
  id(at: number): number {
    return this.#pairs[3 * (this.#order[at] as number) + 1 - this.#common] as number;
  }

  /** The count of a row. */
  count(at: number): number {
    return this.#pairs[3 * (this.#order[at] as number) + 2] as number;
  }
}

/** Counts of neighboring tokens in a text, and the guesses that they make. */
export class Bigrams {
  readonly #after: Neighbors;
  readonly #before: Neighbors;
  readonly #single: Float64Array;
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
    const rows = Int32Array.from({ length: pairs.length / 3 }, (_, row) => row);
    const first = (row: number): number => pairs[3 * row] as number;
    const second = (row: number): number => pairs[3 * row + 1] as number;
    let size = 0;
    for (let i = 0; i < pairs.length; i++) {
      const value = pairs[i] as number;
      const max = i % 3 === 2 ? Number.POSITIVE_INFINITY : MAX_ID;
      if (!Number.isInteger(value) || value < 0 || value >= max) {
        rangeError('Bigrams', `pairs[${i}]`, 'a whole number from 0', value);
      }
      if (i % 3 < 2) size = Math.max(size, value + 1);
    }
    this.#after = new Neighbors(pairs, orderBy(first, orderBy(second, rows, size), size), 0, size);
    this.#before = new Neighbors(pairs, orderBy(second, orderBy(first, rows, size), size), 1, size);
    this.#single = new Float64Array(size);
    for (const row of rows) {
      const id = second(row);
      this.#single[id] = (this.#single[id] as number) + (pairs[3 * row + 2] as number);
    }
    let [mostFrequent, times] = [0, 0];
    for (const [id, count] of this.#single.entries()) {
      if (count > times) [mostFrequent, times] = [id, count];
    }
    this.mostFrequent = mostFrequent;
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
    const counts = new PairCounts();
    const isId = { valid: (id: number) => id >= 0 && id < MAX_ID, what: 'a token id' };
    for (const [d, given] of documents.entries()) {
      const document = checkIntegers('Bigrams', `documents[${d}]`, given, undefined, isId);
      for (let i = 0; i + 1 < document.length; i++) {
        counts.add(document[i] as number, document[i + 1] as number);
      }
    }
    return new Bigrams(counts.rows());
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
    const [after, before] = [this.#after, this.#before];
    let [a, aEnd] = after.range(previous);
    let [b, bEnd] = before.range(next);
    let [both, bothScore, either, eitherScore] = [-1, 0, -1, 0];
    // Both lists rise by the token in between; equal scores go to the lower one.
    while (a < aEnd || b < bEnd) {
      const id = Math.min(a < aEnd ? after.id(a) : MAX_ID, b < bEnd ? before.id(b) : MAX_ID);
      let [ahead, behind] = [0, 0];
      while (a < aEnd && after.id(a) === id) ahead += after.count(a++);
      while (b < bEnd && before.id(b) === id) behind += before.count(b++);
      const score = (ahead * behind) / (this.#single[id] || 1);
      if (score > bothScore) [both, bothScore] = [id, score];
      if (ahead + behind > eitherScore) [either, eitherScore] = [id, ahead + behind];
    }
    if (both >= 0) return both;
    return either >= 0 ? either : this.mostFrequent;
  }
}

/** Slots that a table of counts begins with. */
const SLOTS = 2 ** 12;

/** Counts of pairs of ids: a hash table in typed arrays, since a large text has millions of pairs. */
class PairCounts {
  #first = new Int32Array(SLOTS).fill(-1);
  #second = new Int32Array(SLOTS);
  #counts = new Float64Array(SLOTS);
  #size = 0;

  add(first: number, second: number, times = 1): void {
    const mask = this.#first.length - 1;
    let slot = Math.imul(Math.imul(first, 0x9e3779b1) ^ (second + 1), 0x85ebca6b);
    slot = (slot ^ (slot >>> 15)) & mask;
    while (this.#first[slot] !== -1) {
      if (this.#first[slot] === first && this.#second[slot] === second) break;
      slot = (slot + 1) & mask;
    }
    if (this.#first[slot] === -1) {
      this.#first[slot] = first;
      this.#second[slot] = second;
      this.#size++;
    }
    this.#counts[slot] = (this.#counts[slot] as number) + times;
    if (this.#size > 0.6 * this.#first.length) this.#grow();
  }

  #grow(): void {
    const [first, second, counts] = [this.#first, this.#second, this.#counts];
    this.#first = new Int32Array(2 * first.length).fill(-1);
    this.#second = new Int32Array(2 * first.length);
    this.#counts = new Float64Array(2 * first.length);
    this.#size = 0;
    for (let i = 0; i < first.length; i++) {
      if (first[i] === -1) continue;
      this.add(first[i] as number, second[i] as number, counts[i] as number);
    }
  }

  /** Rows of first id, second id and count, in the order of the ids. */
  rows(): Float32Array {
    const slots = new Int32Array(this.#size);
    let [count, max] = [0, 0];
    for (let i = 0; i < this.#first.length; i++) {
      if (this.#first[i] === -1) continue;
      slots[count++] = i;
      max = Math.max(max, this.#first[i] as number, this.#second[i] as number);
    }
    const bySecond = orderBy((slot) => this.#second[slot] as number, slots, max + 1);
    const order = orderBy((slot) => this.#first[slot] as number, bySecond, max + 1);
    const pairs = new Float32Array(3 * count);
    for (const [row, slot] of order.entries()) {
      pairs[3 * row] = this.#first[slot] as number;
      pairs[3 * row + 1] = this.#second[slot] as number;
      pairs[3 * row + 2] = this.#counts[slot] as number;
    }
    return pairs;
  }
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
 * @param data a text or many, or the token ids of each
 * @param bigrams counts of the training text
 * @param options none
 * @returns accuracies, from 0 to 1
 * @throws {TypeError | RangeError} if an argument is not valid
 */
export function maskedBaselines(
  bert: BERT,
  data: Documents,
  bigrams: Bigrams,
  options?: NoOptions,
): Baselines {
  checkNoOptions('maskedBaselines', options);
  instanceOf(BERT, 'a BERT')('maskedBaselines', 'bert', bert);
  instanceOf(Bigrams, 'Bigrams')('maskedBaselines', 'bigrams', bigrams);
  let [tokens, mostFrequent, between] = [0, 0, 0];
  const documents = tokenizeDocuments('maskedBaselines', bert.tokenizer, data);
  for (const { ids, labels } of bert.hiddenBatches(documents)) {
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
