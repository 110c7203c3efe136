/**
 * Learning from texts alone with a network that has dropout: a text goes through it twice, and the
 * two rows, which dropout makes different, have to find each other among those of the batch (Gao et
 * al., 2021, https://arxiv.org/abs/2104.08821, SimCSE).
 */

import { rangeError } from '../../../core/validation.js';
import { orderBatches, shuffledEpochs } from './batches.js';
import type { TextPair } from './data.js';
import { batchIds } from './pair-ids.js';
import { pairBatch } from './pairs.js';
import type { SentenceTask } from './task.js';

/**
 * Makes the task.
 *
 * @param texts each is its own positive; equal ones are never each other's negatives
 */
export function dropoutViewTask(
  { texts }: { texts: readonly string[] },
  { temperature }: { temperature: number },
): SentenceTask {
  if (new Set(texts).size < 2) {
    rangeError('train', 'data.texts', 'at least two different texts', new Set(texts).size);
  }
  return {
    examples: texts.length,
    batches({ batchSize, seed }) {
      const order = orderBatches(shuffledEpochs(texts.length, seed), texts.length, batchSize);
      return (step, first = 0, count = batchSize) => {
        const batch = order(step, first, count).map((i): TextPair => {
          const text = texts[i] as string;
          return [text, text];
        });
        return pairBatch(
          batch,
          batchIds(batch, { of: () => [] }, undefined),
          [],
          temperature,
          first,
        );
      };
    },
  };
}
