/** Training of WordPiece against merging that counts all pairs again each time. */

import { trainWordPiece } from 'nearfar/models';
import { same, suite } from '../../harness.js';

const test = suite('merging of pieces');

const SPECIALS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const nameOf = (character: string, i: number): string => (i === 0 ? character : `##${character}`);

/** Vocabulary of words of the letters a to z: what `trainWordPiece` documents, step by step. */
function reference(words: readonly string[], size: number, minFrequency: number): string[] {
  const spelled = words.map((word) => [...word].map(nameOf));
  const vocabulary = [...SPECIALS, ...[...new Set(spelled.flat())].sort()];
  while (vocabulary.length < size) {
    const counts = new Map<string, number>();
    for (const pieces of spelled) {
      for (let i = 0; i + 1 < pieces.length; i++) {
        const pair = `${pieces[i]} ${pieces[i + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const ids = new Map(vocabulary.map((piece, id) => [piece, id]));
    const [best] = [...counts]
      .map(([pair, count]) => {
        const [a = 0, b = 0] = pair.split(' ').map((piece) => ids.get(piece));
        return [pair, count, a, b] as const;
      })
      .sort((p, q) => q[1] - p[1] || p[2] - q[2] || p[3] - q[3]);
    if (best === undefined || best[1] < minFrequency) break;
    const [first, second] = best[0].split(' ') as [string, string];
    const merged = first + second.slice(2);
    if (!vocabulary.includes(merged)) vocabulary.push(merged);
    for (const pieces of spelled) {
      for (let i = 0; i + 1 < pieces.length; i++) {
        if (pieces[i] === first && pieces[i + 1] === second) pieces.splice(i, 2, merged);
      }
    }
  }
  return vocabulary;
}

/** Words of few letters, so that runs of one letter and equal counts are common. */
function randomWords(count: number, letters: string, seed: number): string[] {
  let state = seed;
  const draw = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 16) % n;
  };
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + draw(9) }, () => letters[draw(letters.length)]).join(''),
  );
}

for (const letters of ['ab', 'abc', 'aaaaab', 'abcdefghij']) {
  for (const minFrequency of [1, 2, 5]) {
    test(`letters ${letters}, pairs of at least ${minFrequency}`, () => {
      for (let seed = 1; seed <= 2; seed++) {
        const words = randomWords(50, letters, seed);
        for (const size of [30, 60, 1000]) {
          const expected = reference(words, size, minFrequency);
          same(
            trainWordPiece([words.join(' ')], { size, minFrequency }),
            expected,
            `${seed} ${size}`,
          );
        }
      }
    });
  }
}
