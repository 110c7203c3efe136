/** InfoNCE (https://arxiv.org/abs/1807.03748) over in-batch and further negatives. */

import {
  checkLoss,
  checkWidth,
  copyOut,
  copyRowsIn,
  type Matrix,
  type MatrixInput,
  type MatrixLike,
  readMatrix,
} from '../core/matrix.js';
import type { Scope } from '../core/memory.js';
import { checkFlag, checkIntegers, checkTemperature, type Labels } from '../core/validation.js';
import { copyInUnitRows, normalizeInPlace, type UnitRows } from '../linalg/similarity.js';
import {
  copyOutGrad,
  normalizeBackward,
  PositivePairs,
  TiledLogits,
  type UnitGrad,
} from './contrastive.js';
import { checkIds } from './ids.js';
import { type Loss, type LossCall, type LossResult, lossGrads, lossValue } from './loss.js';

/** Options of {@link infoNce}. */
export interface InfoNceOptions {
  /**
   * Divides the cosines; greater than 0.
   * @default 0.07
   */
  temperature?: number | undefined;
  /** (m, d) f32: further rows that are negatives of every query. */
  negatives?: MatrixLike | undefined;
  /** One whole number per pair: keys with equal ids are never each other's negatives. */
  ids?: Labels | undefined;
  /**
   * Let each key also find its query among all queries; the loss is the mean of both.
   * @default false
   */
  symmetric?: boolean | undefined;
}

/** Result of {@link infoNceGrad}. */
export interface InfoNceGradients {
  /** Mean loss, in nats. */
  loss: number;
  /** (n, d) */
  gradQueries: Matrix;
  /** (n, d) */
  gradKeys: Matrix;
  /** (m, d), where `negatives` were given. */
  gradNegatives?: Matrix;
}

interface Options {
  temperature: number;
  negatives?: MatrixInput;
  ids?: ArrayLike<number>;
  symmetric: boolean;
}

export const INFO_NCE: Loss<Options, InfoNceGradients> = {
  name: 'infoNce',
  inputs: ['queries', 'keys'],
  options: {
    temperature: { check: checkTemperature, fallback: 0.07 },
    negatives: { check: readMatrix, grad: 'matrix' },
    ids: { check: checkIntegers },
    symmetric: { check: checkFlag, fallback: false },
  },
  compute(scope, call) {
    const { temperature, negatives, ids, symmetric } = call.options;
    const settings = { scale: 1 / temperature, symmetric, ids, negatives };
    const { loss, grads } = computeInfoNce(scope, call, settings);
    return grads ? { loss, grads } : { loss };
  },
};

/**
 * Computes InfoNCE: each query has to find its key among all keys and the further negatives.
 *
 * The mean over queries of −log(exp(s⁺/τ) / Σ exp(s/τ)), where s are cosines and s⁺ is that of the
 * query's own key.
 *
 * @param queries (n, d) f32
 * @param keys (n, d) f32: row i is the positive of query i
 * @param options temperature, negatives, ids, symmetric
 * @returns mean loss, in nats
 * @throws {RangeError} if the shapes differ or a value is not finite
 * @see https://arxiv.org/abs/1807.03748
 * @example const loss = infoNce(questions, answers, { temperature: 0.05 });
 */
export function infoNce(queries: MatrixLike, keys: MatrixLike, options?: InfoNceOptions): number {
  return lossValue(INFO_NCE, queries, keys, options);
}

/**
 * Computes {@link infoNce} and its gradients with respect to the rows as given.
 *
 * @param queries (n, d) f32
 * @param keys (n, d) f32: row i is the positive of query i
 * @param options temperature, negatives, ids, symmetric
 * @returns the loss and one gradient per input
 * @throws {RangeError} if the shapes differ or a value is not finite
 * @see https://arxiv.org/abs/1807.03748
 * @example const { loss, gradQueries, gradKeys } = infoNceGrad(questions, answers);
 */
export function infoNceGrad(
  queries: MatrixLike,
  keys: MatrixLike,
  options?: InfoNceOptions,
): InfoNceGradients {
  return lossGrads(INFO_NCE, queries, keys, options);
}

/** Settings that InfoNCE and CLIP differ in. */
interface Settings {
  /** Factor of the cosines. */
  scale: number;
  symmetric: boolean;
  ids: ArrayLike<number> | undefined;
  negatives?: MatrixInput | undefined;
}

/** Computes the loss, the gradients of the matrices, and that of the scale. */
export function computeInfoNce(
  scope: Scope,
  { name, inputs, backward }: LossCall<unknown>,
  { scale, symmetric, ids, negatives }: Settings,
): LossResult & { gradScale?: number } {
  const [a, b] = inputs as readonly [MatrixInput, MatrixInput];
  const pairs = a.rows;
  if (ids !== undefined) checkIds(name, ids, pairs);
  if (negatives !== undefined) checkWidth(negatives, a);
  const queries = copyInUnitRows(scope, a);
  const keys = negatives ? joinUnitRows(scope, b, negatives) : copyInUnitRows(scope, b);
  const contrast = new TiledLogits(scope, queries, keys, {
    scale,
    columns: symmetric,
    backward,
    ...(ids && { ids: scope.i32From(ids), idColumns: pairs }),
  });
  const positives = new PositivePairs(scope, queries.unit, keys.unit, pairs, a.cols);
  const weight = 1 / (symmetric ? 2 * pairs : pairs);
  let loss = positives.loss(contrast.rows, 0, weight, scale, false);
  if (symmetric) loss += positives.loss(contrast.columns, 0, weight, scale, false);
  checkLoss(name, loss);
  if (!backward) return { loss };
  const [gradQueries, gradKeys] = contrast.grads();
  positives.addGrads(gradQueries.at, gradKeys.at, gradQueries.ld);
  const { matrix, dot } = copyOutGrad(name, gradQueries);
  return {
    loss,
    grads: [matrix, ...copyOutKeys(name, gradKeys, b, negatives)],
    gradScale: dot / scale,
  };
}

/** Unit rows of the keys and, below them, of the further negatives. */
function joinUnitRows(scope: Scope, keys: MatrixInput, negatives: MatrixInput): UnitRows {
  const rows = keys.rows + negatives.rows;
  const { cols } = keys;
  const at = scope.f32(rows * cols);
  copyRowsIn(keys, at, 0, keys.rows);
  copyRowsIn(negatives, at + 4 * keys.rows * cols, 0, negatives.rows);
  return normalizeInPlace(scope, at, rows, cols);
}

/** Gradient of the keys, and that of the further negatives below them. */
function copyOutKeys(
  name: string,
  grad: UnitGrad,
  keys: MatrixInput,
  negatives: MatrixInput | undefined,
): Matrix[] {
  normalizeBackward(grad);
  const { rows, cols } = keys;
  const gradKeys = copyOut(name, grad.at, rows, cols, keys);
  if (negatives === undefined) return [gradKeys];
  return [gradKeys, copyOut(name, grad.at + 4 * rows * cols, negatives.rows, cols, negatives)];
}
