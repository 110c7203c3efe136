/**
 * What NT-Xent, InfoNCE, CLIP and SupCon share: unit rows packed for the fused kernels, the sums
 * over negatives, and the way back from the unit rows to the rows as given. Memory is linear in
 * the number of rows; see assembly/contrastive.ts.
 */

import { kernels } from '../kernels.js';
import { type Matrix, type Source, takeMatrix } from '../matrix.js';
import type { Pointer, Scope } from '../memory.js';
import { loadUnitRows, packRows, type UnitRows } from '../similarity.js';

/** One side of the similarities: unit rows, and room for their gradient once it is wanted. */
export interface Side extends UnitRows {
  rows: number;
  cols: number;
  /** Where they came from, if from one matrix. */
  source?: Source;
}

export interface Pairing {
  /** What cosines are multiplied by: 1 / temperature. */
  scale: number;
  /** Pairs (i, i ± this) are nobody's negatives; 0: none but (i, i). */
  pairOffset?: number;
  /** Pairs of equal ids (i32) are nobody's negatives. */
  ids?: Pointer;
  /** How many columns have an id. */
  idColumns?: number;
  /** Whether the columns' sums are wanted too. */
  columns?: boolean;
}

/** Loads rows and normalises them. */
export function loadSide(scope: Scope, source: Source): Side {
  const { unit, norms } = loadUnitRows(scope, source);
  return { unit, norms, rows: source.rows, cols: source.cols, source };
}

function roundUp(n: number, width: number): number {
  return Math.ceil(n / width) * width;
}

/** Sums over one direction's negatives, and what the gradient needs of them. */
export interface Direction {
  sums: Pointer;
  shifts: Pointer;
  coefficients: Pointer;
}

/** The similarities of the rows of one side with those of another, or of one side with itself. */
export class Contrast {
  readonly rows: Direction;
  readonly columns: Direction;
  readonly #scope: Scope;
  readonly #left: Side;
  readonly #right: Side;
  readonly #pairing: Required<Pairing>;
  readonly #packedLeft: Pointer;
  readonly #packedRight: Pointer;
  readonly #scratch: Pointer;

  constructor(scope: Scope, left: Side, right: Side, pairing: Pairing) {
    const core = kernels();
    this.#scope = scope;
    this.#left = left;
    this.#right = right;
    this.#pairing = { pairOffset: 0, ids: 0, idColumns: 0, columns: false, ...pairing };
    this.#packedLeft = packRows(scope, left.unit, left.rows, left.cols, core.MR.value);
    this.#packedRight = packRows(scope, right.unit, right.rows, right.cols, core.NR.value);
    this.#scratch = scope.bytes(core.contrastiveScratch());
    this.rows = this.#direction(left.rows);
    this.columns = left === right ? this.rows : this.#direction(right.rows);
    const { sums, shifts } = this.rows;
    const { sums: columnSums, shifts: columnShifts } = this.columns;
    const { scale, columns } = this.#pairing;
    const self = left === right;
    core.contrastiveStart(
      sums,
      shifts,
      columnSums,
      columnShifts,
      left.rows,
      right.rows,
      scale,
      self,
      columns,
    );
    core.contrastiveSums(
      sums,
      shifts,
      columnSums,
      columnShifts,
      this.#packedLeft,
      this.#packedRight,
      left.rows,
      right.rows,
      left.cols,
      scale,
      this.#pairing.pairOffset,
      this.#pairing.ids,
      this.#pairing.idColumns,
      self,
      columns,
      this.#scratch,
      0,
      left.rows,
      0,
      right.rows,
    );
  }

  #direction(rows: number): Direction {
    const padded = roundUp(rows, kernels().NR.value);
    return {
      sums: this.#scope.doubles(padded),
      shifts: this.#scope.words(padded),
      coefficients: this.#scope.zeroWords(padded),
    };
  }

  /** Room for the gradient of a side's unit rows, all 0: `ld` floats a row. */
  #gradient(side: Side): Gradient {
    const core = kernels();
    const ld = roundUp(side.cols, core.NR.value);
    const at = this.#scope.zeroWords(roundUp(side.rows, core.MR.value) * ld);
    return { side, at, ld };
  }

  /** The unit rows packed as the right side of a product with weights. */
  #factor(side: Side): Pointer {
    const core = kernels();
    const { rows, cols, unit } = side;
    const factor = this.#scope.words(core.packedLength(cols, rows, core.NR.value));
    core.pack(factor, unit, cols, rows, 1, cols, core.NR.value);
    return factor;
  }

  /** What flows back through the sums, once the coefficients of both directions are there. */
  gradients(): { left: Gradient; right: Gradient } {
    const self = this.#left === this.#right;
    const left = this.#gradient(this.#left);
    const right = self ? left : this.#gradient(this.#right);
    const leftFactor = this.#factor(this.#left);
    const rightFactor = self ? leftFactor : this.#factor(this.#right);
    kernels().contrastiveGradients(
      left.at,
      right.at,
      this.#packedLeft,
      this.#packedRight,
      leftFactor,
      rightFactor,
      this.rows.coefficients,
      this.rows.shifts,
      this.columns.coefficients,
      this.columns.shifts,
      this.#left.rows,
      this.#right.rows,
      this.#left.cols,
      this.#pairing.scale,
      this.#pairing.pairOffset,
      this.#pairing.ids,
      this.#pairing.idColumns,
      self,
      this.#scratch,
      0,
      this.#left.rows,
      0,
      this.#right.rows,
    );
    return { left, right };
  }
}

/** The gradient with respect to a side's unit rows, `ld` floats a row. */
export interface Gradient {
  side: Side;
  at: Pointer;
  ld: number;
}

/**
 * Takes a gradient through the normalisation and out of WASM memory.
 * @returns the gradient with respect to the rows as given, and Σ unit · dUnit
 */
export function throughNormalization(
  name: string,
  gradient: Gradient,
): { grad: Matrix; along: number } {
  const along = unnormalize(gradient);
  const { rows, cols, source } = gradient.side;
  return { grad: takeMatrix(name, gradient.at, rows, cols, source), along };
}

/** The same in place: afterwards it has `cols` floats a row. @returns Σ unit · dUnit */
export function unnormalize({ side, at, ld }: Gradient): number {
  const { unit, norms, rows, cols } = side;
  return kernels().normalizeRowsBackward(at, at, unit, norms, rows, cols, ld);
}

/**
 * Pairs of unit rows that are each other's positives, row i of `a` with row i of `b`: their
 * cosines, the ends of the loss in each direction, and their share of the gradient.
 */
export class Positives {
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
    this.#cosines = scope.doubles(pairs);
    this.#coefficients = scope.zeroWords(pairs);
    kernels().rowDots(this.#cosines, a, b, pairs, cols);
  }

  /**
   * The loss of the pairs in one direction, whose rows begin at `first`, each times `weight`; the
   * coefficients of the direction and of the positives are set on the way.
   */
  loss(direction: Direction, first: number, weight: number, scale: number): number {
    return kernels().contrastRows(
      direction.coefficients + 4 * first,
      this.#coefficients,
      direction.sums + 8 * first,
      direction.shifts + 4 * first,
      this.#cosines,
      this.#pairs,
      weight,
      scale,
    );
  }

  /** Adds the positives' share to the gradients of the rows of a and of b. */
  addGradients(dA: Pointer, dB: Pointer, ld: number): void {
    const core = kernels();
    core.addScaledRows(dA, this.#b, this.#coefficients, this.#pairs, this.#cols, ld);
    core.addScaledRows(dB, this.#a, this.#coefficients, this.#pairs, this.#cols, ld);
  }
}
