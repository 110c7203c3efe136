/**
 * Words as pieces, and how often each pair of pieces stands together, while neighbors are merged. A
 * merge changes the counts of the pairs that it touches alone, and all lists are of numbers, as a Map of
 * sets of words is several times slower.
 */

/** Pieces at most: pairs of them are one number each. */
export const MAX_PAIR_PIECES = 2 ** 24;

/** Slots of a hash table at first, a power of 2. */
const MIN_SLOTS = 2 ** 12;

export class PiecePairs {
  readonly #minFrequency: number;
  /** Pieces of all words, one word behind the other; a merge leaves a gap behind its word. */
  readonly #pieces: number[] = [];
  readonly #starts: number[] = [];
  readonly #lengths: number[] = [];
  readonly #frequencies: number[] = [];
  /** Indices of pairs plus 1, by open addressing. */
  #slots = new Int32Array(MIN_SLOTS);
  // Of each pair: both pieces as one number, its count, the count that the heap has, its words.
  readonly #keys: number[] = [];
  readonly #counts: number[] = [];
  readonly #queued: number[] = [];
  readonly #words: number[][] = [];
  /** Pairs whose count may have changed since the last one was taken. */
  readonly #changed: number[] = [];
  /** A binary heap of pairs, and what the count of each was when it came in. */
  readonly #heap: number[] = [];
  readonly #heapCounts: number[] = [];

  /** @param minFrequency count below which a pair is never taken */
  constructor(minFrequency: number) {
    this.#minFrequency = minFrequency;
  }

  /** Adds a word of ids of pieces that is there so many times. */
  add(pieces: readonly number[], frequency: number): void {
    const word = this.#starts.push(this.#pieces.length) - 1;
    this.#lengths.push(pieces.length);
    this.#frequencies.push(frequency);
    let before = -1;
    for (const piece of pieces) {
      if (before >= 0) this.#count(before, piece, word, frequency);
      this.#pieces.push(piece);
      before = piece;
    }
  }

  /** Takes the most frequent pair, ties to the earlier pieces; undefined without one. */
  take(): { first: number; second: number; words: readonly number[] } | undefined {
    const [counts, queued] = [this.#counts, this.#queued];
    for (const pair of this.#changed) {
      const count = counts[pair] as number;
      if (count === queued[pair]) continue;
      queued[pair] = count;
      if (count >= this.#minFrequency) this.#push(pair, count);
    }
    this.#changed.length = 0;
    for (;;) {
      const pair = this.#heap[0];
      if (pair === undefined) return undefined;
      const count = this.#heapCounts[0];
      this.#pop();
      // The count has changed since: another entry of the heap has the right one.
      if (counts[pair] !== count) continue;
      queued[pair] = 0;
      const key = this.#keys[pair] as number;
      const words = this.#words[pair] as number[];
      this.#words[pair] = [];
      return {
        first: Math.floor(key / MAX_PAIR_PIECES),
        second: key % MAX_PAIR_PIECES,
        words,
      };
    }
  }

  /** Replaces two neighbors by one in a word, from its start. */
  merge(word: number, first: number, second: number, merged: number): void {
    const pieces = this.#pieces;
    const start = this.#starts[word] as number;
    const end = start + (this.#lengths[word] as number);
    const frequency = this.#frequencies[word] as number;
    let to = start;
    let wasMerged = false;
    for (let from = start; from < end; ) {
      const piece = pieces[from] as number;
      const both = piece === first && from + 1 < end && pieces[from + 1] === second;
      const written = both ? merged : piece;
      const touched = both || wasMerged;
      if (touched && from > start) {
        this.#count(pieces[from - 1] as number, piece, word, -frequency);
      }
      if (both) this.#count(first, second, word, -frequency);
      if (touched && to > start) this.#count(pieces[to - 1] as number, written, word, frequency);
      pieces[to++] = written;
      from += both ? 2 : 1;
      wasMerged = both;
    }
    this.#lengths[word] = to - start;
  }

  /** Adds to the count of a pair that a word has, or had. */
  #count(first: number, second: number, word: number, added: number): void {
    const pair = this.#indexOf(first * MAX_PAIR_PIECES + second, first, second);
    this.#counts[pair] = (this.#counts[pair] as number) + added;
    this.#changed.push(pair);
    if (added < 0) return;
    const words = this.#words[pair] as number[];
    if (words[words.length - 1] !== word) words.push(word);
  }

  /** Index of a pair, a new one if it has none. */
  #indexOf(key: number, first: number, second: number): number {
    const keys = this.#keys;
    const mask = this.#slots.length - 1;
    let slot = hashOf(first, second) & mask;
    for (;;) {
      const found = this.#slots[slot] as number;
      if (found === 0) break;
      if (keys[found - 1] === key) return found - 1;
      slot = (slot + 1) & mask;
    }
    const pair = keys.push(key) - 1;
    this.#counts.push(0);
    this.#queued.push(0);
    this.#words.push([]);
    this.#slots[slot] = pair + 1;
    if (2 * keys.length > mask) this.#grow();
    return pair;
  }

  #grow(): void {
    const slots = new Int32Array(4 * this.#slots.length);
    const mask = slots.length - 1;
    this.#keys.forEach((key, pair) => {
      let slot = hashOf(Math.floor(key / MAX_PAIR_PIECES), key % MAX_PAIR_PIECES) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = pair + 1;
    });
    this.#slots = slots;
  }

  /** True if a pair with a count comes before another: the more frequent, then the earlier pieces. */
  #before(pair: number, count: number, other: number, otherCount: number): boolean {
    if (count !== otherCount) return count > otherCount;
    return (this.#keys[pair] as number) < (this.#keys[other] as number);
  }

  #push(pair: number, count: number): void {
    const [heap, counts] = [this.#heap, this.#heapCounts];
    let at = heap.push(pair) - 1;
    counts.push(count);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!this.#before(pair, count, heap[up] as number, counts[up] as number)) break;
      heap[at] = heap[up] as number;
      counts[at] = counts[up] as number;
      at = up;
    }
    heap[at] = pair;
    counts[at] = count;
  }

  /** Removes the first entry of the heap. */
  #pop(): void {
    const [heap, counts] = [this.#heap, this.#heapCounts];
    const pair = heap.pop() as number;
    const count = counts.pop() as number;
    const { length } = heap;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      let next = heap[child] as number;
      let nextCount = counts[child] as number;
      if (child + 1 < length) {
        const right = heap[child + 1] as number;
        const rightCount = counts[child + 1] as number;
        if (this.#before(right, rightCount, next, nextCount)) {
          child++;
          next = right;
          nextCount = rightCount;
        }
      }
      if (!this.#before(next, nextCount, pair, count)) break;
      heap[at] = next;
      counts[at] = nextCount;
      at = child;
    }
    heap[at] = pair;
    counts[at] = count;
  }
}

/** Mixes the ids of two pieces. */
function hashOf(first: number, second: number): number {
  const mixed = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
