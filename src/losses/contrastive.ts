/**
 * What NT-Xent, InfoNCE, CLIP and SupCon share: unit rows packed for the fused kernels, the sums
 * over negatives, and the way back from the unit rows to the rows as given. Memory is linear in
 * the number of rows; see assembly/losses/contrastive.ts.
 */

import { kernels } from '../core/kernels.js';
import { copyOut, type Matrix, type MatrixInput } from '../core/matrix.js';
import type { Pointer, Scope } from '../core/memory.js';
import { copyInUnitRows, packRows, type UnitRows } from '../linalg/similarity.js';

/** One side of the similarities: unit rows, and room for their gradient once it is wanted. */
export interface Side extends UnitRows {
  rows: number;
  cols: number;
  /** Where they came from, if from one matrix. */
  source?: MatrixInput;
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
  /** Whether `gradients` will be asked for. */
  backward?: boolean;
}

/**
 * Bytes of cosines that stay for the gradient, which is otherwise a quarter slower: all of them up
 * to 2048 rows, and still no more than the rows of a large batch need themselves.
 */
const MOST_KEPT = 10 << 20;

/** Loads rows and normalises them. */
export function loadSide(scope: Scope, source: MatrixInput): Side {
  const { unit, norms } = copyInUnitRows(scope, source);
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
  /** What both passes over the tiles are called with. */
  readonly #pass: ReturnType<typeof pass>;

  constructor(scope: Scope, left: Side, right: Side, pairing: Pairing) {
    const core = kernels();
    this.#scope = scope;
    this.#left = left;
    this.#right = right;
    this.#pass = pass(scope, left, right, pairing);
    this.rows = direction(scope, left.rows);
    this.columns = left === right ? this.rows : direction(scope, right.rows);
    const { scale, columns = false } = pairing;
    const { sums, shifts } = this.rows;
    const all = [sums, shifts, this.columns.sums, this.columns.shifts] as const;
    core.contrastiveStart(...all, left.rows, right.rows, scale, left === right, columns);
    core.contrastiveSums(...all, columns, ...this.#pass);
  }

  /** What flows back through the sums, once the coefficients of both directions are there. */
  gradients(): { left: Gradient; right: Gradient } {
    const { rows, columns } = this;
    const scope = this.#scope;
    const self = this.#left === this.#right;
    const left = room(scope, this.#left);
    const right = self ? left : room(scope, this.#right);
    const leftFactor = factor(scope, this.#left);
    const rightFactor = self ? leftFactor : factor(scope, this.#right);
    kernels().contrastiveGradients(
      left.at,
      right.at,
      leftFactor,
      rightFactor,
      rows.coefficients,
      rows.shifts,
      columns.coefficients,
      columns.shifts,
      ...this.#pass,
    );
    return { left, right };
  }
}

/** Packs both sides and takes scratch, and room for the tiles that are kept for the gradient. */
function pass(scope: Scope, left: Side, right: Side, pairing: Pairing) {
  const { MR, NR, TILE, contrastiveScratch } = kernels();
  const { scale, pairOffset = 0, ids = 0, idColumns = 0, backward } = pairing;
  const self = left === right;
  const down = Math.ceil(left.rows / TILE.value);
  const across = Math.ceil(right.rows / TILE.value);
  const tiles = self ? (down * (down + 1)) / 2 : down * across;
  const size = TILE.value ** 2;
  const keptTiles = backward ? Math.min(tiles, Math.floor(MOST_KEPT / (4 * size))) : 0;
  return [
    packRows(scope, left.unit, left.rows, left.cols, MR.value),
    packRows(scope, right.unit, right.rows, right.cols, NR.value),
    left.rows,
    right.rows,
    left.cols,
    scale,
    pairOffset,
    ids,
    idColumns,
    self,
    scope.f32(keptTiles * size),
    keptTiles,
    scope.bytes(contrastiveScratch()),
    0,
    left.rows,
    0,
    right.rows,
  ] as const;
}

function direction(scope: Scope, rows: number): Direction {
  const padded = roundUp(rows, kernels().NR.value);
  return {
    sums: scope.f64(padded),
    shifts: scope.f32(padded),
    coefficients: scope.zeros(padded),
  };
}

/** Room for the gradient of a side's unit rows, all 0: `ld` floats a row. */
function room(scope: Scope, side: Side): Gradient {
  const { MR, NR } = kernels();
  const ld = roundUp(side.cols, NR.value);
  return { side, at: scope.zeros(roundUp(side.rows, MR.value) * ld), ld };
}

/** The unit rows packed as the right side of a product with weights. */
function factor(scope: Scope, { rows, cols, unit }: Side): Pointer {
  const core = kernels();
  const packed = scope.f32(core.packedLength(cols, rows, core.NR.value));
  core.pack(packed, unit, cols, rows, 1, cols, core.NR.value);
  return packed;
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
  return { grad: copyOut(name, gradient.at, rows, cols, source), along };
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
    this.#cosines = scope.f64(pairs);
    this.#coefficients = scope.zeros(pairs);
    kernels().rowDots(this.#cosines, a, b, pairs, cols);
  }

  /**
   * The loss of the pairs in one direction, whose rows begin at `first`, each times `weight`; the
   * coefficients of the direction and of the positives are set on the way.
   */
  loss(direction: Direction, first: number, weight: number, scale: number): number {
    return kernels().contrastiveRows(
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
