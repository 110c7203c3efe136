/**
 * The common part of NT-Xent, InfoNCE, CLIP and SupCon: sums of exp(logit) over the negatives by
 * fused kernels, and the gradient, back through the normalization to the rows as given. Memory is
 * linear in the number of rows; see assembly/losses/contrastive.ts.
 */

import { kernels } from '../core/kernels.js';
import { copyOut, type Matrix } from '../core/matrix.js';
import type { Pointer, Scope } from '../core/memory.js';
import { packRows, type UnitRows } from '../linalg/similarity.js';

export interface TiledLogitsOptions {
  /** Factor of the cosines: 1 / temperature. */
  scale: number;
  /** Masks the pairs (i, i ± pairOffset) besides (i, i), as NT-Xent's two views; 0: none. */
  pairOffset?: number;
  /** Masks pairs of equal ids (i32). */
  ids?: Pointer;
  /** Number of columns that have an id. */
  idColumns?: number;
  /** Compute the columns' sums too. */
  columns?: boolean;
  /** Keep what `grads` needs. */
  backward?: boolean;
}

/**
 * Bytes of cosines that are kept for the gradient, which is otherwise a quarter slower: all of them
 * up to 2048 rows, and still no more than the rows of a large batch need themselves.
 */
const MAX_KEPT_BYTES = 10 << 20;

export function roundUp(n: number, width: number): number {
  return Math.ceil(n / width) * width;
}

/** Sums of exp(logit − shift) over the negatives of rows or of columns, and what their gradient needs. */
export interface NegativeSums {
  sums: Pointer;
  shifts: Pointer;
  coefficients: Pointer;
}

/**
 * Logits, the scaled cosines of the rows of one matrix with those of another or with themselves,
 * computed in tiles and never stored as a whole.
 */
export class TiledLogits {
  readonly rows: NegativeSums;
  readonly columns: NegativeSums;
  readonly #scope: Scope;
  readonly #a: UnitRows;
  readonly #b: UnitRows;
  /** Arguments that both passes over the tiles share. */
  readonly #tiles: ReturnType<typeof prepareTiles>;

