/**
 * InfoNCE in both directions of rows and of their first columns, the mean of all: what `infoNce` of
 * slices gives, with one product of each block of columns instead of one for each prefix.
 */

import nnCode from '#wasm/nn';
import opsCode from '#wasm/ops';
import { kernels } from '../../../core/kernels.js';
import { checkLoss } from '../../../core/matrix.js';
import { f32, type Pointer, type Scope, scoped } from '../../../core/memory.js';
import { isGradEnabled } from '../../../nn/grad-mode.js';
import { record } from '../../../nn/record.js';
import { empty, type Tensor } from '../../../nn/tensor.js';

/** Largest factor of the cosines: the exponential of a cosine has no shift of its own. */
const MAX_SCALE = 40;
/** Cosines of a prefix at most: all of them are kept for the gradient, and their exponentials. */
const MAX_COSINES = 2 ** 20;
/** A shorter prefix of a unit row would lose digits in f32. */
const MIN_LENGTH = 1e-6;

/** Ids of columns that are negatives of every row, and of padding. */
const NEGATIVE = -1;
const PADDING = -2;

/** Arguments of `prefixInfoNce`. */
export interface PrefixPairs {
  /** Rows of the first texts; as many rows of the second ones follow, then further negatives. */
  pairs: number;
  /** For each pair a number from 0; pairs of equal ones are no negatives. */
  ids: Int32Array;
  temperature: number;
  /** Numbers of columns of the prefixes besides all. */
  dimensions: readonly number[];
}

/** Rows of one side, of unit length, and what the kernels have of their prefixes. */
class Side {
  readonly padded: number;
  readonly inverses: Pointer;
  readonly sums: Pointer;
  readonly shifts: Pointer;
  readonly coefficients: Pointer;

  constructor(
    readonly scope: Scope,
    readonly unit: Pointer,
    readonly norms: Pointer,
    readonly rows: number,
    readonly cols: number,
    readonly ends: readonly number[],
    scale: number,
  ) {
    const { NR } = kernels();
    this.padded = Math.ceil(rows / NR.value) * NR.value;
    const size = this.padded * ends.length;
    this.inverses = scope.zeros(size);
    this.sums = scope.zeros(2 * size);
    this.coefficients = scope.zeros(size);
    this.shifts = scope.f32(rows);
    f32().fill(scale, this.shifts / 4, this.shifts / 4 + rows);
  }

  /** Packs the columns of each block: rows in slivers of `width`, or columns in slivers of NR. */
  pack(width: number, byColumns: boolean): Pointer {
    const core = kernels();
    const { unit, rows, cols, ends } = this;
    const lengths = ends.map((end, p) => {
      const depth = end - (ends[p - 1] ?? 0);
      return byColumns
        ? core.packedLength(depth, rows, width)
        : core.packedLength(rows, depth, width);
    });
    const packed = this.scope.f32(lengths.reduce((sum, length) => sum + length, 0));
    let at = packed;
    ends.forEach((end, p) => {
      const begin = ends[p - 1] ?? 0;
      const from = unit + 4 * begin;
      if (byColumns) core.pack(at, from, end - begin, rows, 1, cols, width);
      else core.pack(at, from, rows, end - begin, cols, 1, width);
      at += 4 * (lengths[p] as number);
    });
    return packed;
  }

  /** Reserves zeros for the gradients of the blocks, of rows padded to slivers of `width`. */
  reserveProducts(height: number): Pointer {
    const { NR } = kernels();
    const columns = this.ends.reduce((sum, end, p) => {
      const depth = end - (this.ends[p - 1] ?? 0);
      return sum + Math.ceil(depth / NR.value) * NR.value;
    }, 0);
    return this.scope.zeros(columns * height);
  }
}

/**
 * Computes the loss and its gradient.
 *
 * @param dx where the gradient goes, (rows, cols); 0 if it is not wanted
 * @returns undefined where a prefix is too short for it
 */
