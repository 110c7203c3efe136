/** Captions as words: one token for each that the training captions have. */

import { rangeError, typeError } from '../../core/validation.js';
import type { Tokenizer } from './characters.js';

/** Letters and digits that stand together, in lower case. */
function wordsOf(text: string): string[] {
  return (
    text
      .normalize('NFC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

/**
 * One token a word. The first two tokens mark the start and the end of a text; they are nobody's
 * words, and `encode` leaves them to who needs them.
 */
export class WordTokenizer implements Tokenizer {
  /** All tokens by number, `<start>` and `<end>` first. */
  readonly tokens: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;

  /** @param words all that there are, each once */
  constructor(words: readonly string[]) {
    this.tokens = [...SPECIAL, ...words];
    this.#numbers = new Map(this.tokens.map((word, number) => [word, number]));
    if (this.#numbers.size !== this.tokens.length || words.length === 0) {
      rangeError('WordTokenizer', 'words', 'at least one word, each once', words);
    }
  }

  /** The words of some texts, in the order of their code points. */
  static fromTexts(texts: readonly string[]): WordTokenizer {
    for (const [i, text] of texts.entries()) {
      if (typeof text !== 'string') typeError('WordTokenizer', `texts[${i}]`, 'a string', text);
    }
    const words = [...new Set(texts.flatMap(wordsOf))];
    return new WordTokenizer(words.sort((a, b) => (a < b ? -1 : 1)));
  }

  get size(): number {
    return this.tokens.length;
  }

  /** Token numbers; a word that the training texts did not have is left out. */
  encode(text: string): number[] {
    return wordsOf(text).flatMap((word) => this.#numbers.get(word) ?? []);
  }

  decode(ids: ArrayLike<number>): string {
    return Array.from(ids, (id) => (id < SPECIAL.length ? '' : (this.tokens[id] ?? '')))
      .filter(Boolean)
      .join(' ');
  }
}

const SPECIAL = ['<start>', '<end>'] as const;
