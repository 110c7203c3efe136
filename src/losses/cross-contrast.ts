/** The contrast of rows with other rows, row i's positive being row i: InfoNCE's and CLIP's. */

import { kernels } from '../core/kernels.js';
import { checkLoss, copyOut, copyRowsIn, type Matrix, type MatrixInput } from '../core/matrix.js';
import { type Scope, scoped } from '../core/memory.js';
import { checkIntegers } from '../core/validation.js';
import {
  Contrast,
  type Gradient,
  loadSide,
  Positives,
  type Side,
  throughNormalization,
  unnormalize,
} from './contrastive.js';

export interface CrossOptions {
  scale: number;
  symmetric: boolean;
  ids: ArrayLike<number> | undefined;
  /** Rows that are negatives of every row on the left. */
  further?: MatrixInput;
}

export interface CrossResult {
  loss: number;
  gradLeft?: Matrix;
  gradRight?: Matrix;
  gradFurther?: Matrix;
  gradScale?: number;
}

/** Ids, one a pair: pairs of equal ids are not each other's negatives. */
export function readIds(
  name: string,
  argument: string,
  ids: unknown,
  rows: number,
): ArrayLike<number> {
  return checkIntegers(name, argument, ids, { of: rows, what: 'one a pair' });
}

export function crossContrast(
  name: string,
  leftSource: MatrixInput,
  rightSource: MatrixInput,
  options: CrossOptions,
  backward: boolean,
): CrossResult {
  const { scale, symmetric, ids, further } = options;
  const pairs = leftSource.rows;
  const cols = leftSource.cols;
  return scoped((scope) => {
    const left = loadSide(scope, leftSource);
    const right = loadJoined(scope, rightSource, further);
    const contrast = new Contrast(scope, left, right, {
      scale,
      columns: symmetric,
      backward,
      ...(ids === undefined ? {} : { ids: scope.i32From(ids), idColumns: pairs }),
    });
    const positives = new Positives(scope, left.unit, right.unit, pairs, cols);
    const weight = 1 / (symmetric ? 2 * pairs : pairs);
    let loss = positives.loss(contrast.rows, 0, weight, scale);
    if (symmetric) loss += positives.loss(contrast.columns, 0, weight, scale);
    checkLoss(name, loss);
    if (!backward) return { loss };
    const gradients = contrast.gradients();
    positives.addGradients(gradients.left.at, gradients.right.at, gradients.left.ld);
    const { grad: gradLeft, along } = throughNormalization(name, gradients.left);
    return {
      loss,
      gradLeft,
      ...takeRight(name, gradients.right, rightSource, further),
      gradScale: along / scale,
    };
  });
}

/** The right side: the keys and, below them, the further negatives. */
function loadJoined(scope: Scope, source: MatrixInput, further: MatrixInput | undefined): Side {
  if (further === undefined) return loadSide(scope, source);
  const rows = source.rows + further.rows;
  const { cols } = source;
  const unit = scope.f32(rows * cols);
  copyRowsIn(source, unit, 0, source.rows);
  copyRowsIn(further, unit + 4 * source.rows * cols, 0, further.rows);
  const norms = scope.f64(rows);
  kernels().normalizeRows(unit, norms, unit, rows, cols);
  return { unit, norms, rows, cols };
}

/** The right side's gradient, its further negatives apart. */
function takeRight(
  name: string,
  gradient: Gradient,
  source: MatrixInput,
  further: MatrixInput | undefined,
): { gradRight: Matrix; gradFurther?: Matrix } {
  unnormalize(gradient);
  const { at } = gradient;
  const { rows, cols } = source;
  const gradRight = copyOut(name, at, rows, cols, source);
  if (further === undefined) return { gradRight };
  const below = at + 4 * rows * cols;
  return { gradRight, gradFurther: copyOut(name, below, further.rows, cols, further) };
}
