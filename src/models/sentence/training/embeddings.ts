/**
 * Learning from another model's rows: the encoder's row of a text finds the teacher's row of it
 * among those of the batch, so that it searches an index that the teacher filled; or the cosines
 * within a batch become the teacher's, whatever its width.
 */

import { copyIn, type MatrixInput } from '../../../core/matrix.js';
import { f32, scoped } from '../../../core/memory.js';
import { rangeError } from '../../../core/validation.js';
import {
  add,
  exp,
  infoNce,
  logSoftmax,
  matmul,
  mul,
  noGrad,
  normalize,
  slice,
  sum,
  type Tensor,
  tensor,
  tidy,
} from '../../../nn/index.js';
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

/** Makes texts of a batch and their rows to a loss. */
type BatchLoss = (rows: Tensor, drawn: readonly number[]) => Tensor;

/** Number of the first text that is equal, for each text of a batch. */
function textNumbers(batch: readonly string[]): Int32Array {
  const numbers = new Map<string, number>();
  for (const text of batch) if (!numbers.has(text)) numbers.set(text, numbers.size);
  return Int32Array.from(batch, (text) => numbers.get(text) as number);
}

/** Score of a text with itself, which is never compared. */
const NEVER = -1e9;

/** (n, n): NEVER on the diagonal, 0 elsewhere. */
function diagonalMask(n: number): Tensor {
  const mask = new Float32Array(n * n);
  for (let i = 0; i < n; i++) mask[i * (n + 1)] = NEVER;
  return tensor(mask, [n, n]);
}

/** Logarithms of the softmax over the cosines of each row with the others of a batch. */
function neighborLogits(rows: Tensor, temperature: number): Tensor {
  const unit = normalize(rows);
  const scores = mul(matmul(unit, unit, { transposeB: true }), 1 / temperature);
  return logSoftmax(add(scores, diagonalMask(rows.shape[0] as number)));
}

/**
 * Makes the loss that brings the neighbors of a text among those of its batch to be the teacher's:
 * the divergence of the softmax over the encoder's cosines from that over the teacher's. A text's
 * cosine with itself says nothing, and is left out.
 */
function similarityLoss(teacher: Float32Array, cols: number, temperature: number): BatchLoss {
  let last: { drawn: readonly number[]; p: Float32Array; entropy: number } | undefined;
  return (rows, drawn) => {
    const n = drawn.length;
    if (last?.drawn !== drawn) {
      last = tidy(() =>
        noGrad(() => {
          const logits = neighborLogits(takeRows(teacher, cols, drawn), temperature);
          const p = exp(logits);
          return { drawn, p: p.toArray(), entropy: -sum(mul(p, logits)).item() };
        }),
      );
    }
    const crossed = sum(mul(tensor(last.p, [n, n]), neighborLogits(rows, temperature)));
    return mul(add(crossed, last.entropy), -1 / n);
  };
}

/** Options of {@link embeddingTask}. */
export interface EmbeddingOptions {
  temperature: number;
  /** Columns of the encoder's rows. */
  width: number;
  /** Target of the training: the teacher's rows themselves, or the cosines between them. */
  match: 'rows' | 'similarities' | undefined;
}

/** Makes the task of learning from a teacher's rows. */
export function embeddingTask(
  { texts, embeddings }: { texts: readonly string[]; embeddings: MatrixInput },
  { temperature, width, match }: EmbeddingOptions,
): SentenceTask {
  const { cols } = embeddings;
  if (match === 'rows' && cols !== width) {
    rangeError('train', 'data.embeddings', `${width} wide, as the encoder's rows`, cols);
  }
  const teacher = numbersOf(embeddings);
  const rowLoss: BatchLoss = (rows, drawn) => {
    const keys = slice(takeRows(teacher, cols, drawn), 1, 0, rows.shape[1]);
    const ids = textNumbers(drawn.map((i) => texts[i] as string));
    return infoNce(rows, keys, { temperature, symmetric: true, ids });
  };
  const matchesRows = (match ?? (cols === width ? 'rows' : 'similarities')) === 'rows';
  const batchLoss = matchesRows ? rowLoss : similarityLoss(teacher, cols, temperature);
  return {
    examples: texts.length,
    batches({ batchSize, seed }) {
      const order = orderBatches(shuffledEpochs(texts.length, seed), texts.length, batchSize);
      return (step, first = 0, count = batchSize) => {
        const drawn = order(step, first, count);
        return {
          texts: drawn.map((i) => texts[i] as string),
          weight: drawn.length,
          samples: drawn.map((_, i) => first + i),
          comparison: { groups: [drawn.length] },
          loss: (rows) => batchLoss(rows, drawn),
        };
      };
    },
  };
}
