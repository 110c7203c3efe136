/**
 * Learning from another model's rows: the encoder's row of a text finds the teacher's row of it
 * among those of the batch, so that it searches an index that the teacher filled; or the cosines
 * within a batch become the teacher's, whatever its width.
 */

import { copyIn, type MatrixInput } from '../../../core/matrix.js';
import { f32, scoped } from '../../../core/memory.js';
import { rangeError } from '../../../core/validation.js';
import { infoNce, slice, type Tensor, tensor } from '../../../nn/index.js';
import { orderBatches, shuffledEpochs } from './batches.js';
import type { SentenceTask } from './task.js';

/** Rows of a matrix by their numbers. */
function takeRows(all: Float32Array, cols: number, rows: readonly number[]): Tensor {
  const numbers = new Float32Array(rows.length * cols);
  rows.forEach((row, i) => {
    numbers.set(all.subarray(row * cols, (row + 1) * cols), i * cols);
  });
  return tensor(numbers, [rows.length, cols]);
}

/** Copies a matrix out of whatever it was given as. */
function numbersOf(input: MatrixInput): Float32Array {
  return scoped((scope) => {
    const at = copyIn(scope, input);
    return f32().slice(at / 4, at / 4 + input.rows * input.cols);
  });
}

export function embeddingTask(
  { texts, embeddings }: { texts: readonly string[]; embeddings: MatrixInput },
  { temperature, width }: { temperature: number; width: number },
): SentenceTask {
  const { cols } = embeddings;
  if (cols !== width) {
    rangeError('train', 'data.embeddings', `${width} wide, as the encoder's rows`, cols);
  }
  const teacher = numbersOf(embeddings);
  return {
    examples: texts.length,
    batches({ batchSize, seed }) {
      const order = orderBatches(shuffledEpochs(texts.length, seed), texts.length, batchSize);
      return (step, first = 0, count = batchSize) => {
        const drawn = order(step, first, count);
        const batch = drawn.map((i) => texts[i] as string);
        const numbers = new Map<string, number>();
        for (const text of batch) if (!numbers.has(text)) numbers.set(text, numbers.size);
        const ids = Int32Array.from(batch, (text) => numbers.get(text) as number);
        return {
          texts: batch,
          weight: batch.length,
          samples: drawn.map((_, i) => first + i),
          loss(rows) {
            const keys = slice(takeRows(teacher, cols, drawn), 1, 0, rows.shape[1]);
            return infoNce(rows, keys, { temperature, symmetric: true, ids });
          },
        };
      };
    },
  };
}
