/**
 * Batches of pairs that look alike: negatives that share words with a positive teach more than
 * those that a single word tells apart. An epoch is cut into small groups around random pairs, and
 * a batch has several of them (Hofstätter et al., 2021, https://arxiv.org/abs/2104.06967).
 */

import sentence from '#wasm/sentence';
import { kernels } from '../../../core/kernels.js';
import type { Matrix } from '../../../core/matrix.js';
import { f32, scoped } from '../../../core/memory.js';
import { STREAMS } from '../../../core/streams.js';
import { logarithm } from '../../../nn/deterministic-math.js';
import { topK } from '../../../search/top-k.js';
import { TABLE_TYPES } from '../weights.js';
import { neighborEpochs } from './batches.js';
import type { TextPair } from './data.js';
import type { TokenIds } from './network.js';

/** Columns of a sketch. */
const COLS = 64;

/** Inverse document frequency of each token, 0 for those that no text has. */
function tokenWeights(texts: readonly TokenIds[]): Float32Array {
  const counts: number[] = [];
  for (const ids of texts) {
    for (const id of new Set(Array.from(ids))) counts[id] = (counts[id] ?? 0) + 1;
  }
  return Float32Array.from(counts, (count = texts.length) =>
    logarithm((texts.length + 1) / (count + 1)),
  );
}

/**
 * Sketches pairs by their words: random rows of their tokens, weighted by inverse document
 * frequency, so that pairs that share rare words have a high cosine. No training changes them, so a
 * run that is resumed has the same batches.
 *
 * @returns (pairs, 64)
 */
function sketchPairs(
  pairs: readonly TextPair[],
  tokens: (text: string) => TokenIds,
  seed: number,
): Matrix {
  const texts = pairs.flat().map(tokens);
  const weights = tokenWeights(texts);
  const core = kernels(sentence);
  const type = TABLE_TYPES.indexOf('F32');
  const data = scoped((scope) => {
    const [low, high] = [seed | 0, Math.floor(seed / 2 ** 32)];
    const size = weights.length * COLS;
    const table = scope.f32(size);
    core.fillNormal(table, size, 0, 1, low, high, STREAMS.sketch, 0);
    const factors = scope.f32(weights.length);
    f32().set(weights, factors / 4);
    const offsets = new Int32Array(texts.length + 1);
    texts.forEach((ids, i) => {
      offsets[i + 1] = (offsets[i] as number) + ids.length;
    });
    const ids = new Int32Array(offsets.at(-1) as number);
    texts.forEach((list, i) => {
      ids.set(list, offsets[i]);
    });
    const rows = scope.f32(texts.length * COLS);
    const lists = [scope.i32From(ids), scope.i32From(offsets)] as const;
    core.embeddingBags(rows, table, type, 0, 0, 0, factors, ...lists, texts.length, COLS);
    kernels().normalizeRows(rows, scope.f64(texts.length), rows, texts.length, COLS);
    // A pair's sketch is the mean of its two texts'.
    const each = scope.i32From(Int32Array.from({ length: texts.length }, (_, i) => i));
    const twos = scope.i32From(Int32Array.from({ length: pairs.length + 1 }, (_, i) => 2 * i));
    const means = scope.f32(pairs.length * COLS);
    core.embeddingBags(means, rows, type, 0, 0, 0, 0, each, twos, pairs.length, COLS);
    return f32().slice(means / 4, means / 4 + pairs.length * COLS);
  });
  return { data, rows: pairs.length, cols: COLS };
}

/** Copies rows of a matrix. */
function takeRows({ data, cols }: Matrix, indices: readonly number[]): Matrix {
  const taken = new Float32Array(indices.length * cols);
  indices.forEach((row, i) => {
    taken.set(data.subarray(row * cols, (row + 1) * cols), i * cols);
  });
  return { data: taken, rows: indices.length, cols };
}

/**
 * Orders pairs so that those that look alike come together, other groups in every epoch.
 *
 * @param tokens numbers of a text's tokens
 */
export function pairEpochs(
  pairs: readonly TextPair[],
  tokens: (text: string) => TokenIds,
  seed: number,
): (epoch: number) => readonly number[] {
  let sketch: Matrix | undefined;
  const nearest = (centers: readonly number[], examples: readonly number[]): Int32Array => {
    sketch ??= sketchPairs(pairs, tokens, seed);
    return topK(takeRows(sketch, examples), takeRows(sketch, centers), 1).indices;
  };
  return neighborEpochs(pairs.length, nearest, seed);
}
