/** Texts to the tokens that an encoder sees: prompts, special tokens, limits. */

import { lengthOfCharacters, type PipelineTokenizer } from '../../data/text/pipeline/tokenizer.js';
import type { TokenBatch } from './transformer.js';

/** Rules by which a text becomes tokens. */
export interface TokenRules {
  /** True if the tokenizer's special tokens are put around those of a text. */
  framed: boolean;
  /** Tokens at most, the tokenizer's own among them; undefined for any number. */
  maxTokens: number | undefined;
  /** Tokens that are kept of a text that has more. */
  keeps: 'first' | 'last';
  /** True if unknown tokens count. */
  dropsUnknown: boolean;
  /** Characters of a text that are read at all; undefined for all. */
  maxCharacters: number | undefined;
}

/** Number of tokens whose numbers are kept of a text. */
function cut(ids: readonly number[], room: number, keeps: 'first' | 'last'): readonly number[] {
  if (ids.length <= room) return ids;
  return keeps === 'first' ? ids.slice(0, room) : ids.slice(ids.length - room);
}

export class SentenceTokens {
  readonly tokenizer: PipelineTokenizer;
  readonly rules: TokenRules;
  readonly #special: ReadonlySet<number>;
  readonly #promptLengths = new Map<string, number>();

  constructor(tokenizer: PipelineTokenizer, rules: TokenRules) {
    this.tokenizer = tokenizer;
    this.rules = rules;
    this.#special = new Set([...tokenizer.specialIds, ...tokenizer.frame.suffix]);
  }

  /** Numbers of the tokens of one text, as the network sees them. */
  ids(text: string): readonly number[] {
    const { framed, maxTokens = Number.POSITIVE_INFINITY, keeps, maxCharacters } = this.rules;
    const read =
      maxCharacters === undefined ? text : text.slice(0, lengthOfCharacters(text, maxCharacters));
    const ids = this.tokenizer.encode(read);
    if (framed) {
      const { prefix, suffix } = this.tokenizer.frame;
      const room = Math.max(0, maxTokens - prefix.length - suffix.length);
      return [...prefix, ...cut(ids, room, keeps), ...suffix];
    }
    const kept = cut(ids, maxTokens, keeps);
    const { unknown } = this.tokenizer.model;
    return this.rules.dropsUnknown ? kept.filter((id) => id !== unknown) : kept;
  }

  /** Tokens of several texts, one behind the other. */
  batch(texts: readonly string[], prompt: string): TokenBatch {
    const lists = texts.map((text) => this.ids(prompt + text));
    return joinTokens(lists);
  }

  /** Tokens that a prompt takes at the beginning of a text. */
  promptLength(prompt: string): number {
    if (prompt === '') return 0;
    let length = this.#promptLengths.get(prompt);
    if (length === undefined) {
      const ids = this.ids(prompt);
      length = ids.length - Number(this.#special.has(ids.at(-1) ?? -1));
      this.#promptLengths.set(prompt, length);
    }
    return length;
  }
}

/** Lists of tokens, one behind the other. */
export function joinTokens(lists: readonly (readonly number[])[]): TokenBatch {
  const offsets = new Int32Array(lists.length + 1);
  lists.forEach((list, i) => {
    offsets[i + 1] = (offsets[i] as number) + list.length;
  });
  const ids = new Int32Array(offsets[lists.length] as number);
  lists.forEach((list, i) => {
    ids.set(list, offsets[i]);
  });
  return { ids, offsets };
}

/** Median length of all tokens in characters, rounded down. */
export function medianTokenLength(tokenizer: PipelineTokenizer): number {
  const lengths = Array.from(tokenizer.vocabulary.keys(), (token) => [...token].length);
  lengths.sort((a, b) => a - b);
  const middle = lengths.length >> 1;
  const upper = lengths[middle] as number;
  return lengths.length % 2 === 1
    ? upper
    : Math.floor(((lengths[middle - 1] as number) + upper) / 2);
}
