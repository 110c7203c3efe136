/**
 * Learning from texts alone: a text is cut in two at a word, and the parts have to find each other
 * among those of the batch, as the inverse cloze task has it (Lee et al., 2019,
 * https://arxiv.org/abs/1906.00300).
 */

import { Random } from '../../../core/random.js';
import { STREAMS } from '../../../core/streams.js';
import { rangeError } from '../../../core/validation.js';
import { orderBatches, shuffledEpochs } from './batches.js';
import type { TextPair } from './data.js';
import { batchIds } from './pair-ids.js';
import { pairBatch } from './pairs.js';
import type { SentenceTask } from './task.js';

/** Ends of words, where a text may be cut. */
const GAP = /\s+/u;

/** Cuts words in two, neither part empty. */
function cut(words: readonly string[], random: Random): TextPair {
  const at = 1 + random.integer(words.length - 1);
  return [words.slice(0, at).join(' '), words.slice(at).join(' ')];
}

export function partTask(
  { texts }: { texts: readonly string[] },
  { temperature }: { temperature: number },
): SentenceTask {
  const split = texts.map((text) => text.trim().split(GAP)).filter((words) => words.length >= 2);
  if (split.length < 2) {
    rangeError('train', 'data.texts', 'at least two of two words or more', split.length);
  }
  const numbers = new Map<string, number>();
  const ids = split.map((words) => {
    const text = words.join(' ');
    const id = numbers.get(text) ?? numbers.size;
    numbers.set(text, id);
    return id;
  });
  return {
    examples: split.length,
    batches({ batchSize, seed }) {
      const order = orderBatches(shuffledEpochs(split.length, seed), split.length, batchSize);
      return (step, first = 0, count = batchSize) => {
        const drawn = order(step, first, count);
        const batch = drawn.map((i, k) =>
          cut(split[i] as string[], new Random(seed, STREAMS.textParts, step, first + k)),
        );
        const same = batchIds(
          batch,
          { of: () => [] },
          drawn.map((i) => ids[i] as number),
        );
        return pairBatch(batch, same, [], temperature, first);
      };
    },
  };
}
