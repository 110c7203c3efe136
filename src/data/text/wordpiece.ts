/**
 * WordPiece, BERT's tokens (Schuster and Nakajima, 2012): words are cut into the longest pieces
 * that a vocabulary has; a piece within a word begins with `##`. The vocabulary is learned by
 * merging, again and again, the two neighboring pieces that stand together most often.
 */

import { checkCount, rangeError } from '../../core/validation.js';
import {
  JsonTokenizer,
  specialToken,
  type TokenizerJson,
  tokenizerJson,
} from './json-tokenizer.js';

/** BERT's tokens with a meaning of their own, in the order in which a new vocabulary begins. */
export const SPECIAL_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const;

const PREFIX = '##';
/** Longer words are unknown as a whole. */
const MAX_WORD_LENGTH = 100;
/** Characters that a vocabulary begins with, the most frequent ones. */
const MAX_CHARACTERS = 1000;

export interface WordPieceOptions {
  /** Tokens at most (default 4096). */
  size?: number;
  /** How often two pieces must stand together to become one (default 2). */
  minFrequency?: number;
  /** Lower case without accents, as BERT's uncased vocabularies (default true). */
  lowercase?: boolean;
}

/** Every stretch between spaces, and how often it is there. */
function countChunks(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const chunk of text.split(/\s+/)) counts.set(chunk, (counts.get(chunk) ?? 0) + 1);
  }
  return counts;
}

/** Every word of the texts, and how often it is there. */
function countWords(texts: readonly string[], lowercase: boolean): Map<string, number> {
  const tokenizer = new JsonTokenizer(wordPieceJson(SPECIAL_TOKENS, lowercase));
  const counts = new Map<string, number>();
  for (const [chunk, count] of countChunks(texts)) {
    for (const word of tokenizer.wordsOf(chunk)) counts.set(word, (counts.get(word) ?? 0) + count);
  }
  return counts;
}

/** A word as pieces, by number, and how often it is there. */
interface Word {
  pieces: number[];
  count: number;
}

/** Pairs of pieces as one number each. */
const PAIR = 2 ** 24;

/** How often each pair stands together, in which words, and which pair does most often. */
class Pairs {
  readonly #counts = new Map<number, number>();
  readonly #places = new Map<number, Set<Word>>();
  /** A binary heap of pairs by what their count was when they came in. */
  readonly #heap: { pair: number; count: number }[] = [];
  readonly #changed = new Set<number>();

