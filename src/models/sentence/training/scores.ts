/**
 * Learning from graded pairs: CoSENT, which makes the order of the cosines that of the scores, over
 * all pairs of a batch.
 */

import { coSentLoss, slice } from '../../../nn/index.js';
import { orderBatches, shuffledEpochs } from './batches.js';
import type { TextPair } from './data.js';
import type { SentenceTask } from './task.js';

export function scoreTask(
  { pairs, scores }: { pairs: readonly TextPair[]; scores: Float32Array },
  { temperature }: { temperature: number },
): SentenceTask {
  return {
    examples: pairs.length,
    batches({ batchSize, seed }) {
      const order = orderBatches(shuffledEpochs(pairs.length, seed), pairs.length, batchSize);
      return (step, first = 0, count = batchSize) => {
        const drawn = order(step, first, count);
        const batch = drawn.map((i) => pairs[i] as TextPair);
        const own = Float32Array.from(drawn, (i) => scores[i] as number);
        const n = drawn.length;
        const texts = [...batch.map(([a]) => a), ...batch.map(([, b]) => b)];
        return {
          texts,
          weight: n,
          samples: texts.map((_, i) => 2 * first + i),
          comparison: { groups: [n, n] },
          loss: (rows) =>
            coSentLoss(slice(rows, 0, 0, n), slice(rows, 0, n), own, { scale: 1 / temperature }),
        };
      };
    },
  };
}