function compute(
  scope: Scope,
  x: Tensor,
  dx: Pointer,
  { pairs, ids, temperature }: PrefixPairs,
  ends: readonly number[],
): number | undefined {
  const core = kernels();
  const ops = kernels(opsCode);
  const [count, cols] = x.shape as [number, number];
  const scale = 1 / temperature;
  const prefixes = ends.length;
  const lists = [scope.i32From(ends), prefixes] as const;
  const unit = scope.f32(count * cols);
  const norms = scope.f64(count);
  core.normalizeRows(unit, norms, x.at, count, cols);
  const below = count - pairs;
  const a = new Side(scope, unit, norms, pairs, cols, ends, scale);
  const [unitB, normsB] = [unit + 4 * pairs * cols, norms + 8 * pairs];
  const b = new Side(scope, unitB, normsB, below, cols, ends, scale);
  const shortest = [a, b].map((side) =>
    ops.prefixInverses(side.inverses, side.unit, side.rows, cols, ...lists),
  );
  if (Math.min(...shortest) < MIN_LENGTH) return undefined;
  const positives = scope.f64(prefixes * a.padded);
  ops.prefixPositives(positives, a.unit, b.unit, pairs, cols, ...lists);
  const cosines = scope.f32(prefixes * a.padded * b.padded);
  const exps = scope.f32(prefixes * a.padded * b.padded);
  const columnIds = new Int32Array(b.padded).fill(NEGATIVE, pairs, below).fill(PADDING, below);
  columnIds.set(ids);
  const scratch = scope.bytes(ops.prefixScratch());
  ops.prefixSums(
    a.sums,
    b.sums,
    exps,
    cosines,
    a.pack(core.MR.value, false),
    b.pack(core.NR.value, false),
    a.inverses,
    b.inverses,
    scope.i32From(ids),
    scope.i32From(columnIds),
    pairs,
    below,
    ...lists,
    scale,
    scratch,
  );
  const positiveCoefficients = scope.zeros(prefixes * a.padded);
  const weight = 1 / (2 * pairs * prefixes);
  let loss = 0;
  for (let p = prefixes - 1; p >= 0; p--) {
    for (const side of [a, b]) {
      loss += core.contrastiveRows(
        side.coefficients + 4 * p * side.padded,
        positiveCoefficients + 4 * p * a.padded,
        side.sums + 8 * p * side.padded,
        side.shifts,
        positives + 8 * p * a.padded,
        pairs,
        weight,
        scale,
        false,
      );
    }
  }
  checkLoss('infoNce', loss);
  if (dx === 0) return loss;
  const height = Math.ceil(pairs / core.MR.value) * core.MR.value;
  const products = [a.reserveProducts(height), b.reserveProducts(b.padded)] as const;
  const tangents = [scope.zeros(prefixes * a.padded), scope.zeros(prefixes * b.padded)] as const;
  ops.prefixGradients(
    ...products,
    ...tangents,
    exps,
    cosines,
    a.pack(core.NR.value, true),
    b.pack(core.NR.value, true),
    a.coefficients,
    b.coefficients,
    a.inverses,
    b.inverses,
    pairs,
    below,
    ...lists,
    scratch,
  );
  for (const [i, side] of [a, b].entries()) {
    const other = i === 0 ? b : a;
    ops.prefixBackward(
      i === 0 ? dx : dx + 4 * pairs * cols,
      products[i] as Pointer,
      i === 0 ? height : b.padded,
      side.unit,
      side.norms,
      side.inverses,
      tangents[i] as Pointer,
      other.unit,
      other.inverses,
      other.rows,
      positives,
      positiveCoefficients,
      pairs,
      side.rows,
      cols,
      ...lists,
    );
  }
  return loss;
}

/**
 * Computes the mean over all columns and some first columns of symmetric InfoNCE.
 *
 * @param rows (2 pairs + negatives, cols)
 * @returns scalar; undefined where this way has no digits to spare, or not enough memory: then the
 * losses of the prefixes have to be computed one by one
 */
export function prefixInfoNce(rows: Tensor, given: PrefixPairs): Tensor | undefined {
  const [count, cols] = rows.shape as [number, number];
  const { pairs, temperature, dimensions } = given;
  if (1 / temperature > MAX_SCALE || pairs * (count - pairs) > MAX_COSINES) return undefined;
  const ends = [...dimensions, cols].sort((m, n) => m - n);
  const grad = isGradEnabled() && rows.requiresGrad ? empty(rows.shape) : undefined;
  const loss = scoped((scope) => compute(scope, rows, grad?.at ?? 0, given, ends));
  if (loss === undefined) {
    grad?.dispose();
    return undefined;
  }
  const core = kernels(nnCode);
  return record(
    'prefixInfoNce',
    [rows],
    [],
    (y) => core.fillArray(y, 1, loss),
    (dy) => {
      if (grad === undefined) return [undefined];
      const dx = empty(grad.shape);
      core.scaleTo(dx.at, grad.at, grad.size, dy.item());
      return [dx];
    },
  );
}
