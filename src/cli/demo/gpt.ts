/** The pre-trained GPT on Moby-Dick: validated, generating, and compared with bigram counts. */

import { bigramLoss } from '../../../bench/studies/bigram-loss.js';
import { type Book, splitBook } from '../../../build/samples/book-split.js';
import { CharacterTokenizer } from '../../data/text/characters.js';
import { GPT } from '../../models/index.js';
import { log, manualSeed, mul, noGrad, slice, softmax, sum, tensor, tidy } from '../../nn/index.js';
import { readSample } from '../../terminal/package-files.js';

/** Beginning of the generated texts. */
export const PROMPT = 'The whale ';
/** Characters that are generated before training, and after. */
const BEFORE = 120;
const AFTER = 500;
const TEMPERATURE = 0.5;

/** Loads the book that comes with the package. */
export function loadBook(): Book {
  return splitBook(new TextDecoder().decode(readSample('moby-dick/moby-dick.txt')));
}

/** Generates a text. */
export function writeText(gpt: GPT, seed: number, length = AFTER): string {
  return PROMPT + gpt.generate(PROMPT, { maxNewTokens: length, temperature: TEMPERATURE, seed });
}

/** Generates a text by the network before its training. */
export function writeUntrained({ tokenizer, config }: GPT, seed: number): string {
  manualSeed(seed);
  const fresh = new GPT(tokenizer, config);
  const text = writeText(fresh, seed, BEFORE);
  fresh.dispose();
  return text;
}

/** Returns the most probable next characters after a prompt, with their probabilities. */
export function nextCharacters(gpt: GPT, prompt: string, count: number): [string, number][] {
  const ids = gpt.tokenizer.encode(prompt);
  const probabilities = tidy(() =>
    noGrad(() => softmax(slice(gpt.forward(ids), 1, ids.length - 1)).toArray()),
  );
  const ranked = Array.from(probabilities, (p, id) => [gpt.tokenizer.decode([id]), p] as const);
  ranked.sort((a, b) => b[1] - a[1]);
  return ranked.slice(0, count).map(([character, p]) => [character, p]);
}

/** Computes the loss of bigram counts on the held-out part of the book, in nats per character. */
export function countBigrams(book: Book): number {
  return bigramLoss({ log, mul, sum, tensor, tidy, CharacterTokenizer }, book);
}
