/** Text as characters: one token for each that the training text has. */

import { rangeError, typeError } from '../../core/validation.js';

/** What turns text into token numbers and back. */
export interface Tokenizer {
  /** How many tokens there are. */
  readonly size: number;
  encode(text: string): number[];
  decode(ids: ArrayLike<number>): string;
}

/** One token a Unicode character, in the order of their code points. */
export class CharacterTokenizer implements Tokenizer {
  readonly characters: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;

  /** @param characters all that there are, each once */
  constructor(characters: readonly string[]) {
    this.characters = characters;
    this.#numbers = new Map(characters.map((character, number) => [character, number]));
    if (this.#numbers.size !== characters.length || characters.length === 0) {
      const expected = 'at least one character, each once';
      rangeError('CharacterTokenizer', 'characters', expected, characters);
    }
  }

  /** The characters of a text. */
  static fromText(text: string): CharacterTokenizer {
    if (typeof text !== 'string') typeError('CharacterTokenizer', 'text', 'a string', text);
    const points = new Set<number>();
    for (const character of text) points.add(character.codePointAt(0) as number);
    const sorted = [...points].sort((a, b) => a - b);
    return new CharacterTokenizer(sorted.map((point) => String.fromCodePoint(point)));
  }

  get size(): number {
    return this.characters.length;
  }

  /** Token numbers; a character that the training text did not have is left out. */
  encode(text: string): number[] {
    const ids: number[] = [];
    for (const character of text) {
      const number = this.#numbers.get(character);
      if (number !== undefined) ids.push(number);
    }
    return ids;
  }

  decode(ids: ArrayLike<number>): string {
    return Array.from(ids, (id) => this.characters[id] ?? '').join('');
  }
}
