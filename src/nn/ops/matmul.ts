/** Matrix products over the core's packed kernel, in batches, and the linear layer's. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import type { Pointer } from '../../core/memory.js';
import { multiply } from '../../core/products.js';
import { checkFlag, checkOptions, rangeError } from '../../core/validation.js';
import { empty, filled, record, type Tensor } from '../tensor.js';
import { showShape } from '../tensor-data.js';
import { broadcastIndices, broadcastShape, checkTensor } from './shape.js';

/** A row-major matrix in memory, as it lies or transposed. */
interface Side {
  at: Pointer;
  rows: number;
  cols: number;
  transposed: boolean;
}

/** c = or += a b, for sides as they are meant (after transposing). */
function product(c: Pointer, a: Side, b: Side, accumulate: boolean): void {
  const [m, k] = a.transposed ? [a.cols, a.rows] : [a.rows, a.cols];
  const n = b.transposed ? b.rows : b.cols;
  multiply(c, a.at, b.at, m, n, k, a.transposed, b.transposed, accumulate);
}

export interface MatmulOptions {
  /** Use the transposes of a's matrices (default false). */
  transposeA?: boolean | undefined;
  /** Use the transposes of b's matrices (default false). */
  transposeB?: boolean | undefined;
}

/**
 * Products of matrices: of the last two axes, over the axes before them, which broadcast as NumPy's.
 *
 * @param a (…, m, k)
 * @param b (…, k, n)
 * @returns (…, m, n)
 */
export function matmul(a: Tensor, b: Tensor, options?: MatmulOptions): Tensor {
  checkTensor('matmul', 'a', a);
  checkTensor('matmul', 'b', b);
  checkOptions('matmul', options, ['transposeA', 'transposeB']);
  const transposeA = checkFlag('matmul', 'transposeA', options?.transposeA, false);
  const transposeB = checkFlag('matmul', 'transposeB', options?.transposeB, false);
  for (const [argument, { shape }] of [
    ['a', a],
    ['b', b],
  ] as const) {
    if (shape.length < 2) {
      rangeError('matmul', argument, 'of at least two axes', showShape(shape));
    }
  }
  const [aRows, aCols] = a.shape.slice(-2) as [number, number];
  const [bRows, bCols] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [aCols, aRows] : [aRows, aCols];
  const [inner, n] = transposeB ? [bCols, bRows] : [bRows, bCols];
  if (inner !== k) rangeError('matmul', 'b', `of inner size ${k} like a`, inner);
  const [aBatch, bBatch] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batch = broadcastShape('matmul', aBatch, bBatch);
  const [aPlaces, bPlaces] = [broadcastIndices(aBatch, batch), broadcastIndices(bBatch, batch)];
  const count = aPlaces.length;
  const [aSize, bSize] = [aRows * aCols, bRows * bCols];
  const aRepeats = a.size < count * aSize;
  const bRepeats = b.size < count * bSize;
  const aAt = (to: Tensor, i: number): Pointer => to.at + 4 * aSize * (aPlaces[i] as number);
  const bAt = (to: Tensor, i: number): Pointer => to.at + 4 * bSize * (bPlaces[i] as number);
  const left = (i: number, transposed: boolean): Side => {
    return { at: aAt(a, i), rows: aRows, cols: aCols, transposed };
  };
  const right = (i: number, transposed: boolean): Side => {
    return { at: bAt(b, i), rows: bRows, cols: bCols, transposed };
  };
  /** A matrix that stands at several places gets the sum of what flows to them, in their order. */
  const slopeOf = (x: Tensor, repeats: boolean): Tensor | undefined => {
    if (!x.requiresGrad) return undefined;
    return repeats ? filled(x.shape, 0) : empty(x.shape);
  };
  return record(
    'matmul',
    [a, b],
    [...batch, m, n],
    (y) => {
      for (let i = 0; i < count; i++) {
        product(y + 4 * i * m * n, left(i, transposeA), right(i, transposeB), false);
      }
    },
    (dy) => {
      const da = slopeOf(a, aRepeats);
      const db = slopeOf(b, bRepeats);
      for (let i = 0; i < count; i++) {
        const slope = (transposed: boolean): Side => {
          return { at: dy.at + 4 * i * m * n, rows: m, cols: n, transposed };
        };
        if (da !== undefined) {
          const to = aAt(da, i);
          // dA = dY B', or its transpose B dY'.
          if (transposeA) product(to, right(i, transposeB), slope(true), aRepeats);
          else product(to, slope(false), right(i, !transposeB), aRepeats);
        }
        if (db !== undefined) {
          const to = bAt(db, i);
          if (transposeB) product(to, slope(true), left(i, transposeA), bRepeats);
          else product(to, left(i, !transposeA), slope(false), bRepeats);
        }
      }
      return [da, db];
    },
  );
}

/**
 * x W' + b, the linear layer: one product over all rows.
 *
 * @param x (…, in)
 * @param weight (out, in)
 * @param bias out numbers, or none
 * @returns (…, out)
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  checkTensor('linear', 'x', x);
  const [outputs, inputs] = weight.shape as [number, number];
  if (x.shape.at(-1) !== inputs) {
    rangeError('linear', 'x', `${inputs} wide`, showShape(x.shape));
  }
  const rows = x.size / inputs;
  const input = (transposed: boolean): Side => ({ at: x.at, rows, cols: inputs, transposed });
  const weights = (transposed: boolean): Side => {
    return { at: weight.at, rows: outputs, cols: inputs, transposed };
  };
  return record(
    'linear',
    bias === undefined ? [x, weight] : [x, weight, bias],
    [...x.shape.slice(0, -1), outputs],
    (y) => {
      product(y, input(false), weights(true), false);
      if (bias !== undefined) kernels(nnCode).addRows(y, y, bias.at, rows, outputs);
    },
    (dy) => {
      const slope = (transposed: boolean): Side => {
        return { at: dy.at, rows, cols: outputs, transposed };
      };
      const dx = x.requiresGrad ? empty(x.shape) : undefined;
      const dWeight = weight.requiresGrad ? empty(weight.shape) : undefined;
      const dBias = bias?.requiresGrad ? empty(bias.shape) : undefined;
      if (dx) product(dx.at, slope(false), weights(false), false);
      if (dWeight) product(dWeight.at, slope(true), input(false), false);
      if (dBias) kernels(nnCode).columnSums(dBias.at, dy.at, rows, outputs, outputs, false);
      return [dx, dWeight, dBias];
    },
  );
}
