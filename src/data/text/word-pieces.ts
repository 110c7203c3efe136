/**
 * WordPiece, BERT's tokens (Schuster and Nakajima, 2012): words are cut into the longest pieces
 * that a vocabulary has; a piece within a word begins with `##`. The vocabulary is trained by
 * merging, again and again, the two neighboring pieces that stand together most often.
 */

/** BERT's tokens with a meaning of their own, in the order in which a new vocabulary begins. */
export const SPECIAL_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const;

/** Begins a piece within a word. */
export const PREFIX = '##';
/** Longer words are unknown as a whole, as in BERT. */
export const MAX_WORD_LENGTH = 100;
/** Most frequent characters that a vocabulary begins with. */
const MAX_CHARACTERS = 1000;

/** A word as ids of pieces, and how often it is there. */
interface Word {
  pieces: number[];
  count: number;
}

/** Pieces at most: pairs of them are one number each. */
export const MAX_PAIR_PIECES = 2 ** 24;
const PAIR = MAX_PAIR_PIECES;

/** Counts how often each pair stands together and in which words, and finds the most frequent. */
class Pairs {
  readonly #counts = new Map<number, number>();
  readonly #words = new Map<number, Set<Word>>();
  /** A binary heap of pairs by what their count was when they came in. */
  readonly #heap: { pair: number; count: number }[] = [];
  readonly #changed = new Set<number>();

  /** Adds the pairs of a word to the counts, or subtracts them. */
  add(word: Word, sign: 1 | -1): void {
    const { pieces, count } = word;
    for (let i = 0; i + 1 < pieces.length; i++) {
      const pair = (pieces[i] as number) * PAIR + (pieces[i + 1] as number);
      const total = (this.#counts.get(pair) ?? 0) + sign * count;
      this.#counts.set(pair, total);
      let words = this.#words.get(pair);
      if (words === undefined) {
        words = new Set();
        this.#words.set(pair, words);
      }
      words.add(word);
      this.#changed.add(pair);
    }
  }

  /** The most frequent pair, ties to the earlier pieces; its words leave the list. */
  pop(minFrequency: number): { first: number; second: number; words: Word[] } | undefined {
    for (const pair of this.#changed) this.#push({ pair, count: this.#counts.get(pair) ?? 0 });
    this.#changed.clear();
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || top.count < minFrequency) return undefined;
      const { pair, count } = top;
      this.#sink();
      // The count has changed since: another entry of the heap has the right one.
      if (this.#counts.get(pair) !== count) continue;
      const words = [...(this.#words.get(pair) ?? [])];
      this.#words.delete(pair);
      return { first: Math.floor(pair / PAIR), second: pair % PAIR, words };
    }
  }

  #before(a: number, b: number): boolean {
    const [x, y] = [this.#heap[a], this.#heap[b]] as { pair: number; count: number }[];
    if (x === undefined || y === undefined) return x !== undefined;
    return x.count === y.count ? x.pair < y.pair : x.count > y.count;
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap as [{ pair: number; count: number }];
    [heap[a as 0], heap[b as 0]] = [heap[b as 0], heap[a as 0]];
  }

  #push(entry: { pair: number; count: number }): void {
    let at = this.#heap.push(entry) - 1;
    for (let up = (at - 1) >> 1; at > 0 && this.#before(at, up); up = (at - 1) >> 1) {
      this.#swap(at, up);
      at = up;
    }
  }

  #sink(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    for (let at = 0; ; ) {
      const child = this.#before(2 * at + 2, 2 * at + 1) ? 2 * at + 2 : 2 * at + 1;
      if (!this.#before(child, at)) return;
      this.#swap(at, child);
      at = child;
    }
  }
}

/** Replaces two neighbors by one, from the start. */
function merge(pieces: readonly number[], first: number, second: number, merged: number): number[] {
  const result: number[] = [];
  for (let i = 0; i < pieces.length; i++) {
    const both = pieces[i] === first && pieces[i + 1] === second;
    result.push(both ? merged : (pieces[i] as number));
    if (both) i++;
  }
  return result;
}

/** Lists the most frequent characters of words, first ones and others, by code point. */
function alphabetOf(words: ReadonlyMap<string, number>, max: number): string[] {
  const counts = new Map<string, number>();
  for (const [word, count] of words) {
    for (const [i, character] of [...word].entries()) {
      const piece = i === 0 ? character : PREFIX + character;
      counts.set(piece, (counts.get(piece) ?? 0) + count);
    }
  }
  const byCode = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || byCode(a, b))
    .slice(0, Math.min(max, MAX_CHARACTERS))
    .map(([piece]) => piece)
    .sort(byCode);
}

/**
 * Merges pieces of words: special tokens, single characters, then pieces in the order of their
 * merging.
 *
 * @param counts words by how often they are there
 * @returns tokens by id
 */
export function mergePieces(
  counts: ReadonlyMap<string, number>,
  { size, minFrequency }: { size: number; minFrequency: number },
): string[] {
  const vocabulary: string[] = [
    ...SPECIAL_TOKENS,
    ...alphabetOf(counts, size - SPECIAL_TOKENS.length),
  ];
  const ids = new Map(vocabulary.map((piece, id) => [piece, id]));
  const pairs = new Pairs();
  for (const [word, count] of counts) {
    const characters = [...word];
    if (characters.length > MAX_WORD_LENGTH) continue;
    const pieces = characters.map((c, i) => ids.get(i === 0 ? c : PREFIX + c));
    if (pieces.includes(undefined)) continue;
    pairs.add({ pieces: pieces as number[], count }, 1);
  }
  while (vocabulary.length < size) {
    const found = pairs.pop(minFrequency);
    if (found === undefined) break;
    const { first, second, words } = found;
    const piece = `${vocabulary[first]}${(vocabulary[second] as string).slice(PREFIX.length)}`;
    // Two pairs may give the same piece: it has its id already.
    let id = ids.get(piece);
    if (id === undefined) {
      id = vocabulary.push(piece) - 1;
      ids.set(piece, id);
    }
    for (const word of words) {
      const merged = merge(word.pieces, first, second, id);
      if (merged.length === word.pieces.length) continue;
      pairs.add(word, -1);
      word.pieces = merged;
      pairs.add(word, 1);
    }
  }
  return vocabulary;
}
