/** WordPiece, BERT's tokens: a vocabulary trained on texts, and its `tokenizer.json`. */

import { checkNoOptions, readOptions } from '../../core/options.js';
import {
  checkFlag,
  integerIn,
  type NoOptions,
  rangeError,
  typeError,
} from '../../core/validation.js';
import { JsonTokenizer, ownString, SPACES } from './json-tokenizer.js';
import { MAX_PAIR_PIECES } from './piece-pairs.js';
import { charactersOf, checkTexts } from './tokenizer.js';
import { specialToken, type TokenizerJson, tokenizerJson } from './tokenizer-json.js';
import { MAX_WORD_LENGTH, mergePieces, PREFIX, SPECIAL_TOKENS } from './word-pieces.js';

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
function countChunks(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    if (typeof text !== 'string') typeError('trainWordPiece', 'texts', 'strings', text);
    for (const chunk of text.split(SPACES)) {
      const count = counts.get(chunk);
      counts.set(count === undefined ? ownString(chunk) : chunk, (count ?? 0) + 1);
    }
  }
  return counts;
}

/** Counts every word of the texts. */
function countWords(texts: Iterable<string>, lowercase: boolean): Map<string, number> {
  const tokenizer = new JsonTokenizer(wordPieceJson(SPECIAL_TOKENS, { lowercase }));
  const counts = new Map<string, number>();
  for (const [chunk, count] of countChunks(texts)) {
    for (const word of tokenizer.wordsOf(chunk)) counts.set(word, (counts.get(word) ?? 0) + count);
  }
  return counts;
}

/**
 * Trains a WordPiece vocabulary: special tokens, single characters, then pieces in the order of
 * their merging. The same texts give the same vocabulary.
 *
 * @param texts texts to count pieces in; a generator of them need not hold all at once
 * @param options size, minFrequency, lowercase
 * @returns tokens by id; `wordPieceJson` makes a tokenizer's file of them
 * @throws {RangeError} if the texts hold no word
 * @see https://arxiv.org/abs/1609.08144
 * @example const tokenizer = new JsonTokenizer(wordPieceJson(trainWordPiece(texts)));
 */
export function trainWordPiece(texts: Iterable<string>, options?: WordPieceOptions): string[] {
  if (typeof texts === 'string' || typeof texts?.[Symbol.iterator] !== 'function') {
    typeError('trainWordPiece', 'texts', 'an array or another iterable of strings', texts);
  }
  const reader = readOptions('trainWordPiece', options);
  const lowercase = reader.read('lowercase', checkFlag, true);
  const size = reader.read('size', integerIn(SPECIAL_TOKENS.length + 1, MAX_PAIR_PIECES), 4096);
  const minFrequency = reader.read('minFrequency', integerIn(1), 2);
  reader.done();
  const counts = countWords(texts, lowercase);
  if (counts.size === 0) rangeError('trainWordPiece', 'texts', 'with at least one word', texts);
  return mergePieces(counts, { size, minFrequency });
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
