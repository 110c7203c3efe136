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

/**
 * Rows that make up the row of each token. A row stands for all features, a token's own and n-grams,
 * that the same tokens have: Adam would move them alike, so one row times their number is their sum.
 */
export interface Subwords {
  /** Token t is the sum of rows features[e] times factors[e], e from offsets[t] to offsets[t + 1]. */
  offsets: Int32Array;
  features: Int32Array;
  /** Features that a row stands for, counted as often as the token has them. */
  factors: Float32Array;
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

/** Features of each token, a token's own and n-grams, before equal ones are merged. */
interface Features {
  /** Token t has features ids[offsets[t]] to ids[offsets[t + 1] - 1]. */
  offsets: Int32Array;
  /** Feature t is token t's own, those from the number of tokens on are n-grams. */
  ids: Int32Array;
  /** Standard deviation of the row that each feature would have. */
  stds: Float32Array;
}

function listFeatures(
  tokens: readonly (string | undefined)[],
  counts: WordCounts | undefined,
): Features {
  const count = tokens.length;
  const frequencies: number[] = [];
  const grams = new Map<string, number>();
  const offsets = new Int32Array(count + 1);
  const ids: number[] = [];
  tokens.forEach((token, t) => {
    ids.push(t);
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
          ids.push(count + row);
        }
      }
    }
    offsets[t + 1] = ids.length;
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
  return { offsets, ids: Int32Array.from(ids), stds };
}

/**
 * Numbers features so that those of the same tokens, each as often in all of them, have the same
 * number, in the order in which tokens first have one.
 *
 * @returns number of each feature
 */
function groupFeatures({ offsets, ids, stds }: Features): Int32Array {
  // What a feature's tokens are so far, numbered: a token takes those of a number to the same next one.
  const states = new Int32Array(stds.length);
  const next = new Int32Array(ids.length + 1);
  const takenBy = new Int32Array(ids.length + 1).fill(-1);
  let made = 1;
  for (let t = 0; t + 1 < offsets.length; t++) {
    for (let e = offsets[t] as number; e < (offsets[t + 1] as number); e++) {
      const feature = ids[e] as number;
      const state = states[feature] as number;
      if (takenBy[state] !== t) {
        takenBy[state] = t;
        next[state] = made++;
      }
      states[feature] = next[state] as number;
    }
  }
  const numbers = new Int32Array(made).fill(-1);
  let groups = 0;
  for (const feature of ids) {
    const state = states[feature] as number;
    if ((numbers[state] as number) < 0) numbers[state] = groups++;
  }
  return states.map((state) => numbers[state] as number);
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
  const features = listFeatures(tokens, counts);
  const groups = groupFeatures(features);
  const rows = groups.reduce((max, group) => Math.max(max, group), 0) + 1;
  // A row is the mean of those of its features.
  const members = new Int32Array(rows);
  const variances = new Float64Array(rows);
  groups.forEach((group, feature) => {
    const std = features.stds[feature] as number;
    members[group] = (members[group] as number) + 1;
    variances[group] = (variances[group] as number) + std * std;
  });
  const stds = Float32Array.from(variances, (sum, r) => Math.sqrt(sum) / (members[r] as number));
  const offsets = new Int32Array(tokens.length + 1);
  const merged = new Int32Array(features.ids.length);
  const factors = new Float32Array(features.ids.length);
  const entryOf = new Int32Array(rows).fill(-1);
  let size = 0;
  for (let t = 0; t < tokens.length; t++) {
    const begin = size;
    for (let e = features.offsets[t] as number; e < (features.offsets[t + 1] as number); e++) {
      const row = groups[features.ids[e] as number] as number;
      if ((entryOf[row] as number) < begin) {
        entryOf[row] = size;
        merged[size++] = row;
      }
      const entry = entryOf[row] as number;
      factors[entry] = (factors[entry] as number) + 1;
    }
    offsets[t + 1] = size;
  }
  return { offsets, features: merged.slice(0, size), factors: factors.slice(0, size), stds, seed };
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

/** Has all features drawn with the same standard deviation, whatever number of texts has them. */
export function evenSubwords(subwords: Subwords): Subwords {
  const stds = new Float32Array(subwords.stds.length);
  // A row is the mean of those of its features.
  subwords.features.forEach((row, e) => {
    stds[row] = 1 / Math.sqrt(subwords.factors[e] as number);
  });
  return { ...subwords, stds };
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

/** table (tokens, cols) = for each token the sum of its rows times their factors. */
export function foldRows(
  table: Pointer,
  rows: Pointer,
  { offsets, features, factors }: Subwords,
  cols: number,
): void {
  const tokens = offsets.length - 1;
  scoped((scope) => {
    // The kernel has a factor for each id: each feature of a token is one, mapped to its row.
    const each = scope.i32From(Int32Array.from(features, (_, e) => e));
    const weights = scope.f32(factors.length);
    f32().set(factors, weights / 4);
    const lists = [scope.i32From(features), weights, each, scope.i32From(offsets)] as const;
    const means = scope.f32(tokens * cols);
    const type = TABLE_TYPES.indexOf('F32');
    kernels(sentence).embeddingBags(means, rows, type, 0, 0, ...lists, tokens, cols);
    const count = (t: number): number => (offsets[t + 1] as number) - (offsets[t] as number);
    scaleRows(
      table,
      means,
      Float32Array.from({ length: tokens }, (_, t) => count(t)),
      cols,
    );
  });
}
