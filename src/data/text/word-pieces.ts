/**
 * WordPiece, BERT's tokens (Schuster and Nakajima, 2012): words are cut into the longest pieces
 * that a vocabulary has; a piece within a word begins with `##`. The vocabulary is trained by
 * merging, again and again, the two neighboring pieces that stand together most often.
 */

import { PiecePairs } from './piece-pairs.js';

/** BERT's tokens with a meaning of their own, in the order in which a new vocabulary begins. */
export const SPECIAL_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const;

/** Begins a piece within a word. */
export const PREFIX = '##';
/** Longer words are unknown as a whole, as in BERT. */
export const MAX_WORD_LENGTH = 100;
/** Most frequent characters that a vocabulary begins with. */
const MAX_CHARACTERS = 1000;

/** Lists the most frequent characters of words, first ones and others, by code point. */
function alphabetOf(words: ReadonlyMap<string, number>, max: number): string[] {
  const counts = new Map<string, number>();
  for (const [word, count] of words) {
    for (const [i, character] of [...word].entries()) {
      const piece = i === 0 ? character : PREFIX + character;
      counts.set(piece, (counts.get(piece) ?? 0) + count);
    }
  }
  const byCode = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || byCode(a, b))
    .slice(0, Math.min(max, MAX_CHARACTERS))
    .map(([piece]) => piece)
    .sort(byCode);
}

/**
 * Merges pieces of words: special tokens, single characters, then pieces in the order of their
 * merging.
 *
 * @param counts words by how often they are there
 * @returns tokens by id
 */
export function mergePieces(
  counts: ReadonlyMap<string, number>,
  { size, minFrequency }: { size: number; minFrequency: number },
): string[] {
  const vocabulary: string[] = [
    ...SPECIAL_TOKENS,
    ...alphabetOf(counts, size - SPECIAL_TOKENS.length),
  ];
  const ids = new Map(vocabulary.map((piece, id) => [piece, id]));
  const pairs = new PiecePairs(minFrequency);
  for (const [word, count] of counts) {
    const characters = [...word];
    if (characters.length > MAX_WORD_LENGTH) continue;
    const pieces = characters.map((c, i) => ids.get(i === 0 ? c : PREFIX + c));
    if (pieces.includes(undefined)) continue;
    pairs.add(pieces as number[], count);
  }
  while (vocabulary.length < size) {
    const found = pairs.take();
    if (found === undefined) break;
    const { first, second, words } = found;
    const piece = `${vocabulary[first]}${(vocabulary[second] as string).slice(PREFIX.length)}`;
    // Two pairs may give the same piece: it has its id already.
    let id = ids.get(piece);
    if (id === undefined) {
      id = vocabulary.push(piece) - 1;
      ids.set(piece, id);
    }
    for (const word of words) pairs.merge(word, first, second, id);
  }
  return vocabulary;
}
