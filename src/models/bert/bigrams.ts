/**
 * What naming hidden tokens is compared with: counts of the training text. A network that is no
 * better has learned nothing that a table of counts does not know.
 */

import type { BERT } from './bert.js';
import { IGNORE_INDEX } from './masking.js';
import type { Texts } from './segments.js';

/** How often each token stands after each other: a table that is mostly empty. */
type Counts = Map<number, Map<number, number>>;

function count(counts: Counts, first: number, second: number, times: number): void {
  let row = counts.get(first);
  if (row === undefined) {
    row = new Map();
    counts.set(first, row);
  }
  row.set(second, (row.get(second) ?? 0) + times);
}

export class Bigrams {
  readonly #after: Counts = new Map();
  readonly #before: Counts = new Map();
  readonly #single = new Map<number, number>();
  /** The most frequent token of all. */
  readonly mostFrequent: number;

  /** @param pairs first token, second token, how often, again and again */
  constructor(readonly pairs: Float32Array) {
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

  /** Counts documents: each is its tokens. */
  static of(documents: readonly ArrayLike<number>[]): Bigrams {
    const counts: Counts = new Map();
    for (const document of documents) {
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
   * The token that stands most often between two others: by both counts together where some token
   * was seen beside both, otherwise by their sum.
   */
  between(left: number, right: number): number {
    const after = this.#after.get(left) ?? new Map<number, number>();
    const before = this.#before.get(right) ?? new Map<number, number>();
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

/** What scores highest, and above 0; ties to the lower number. */
function best(ids: Iterable<number>, scoreOf: (id: number) => number): number | undefined {
  let [found, most]: [number | undefined, number] = [undefined, 0];
  for (const id of ids) {
    const score = scoreOf(id);
    if (score > most || (score === most && found !== undefined && id < found)) {
      [found, most] = [id, score];
    }
  }
  return found;
}

/** Shares of the hidden tokens that counts name rightly. */
export interface Baselines {
  /** By the most frequent token. */
  mostFrequentAccuracy: number;
  /** By the counts of bigrams on both sides. */
  bigramAccuracy: number;
}

/** What counts make of the very tokens that `bert.evaluate(data)` hides. */
export function maskedBaselines(bert: BERT, data: Texts, bigrams: Bigrams): Baselines {
  let [tokens, mostFrequent, between] = [0, 0, 0];
  for (const { ids, labels } of bert.hiddenBatches(data)) {
    for (const [place, label] of labels.entries()) {
      if (label === IGNORE_INDEX) continue;
      tokens++;
      if (label === bigrams.mostFrequent) mostFrequent++;
      // A neighbor that is hidden itself, [CLS] or [SEP], was never counted.
      const guess = bigrams.between(ids[place - 1] as number, ids[place + 1] as number);
      if (label === guess) between++;
    }
  }
  return { mostFrequentAccuracy: mostFrequent / tokens, bigramAccuracy: between / tokens };
}
