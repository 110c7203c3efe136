/** Counts pairs of characters: a baseline of language models of characters. */

import type { Book } from '../../build/samples/book-split.js';
import type * as models from '../../src/models/index.js';
import type * as nn from '../../src/nn/index.js';

/** Public functions, imported from wherever they are. */
export type BigramApi = Pick<typeof nn, 'log' | 'mul' | 'sum' | 'tensor' | 'tidy'> &
  Pick<typeof models, 'CharacterTokenizer'>;

/**
 * Computes the loss of bigram counts on the held-out part: each character's probability after the one
 * before it, as often as the training text has the pair, and once more.
 *
 * @returns nats per character
 */
export function bigramLoss(
  { log, mul, sum, tensor, tidy, CharacterTokenizer }: BigramApi,
  { text, training, validation }: Book,
): number {
  const tokenizer = CharacterTokenizer.fromText(text);
  const { size } = tokenizer;
  const pairs = (part: string, start: number): Float32Array => {
    const counts = new Float32Array(size * size).fill(start);
    const ids = tokenizer.encode(part);
    for (let i = 1; i < ids.length; i++) {
      const pair = (ids[i - 1] as number) * size + (ids[i] as number);
      counts[pair] = (counts[pair] as number) + 1;
    }
    return counts;
  };
  const seen = pairs(training, 1);
  for (let row = 0; row < size; row++) {
    const ofRow = seen.subarray(row * size, (row + 1) * size);
    const total = ofRow.reduce((all, value) => all + value, 0);
    ofRow.forEach((value, i) => {
      ofRow[i] = value / total;
    });
  }
  const held = pairs(validation, 0);
  const nats = tidy(() => sum(mul(log(tensor(seen)), tensor(held))).item());
  return -nats / held.reduce((all, value) => all + value, 0);
}
