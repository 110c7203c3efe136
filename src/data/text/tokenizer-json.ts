/** The form of a `tokenizer.json` of Hugging Face's: how one is made, and what is not accepted. */

import { rangeError, typeError } from '../../core/validation.js';

/** Content of a `tokenizer.json`. */
export interface TokenizerJson {
  /** Kind of model, vocabulary, and what belongs to it. */
  model: Record<string, unknown>;
  /** Normalizer, pre-tokenizer, post-processor, decoder, added tokens. */
  [part: string]: unknown;
}

/** Makes the entry of a token with a meaning of its own. */
export function specialToken(content: string, id: number): Record<string, unknown> {
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return { id, content, ...plain, special: true };
}

/** Makes a file with these parts; the others are there, empty. */
export function tokenizerJson(
  parts: Readonly<Record<string, unknown>>,
  model: Record<string, unknown>,
): TokenizerJson {
  const empty = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  const head = { version: '1.0', truncation: null, padding: null, added_tokens: [] };
  return { ...head, ...empty, ...parts, model };
}

/** Parts of a file that may be left out. */
const EMPTY_PARTS = {
  ...{ normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null },
  added_tokens: [],
};

/** Tells the type of a model that does not name it, as files of early versions. */
function modelType({ vocab, merges, continuing_subword_prefix: prefix }: Part): string {
  if (merges !== undefined) return 'BPE';
  if (Array.isArray(vocab)) return 'Unigram';
  return prefix === undefined ? 'WordLevel' : 'WordPiece';
}

type Part = Readonly<Record<string, unknown>>;

/** Gives a file all of its parts: those that are left out or null are empty. */
export function withAllParts(json: TokenizerJson): TokenizerJson {
  const given = Object.entries(json).filter(([, part]) => part !== undefined && part !== null);
  const type = json.model.type ?? modelType(json.model);
  const usual =
    type === 'WordPiece'
      ? { continuing_subword_prefix: '##', max_input_chars_per_word: 100, unk_token: '[UNK]' }
      : {};
  return { ...EMPTY_PARTS, ...Object.fromEntries(given), model: { ...usual, ...json.model, type } };
}

/** Largest vocabulary: more is a mistake, or an attack on memory. */
const MAX_TOKENS = 2 ** 24;

/** Ids that no token has, at most, besides as many as there are tokens: each takes time and memory. */
const MAX_GAPS = 100_000;

/** Longest word that WordPiece may be asked to split: its time grows with the square of it. */
const MAX_WORD_CHARACTERS = 1000;

/**
 * Refuses a file that is not valid, or that could make encoding a text take unbounded time.
 * @throws {TypeError | RangeError}
 */
export function checkTokenizerJson(json: unknown): asserts json is TokenizerJson {
  if (typeof json !== 'object' || json === null) {
    typeError('JsonTokenizer', 'json', 'the object in a tokenizer.json', json);
  }
  const { model, added_tokens: added } = json as Partial<TokenizerJson>;
  if (typeof model !== 'object' || model === null) {
    rangeError('JsonTokenizer', 'json', 'with a model', model);
  }
  const { vocab, max_input_chars_per_word: longest } = model;
  const own = typeof vocab === 'object' && vocab !== null ? vocab : {};
  const ids: unknown[] = Array.isArray(own) ? [own.length] : Object.values(own);
  for (const token of Array.isArray(added) ? added : []) {
    if (token?.content === '') rangeError('JsonTokenizer', 'json', 'without empty tokens', '');
    ids.push(token?.id);
  }
  const max = Math.min(MAX_TOKENS, 2 * ids.length + MAX_GAPS) - 1;
  for (const id of ids) {
    if (Number.isInteger(id) && (id as number) >= 0 && (id as number) <= max) continue;
    const expected = `with ids from 0 to ${max}, for ${ids.length} tokens`;
    rangeError('JsonTokenizer', 'json', expected, id);
  }
  if (typeof longest === 'number' && longest > MAX_WORD_CHARACTERS) {
    const expected = `with max_input_chars_per_word of at most ${MAX_WORD_CHARACTERS}`;
    rangeError('JsonTokenizer', 'json', expected, longest);
  }
  checkPatterns(json);
}

/** Refuses regular expressions that may try a number of ways that grows exponentially. */
function checkPatterns(part: unknown): void {
  if (typeof part !== 'object' || part === null) return;
  for (const [key, value] of Object.entries(part)) {
    // The vocabulary holds no patterns, and is large.
    if (key === 'vocab' || key === 'merges') continue;
    if (key === 'Regex' && typeof value === 'string' && isExponential(value)) {
      const expected = 'with regular expressions that repeat nothing that is repeated within';
      rangeError('JsonTokenizer', 'json', expected, value);
    }
    checkPatterns(value);
  }
}

/** Reads a quantifier: its length, and whether it repeats more than once, without a bound or not. */
function quantifierAt(pattern: string, at: number): { length: number; repeats: boolean } {
  const [text = ''] = /^(?:[*+?]|\{\d*(?:,\d*)?\})[+?]?/.exec(pattern.slice(at, at + 32)) ?? [];
  const repeats = text !== '' && !/^\?|^\{[01](?:,[01]?)?\}/.test(text);
  return { length: text.length, repeats: repeats || /^\{\d*,\}/.test(text) };
}

/**
 * Tells whether a pattern repeats a group within which something is repeated, optional or one of
 * several: `(a+)+`, `(a|a)*`. Matching such a pattern may take exponential time.
 */
export function isExponential(pattern: string): boolean {
  // Whether each open group has something in it that matches in more than one way.
  const groups = [false];
  let at = 0;
  while (at < pattern.length) {
    const character = pattern[at] as string;
    let ambiguous = false;
    if (character === '(') {
      groups.push(false);
      at += 1;
      // The ? of "(?" is not a quantifier.
      if (pattern[at] === '?') at += 1;
      continue;
    }
    if (character === '|') groups[groups.length - 1] = true;
    if (character === '\\') {
      const end = /^\\[pP]\{/.test(pattern.slice(at, at + 3)) ? pattern.indexOf('}', at) : -1;
      at = Math.max(at + 2, end + 1);
    } else if (character === '[') {
      for (at += 1; at < pattern.length && pattern[at] !== ']'; at++) {
        if (pattern[at] === '\\') at++;
      }
      at += 1;
    } else {
      if (character === ')' && groups.length > 1) ambiguous = groups.pop() as boolean;
      at += 1;
    }
    const { length, repeats } = quantifierAt(pattern, at);
    if (repeats && ambiguous) return true;
    const isFixed = /^\{\d+\}$/.test(pattern.slice(at, at + length));
    if ((length > 0 && !isFixed) || ambiguous) groups[groups.length - 1] = true;
    at += length;
  }
  return false;
}
