/** Text as characters: one token for each that the training text has. */

import { checkString, rangeError } from '../../core/validation.js';
import { charactersOf, checkTexts, type Tokenizer } from './tokenizer.js';
import { type TokenizerJson, tokenizerJson } from './tokenizer-json.js';

/**
 * Tokenizer of single Unicode characters; the ids follow the order of their code points.
 *
 * @example CharacterTokenizer.fromText('near and far').encode('fad'); // [4, 1, 2]
 */
export class CharacterTokenizer implements Tokenizer {
  /** Characters by id. */
  readonly characters: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;

  /**
   * @param characters all characters, each once
   * @throws {RangeError} if there is none, or one twice
   */
  constructor(characters: readonly string[]) {
    checkTexts('CharacterTokenizer', 'characters', characters);
    this.characters = characters;
    this.#ids = new Map(characters.map((character, id) => [character, id]));
    if (this.#ids.size !== characters.length || characters.length === 0) {
      const expected = 'at least one character, each once';
      rangeError('CharacterTokenizer', 'characters', expected, characters);
    }
  }

  /**
   * Makes a tokenizer of the characters that a text has.
   * @param text text with at least one character
   * @returns the tokenizer
   * @throws {TypeError | RangeError} if it is not a string, or an empty one
   */
  static fromText(text: string): CharacterTokenizer {
    return new CharacterTokenizer(charactersOf([checkString('CharacterTokenizer', 'text', text)]));
  }

  /** Number of characters. */
  get size(): number {
    return this.characters.length;
  }

  /**
   * Splits a text into token ids; characters that the training text did not have
   * are dropped.
   * @param text text
   * @returns ids of its tokens
   * @throws {TypeError} if it is not a string
   */
  encode(text: string): number[] {
    const ids: number[] = [];
    for (const character of checkString('encode', 'text', text)) {
      const id = this.#ids.get(character);
      if (id !== undefined) ids.push(id);
    }
    return ids;
  }

  /**
   * Joins the characters of ids; unknown ids are left out.
   * @param ids token ids
   * @returns their text
   */
  decode(ids: ArrayLike<number>): string {
    return Array.from(ids, (id) => this.characters[id] ?? '').join('');
  }

  /**
   * Makes the `tokenizer.json` of the same tokens: byte-pair encoding without a merge.
   * @returns the object in the file
   */
  toJson(): TokenizerJson {
    const vocab = Object.fromEntries(this.characters.map((character, id) => [character, id]));
    const model = { type: 'BPE', unk_token: null, fuse_unk: false, vocab, merges: [] };
    return tokenizerJson({ decoder: { type: 'Fuse' } }, model);
  }
}
