/** Classification by the nearest neighbours. */

import { analysisKernels } from '../core/analysis-kernels.js';
import { numberClasses } from '../core/labels.js';
import { checkWidth, type MatrixLike, type NumberArray, readMatrix } from '../core/matrix.js';
import { i32, scoped } from '../core/memory.js';
import { checkCount, checkIntegers, checkOptions, checkTemperature } from '../core/validation.js';
import { nearest } from '../search/top-k.js';

export interface KnnOptions {
  /** How many neighbours vote, at most the rows of train (default 20). */
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
  options?: KnnOptions,
): Int32Array {
  const name = 'knnClassify';
  const source = readMatrix(name, 'train', train);
  checkIntegers(name, 'labels', labels, { of: source.rows, what: 'the rows of train' });
  const query = readMatrix(name, 'queries', queries, true);
  checkWidth(query, source);
  checkOptions(name, options, ['k', 'temperature']);
  const k = checkCount(name, 'k', options?.k, 20, source.rows, 'the rows of train');
  const scale = 1 / checkTemperature(name, options?.temperature, 0.07);
  const { classes, numbers } = numberClasses(labels);
  return scoped((scope) => {
    const { scores, indices } = nearest(scope, query, source, k, 'cosine');
    const winners = scope.words(query.rows);
    analysisKernels().voteRows(
      winners,
      scores,
      indices,
      scope.integers(numbers),
      query.rows,
      k,
      classes.length,
      scale,
      scope.doubles(classes.length),
    );
    const found = i32().subarray(winners / 4, winners / 4 + query.rows);
    return Int32Array.from(found, (place) => classes[place] as number);
  });
}
