/** Embedding lookup (`gather`) and `embeddingBag`. */

import nnCode from '#wasm/nn';
import opsCode from '#wasm/ops';
import { kernels } from '../../core/kernels.js';
import { f32, type Pointer, type Scope, scoped } from '../../core/memory.js';
import { checkNoOptions, readOptions } from '../../core/options.js';
import {
  checkFlag,
  checkIntegers,
  isNumberArray,
  type NoOptions,
  oneOf,
  rangeError,
} from '../../core/validation.js';
import { checkTensor } from '../check.js';
import { tensorOf } from '../leaf.js';
import { record } from '../record.js';
import { accumulateRowGrad, distinctRows, groupByRow, RowGrad } from '../row-grad.js';
import { empty, filled, type Tensor } from '../tensor.js';
import { checkedShape, type Shape, showShape, sizeOf } from '../tensor-data.js';

/** Checks a table (n, d) and row numbers of it; copies these, for the caller may overwrite them. */
function checkLookup(
  name: string,
  argument: string,
  table: unknown,
  idsArgument: string,
  ids: unknown,
): { table: Tensor; cols: number; ids: Int32Array } {
  const checked = checkTensor(name, argument, table);
  const { shape } = checked;
  if (shape.length !== 2) rangeError(name, argument, 'of two axes', showShape(shape));
  const [rows, cols] = shape as [number, number];
  const numbers = checkIntegers(name, idsArgument, ids, undefined, {
    valid: (id) => id >= 0 && id < rows,
    what: `from 0 to ${rows - 1} (the rows of ${argument})`,
  });
  return { table: checked, cols, ids: new Int32Array(numbers) };
}

/**
 * Looks rows of a table up by their numbers, as an embedding does.
 *
 * @param x (n, d)
 * @param indices whole numbers from 0 to n − 1
 * @param shape shape of the indices; one axis if left out
 * @param options none
 * @returns (…shape, d)
 * @throws {TypeError | RangeError} if an index is not a row of x
 */
export function gather(
  x: Tensor,
  indices: ArrayLike<number>,
  shape?: Shape,
  options?: NoOptions,
): Tensor {
  checkNoOptions('gather', options);
  const { cols, ids } = checkLookup('gather', 'x', x, 'indices', indices);
  const extents = shape === undefined ? [ids.length] : checkedShape('gather', shape);
  if (ids.length === 0 || sizeOf(extents) !== ids.length) {
    rangeError('gather', 'indices', `${sizeOf(extents)} long`, ids.length);
  }
  const core = kernels(nnCode);
  return record(
    'gather',
    [x],
    [...extents, cols],
    (y) => scoped((scope) => core.gatherRows(y, x.at, scope.i32From(ids), ids.length, cols)),
    (dy) => {
      const dx = filled(x.shape, 0);
      scoped((scope) =>
        core.scatterAddRows(dx.at, dy.at, scope.i32From(ids), ids.length, cols, cols),
      );
      return [dx];
    },
    { saved: [] },
  );
}

/** Options of `embeddingBag`. */
export interface EmbeddingBagOptions {
  /**
   * Reduction of the rows of a bag.
   * @default 'mean'
   */
  mode?: 'mean' | 'sum' | 'max' | undefined;
  /** Factor of each row, as many as there are ids; for mode 'sum' alone. Gradients flow to a tensor. */
  weights?: Tensor | ArrayLike<number> | undefined;
  /**
   * Keep the gradients of the rows that are looked up instead of one of the table's shape, for
   * modes 'mean' and 'sum': backward and an optimizer's step cost what a batch touches. `AdamW` and
   * `Adam` leave all other rows and their moments as they are, as PyTorch's `SparseAdam` does. The
   * table has to be a parameter; its `grad` stays undefined.
   * @default false
   */
  sparse?: boolean | undefined;
}

