/** Streaming detokenization: text of tokens that are sampled one by one, as `TextStreamer` of transformers. */

import type { Tokenizer } from './tokenizer.js';

/** Tokens before the new ones that a decoder may look at: where a word begins, bytes of a character. */
const LOOK_BACK = 8;

/** Replacement character: a decoder returns it for bytes of an incomplete character. */
const INCOMPLETE = '\uFFFD';

/** Decodes tokens as they come. */
export class TextStreamer {
  readonly #tokenizer: Tokenizer;
  /** The last tokens, and how many of them have become text. */
  #ids: number[];
  #done: number;

  /** @param before tokens whose text is known already */
  constructor(tokenizer: Tokenizer, before: readonly number[]) {
    this.#tokenizer = tokenizer;
    this.#ids = before.slice(-LOOK_BACK);
    this.#done = this.#ids.length;
  }

  /** Adds a token and returns the text that it adds; none while a character is incomplete. */
  push(id: number): string {
    this.#ids.push(id);
    const known = this.#tokenizer.decode(this.#ids.slice(0, this.#done));
    const text = this.#tokenizer.decode(this.#ids);
    if (text.endsWith(INCOMPLETE) && this.#ids.length - this.#done < LOOK_BACK) return '';
    this.#ids = this.#ids.slice(-LOOK_BACK);
    this.#done = this.#ids.length;
    return text.slice(known.length);
  }
}
