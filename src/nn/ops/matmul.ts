/** Matrix products over the core's packed kernel, in batches, and the linear layer's. */

import { checkFlag, checkOptions, rangeError } from '../../check.js';
import type { Pointer } from '../../memory.js';
import { multiply } from '../../products.js';
import { nnKernels } from '../kernels.js';
import { showShape } from '../numbers.js';
import { empty, filled, record, type Tensor } from '../tensor.js';
import { checkTensor } from './shape.js';

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
 * Products of matrices: of the last two axes, over the axes before them, which are the same in a
 * and b; b may also be one matrix for all.
 *
 * @param a (…, m, k)
 * @param b (…, k, n) or (k, n)
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
  const batch = a.shape.slice(0, -2);
  const shared = b.shape.length === 2;
  if (!shared && showShape(b.shape.slice(0, -2)) !== showShape(batch)) {
    rangeError('matmul', 'b', `in batches ${showShape(batch)} like a`, showShape(b.shape));
  }
  const count = batch.reduce((size, extent) => size * extent, 1);
  const left = (i: number, transposed: boolean): Side => {
    return { at: a.at + 4 * i * aRows * aCols, rows: aRows, cols: aCols, transposed };
  };
  const right = (i: number, transposed: boolean): Side => {
    const at = b.at + (shared ? 0 : 4 * i * bRows * bCols);
    return { at, rows: bRows, cols: bCols, transposed };
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
      const da = a.requiresGrad ? empty(a.shape) : undefined;
      const db = b.requiresGrad ? filled(b.shape, 0) : undefined;
      for (let i = 0; i < count; i++) {
        const slope = (transposed: boolean): Side => {
          return { at: dy.at + 4 * i * m * n, rows: m, cols: n, transposed };
        };
        if (da !== undefined) {
          const to = da.at + 4 * i * m * k;
          // dA = dY B', or its transpose B dY'.
          if (transposeA) product(to, right(i, transposeB), slope(true), false);
          else product(to, slope(false), right(i, !transposeB), false);
        }
        if (db !== undefined) {
          const to = db.at + (shared ? 0 : 4 * i * k * n);
          if (transposeB) product(to, slope(true), left(i, transposeA), true);
          else product(to, left(i, !transposeA), slope(false), true);
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
      if (bias !== undefined) nnKernels().addRows(y, y, bias.at, rows, outputs);
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
      if (dBias) nnKernels().columnSums(dBias.at, dy.at, rows, outputs, outputs, false);
      return [dx, dWeight, dBias];
    },
  );
}
