/** Texts to the tokens that an encoder sees: prompts, special tokens, limits. */

import { TokenList } from '../../data/text/pipeline/token-list.js';
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

export class SentenceTokens {
  readonly tokenizer: PipelineTokenizer;
  readonly rules: TokenRules;
  readonly #special: ReadonlySet<number>;
  readonly #list = new TokenList();
  readonly #promptLengths = new Map<string, number>();

  constructor(tokenizer: PipelineTokenizer, rules: TokenRules) {
    this.tokenizer = tokenizer;
    this.rules = rules;
    this.#special = new Set([...tokenizer.specialIds, ...tokenizer.frame.suffix]);
  }

  /** Adds the numbers of the tokens of one text to a list, as the network sees them. */
  append(list: TokenList, text: string): void {
    const { framed, maxTokens = Number.POSITIVE_INFINITY, keeps, maxCharacters } = this.rules;
    const read =
      maxCharacters === undefined ? text : text.slice(0, lengthOfCharacters(text, maxCharacters));
    const { prefix, suffix } = this.tokenizer.frame;
    if (framed) list.pushAll(prefix);
    const room = framed ? Math.max(0, maxTokens - prefix.length - suffix.length) : maxTokens;
    const first = list.length;
    this.tokenizer.append(list, read);
    const more = list.length - first - room;
    if (more > 0 && keeps === 'first') list.truncate(first + room);
    else if (more > 0) list.remove(first, first + more);
    const { unknown } = this.tokenizer.model;
    if (framed) list.pushAll(suffix);
    else if (this.rules.dropsUnknown && unknown !== undefined) list.drop(unknown, first);
  }

  /** Numbers of the tokens of one text, as the network sees them. */
  ids(text: string): readonly number[] {
    const list = this.#list;
    list.truncate(0);
    this.append(list, text);
    return list.toArray();
  }

  /** True if a text has more tokens than the encoder reads. */
  isCut(text: string): boolean {
    const { framed, maxTokens, maxCharacters } = this.rules;
    if (maxTokens === undefined) return false;
    if (maxCharacters !== undefined && lengthOfCharacters(text, maxCharacters) < text.length) {
      return true;
    }
    const { prefix, suffix } = this.tokenizer.frame;
    const room = framed ? maxTokens - prefix.length - suffix.length : maxTokens;
    return this.tokenizer.encode(text).length > room;
  }

  /** Tokens of several texts, one behind the other. */
  batch(texts: readonly string[], prompt: string): TokenBatch {
    const list = new TokenList();
    const offsets = new Int32Array(texts.length + 1);
    texts.forEach((text, i) => {
      this.append(list, prompt + text);
      offsets[i + 1] = list.length;
    });
    return { ids: list.ids, offsets };
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

/** Length of a text in characters. */
function countCharacters(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) {
    if ((text.codePointAt(i) as number) > 0xffff) count--;
  }
  return count;
}

/** Median length of all tokens in characters, rounded down. */
export function medianTokenLength(tokenizer: PipelineTokenizer): number {
  // Tokens of each length.
  const counts: number[] = [];
  let total = 0;
  tokenizer.forEachToken((token) => {
    const length = countCharacters(token);
    counts[length] = (counts[length] ?? 0) + 1;
    total++;
  });
  /** Length of the token that has so many before it. */
  const lengthAt = (index: number): number => {
    let before = 0;
    const found = counts.findIndex((count = 0) => {
      before += count;
      return before > index;
    });
    return found;
  };
  return Math.floor((lengthAt((total - 1) >> 1) + lengthAt(total >> 1)) / 2);
}
