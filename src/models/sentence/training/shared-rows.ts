/**
 * Chooses how large the rows of a new static encoder are before it learns from pairs. At random they
 * find texts that have the same words. Where the texts of a pair share words that is worth much;
 * where they don't, as in translations, it is noise that training has to drown.
 */

import { exponential, logarithm } from '../../../nn/deterministic-math.js';
import type { Subwords } from '../subwords.js';
import type { TextPair } from './data.js';
import { LEXICAL, lexicalAccuracy } from './lexical.js';
import type { TokenIds } from './network.js';

/** Texts that the average of all rows counts for, added to those that have a row. */
const PRIOR_TEXTS = 8;
/** Fraction of a row's texts that share it with the other text of their pair, for its full size. */
const FULL = 0.5;
/** Size of a row that no pair shares. */
const SMALLEST = 0.1;
/** Power of the fraction where words alone find nothing. */
const LARGEST_POWER = 1.5;

/** Counts the texts that have each row, and the pairs of which both texts have it. */
function countRows(
  { offsets, features, stds }: Subwords,
  pairs: readonly TextPair[],
  tokens: (text: string) => TokenIds,
): { texts: Int32Array; shared: Int32Array } {
  const [texts, shared] = [new Int32Array(stds.length), new Int32Array(stds.length)];
  const last = [0, 1].map(() => new Int32Array(stds.length).fill(-1)) as [Int32Array, Int32Array];
  pairs.forEach((pair, i) => {
    pair.forEach((text, side) => {
      const seen = last[side] as Int32Array;
      const ids = tokens(text);
      for (let k = 0; k < ids.length; k++) {
        const id = ids[k] as number;
        for (let e = offsets[id] as number; e < (offsets[id + 1] as number); e++) {
          const row = features[e] as number;
          if (seen[row] === i) continue;
          seen[row] = i;
          texts[row] = (texts[row] as number) + 1;
          if (side === 1 && last[0][row] === i) shared[row] = (shared[row] as number) + 1;
        }
      }
    });
  });
  return { texts, shared };
}

/**
 * Shrinks the rows that texts have without the other text of their pair, the more the fewer positives
 * words alone find; from one half on, nothing. Rows that few texts have count as the average.
 *
 * @param tokens numbers of a text's tokens
 */
export function weighSharedRows(
  subwords: Subwords,
  pairs: readonly TextPair[],
  tokens: (text: string) => TokenIds,
): Subwords {
  const { stds } = subwords;
  const power = LARGEST_POWER * (1 - lexicalAccuracy(pairs, tokens) / LEXICAL);
  if (power <= 0) return subwords;
  const { texts, shared } = countRows(subwords, pairs, tokens);
  let [sum, weights] = [0, 0];
  texts.forEach((count, row) => {
    if (count === 0) return;
    const std = stds[row] as number;
    const weight = std * std;
    sum += (weight * 2 * (shared[row] as number)) / count;
    weights += weight;
  });
  const average = weights > 0 ? sum / weights : 0;
  return {
    ...subwords,
    stds: stds.map((std, row) => {
      const fraction =
        (2 * (shared[row] as number) + PRIOR_TEXTS * average) /
        ((texts[row] as number) + PRIOR_TEXTS);
      const full = Math.min(1, fraction / FULL);
      const size = full > 0 ? exponential(power * logarithm(full)) : 0;
      return std * (SMALLEST + (1 - SMALLEST) * size);
    }),
  };
}
