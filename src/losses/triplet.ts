/** Triplet margin loss of rows (https://arxiv.org/abs/1503.03832). */

import { kernels } from '../core/kernels.js';
import {
  checkLoss,
  checkShape,
  copyIn,
  copyOut,
  type Matrix,
  type MatrixLike,
  readMatrix,
} from '../core/matrix.js';
import { type Pointer, scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import { checkNonNegative, oneOf } from '../core/validation.js';

/** Distances of rows: 1 - cosine, or Euclidean of the rows as given. */
export type Distance = 'cosine' | 'euclidean';
const DISTANCES: readonly Distance[] = ['cosine', 'euclidean'];

export interface TripletLossOptions {
  /** How much farther than the positive the negative has to be (default 0.5). */
  margin?: number | undefined;
  /** What far is (default `'cosine'`). */
  distance?: Distance | undefined;
}

/**
 * The mean over all triplets, those at zero too, of max(0, margin + d(a, p) - d(a, n)).
 *
 * @param anchors, positives, negatives (n, d) each: row i of the three is a triplet
 */
export function tripletLoss(
  anchors: MatrixLike,
  positives: MatrixLike,
  negatives: MatrixLike,
  options?: TripletLossOptions,
): number {
  return run('tripletLoss', [anchors, positives, negatives], options, false).loss;
}

/**
 * {@link tripletLoss} and its gradients with respect to the rows as given, (n, d) each; a Euclidean
 * distance of 0 has a gradient of 0.
 */
export function tripletLossGrad(
  anchors: MatrixLike,
  positives: MatrixLike,
  negatives: MatrixLike,
  options?: TripletLossOptions,
): { loss: number; gradAnchors: Matrix; gradPositives: Matrix; gradNegatives: Matrix } {
  const inputs: Inputs = [anchors, positives, negatives];
  const { loss, grads } = run('tripletLossGrad', inputs, options, true);
  const [gradAnchors, gradPositives, gradNegatives] = grads as [Matrix, Matrix, Matrix];
  return { loss, gradAnchors, gradPositives, gradNegatives };
}

type Inputs = [MatrixLike, MatrixLike, MatrixLike];

function run(
  name: string,
  [a, p, n]: Inputs,
  given: TripletLossOptions | undefined,
  backward: boolean,
): { loss: number; grads?: Matrix[] } {
  const anchors = readMatrix(name, 'anchors', a);
  const positives = readMatrix(name, 'positives', p);
  const negatives = readMatrix(name, 'negatives', n);
  checkShape(positives, anchors);
  checkShape(negatives, anchors);
  const options = readOptions(name, given);
  const margin = options.read('margin', checkNonNegative, 0.5);
  const distance = options.read('distance', oneOf(DISTANCES), 'cosine');
  options.done();
  const { rows, cols } = anchors;
  return scoped((scope) => {
    const sources = [anchors, positives, negatives];
    const at = sources.map((source) => copyIn(scope, source));
    const [pa, pp, pn] = at as [Pointer, Pointer, Pointer];
    const metric = DISTANCES.indexOf(distance);
    const loss = checkLoss(
      name,
      kernels().tripletRows(pa, pp, pn, rows, cols, margin, metric, backward),
    );
    if (!backward) return { loss };
    const grads = at.map((pointer, i) => copyOut(name, pointer, rows, cols, sources[i]));
    return { loss, grads };
  });
}
