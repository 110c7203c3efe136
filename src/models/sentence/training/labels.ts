/** Learning from labels: the supervised contrastive loss, in batches in which labels come in twos. */

import { supCon } from '../../../nn/index.js';
import { groupedEpochs, orderBatches } from './batches.js';
import type { SentenceTask } from './task.js';

export function labelTask(
  { texts, labels }: { texts: readonly string[]; labels: Int32Array },
  { temperature }: { temperature: number },
): SentenceTask {
  if (new Set(labels).size === labels.length) {
    throw new RangeError('train: data.labels must have two that are equal: no text has a positive');
  }
  return {
    examples: texts.length,
    batches({ batchSize, seed }) {
      const order = orderBatches(groupedEpochs(labels, seed), texts.length, batchSize);
      return (step, first = 0, count = batchSize) => {
        const drawn = order(step, first, count);
        const own = Int32Array.from(drawn, (i) => labels[i] as number);
        return {
          texts: drawn.map((i) => texts[i] as string),
          weight: drawn.length,
          samples: drawn.map((_, i) => first + i),
          comparison: {
            groups: [drawn.length],
            settings: { name: 'supCon', temperature },
            labels: own,
          },
          loss: (rows) => supCon(rows, own, { temperature }),
        };
      };
    },
  };
}
