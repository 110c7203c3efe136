/** Metrics of labeled embeddings: precision at 1, R-precision and MAP@R. */

import analysisCode from '#wasm/analysis';
import { kernels } from '../core/kernels.js';
import { indexLabels } from '../core/labels.js';
import { type MatrixLike, readMatrix } from '../core/matrix.js';
import { scoped } from '../core/memory.js';
import { checkNoOptions } from '../core/options.js';
import { checkIntegers, type Labels, type NoOptions } from '../core/validation.js';
import { forEachRanking, type Groups } from './ranking.js';

/** Result of {@link evaluateEmbeddings}: means over the rows whose label another row has. */
export interface EmbeddingMetrics {
  /** Fraction of rows whose nearest other row has their label. */
  precisionAt1: number;
  /** Fraction of a row's R nearest that have its label, R being the number of others with it. */
  rPrecision: number;
  /** Mean of the precisions at the ranks of those R that are hits; misses count 0. */
  mapAtR: number;
}

/**
 * Measures how well embeddings are sorted by label: each row queries all others by cosine.
 *
 * A row whose label no other has is left out of the means, but not of the others' rankings.
 *
 * @param embeddings (n, d) f32
 * @param labels n whole numbers
 * @param options none yet
 * @returns precision at 1, R-precision and MAP@R, from 0 to 1
 * @throws {RangeError} if no label is shared by two rows
 * @see https://arxiv.org/abs/2003.08505
 * @example const { precisionAt1, mapAtR } = evaluateEmbeddings(embeddings, labels);
 */
export function evaluateEmbeddings(
  embeddings: MatrixLike,
  labels: Labels,
  options?: NoOptions,
): EmbeddingMetrics {
  const name = 'evaluateEmbeddings';
  const input = readMatrix(name, 'embeddings', embeddings);
  const length = { of: input.rows, what: 'the rows of embeddings' };
  const { classes, indices } = indexLabels(checkIntegers(name, 'labels', labels, length));
  checkNoOptions(name, options);
  if (classes.length === input.rows) {
    throw new RangeError(`${name}: labels must have one that at least two rows share`);
  }
  const groups = groupRows(indices, classes.length);
  let precisionAt1 = 0;
  let rPrecision = 0;
  let mapAtR = 0;
  const visited = scoped((scope) => {
    const core = kernels(analysisCode);
    const rankings = {
      queries: input,
      corpus: input,
      metric: 'cosine',
      groups,
      groupOf: (row: number) => indices[row] as number,
      leftOutOf: (row: number) => row,
    } as const;
    return forEachRanking(scope, rankings, ({ ranks, count }) => {
      const hits = core.hitsWithin(ranks, count, count);
      precisionAt1 += core.hitsWithin(ranks, count, 1);
      rPrecision += hits / count;
      mapAtR += core.precisionSum(ranks, hits) / count;
    });
  });
  return {
    precisionAt1: precisionAt1 / visited,
    rPrecision: rPrecision / visited,
    mapAtR: mapAtR / visited,
  };
}

/** Groups row indices by class. */
function groupRows(classOf: Int32Array, classes: number): Groups {
  const starts = new Array<number>(classes + 1).fill(0);
  for (const index of classOf) starts[index + 1] = (starts[index + 1] as number) + 1;
  for (let g = 0; g < classes; g++) {
    starts[g + 1] = (starts[g + 1] as number) + (starts[g] as number);
  }
  const next = starts.slice();
  const rows = new Int32Array(classOf.length);
  classOf.forEach((index, row) => {
    const at = next[index] as number;
    rows[at] = row;
    next[index] = at + 1;
  });
  return { rows, starts };
}
