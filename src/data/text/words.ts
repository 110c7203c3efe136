/** Captions as words: one token for each that the training captions have. */

import { checkString, rangeError } from '../../core/validation.js';
import { checkTexts, type Tokenizer } from './tokenizer.js';
import { specialToken, type TokenizerJson, tokenizerJson } from './tokenizer-json.js';

/** Tokens at the start and the end of a text. */
const SPECIAL = ['<start>', '<end>'] as const;

/** Letters and digits that stand together. */
const WORD = '[\\p{L}\\p{N}]+';

function wordsOf(text: string): string[] {
  return text.normalize('NFC').toLowerCase().match(new RegExp(WORD, 'gu')) ?? [];
}

/**
 * Tokenizer of whole words in lower case. The first two tokens mark the start and the end of a text;
 * `encode` does not add them.
 *
 * @example WordTokenizer.fromTexts(['a red cat']).encode('Red dog'); // [4]
 */
export class WordTokenizer implements Tokenizer {
  /** Tokens by id, `<start>` and `<end>` first. */
  readonly tokens: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;

  /**
   * @param words all words, each once
   * @throws {RangeError} if there is none, or one twice
   */
  constructor(words: readonly string[]) {
    checkTexts('WordTokenizer', 'words', words);
    this.tokens = [...SPECIAL, ...words];
    this.#ids = new Map(this.tokens.map((word, id) => [word, id]));
    if (this.#ids.size !== this.tokens.length || words.length === 0) {
      rangeError('WordTokenizer', 'words', 'at least one word, each once', words);
    }
  }

  /**
   * Makes a tokenizer of the words that some texts have, in the order of their code units.
   * @param texts texts with at least one word
   * @returns the tokenizer
   * @throws {TypeError | RangeError} if they are not texts, or have no word
   */
  static fromTexts(texts: readonly string[]): WordTokenizer {
    checkTexts('WordTokenizer', 'texts', texts);
    const words = [...new Set(texts.flatMap(wordsOf))];
    return new WordTokenizer(words.sort((a, b) => (a < b ? -1 : 1)));
  }

  /** Number of tokens. */
  get size(): number {
    return this.tokens.length;
  }

  /**
   * Splits a text into token ids; a word that the training texts did not have is left out.
   * @param text text
   * @returns ids of its tokens
   * @throws {TypeError} if it is not a string
   */
  encode(text: string): number[] {
    const words = wordsOf(checkString('encode', 'text', text));
    return words.flatMap((word) => this.#ids.get(word) ?? []);
  }

  /**
   * Joins the words of ids by spaces; start, end and unknown ids are left out.
   * @param ids token ids
   * @returns their text
   */
  decode(ids: ArrayLike<number>): string {
    return Array.from(ids, (id) => (id < SPECIAL.length ? '' : (this.tokens[id] ?? '')))
      .filter(Boolean)
      .join(' ');
  }

  /**
   * Makes the `tokenizer.json` of the same tokens. A model of words there must have a token for
   * unknown ones, so the pre-tokenizer drops them: it keeps the known words alone.
   * @returns the object in the file
   */
  toJson(): TokenizerJson {
    const vocab = Object.fromEntries(this.tokens.map((token, id) => [token, id]));
    const keep = (Regex: string): object => {
      return { type: 'Split', pattern: { Regex }, behavior: 'Removed', invert: true };
    };
    const known = `^(?:${this.tokens.slice(SPECIAL.length).join('|')})$`;
    const sequence = (key: string, parts: object[]): object => ({ type: 'Sequence', [key]: parts });
    const [start, end] = SPECIAL;
    const template = (token: string): object => ({ SpecialToken: { id: token, type_id: 0 } });
    const text = { Sequence: { id: 'A', type_id: 0 } };
    const single = [template(start), text, template(end)];
    const parts = {
      added_tokens: SPECIAL.map((token, id) => specialToken(token, id)),
      normalizer: sequence('normalizers', [{ type: 'NFC' }, { type: 'Lowercase' }]),
      pre_tokenizer: sequence('pretokenizers', [keep(WORD), keep(known)]),
      post_processor: {
        type: 'TemplateProcessing',
        single,
        pair: [...single, { Sequence: { id: 'B', type_id: 1 } }, template(end)],
        special_tokens: Object.fromEntries(
          SPECIAL.map((token, id) => [token, { id: token, ids: [id], tokens: [token] }]),
        ),
      },
    };
    return tokenizerJson(parts, { type: 'WordLevel', vocab, unk_token: start });
  }
}