  /** Counts the pairs of a word, or takes them out again. */
  add(word: Word, sign: 1 | -1): void {
    const { pieces, count } = word;
    for (let i = 0; i + 1 < pieces.length; i++) {
      const pair = (pieces[i] as number) * PAIR + (pieces[i + 1] as number);
      const total = (this.#counts.get(pair) ?? 0) + sign * count;
      this.#counts.set(pair, total);
      let places = this.#places.get(pair);
      if (places === undefined) {
        places = new Set();
        this.#places.set(pair, places);
      }
      places.add(word);
      this.#changed.add(pair);
    }
  }

  /** The most frequent pair, ties to the earlier pieces; its words leave the list. */
  pop(least: number): { left: number; right: number; words: Word[] } | undefined {
    for (const pair of this.#changed) this.#push({ pair, count: this.#counts.get(pair) ?? 0 });
    this.#changed.clear();
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || top.count < least) return undefined;
      const { pair, count } = top;
      this.#sink();
      // Counts have changed since: the entry that holds comes, or came, by itself.
      if (this.#counts.get(pair) !== count) continue;
      const words = [...(this.#places.get(pair) ?? [])];
      this.#places.delete(pair);
      return { left: Math.floor(pair / PAIR), right: pair % PAIR, words };
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

/** Replaces two neighbors by one, from the left. */
function merge(pieces: readonly number[], left: number, right: number, merged: number): number[] {
  const result: number[] = [];
  for (let i = 0; i < pieces.length; i++) {
    const both = pieces[i] === left && pieces[i + 1] === right;
    result.push(both ? merged : (pieces[i] as number));
    if (both) i++;
  }
  return result;
}

/** Single characters with which words begin and go on: the most frequent, by code point. */
function alphabetOf(words: ReadonlyMap<string, number>): string[] {
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
    .slice(0, MAX_CHARACTERS)
    .map(([piece]) => piece)
    .sort(byCode);
}

/**
 * Learns a vocabulary: special tokens, single characters, then pieces in the order of their
 * merging. The same texts give the same vocabulary.
 *
 * @throws RangeError if the texts hold no word
 */
export function trainWordPiece(texts: readonly string[], options: WordPieceOptions = {}): string[] {
  const { lowercase = true } = options;
  const size = checkCount('trainWordPiece', 'size', options.size, 4096, PAIR, 'tokens at most');
  const least = checkCount(
    'trainWordPiece',
    'minFrequency',
    options.minFrequency,
    2,
    2 ** 31,
    'any number',
  );
  const counts = countWords(texts, lowercase);
  if (counts.size === 0) rangeError('trainWordPiece', 'texts', 'with at least one word', texts);
  const vocabulary: string[] = [...SPECIAL_TOKENS, ...alphabetOf(counts)];
  const numbers = new Map(vocabulary.map((piece, id) => [piece, id]));
  const pairs = new Pairs();
  for (const [word, count] of counts) {
    const characters = [...word];
    if (characters.length > MAX_WORD_LENGTH) continue;
    const pieces = characters.map((c, i) => numbers.get(i === 0 ? c : PREFIX + c));
    if (pieces.includes(undefined)) continue;
    pairs.add({ pieces: pieces as number[], count }, 1);
  }
  while (vocabulary.length < size) {
    const found = pairs.pop(least);
    if (found === undefined) break;
    const { left, right, words } = found;
    const piece = `${vocabulary[left]}${(vocabulary[right] as string).slice(PREFIX.length)}`;
    // Two ways to the same piece: it has its number already.
    let id = numbers.get(piece);
    if (id === undefined) {
      id = vocabulary.push(piece) - 1;
      numbers.set(piece, id);
    }
    for (const word of words) {
      const merged = merge(word.pieces, left, right, id);
      if (merged.length === word.pieces.length) continue;
      pairs.add(word, -1);
      word.pieces = merged;
      pairs.add(word, 1);
    }
  }
  return vocabulary;
}

/** The tokens of a `vocab.txt`, one a line. */
export function readVocabulary(text: string): string[] {
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}

/**
 * The `tokenizer.json` of a vocabulary.
 * @throws RangeError if the vocabulary lacks one of BERT's special tokens
 */
export function wordPieceJson(vocabulary: readonly string[], lowercase = true): TokenizerJson {
  const ids = Object.fromEntries(vocabulary.map((token, id) => [token, id]));
  const special = specialTokensOf('wordPieceJson', ids);
  const model = {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: PREFIX,
    max_input_chars_per_word: MAX_WORD_LENGTH,
    vocab: ids,
  };
  const parts = {
    added_tokens: special,
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'BertProcessing',
      sep: ['[SEP]', ids['[SEP]']],
      cls: ['[CLS]', ids['[CLS]']],
    },
    decoder: { type: 'WordPiece', prefix: PREFIX, cleanup: false },
  };
  return tokenizerJson(parts, model);
}

/** A tokenizer of single characters with BERT's special tokens, in the same form. */
export function characterJson(texts: readonly string[]): TokenizerJson {
  const characters = new Set(texts.flatMap((text) => [...new Set(text)]));
  const sorted = [...characters].sort((a, b) => (a < b ? -1 : 1));
  const tokens = [...SPECIAL_TOKENS, ...sorted];
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  // Byte-pair encoding without a merge leaves every character by itself.
  const model = { type: 'BPE', unk_token: '[UNK]', fuse_unk: false, vocab, merges: [] };
  const parts = {
    added_tokens: specialTokensOf('characterJson', vocab),
    decoder: { type: 'Fuse' },
  };
  return tokenizerJson(parts, model);
}

function specialTokensOf(name: string, ids: Readonly<Record<string, number>>): unknown[] {
  return SPECIAL_TOKENS.map((token) => {
    const id = ids[token];
    if (id === undefined) rangeError(name, 'vocabulary', `with ${token}`, 'none');
    return specialToken(token, id);
  }).sort((a, b) => (a.id as number) - (b.id as number));
}
