/** Classification by nearest neighbors. */

import analysisCode from '#wasm/analysis';
import { kernels } from '../core/kernels.js';
import { indexLabels } from '../core/labels.js';
import { checkWidth, type MatrixLike, type NumberArray, readMatrix } from '../core/matrix.js';
import { i32, scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import { checkIntegers, checkTemperature, integerIn, type Labels } from '../core/validation.js';
import { nearest } from '../search/top-k.js';

/** Options of {@link knnClassify}. */
export interface KnnOptions {
  /**
   * Number of neighbors that vote, at least 1; cut to the rows of train.
   * @default 20
   */
  k?: number | undefined;
  /**
   * A vote weighs exp(cosine / temperature); greater than 0.
   * @default 0.07
   */
  temperature?: number | undefined;
}

/**
 * Classifies rows by the weighted votes of their k nearest neighbors, as in Instance
 * Discrimination.
 *
 * Neighbors are found by cosine, and each vote weighs exp(cosine / temperature). Of equally near
 * rows the lower index is taken; of equal votes the lower label.
 *
 * @param train (n, d) f32
 * @param labels n whole numbers
 * @param queries (q, d) f32, or one vector
 * @param options k, temperature
 * @returns q labels
 * @throws {RangeError} if the widths differ or there is not one label per row
 * @see https://arxiv.org/abs/1805.01978
 * @example const predicted = knnClassify(train, labels, queries, { k: 5 });
 */
export function knnClassify(
  train: MatrixLike,
  labels: Labels,
  queries: MatrixLike | NumberArray,
  options?: KnnOptions,
): Int32Array {
  const name = 'knnClassify';
  const input = readMatrix(name, 'train', train);
  const length = { of: input.rows, what: 'the rows of train' };
  const { classes, indices } = indexLabels(checkIntegers(name, 'labels', labels, length));
  const query = readMatrix(name, 'queries', queries, true);
  checkWidth(query, input);
  const reader = readOptions(name, options);
  const k = Math.min(reader.read('k', integerIn(1), 20), input.rows);
  const scale = 1 / reader.read('temperature', checkTemperature, 0.07);
  reader.done();
  const { rows } = query;
  return scoped((scope) => {
    const found = nearest(scope, query, input, k, 'cosine');
    const winners = scope.i32(rows);
    kernels(analysisCode).knnVoteRows(
      winners,
      found.scores,
      found.indices,
      scope.i32From(indices),
      rows,
      k,
      classes.length,
      scale,
      scope.f64(classes.length),
    );
    const chosen = i32().subarray(winners / 4, winners / 4 + rows);
    return Int32Array.from(chosen, (index) => classes[index] as number);
  });
}
