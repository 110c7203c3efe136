/**
 * WordPiece, BERT's tokens (Schuster and Nakajima, 2012): words are cut into the longest pieces
 * that a vocabulary has; a piece within a word begins with `##`. The vocabulary is trained by
 * merging, again and again, the two neighboring pieces that stand together most often.
 */

import { checkNoOptions, readOptions } from '../../core/options.js';
import { checkFlag, integerIn, type NoOptions, rangeError } from '../../core/validation.js';
import { JsonTokenizer, SPACES } from './json-tokenizer.js';
import { charactersOf, checkTexts } from './tokenizer.js';
import { specialToken, type TokenizerJson, tokenizerJson } from './tokenizer-json.js';

/** BERT's tokens with a meaning of their own, in the order in which a new vocabulary begins. */
export const SPECIAL_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const;

const PREFIX = '##';
/** Longer words are unknown as a whole, as in BERT. */
const MAX_WORD_LENGTH = 100;
/** Most frequent characters that a vocabulary begins with. */
const MAX_CHARACTERS = 1000;

/** Options of `trainWordPiece`. */
export interface WordPieceOptions {
  /** Maximum number of tokens, at least 6. @default 4096 */
  size?: number;
  /** Minimum number of times that two pieces stand together to become one. @default 2 */
  minFrequency?: number;
  /** Lower case without accents, as BERT's uncased vocabularies. @default true */
  lowercase?: boolean;
}

/** Options of `wordPieceJson`, as the hub's tokenizer_config.json has them. */
export interface WordPieceNormalization {
  /** Turns text to lower case. @default true */
  lowercase?: boolean;
  /** Removes accents; null does so in lower case alone. @default null */
  stripAccents?: boolean | null;
  /** Makes each ideograph a word of its own. @default true */
  tokenizeChineseChars?: boolean;
}

/** Counts every chunk between spaces. */
function countChunks(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const chunk of text.split(SPACES)) counts.set(chunk, (counts.get(chunk) ?? 0) + 1);
  }
  return counts;
}

/** Counts every word of the texts. */
function countWords(texts: readonly string[], lowercase: boolean): Map<string, number> {
  const tokenizer = new JsonTokenizer(wordPieceJson(SPECIAL_TOKENS, { lowercase }));
  const counts = new Map<string, number>();
  for (const [chunk, count] of countChunks(texts)) {
    for (const word of tokenizer.wordsOf(chunk)) counts.set(word, (counts.get(word) ?? 0) + count);
  }
  return counts;
}

/** A word as ids of pieces, and how often it is there. */
interface Word {
  pieces: number[];
  count: number;
}

/** Pairs of pieces as one number each. */
const PAIR = 2 ** 24;

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
 * Trains a WordPiece vocabulary: special tokens, single characters, then pieces in the order of
 * their merging. The same texts give the same vocabulary.
 *
 * @param texts texts to count pieces in
 * @param options size, minFrequency, lowercase
 * @returns tokens by id; `wordPieceJson` makes a tokenizer's file of them
 * @throws {RangeError} if the texts hold no word
 * @see https://arxiv.org/abs/1609.08144
 * @example const tokenizer = new JsonTokenizer(wordPieceJson(trainWordPiece(texts)));
 */
export function trainWordPiece(texts: readonly string[], options?: WordPieceOptions): string[] {
  checkTexts('trainWordPiece', 'texts', texts);
  const reader = readOptions('trainWordPiece', options);
  const lowercase = reader.read('lowercase', checkFlag, true);
  const size = reader.read('size', integerIn(SPECIAL_TOKENS.length + 1, PAIR), 4096);
  const minFrequency = reader.read('minFrequency', integerIn(1), 2);
  reader.done();
  const counts = countWords(texts, lowercase);
  if (counts.size === 0) rangeError('trainWordPiece', 'texts', 'with at least one word', texts);
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

/** Reads the tokens of a `vocab.txt`, one per line. */
export function readVocabulary(text: string): string[] {
  return text.replace(/\r?\n$/, '').split(/\r?\n/);
}

/**
 * Makes the `tokenizer.json` of a WordPiece vocabulary.
 *
 * @param vocabulary tokens by id
 * @param options lowercase, stripAccents, tokenizeChineseChars
 * @returns the object in the file
 * @throws {TypeError | RangeError} if the vocabulary lacks one of BERT's special tokens
 */
export function wordPieceJson(
  vocabulary: readonly string[],
  options?: WordPieceNormalization,
): TokenizerJson {
  checkTexts('wordPieceJson', 'vocabulary', vocabulary);
  const reader = readOptions('wordPieceJson', options);
  const lowercase = reader.read('lowercase', checkFlag, true);
  const stripAccents =
    options?.stripAccents === null
      ? reader.read('stripAccents', () => null)
      : (reader.optional('stripAccents', checkFlag) ?? null);
  const chinese = reader.read('tokenizeChineseChars', checkFlag, true);
  reader.done();
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
      handle_chinese_chars: chinese,
      strip_accents: stripAccents,
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

/**
 * Makes the `tokenizer.json` of single characters with BERT's special tokens.
 *
 * @param texts texts whose characters become tokens
 * @param options none
 * @returns the object in the file
 * @throws {TypeError} if they are not texts
 */
export function characterJson(texts: readonly string[], options?: NoOptions): TokenizerJson {
  checkNoOptions('characterJson', options);
  checkTexts('characterJson', 'texts', texts);
  const tokens = [...SPECIAL_TOKENS, ...charactersOf(texts)];
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
