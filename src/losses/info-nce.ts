/** InfoNCE (https://arxiv.org/abs/1807.03748) over in-batch and further negatives. */

import {
  checkShape,
  checkWidth,
  type Matrix,
  type MatrixLike,
  readMatrix,
} from '../core/matrix.js';
import { readOptions } from '../core/options.js';
import { checkFlag, checkTemperature } from '../core/validation.js';
import { type CrossOptions, type CrossResult, crossContrast, readIds } from './cross-contrast.js';

export interface InfoNceOptions {
  /** What cosines are divided by (default 0.07). */
  temperature?: number | undefined;
  /** (m, d): further rows that are every query's negatives. */
  negatives?: MatrixLike | undefined;
  /** One whole number a pair: keys with equal ids are never each other's negatives. */
  ids?: ArrayLike<number> | undefined;
  /** Also let each key find its query among all queries, and take the mean (default false). */
  symmetric?: boolean | undefined;
}

export interface InfoNceGradients {
  loss: number;
  gradQueries: Matrix;
  gradKeys: Matrix;
  /** Only where `negatives` were given. */
  gradNegatives?: Matrix;
}

/**
 * Each query has to find its key among all keys and the further negatives: the mean over queries
 * of -log(exp(s⁺/τ) / Σ exp(s/τ)), s cosines.
 *
 * @param queries (n, d)
 * @param keys (n, d): row i is the positive of query i
 */
export function infoNce(queries: MatrixLike, keys: MatrixLike, options?: InfoNceOptions): number {
  return run('infoNce', queries, keys, options, false).loss;
}

/** {@link infoNce} and its gradients with respect to the rows as given. */
export function infoNceGrad(
  queries: MatrixLike,
  keys: MatrixLike,
  options?: InfoNceOptions,
): InfoNceGradients {
  const { loss, gradLeft, gradRight, gradFurther } = run(
    'infoNceGrad',
    queries,
    keys,
    options,
    true,
  );
  const grads = { loss, gradQueries: gradLeft as Matrix, gradKeys: gradRight as Matrix };
  return gradFurther === undefined ? grads : { ...grads, gradNegatives: gradFurther };
}

function run(
  name: string,
  queries: MatrixLike,
  keys: MatrixLike,
  given: InfoNceOptions | undefined,
  backward: boolean,
): CrossResult {
  const left = readMatrix(name, 'queries', queries);
  const right = readMatrix(name, 'keys', keys);
  checkShape(right, left);
  const options = readOptions(name, given);
  const cross: CrossOptions = {
    scale: 1 / options.read('temperature', checkTemperature, 0.07),
    symmetric: options.read('symmetric', checkFlag, false),
    ids: options.optional('ids', (...argument) => readIds(...argument, left.rows)),
  };
  const further = options.optional('negatives', readMatrix);
  options.done();
  if (further !== undefined) {
    cross.further = further;
    checkWidth(further, left);
  }
  return crossContrast(name, left, right, cross, backward);
}
