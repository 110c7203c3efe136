/**
 * The class of sentence encoders, with the constructor of new ones. Encoders that are loaded or
 * distilled are of its base, and instances of it all the same.
 */

import { createParts, type NewSentenceOptions, type NewSentenceSource } from './create.js';
import { BaseSentenceEncoder } from './encoder.js';

/**
 * Turns texts to rows of numbers whose similarity is that of their meanings.
 *
 * A text's row has the same bits alone, in any batch, on every runtime and with any number of
 * threads. Comes from `loadSentenceEncoder`.
 *
 * @example
 * const encoder = loadSentenceEncoder(files);
 * const rows = encoder.encode(['How do I reset my password?', 'Forgot my login']);
 */
export class SentenceEncoder extends BaseSentenceEncoder {
  /**
   * Makes an encoder with random weights, which `train` trains.
   *
   * @param source texts that its tokens are learned from, the more of them the better; or a
   *   tokenizer, as `JsonTokenizer` reads it from a `tokenizer.json`
   * @param options kind, width, vocabularySize, lowercase, seed
   * @throws {TypeError | RangeError} if an argument is not valid
   * @example const encoder = new SentenceEncoder(texts, { width: 256 });
   */
  constructor(source: NewSentenceSource, options?: NewSentenceOptions) {
    super(createParts(source, options));
  }

  /** @internal */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a class that extends this one has its own instances
    const of = this === SentenceEncoder ? BaseSentenceEncoder : this;
    return Function.prototype[Symbol.hasInstance].call(of, value);
  }
}
