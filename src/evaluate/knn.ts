/** Classification by the nearest neighbours. */

import analysisCode from '#wasm/analysis';
import { kernels } from '../core/kernels.js';
import { indexLabels } from '../core/labels.js';
import { checkWidth, type MatrixLike, type NumberArray, readMatrix } from '../core/matrix.js';
import { i32, scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import { checkIntegers, checkTemperature, integerIn } from '../core/validation.js';
import { nearest } from '../search/top-k.js';

export interface KnnOptions {
  /** Number of neighbors that vote, cut to the rows of train (default 20). */
  k?: number | undefined;
  /** A vote counts exp(cosine / temperature) (default 0.07). */
  temperature?: number | undefined;
}

/**
 * The label with the most votes among the k nearest rows by cosine, each vote weighted by
 * exp(cosine / temperature), as in Instance Discrimination (https://arxiv.org/abs/1805.01978).
 * Neighbours that are equally near come in by the lower index; equal votes go to the lower label.
 *
 * @param train (n, d)
 * @param labels n whole numbers
 * @param queries (q, d), or one vector
 * @returns q labels
 */
export function knnClassify(
  train: MatrixLike,
  labels: ArrayLike<number>,
  queries: MatrixLike | NumberArray,
  given?: KnnOptions,
): Int32Array {
  const name = 'knnClassify';
  const source = readMatrix(name, 'train', train);
  checkIntegers(name, 'labels', labels, { of: source.rows, what: 'the rows of train' });
  const query = readMatrix(name, 'queries', queries, true);
  checkWidth(query, source);
  const options = readOptions(name, given);
  const k = Math.min(options.read('k', integerIn(1), 20), source.rows);
  const scale = 1 / options.read('temperature', checkTemperature, 0.07);
  options.done();
  const { classes, indices: numbers } = indexLabels(labels);
  return scoped((scope) => {
    const { scores, indices } = nearest(scope, query, source, k, 'cosine');
    const winners = scope.i32(query.rows);
    kernels(analysisCode).knnVoteRows(
      winners,
      scores,
      indices,
      scope.i32From(numbers),
      query.rows,
      k,
      classes.length,
      scale,
      scope.f64(classes.length),
    );
    const found = i32().subarray(winners / 4, winners / 4 + query.rows);
    return Int32Array.from(found, (place) => classes[place] as number);
  });
}
