/** Products of matrices over the core's packed kernel: in batches, and the linear layer's. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import type { Pointer } from '../../core/memory.js';
import { checkNoOptions, readOptions } from '../../core/options.js';
import { gemm } from '../../core/products.js';
import { checkFlag, type NoOptions, rangeError } from '../../core/validation.js';
import { checkTensor, checkVector } from '../check.js';
import { record } from '../record.js';
import { empty, filled, type Tensor } from '../tensor.js';
import { showShape } from '../tensor-data.js';
import { broadcastIndices, broadcastShape } from './broadcast.js';

/** A row-major matrix in memory, as it lies or transposed. */
interface Factor {
  at: Pointer;
  rows: number;
  cols: number;
  transposed: boolean;
}

/** Writes or adds a b, plus a bias in every row, to c, for factors as they are meant (after transposing). */
function product(c: Pointer, a: Factor, b: Factor, accumulate: boolean, bias: Pointer = 0): void {
  const [m, k] = a.transposed ? [a.cols, a.rows] : [a.rows, a.cols];
  const n = b.transposed ? b.rows : b.cols;
  gemm(c, a.at, b.at, m, n, k, a.transposed, b.transposed, accumulate, bias);
}

/** Lists those of two inputs that the gradient of the other one needs. */
function savedFactors(a: Tensor, b: Tensor): Tensor[] {
  return [a, b].filter((_, i) => [b, a][i]?.requiresGrad);
}

/** Options of `matmul`. */
export interface MatmulOptions {
  /**
   * Use the transposes of a's matrices.
   * @default false
   */
  transposeA?: boolean | undefined;
  /**
   * Use the transposes of b's matrices.
   * @default false
   */
  transposeB?: boolean | undefined;
}

/**
 * Multiplies matrices: the last two axes, over the axes before them, which broadcast as NumPy's.
 *
 * @param a (…, m, k), or (…, k, m) to be transposed
 * @param b (…, k, n), or (…, n, k) to be transposed
 * @param options transposeA, transposeB: use the transposed matrices
 * @returns (…, m, n)
 * @throws {RangeError} if the shapes do not fit
 * @example matmul(x, x, { transposeB: true }); // dot products of all rows
 */
export function matmul(a: Tensor, b: Tensor, options?: MatmulOptions): Tensor {
  checkTensor('matmul', 'a', a);
  checkTensor('matmul', 'b', b);
  const read = readOptions('matmul', options);
  const transposeA = read.read('transposeA', checkFlag, false);
  const transposeB = read.read('transposeB', checkFlag, false);
  read.done();
  for (const [argument, { shape }] of Object.entries({ a, b })) {
    if (shape.length < 2) rangeError('matmul', argument, 'of at least two axes', showShape(shape));
  }
  const [aRows, aCols] = a.shape.slice(-2) as [number, number];
  const [bRows, bCols] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [aCols, aRows] : [aRows, aCols];
  const [inner, n] = transposeB ? [bCols, bRows] : [bRows, bCols];
  if (inner !== k) rangeError('matmul', 'b', `of inner size ${k} like a`, inner);
  const [aBatch, bBatch] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batch = broadcastShape('matmul', aBatch, bBatch);
  const [aIndices, bIndices] = [broadcastIndices(aBatch, batch), broadcastIndices(bBatch, batch)];
  const count = aIndices.length;
  const [aSize, bSize] = [aRows * aCols, bRows * bCols];
  const aRepeats = a.size < count * aSize;
  const bRepeats = b.size < count * bSize;
  const aAt = (to: Tensor, i: number): Pointer => to.at + 4 * aSize * (aIndices[i] as number);
  const bAt = (to: Tensor, i: number): Pointer => to.at + 4 * bSize * (bIndices[i] as number);
  const ofA = (i: number, transposed: boolean): Factor => {
    return { at: aAt(a, i), rows: aRows, cols: aCols, transposed };
  };
  const ofB = (i: number, transposed: boolean): Factor => {
    return { at: bAt(b, i), rows: bRows, cols: bCols, transposed };
  };
  /** A matrix that is used several times gets the sum of its gradients, in their order. */
  const gradLike = (x: Tensor, repeats: boolean): Tensor | undefined => {
    if (!x.requiresGrad) return undefined;
    return repeats ? filled(x.shape, 0) : empty(x.shape);
  };
  return record(
    'matmul',
    [a, b],
    [...batch, m, n],
    (y) => {
      for (let i = 0; i < count; i++) {
        product(y + 4 * i * m * n, ofA(i, transposeA), ofB(i, transposeB), false);
      }
    },
    (dy) => {
      const da = gradLike(a, aRepeats);
      const db = gradLike(b, bRepeats);
      for (let i = 0; i < count; i++) {
        const dY = (transposed: boolean): Factor => {
          return { at: dy.at + 4 * i * m * n, rows: m, cols: n, transposed };
        };
        if (da !== undefined) {
          const to = aAt(da, i);
          // dA = dY B', or its transpose B dY'.
          if (transposeA) product(to, ofB(i, transposeB), dY(true), aRepeats);
          else product(to, dY(false), ofB(i, !transposeB), aRepeats);
        }
        if (db !== undefined) {
          const to = bAt(db, i);
          if (transposeB) product(to, dY(true), ofA(i, transposeA), bRepeats);
          else product(to, ofA(i, !transposeA), dY(false), bRepeats);
        }
      }
      return [da, db];
    },
    { saved: savedFactors(a, b) },
  );
}

/**
 * Computes x W′ + b, the linear layer, as one product over all rows.
 *
 * @param x (…, in)
 * @param weight (out, in)
 * @param bias out numbers; none if left out
 * @param options none
 * @returns (…, out)
 * @throws {RangeError} if the shapes do not fit
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('linear', options);
  checkTensor('linear', 'x', x);
  checkTensor('linear', 'weight', weight);
  if (weight.shape.length !== 2) {
    rangeError('linear', 'weight', '(out, in)', showShape(weight.shape));
  }
  const [outputs, inputs] = weight.shape as [number, number];
  if (x.shape.at(-1) !== inputs) rangeError('linear', 'x', `${inputs} wide`, showShape(x.shape));
  if (bias !== undefined) checkVector('linear', 'bias', bias, outputs);
  const rows = x.size / inputs;
  const ofX = (transposed: boolean): Factor => ({ at: x.at, rows, cols: inputs, transposed });
  const ofWeight = (transposed: boolean): Factor => {
    return { at: weight.at, rows: outputs, cols: inputs, transposed };
  };
  return record(
    'linear',
    bias === undefined ? [x, weight] : [x, weight, bias],
    [...x.shape.slice(0, -1), outputs],
    (y) => {
      product(y, ofX(false), ofWeight(true), false, bias?.at);
    },
    (dy) => {
      const dY = (transposed: boolean): Factor => {
        return { at: dy.at, rows, cols: outputs, transposed };
      };
      const dx = x.requiresGrad ? empty(x.shape) : undefined;
      const dWeight = weight.requiresGrad ? empty(weight.shape) : undefined;
      const dBias = bias?.requiresGrad ? empty(bias.shape) : undefined;
      if (dx) product(dx.at, dY(false), ofWeight(false), false);
      if (dWeight) product(dWeight.at, dY(true), ofX(false), false);
      if (dBias) kernels(nnCode).columnSums(dBias.at, dy.at, rows, outputs, outputs, false);
      return [dx, dWeight, dBias];
    },
    { saved: savedFactors(x, weight) },
  );
}
