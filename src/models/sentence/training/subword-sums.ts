/**
 * Rows of texts as sums of rows of their tokens, which are sums of rows of what tokens are made of:
 * two products with sparse matrices, forward and backward, all of them sums of listed rows in f32.
 */

import opsCode from '#wasm/ops';
import { kernels } from '../../../core/kernels.js';
import { f32, type Pointer, scoped } from '../../../core/memory.js';
import { record } from '../../../nn/record.js';
import { accumulateRowGrad, RowGrad } from '../../../nn/row-grad.js';
import { empty, type Tensor } from '../../../nn/tensor.js';

/** A sparse matrix by its rows: row r has factors[e] at column indices[e], e from starts[r] on. */
export interface SparseRows {
  /** One more than there are rows. */
  starts: Int32Array;
  indices: Int32Array;
  /** Without them every number is 1. */
  factors?: Float32Array | undefined;
}

/** Transposes a sparse matrix: a counting sort, so that rows come in order. */
function transpose({ starts, indices, factors }: SparseRows, columns: number): SparseRows {
  const size = indices.length;
  const begins = new Int32Array(columns + 1);
  for (let e = 0; e < size; e++) {
    const next = (indices[e] as number) + 1;
    begins[next] = (begins[next] as number) + 1;
  }
  for (let c = 0; c < columns; c++)
    begins[c + 1] = (begins[c + 1] as number) + (begins[c] as number);
  const next = begins.slice(0, columns);
  const rows = new Int32Array(size);
  const moved = factors && new Float32Array(size);
  for (let r = 0; r + 1 < starts.length; r++) {
    for (let e = starts[r] as number; e < (starts[r + 1] as number); e++) {
      const column = indices[e] as number;
      const at = next[column] as number;
      next[column] = at + 1;
      rows[at] = r;
      if (moved && factors) moved[at] = factors[e] as number;
    }
  }
  return { starts: begins, indices: rows, factors: moved };
}

/** y = a sparse matrix times x, (rows, cols) of f32. */
function multiply(
  y: Pointer,
  { starts, indices, factors }: SparseRows,
  x: Pointer,
  cols: number,
): void {
  scoped((scope) => {
    let weights = 0;
    if (factors !== undefined) {
      weights = scope.f32(factors.length);
      f32().set(factors, weights / 4);
    }
    const lists = [scope.i32From(indices), weights, scope.i32From(starts)] as const;
    kernels(opsCode).sumListedRows(y, x, ...lists, starts.length - 1, cols);
  });
}

/**
 * Sums rows of a table to rows of tokens, and these to rows of texts. The table, a parameter, gets
 * the gradients of the rows that were named, as of `embeddingBag` with `sparse`.
 *
 * @param table (n, d)
 * @param named numbers of the rows of the table that tokens have, each once
 * @param tokens what tokens are made of, its columns being indices of `named`
 * @param texts what texts are made of, its columns being tokens
 * @returns (texts, d)
 */
export function subwordSums(
  table: Tensor,
  named: Int32Array,
  tokens: SparseRows,
  texts: SparseRows,
): Tensor {
  const cols = table.shape[1] as number;
  const [tokenCount, textCount] = [tokens.starts.length - 1, texts.starts.length - 1];
  return record(
    'subwordSums',
    [table],
    [textCount, cols],
    (y) =>
      scoped((scope) => {
        const rows = scope.f32(tokenCount * cols);
        const indices = tokens.indices.map((index) => named[index] as number);
        multiply(rows, { ...tokens, indices }, table.at, cols);
        multiply(y, texts, rows, cols);
      }),
    (dy) => {
      if (named.length === 0) return [undefined];
      const values = empty([named.length, cols]);
      scoped((scope) => {
        const rows = scope.f32(tokenCount * cols);
        multiply(rows, transpose(texts, tokenCount), dy.at, cols);
        multiply(values.at, transpose(tokens, named.length), rows, cols);
      });
      accumulateRowGrad(table, new RowGrad(named, values));
      return [undefined];
    },
    { saved: [] },
  );
}
