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
  /** True once an optimizer has changed these rows of the table and found all of them finite. */
  isStepFinite = false;

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
  const { length } = ids;
  // Open addressing: a Map is several times slower. Slots hold an index plus 1.
  const bits = 33 - Math.clz32(length);
  const slots = new Int32Array(2 ** bits);
  const indices = new Int32Array(length);
  const rows = new Int32Array(length);
  let count = 0;
  for (let i = 0; i < length; i++) {
    const id = ids[i] as number;
    let slot = Math.imul(id, 0x9e3779b1) >>> (32 - bits);
    let found = slots[slot] as number;
    while (found > 0 && rows[found - 1] !== id) {
      slot = slot + 1 === slots.length ? 0 : slot + 1;
      found = slots[slot] as number;
    }
    if (found === 0) {
      rows[count++] = id;
      found = count;
      slots[slot] = found;
    }
    indices[i] = found - 1;
  }
  return { rows: rows.slice(0, count), indices };
}

/** Positions at which each of some rows is named. */
export interface RowPositions {
  /** Row r is named at positions starts[r] to starts[r + 1] - 1 of `order`. */
  starts: Int32Array;
  /** Indices into the list that names rows, row after row, each row's in order. */
  order: Int32Array;
}

/** Sorts the positions of a list by the rows that they name: a counting sort. */
export function groupByRow(indices: Int32Array, rows: number): RowPositions {
  const starts = new Int32Array(rows + 1);
  for (let i = 0; i < indices.length; i++) {
    const next = (indices[i] as number) + 1;
    starts[next] = (starts[next] as number) + 1;
  }
  for (let r = 0; r < rows; r++) starts[r + 1] = (starts[r + 1] as number) + (starts[r] as number);
  const next = starts.slice(0, rows);
  const order = new Int32Array(indices.length);
  for (let i = 0; i < indices.length; i++) {
    const row = indices[i] as number;
    const at = next[row] as number;
    order[at] = i;
    next[row] = at + 1;
  }
  return { starts, order };
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
  const core = kernels();
  for (const row of rows) {
    const bad = core.firstNonFinite(table + 4 * row * cols, cols);
    if (bad >= 0) return row * cols + bad;
  }
  return -1;
}
