/**
 * Gradients of tables of which a step touches few rows: PyTorch's sparse gradients. They cost what
 * they touch, where a gradient of the table's shape costs the table.
 */

import nnCode from '#wasm/nn';
import { kernels } from '../core/kernels.js';
import { type Pointer, scoped } from '../core/memory.js';
import { filled, type Tensor } from './tensor.js';
import { untrack } from './tidy.js';

/** Rows of a table with a gradient: all others have none. */
export class RowGrad {
  /** Numbers of the rows, each once. */
  readonly rows: Int32Array;
  /** (rows, d): gradient of each. */
  readonly values: Tensor;

  constructor(rows: Int32Array, values: Tensor) {
    this.rows = rows;
    this.values = values;
    untrack(values);
  }

  /** Frees the memory. */
  dispose(): void {
    this.values.dispose();
  }
}

/**
 * Numbers the rows that ids name in the order in which they first come.
 *
 * @returns the rows, and the index of each id's row among them
 */
export function distinctRows(ids: Int32Array): { rows: Int32Array; indices: Int32Array } {
  const found = new Map<number, number>();
  const indices = new Int32Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    let index = found.get(id);
    if (index === undefined) {
      index = found.size;
      found.set(id, index);
    }
    indices[i] = index;
  }
  return { rows: Int32Array.from(found.keys()), indices };
}

/** Adds a gradient to that which a table has. */
export function accumulateRowGrad(table: Tensor, added: RowGrad): void {
  const before = table.rowGrad;
  if (before === undefined) {
    table.rowGrad = added;
    return;
  }
  const joined = new Int32Array(before.rows.length + added.rows.length);
  joined.set(before.rows);
  joined.set(added.rows, before.rows.length);
  const { rows, indices } = distinctRows(joined);
  const cols = added.values.shape[1] as number;
  const values = filled([rows.length, cols], 0);
  const core = kernels(nnCode);
  scoped((scope) => {
    let first = 0;
    for (const { rows: own, values: from } of [before, added]) {
      const at = scope.i32From(indices.subarray(first, first + own.length));
      core.scatterAddRows(values.at, from.at, at, own.length, cols, cols);
      first += own.length;
    }
  });
  table.rowGrad = new RowGrad(rows, values);
  before.dispose();
  added.dispose();
}

/** Adds the gradients of rows to one of the table's shape. */
export function addRowGrad(grad: Tensor, { rows, values }: RowGrad): void {
  const cols = values.shape[1] as number;
  scoped((scope) => {
    const at = scope.i32From(rows);
    kernels(nnCode).scatterAddRows(grad.at, values.at, at, rows.length, cols, cols);
  });
  grad.markChanged();
}

/** Index of the first number of a table that is not finite, among the rows that a gradient names; or -1. */
export function firstNonFiniteRow(table: Pointer, { rows, values }: RowGrad): number {
  const cols = values.shape[1] as number;
  const bad = scoped((scope) => {
    const gathered = scope.f32(values.size);
    kernels(nnCode).gatherRows(gathered, table, scope.i32From(rows), rows.length, cols);
    return kernels().firstNonFinite(gathered, values.size);
  });
  return bad < 0 ? -1 : (rows[Math.floor(bad / cols)] as number) * cols + (bad % cols);
}