/**
 * Takes the mean, the sum or the largest numbers of the rows of each bag, without storing the rows.
 *
 * @param table (n, d)
 * @param ids whole numbers from 0 to n − 1: the rows of the first bag, then those of the next, …
 * @param offsets where each bag begins in `ids`: 0 first, none less than the one before it; the
 *   last bag ends with `ids`. An empty bag gives zeros
 * @param options mode: 'mean', 'sum' or 'max'; weights: a factor of each row, for 'sum'
 * @returns (bags, d)
 * @throws {TypeError | RangeError} if an id or an offset is out of range, or weights do not fit
 * @example embeddingBag(table, [3, 1, 4], [0, 2]); // rows 3 and 1, then row 4
 */
export function embeddingBag(
  table: Tensor,
  ids: ArrayLike<number>,
  offsets: ArrayLike<number>,
  options?: EmbeddingBagOptions,
): Tensor {
  const name = 'embeddingBag';
  const { cols, ids: rows } = checkLookup(name, 'table', table, 'ids', ids);
  const count = rows.length;
  const starts = checkIntegers(name, 'offsets', offsets, undefined, {
    valid: (offset) => offset >= 0 && offset <= count,
    what: `from 0 to ${count} (the ids)`,
  });
  const bags = starts.length;
  if (bags === 0) rangeError(name, 'offsets', 'at least one offset', offsets);
  if (starts[0] !== 0) rangeError(name, 'offsets[0]', '0', starts[0]);
  for (let b = 1; b < bags; b++) {
    const before = starts[b - 1] as number;
    if ((starts[b] as number) < before) {
      rangeError(name, `offsets[${b}]`, `at least ${before}, the offset before it`, starts[b]);
    }
  }
  const bagOffsets = new Int32Array(bags + 1);
  bagOffsets.set(starts);
  bagOffsets[bags] = count;
  const read = readOptions(name, options);
  const mode = read.read('mode', oneOf(['mean', 'sum', 'max']), 'mean');
  const given = read.optional('weights', (_, argument, value) =>
    isNumberArray(value) ? tensorOf(name, argument, value) : checkTensor(name, argument, value),
  );
  const sparse = read.read('sparse', checkFlag, false);
  read.done();
  if (sparse) {
    if (mode === 'max') rangeError(name, 'mode', "'mean' or 'sum' with sparse", mode);
    if (table.parents.length > 0) {
      rangeError(name, 'table', 'a parameter with sparse', 'the result of an operation');
    }
  }
  if (given !== undefined) {
    if (mode !== 'sum') rangeError(name, 'mode', "'sum' where there are weights", mode);
    if (given.size !== count) {
      rangeError(name, 'weights', `${count} numbers, one per id`, showShape(given.shape));
    }
  }
  return mode === 'max'
    ? embeddingBagMax(table, rows, bagOffsets, cols)
    : embeddingBagSum(table, rows, bagOffsets, cols, {
        mean: mode === 'mean',
        weights: given,
        sparse,
      });
}

function embeddingBagMax(
  table: Tensor,
  ids: Int32Array,
  bagOffsets: Int32Array,
  cols: number,
): Tensor {
  const bags = bagOffsets.length - 1;
  const indices = empty([bags, cols]);
  return record(
    'embeddingBag',
    [table],
    [bags, cols],
    (y) =>
      scoped((scope) => {
        const lists = [scope.i32From(ids), scope.i32From(bagOffsets)] as const;
        kernels(opsCode).bagMax(y, indices.at, table.at, ...lists, bags, cols, cols);
      }),
    (dy) => {
      const dTable = filled(table.shape, 0);
      kernels(opsCode).bagMaxBackward(dTable.at, dy.at, indices.at, bags, cols, cols);
      return [dTable];
    },
    { saved: [], owned: [indices] },
  );
}

/** Bag of each id. */
function bagOfEach(bagOffsets: Int32Array): Int32Array {
  const bags = bagOffsets.length - 1;
  const bagOf = new Int32Array(bagOffsets[bags] as number);
  for (let b = 0; b < bags; b++) bagOf.fill(b, bagOffsets[b], bagOffsets[b + 1]);
  return bagOf;
}