  /** @param b `a` itself where rows are compared with each other */
  constructor(scope: Scope, a: UnitRows, b: UnitRows, options: TiledLogitsOptions) {
    const core = kernels();
    this.#scope = scope;
    this.#a = a;
    this.#b = b;
    this.#tiles = prepareTiles(scope, a, b, options);
    this.rows = reserveSums(scope, a.rows);
    this.columns = a === b ? this.rows : reserveSums(scope, b.rows);
    const { scale, columns = false } = options;
    const { sums, shifts } = this.rows;
    const all = [sums, shifts, this.columns.sums, this.columns.shifts] as const;
    core.contrastiveInit(...all, a.rows, b.rows, scale, a === b, columns);
    core.contrastiveSums(...all, columns, ...this.#tiles);
  }

  /**
   * Computes the gradients of the unit rows through the sums over the negatives, once the
   * coefficients of rows and columns are set.
   *
   * @returns those of the rows of a and of b, which are one if a is b
   */
  grads(): [UnitGrad, UnitGrad] {
    const { rows, columns } = this;
    const scope = this.#scope;
    const [a, b] = [this.#a, this.#b];
    const gradA = reserveGrad(scope, a);
    const gradB = a === b ? gradA : reserveGrad(scope, b);
    const factorA = packFactor(scope, a);
    const factorB = a === b ? factorA : packFactor(scope, b);
    kernels().contrastiveGradients(
      gradA.at,
      gradB.at,
      factorA,
      factorB,
      rows.coefficients,
      rows.shifts,
      columns.coefficients,
      columns.shifts,
      ...this.#tiles,
    );
    return [gradA, gradB];
  }
}

/** Packs both matrices, and reserves scratch and room for the tiles kept for the gradient. */
function prepareTiles(scope: Scope, a: UnitRows, b: UnitRows, options: TiledLogitsOptions) {
  const { MR, NR, TILE, contrastiveScratch } = kernels();
  const { scale, pairOffset = 0, ids = 0, idColumns = 0, backward } = options;
  const self = a === b;
  const down = Math.ceil(a.rows / TILE.value);
  const across = Math.ceil(b.rows / TILE.value);
  const tiles = self ? (down * (down + 1)) / 2 : down * across;
  const size = TILE.value ** 2;
  const keptTiles = backward ? Math.min(tiles, Math.floor(MAX_KEPT_BYTES / (4 * size))) : 0;
  return [
    packRows(scope, a.unit, a.rows, a.cols, MR.value),
    packRows(scope, b.unit, b.rows, b.cols, NR.value),
    a.rows,
    b.rows,
    a.cols,
    scale,
    pairOffset,
    ids,
    ids,
    idColumns,
    self,
    scope.f32(keptTiles * size),
    keptTiles,
    scope.bytes(contrastiveScratch()),
    0,
    a.rows,
    0,
    b.rows,
  ] as const;
}

/** Reserves sums, shifts and coefficients of rows, padded as the kernels need them. */
export function reserveSums(scope: Scope, rows: number): NegativeSums {
  const padded = roundUp(rows, kernels().NR.value);
  return {
    sums: scope.f64(padded),
    shifts: scope.f32(padded),
    coefficients: scope.zeros(padded),
  };
}

/** Gradient with respect to unit rows, `ld` floats per row. */
export interface UnitGrad {
  of: UnitRows;
  at: Pointer;
  ld: number;
}

/** Reserves a gradient of unit rows, zeros at first. */
export function reserveGrad(scope: Scope, of: UnitRows): UnitGrad {
  const { MR, NR } = kernels();
  const ld = roundUp(of.cols, NR.value);
  return { of, at: scope.zeros(roundUp(of.rows, MR.value) * ld), ld };
}

/** Packs unit rows as the second operand of a product with weights. */
export function packFactor(scope: Scope, { rows, cols, unit }: UnitRows): Pointer {
  const core = kernels();
  const packed = scope.f32(core.packedLength(cols, rows, core.NR.value));
  core.pack(packed, unit, cols, rows, 1, cols, core.NR.value);
  return packed;
}

/**
 * Backward of the row normalization, in place: turns the gradient of unit rows into that of the rows
 * as given, `cols` floats per row.
 *
 * @returns Σ unit · gradient: the gradient of the scale, times the scale
 */
export function normalizeBackward({ of, at, ld }: UnitGrad): number {
  const { unit, norms, rows, cols } = of;
  return kernels().normalizeRowsBackward(at, at, unit, norms, rows, cols, ld);
}

/** Computes the backward of the normalization and copies the gradient out of WASM memory. */
export function copyOutGrad(name: string, grad: UnitGrad): { matrix: Matrix; dot: number } {
  const dot = normalizeBackward(grad);
  const { rows, cols, input } = grad.of;
  return { matrix: copyOut(name, grad.at, rows, cols, input), dot };
}

/** Pairs of unit rows that are each other's positives: row i of `a` and row i of `b`. */
export class PositivePairs {
  readonly #cosines: Pointer;
  readonly #coefficients: Pointer;
  readonly #a: Pointer;
  readonly #b: Pointer;
  readonly #pairs: number;
  readonly #cols: number;

  constructor(scope: Scope, a: Pointer, b: Pointer, pairs: number, cols: number) {
    this.#a = a;
    this.#b = b;
    this.#pairs = pairs;
    this.#cols = cols;
    this.#cosines = scope.f64(pairs);
    this.#coefficients = scope.zeros(pairs);
    kernels().rowDots(this.#cosines, a, b, pairs, cols);
  }

  /**
   * Computes the loss of the pairs, for rows or for columns, and sets the coefficients of the
   * gradient: those of the negatives and those of the positives.
   *
   * @param negatives sums over the negatives of rows or of columns
   * @param first row or column of the first pair
   * @param weight factor of each pair's loss
   * @param decoupled whether the positive is left out of its own sum
   */
  loss(
    negatives: NegativeSums,
    first: number,
    weight: number,
    scale: number,
    decoupled: boolean,
  ): number {
    return kernels().contrastiveRows(
      negatives.coefficients + 4 * first,
      this.#coefficients,
      negatives.sums + 8 * first,
      negatives.shifts + 4 * first,
      this.#cosines,
      this.#pairs,
      weight,
      scale,
      decoupled,
    );
  }

  /** Adds the gradient through the positives' cosines to the gradients of the rows of a and of b. */
  addGrads(gradA: Pointer, gradB: Pointer, ld: number): void {
    const core = kernels();
    core.addScaledRows(gradA, this.#b, this.#coefficients, this.#pairs, this.#cols, ld);
    core.addScaledRows(gradB, this.#a, this.#coefficients, this.#pairs, this.#cols, ld);
  }
}
