/** The interface of all tokenizers. */

import { rangeError, typeError } from '../../core/validation.js';

/** Turns text into token ids and back. */
export interface Tokenizer {
  /** Number of tokens. */
  readonly size: number;
  /**
   * Splits a text into token ids; no tokens are added at its start or end.
   * @param text text
   * @returns ids of its tokens
   */
  encode(text: string): number[];
  /**
   * Joins token ids to text.
   * @param ids token ids
   * @returns their text
   */
  decode(ids: ArrayLike<number>): string;
}

/** Tells whether a value is a tokenizer, ours or of the caller's own. */
export function isTokenizer(value: unknown): value is Tokenizer {
  const { encode, decode, size } = (value ?? {}) as Partial<Tokenizer>;
  return typeof encode === 'function' && typeof decode === 'function' && typeof size === 'number';
}

/** Checks a tokenizer, ours or of the caller's own. */
export function checkTokenizer(name: string, argument: string, value: unknown): Tokenizer {
  if (isTokenizer(value)) return value;
  typeError(name, argument, 'a tokenizer', value);
}

/** Checks a list of texts. */
export function checkTexts(
  name: string,
  argument: string,
  texts: unknown,
): asserts texts is readonly string[] {
  if (!Array.isArray(texts)) typeError(name, argument, 'an array of strings', texts);
  const bad = texts.findIndex((text) => typeof text !== 'string');
  if (bad >= 0) typeError(name, `${argument}[${bad}]`, 'a string', texts[bad]);
}

/** Checks one text or many, at least one, and gives them as a list. */
export function checkTextList(name: string, texts: unknown, argument = 'texts'): readonly string[] {
  const list = typeof texts === 'string' ? [texts] : texts;
  if (!Array.isArray(list)) typeError(name, argument, 'a string or an array of strings', texts);
  if (list.length === 0) rangeError(name, argument, 'at least one text', list);
  checkTexts(name, argument, list);
  return list;
}

/** Halves of characters past U+FFFF without the other half: no file can hold them. */
const LONE_SURROGATES = /[\ud800-\udfff]/gu;

/** Lists the characters of some texts, each once, in the order of their code points. */
export function charactersOf(texts: Iterable<string>): string[] {
  const characters = new Set<string>();
  // One by one: a large text as an array would not fit memory.
  for (const text of texts) for (const character of text) characters.add(character);
  return [...characters]
    .filter((character) => character.search(LONE_SURROGATES) < 0)
    .sort((a, b) => (a.codePointAt(0) as number) - (b.codePointAt(0) as number));
}