/** Factor of each id where bags are means. */
function meanFactors(bagOffsets: Int32Array): Float32Array {
  const bags = bagOffsets.length - 1;
  const factors = new Float32Array(bagOffsets[bags] as number);
  for (let b = 0; b < bags; b++) {
    const [from, to] = [bagOffsets[b] as number, bagOffsets[b + 1] as number];
    factors.fill(1 / (to - from), from, to);
  }
  return factors;
}

/**
 * Sums the gradient of each row that bags have, which is written once.
 *
 * @param dy (bags, d): gradient of the bags
 * @param factors factor of each id; undefined for 1
 */
function bagRowGrad(
  scope: Scope,
  dy: Tensor,
  ids: Int32Array,
  bagOffsets: Int32Array,
  factors: Float32Array | undefined,
): RowGrad {
  const cols = dy.shape[1] as number;
  const { rows, indices } = distinctRows(ids);
  const { starts, order } = groupByRow(indices, rows.length);
  const sorted = factors && Float32Array.from(order, (i) => factors[i] as number);
  const bagOf = bagOfEach(bagOffsets);
  for (let e = 0; e < order.length; e++) order[e] = bagOf[order[e] as number] as number;
  const values = empty([rows.length, cols]);
  const [bags, begins] = [scope.i32From(order), scope.i32From(starts)];
  let at: Pointer = 0;
  if (sorted !== undefined) {
    at = scope.f32(sorted.length);
    f32().set(sorted, at / 4);
  }
  kernels(opsCode).sumListedRows(values.at, dy.at, bags, at, begins, rows.length, cols);
  return new RowGrad(rows, values);
}

function embeddingBagSum(
  table: Tensor,
  ids: Int32Array,
  bagOffsets: Int32Array,
  cols: number,
  { mean, weights, sparse }: { mean: boolean; weights: Tensor | undefined; sparse: boolean },
): Tensor {
  const bags = bagOffsets.length - 1;
  const core = kernels(nnCode);
  const wantsWeights = weights?.requiresGrad ?? false;
  return record(
    'embeddingBag',
    weights === undefined ? [table] : [table, weights],
    [bags, cols],
    (y) =>
      scoped((scope) => {
        const lists = [scope.i32From(ids), scope.i32From(bagOffsets)] as const;
        kernels(opsCode).bagRows(y, table.at, ...lists, weights?.at ?? 0, bags, cols, cols, mean);
      }),
    (dy) =>
      scoped((scope) => {
        const rows = scope.i32From(ids);
        const dTable = table.requiresGrad && !sparse ? filled(table.shape, 0) : undefined;
        if (dTable) {
          const lists = [rows, scope.i32From(bagOffsets), weights?.at ?? 0] as const;
          kernels(opsCode).bagRowsBackward(dTable.at, dy.at, ...lists, bags, cols, cols, mean);
        }
        if (table.requiresGrad && sparse && ids.length > 0) {
          const factors = weights?.data ?? (mean ? meanFactors(bagOffsets) : undefined);
          accumulateRowGrad(table, bagRowGrad(scope, dy, ids, bagOffsets, factors));
        }
        if (!wantsWeights || weights === undefined) return [dTable];
        // A weight's gradient is the product of its row with the gradient of its bag.
        const dWeights = empty(weights.shape);
        const [own, of] = [scope.f32(ids.length * cols), scope.f32(ids.length * cols)];
        const bagOf = bagOfEach(bagOffsets);
        core.gatherRows(own, table.at, rows, ids.length, cols);
        core.gatherRows(of, dy.at, scope.i32From(bagOf), ids.length, cols);
        core.mulArray(own, own, of, ids.length * cols);
        core.sumAxis(dWeights.at, own, ids.length, cols, 1);
        return [dTable, dWeights];
      }),
    {
      saved: [
        ...(weights && table.requiresGrad ? [weights] : []),
        ...(wantsWeights ? [table] : []),
      ],
    },
  );
}
