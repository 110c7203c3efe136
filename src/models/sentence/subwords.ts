/**
 * Character n-grams of tokens (Bojanowski et al., 2017, https://arxiv.org/abs/1607.04606). While a
 * new static encoder is trained, the row of a token is the sum of a row of its own and of those of
 * its n-grams, so that what is learned of a word holds for words spelled like it, and for tokens
 * that no pair has. The sums are what the encoder keeps: a plain table.
 */

import sentence from '#wasm/sentence';
import { kernels } from '../../core/kernels.js';
import { f32, type Pointer, scoped } from '../../core/memory.js';
import { STREAMS } from '../../core/streams.js';
import { logarithm } from '../../nn/deterministic-math.js';
import { TABLE_TYPES } from './weights.js';

/** Rows that make up the row of each token. */
export interface Subwords {
  /** Token t is the sum of rows features[offsets[t]] to features[offsets[t + 1] - 1]. */
  offsets: Int32Array;
  /** Row t is a token's own, those from the number of tokens on belong to n-grams. */
  features: Int32Array;
  /** Standard deviation of each row when it is drawn. */
  stds: Float32Array;
  /** Seed of the random rows. */
  seed: number;
}

/** Texts that a tokenizer was learned from, as far as their words tell. */
export interface WordCounts {
  /** Number of texts. */
  texts: number;
  /** Number of texts that each word is in. */
  words: ReadonlyMap<string, number>;
}

/** Lengths of n-grams, with `<` at the start of a word and `>` at its end. */
const LENGTHS = [3, 4, 5];
/** N-grams with a row of their own; further ones share those. */
const MAX_GRAMS = 2 ** 16;

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** Letters of a token, with the ends of its word where they are known. */
function spell(token: string, isWord: boolean): string {
  if (token.startsWith('##')) return token.slice(2);
  const text = token.replace(/^[\u2581\u0120]/, '');
  return `<${text}${isWord ? '>' : ''}`;
}

/** Indices in a text before its first character, and behind each. */
function characterEnds(text: string): number[] {
  const ends = [0];
  let at = 0;
  for (const character of text) {
    at += character.length;
    ends.push(at);
  }
  return ends;
}

/**
 * Lists the rows of each token.
 *
 * @param tokens tokens by their numbers; undefined for those without letters, as special ones
 * @param counts words of the texts that the tokens were learned from, if they were
 */
export function listSubwords(
  tokens: readonly (string | undefined)[],
  counts: WordCounts | undefined,
  seed: number,
): Subwords {
  const count = tokens.length;
  const frequencies: number[] = [];
  const grams = new Map<string, number>();
  const offsets = new Int32Array(count + 1);
  const features: number[] = [];
  tokens.forEach((token, t) => {
    features.push(t);
    if (token !== undefined) {
      const texts = counts?.words.get(token);
      const text = spell(token, texts !== undefined);
      const ends = characterEnds(text);
      for (const length of LENGTHS) {
        for (let i = 0; i + length < ends.length; i++) {
          const gram = text.slice(ends[i], ends[i + length]);
          let row = grams.get(gram);
          if (row === undefined) {
            row = grams.size < MAX_GRAMS ? grams.size : hash(gram) % MAX_GRAMS;
            if (grams.size < MAX_GRAMS) grams.set(gram, row);
          }
          frequencies[row] = (frequencies[row] ?? 0) + (texts ?? 0);
          features.push(count + row);
        }
      }
    }
    offsets[t + 1] = features.length;
  });
  const stds = new Float32Array(count + grams.size);
  tokens.forEach((token, t) => {
    const texts = token === undefined ? undefined : counts?.words.get(token);
    // Pieces make up the words that the texts don't have: they weigh as much as the rarest word, so
    // that such a word is found where it stands again.
    stds[t] = initialStd(counts, texts ?? 0);
  });
  frequencies.forEach((texts, gram) => {
    stds[count + gram] = initialStd(counts, texts);
  });
  return { offsets, features: Int32Array.from(features), stds, seed };
}

/**
 * Standard deviation of a row that so many texts have: by the inverse document frequency, so that
 * an untrained encoder ranks nearly as BM25 does. About 1 on average.
 */
function initialStd(counts: WordCounts | undefined, texts: number): number {
  if (counts === undefined) return 1;
  const n = counts.texts + 1;
  return (logarithm(n / (Math.min(texts, counts.texts) + 1)) + 0.3) / 4;
}

/** Draws the first rows from normal distributions. */
export function drawRows(at: Pointer, { stds, seed }: Subwords, cols: number): void {
  const [low, high] = [seed | 0, Math.floor(seed / 2 ** 32)];
  const core = kernels(sentence);
  core.fillNormal(at, stds.length * cols, 0, 1, low, high, STREAMS.tableRows, 0);
  stds.forEach((std, row) => {
    const first = at / 4 + row * cols;
    if (std === 0) f32().fill(0, first, first + cols);
    else core.scaleArray(4 * first, cols, std);
  });
}

/** y = rows times a factor each: bags of one row. */
function scaleRows(y: Pointer, x: Pointer, factors: Float32Array, cols: number): void {
  const { length } = factors;
  scoped((scope) => {
    const weights = scope.f32(length);
    f32().set(factors, weights / 4);
    const each = scope.i32From(Int32Array.from({ length: length + 1 }, (_, row) => row));
    const type = TABLE_TYPES.indexOf('F32');
    kernels(sentence).embeddingBags(y, x, type, 0, 0, 0, weights, each, each, length, cols);
  });
}

/** table (tokens, cols) = for each token the sum of its rows. */
export function foldRows(
  table: Pointer,
  rows: Pointer,
  { offsets, features }: Subwords,
  cols: number,
): void {
  const tokens = offsets.length - 1;
  const core = kernels(sentence);
  const type = TABLE_TYPES.indexOf('F32');
  scoped((scope) => {
    const ids = scope.i32From(features);
    const means = scope.f32(tokens * cols);
    const lists = [ids, scope.i32From(offsets)] as const;
    core.embeddingBags(means, rows, type, 0, 0, 0, 0, ...lists, tokens, cols);
    const count = (t: number): number => (offsets[t + 1] as number) - (offsets[t] as number);
    scaleRows(
      table,
      means,
      Float32Array.from({ length: tokens }, (_, t) => count(t)),
      cols,
    );
  });
}
