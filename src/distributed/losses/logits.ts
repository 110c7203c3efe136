/**
 * Logits of a shard's rows with the rows of all shards: for every row of this rank the sum over its
 * negatives, and the gradient of the row through the sums of all rows. Each pair of rows is seen by the
 * ranks of both, so that no rank needs more than its own rows and one shard of columns at a time
 * besides the rows that were exchanged.
 */

import { kernels } from '../../core/kernels.js';
import { f32, type Pointer, type Scope, scoped } from '../../core/memory.js';
import { normalizeInPlace, packRows, type UnitRows } from '../../linalg/similarity.js';
import {
  type NegativeSums,
  packFactor,
  reserveGrad,
  reserveSums,
  roundUp,
  type UnitGrad,
} from '../../losses/contrastive.js';
import { NumberReader, writeNumbers } from '../bytes.js';
import type { ShardInput, ShardMatrix } from './steps.js';

/** Rows of all shards that are of one kind, and those of this rank's shards in WASM memory. */
export class Side {
  /** Unit rows of this rank's shards. */
  readonly own: readonly UnitRows[];
  /** Sums over the negatives of these rows, where the loss has them find something. */
  readonly sums: readonly NegativeSums[];
  /** Unit rows of each shard, and ids of them. */
  readonly all: Float32Array[] = [];
  readonly ids: Int32Array[] = [];
  /** Coefficients and shifts of each shard's rows; none where they find nothing. */
  coefficients: Float32Array[] | undefined;
  shifts: Float32Array[] = [];
  readonly cols: number;

  constructor(scope: Scope, matrices: readonly ShardMatrix[], cols: number) {
    this.cols = cols;
    this.own = matrices.map((matrix) => copyUnitRows(scope, matrix));
    this.sums = this.own.map(({ rows }) => reserveSums(scope, rows));
  }

  /** Number of rows of a shard. */
  rowCount(shard: number): number {
    return (this.all[shard] as Float32Array).length / this.cols;
  }

  /** Number of rows of all shards. */
  get rows(): number {
    return this.all.reduce((sum, { length }) => sum + length, 0) / this.cols;
  }
}

function copyUnitRows(scope: Scope, { at, rows, cols }: ShardMatrix): UnitRows {
  const unit = scope.f32(rows * cols);
  f32().copyWithin(unit / 4, at / 4, at / 4 + rows * cols);
  return normalizeInPlace(scope, unit, rows, cols);
}

/** Reads the floats of WASM memory. */
export function copyFloats(at: Pointer, length: number): Float32Array {
  return f32().slice(at / 4, at / 4 + length);
}

/** Copies floats to WASM memory, followed by zeros up to `length`. */
export function putFloats(scope: Scope, numbers: Float32Array, length = numbers.length): Pointer {
  const at = length > numbers.length ? scope.zeros(length) : scope.f32(length);
  f32().set(numbers, at / 4);
  return at;
}

/** Makes the sides of a loss, one for each group of rows. */
export function makeSides(scope: Scope, own: readonly ShardInput[], groups: number): Side[] {
  const cols = own[0]?.groups[0]?.cols ?? 1;
  return Array.from({ length: groups }, (_, group) => {
    return new Side(
      scope,
      own.map(({ groups }) => groups[group] as ShardMatrix),
      cols,
    );
  });
}

/** Writes the unit rows of each own shard, and its labels. */
export function writeRows(sides: readonly Side[], own: readonly ShardInput[]): Uint8Array[] {
  return own.map(({ labels = new Int32Array(0) }, i) => {
    const units = sides.map(({ own }) => own[i] as UnitRows);
    const counts = Int32Array.from([labels.length, ...units.map(({ rows }) => rows)]);
    return writeNumbers(
      counts,
      labels,
      ...units.map(({ unit, rows, cols }) => copyFloats(unit, rows * cols)),
    );
  });
}

/** Reads the rows of all shards to the sides; returns the labels of each shard. */
export function readRows(sides: readonly Side[], messages: readonly Uint8Array[]): Int32Array[] {
  return messages.map((message) => {
    const reader = new NumberReader(message);
    const [count = 0, ...rows] = reader.i32(1 + sides.length);
    const labels = reader.i32(count);
    for (const [i, side] of sides.entries())
      side.all.push(reader.f32((rows[i] as number) * side.cols));
    reader.done();
    return labels;
  });
}

/** Writes for each own shard its loss, and coefficients and shifts of the sides that find something. */
export function writeSums(losses: readonly number[], finding: readonly Side[]): Uint8Array[] {
  return losses.map((loss, i) =>
    writeNumbers(
      Float64Array.of(loss),
      ...finding.flatMap(({ own, sums }) => {
        const { rows } = own[i] as UnitRows;
        const { coefficients, shifts } = sums[i] as NegativeSums;
        return [copyFloats(coefficients, rows), copyFloats(shifts, rows)];
      }),
    ),
  );
}

/** Reads coefficients and shifts of all shards; returns the loss of each shard. */
export function readSums(finding: readonly Side[], messages: readonly Uint8Array[]): number[] {
  for (const side of finding) {
    side.coefficients = [];
    side.shifts = [];
  }
  return messages.map((message, shard) => {
    const reader = new NumberReader(message);
    const [loss = Number.NaN] = reader.f64(1);
    for (const side of finding) {
      const rows = side.rowCount(shard);
      side.coefficients?.push(reader.f32(rows));
      side.shifts.push(reader.f32(rows));
    }
    reader.done();
    return loss;
  });
}

/** Pairs of rows and columns that a comparison leaves out. */
export interface Mask {
  /** Leave out a row and its own column, and pairs so far apart within a shard as its views. */
  pairs: boolean;
  /** Rows i and i + offset of a shard are views of one sample, for half of its rows. */
  views?: boolean;
  /** Leave out pairs of equal ids. */
  ids?: boolean;
}

/** Arguments of a pass over the tiles of a shard's rows and another shard's columns. */
type Tiles = ReturnType<Columns['tiles']>;

/** Columns of one shard, packed for the passes over the rows of all own shards. */
class Columns {
  readonly #side: Side;
  readonly #shard: number;
  readonly #scope: Scope;
  readonly #packed: Pointer;
  readonly #scratch: Pointer;
  readonly #ids: Pointer;
  readonly unit: UnitRows;

  constructor(scope: Scope, side: Side, shard: number) {
    const core = kernels();
    this.#scope = scope;
    this.#side = side;
    this.#shard = shard;
    const rows = side.rowCount(shard);
    const unit = putFloats(scope, side.all[shard] as Float32Array);
    this.unit = { unit, norms: 0, rows, cols: side.cols };
    this.#packed = packRows(scope, unit, rows, side.cols, core.NR.value);
    this.#scratch = scope.bytes(core.contrastiveScratch());
    const ids = side.ids[shard];
    this.#ids = ids === undefined ? 0 : scope.i32From(ids);
  }

  tiles(
    packedRows: Pointer,
    own: UnitRows,
    rowShard: number,
    rowIds: Pointer,
    scale: number,
    mask: Mask,
  ) {
    const { rows: columns, cols } = this.unit;
    const isOwn = rowShard === this.#shard;
    const pairOffset = !(mask.pairs && isOwn) ? -1 : mask.views === true ? own.rows / 2 : 0;
    const hasIds = mask.ids === true && rowIds !== 0 && this.#ids !== 0;
    return [
      packedRows,
      this.#packed,
      own.rows,
      columns,
      cols,
      scale,
      pairOffset,
      hasIds ? rowIds : 0,
      hasIds ? this.#ids : 0,
      hasIds ? columns : 0,
      false,
      0,
      0,
      this.#scratch,
      0,
      own.rows,
      0,
      columns,
    ] as const;
  }

  /** Packs the rows as a factor of a product. */
  factor(): Pointer {
    return packFactor(this.#scope, this.unit);
  }

  /** Coefficients and shifts of the columns, padded; those that count nothing where there are none. */
  sums(scale: number): [coefficients: Pointer, shifts: Pointer] {
    const { coefficients, shifts } = this.#side;
    const padded = roundUp(this.unit.rows, kernels().NR.value);
    if (coefficients === undefined) return noSums(this.#scope, padded, scale);
    return [
      putFloats(this.#scope, coefficients[this.#shard] as Float32Array, padded),
      putFloats(this.#scope, shifts[this.#shard] as Float32Array, padded),
    ];
  }
}

/** Coefficients of 0, with shifts above every logit. */
function noSums(scope: Scope, length: number, scale: number): [Pointer, Pointer] {
  const shifts = scope.f32(length);
  f32().fill(scale * 1.0001, shifts / 4, shifts / 4 + length);
  return [scope.zeros(length), shifts];
}

/** Compares the rows of one side with those of another, or of the same. */
export class Comparison {
  readonly #rows: Side;
  readonly #columns: Side;
  readonly #scale: number;
  readonly #mask: Mask;
  /** Numbers of this rank's shards. */
  readonly #shards: readonly number[];

  constructor(rows: Side, columns: Side, shards: readonly number[], scale: number, mask: Mask) {
    this.#rows = rows;
    this.#columns = columns;
    this.#shards = shards;
    this.#scale = scale;
    this.#mask = mask;
  }

  /** Calls a pass for the rows of each own shard and the columns of each shard, in their order. */
  #each(pass: (own: number, columns: Columns, tiles: Tiles) => void): void {
    scoped((scope) => {
      const core = kernels();
      const packed = this.#rows.own.map(({ unit, rows, cols }) =>
        rows === 0 ? 0 : packRows(scope, unit, rows, cols, core.MR.value),
      );
      const ids = this.#shards.map((shard) => {
        const own = this.#rows.ids[shard];
        return own === undefined ? 0 : scope.i32From(own);
      });
      for (let shard = 0; shard < this.#columns.all.length; shard++) {
        if (this.#columns.rowCount(shard) === 0) continue;
        scoped((inner) => {
          const columns = new Columns(inner, this.#columns, shard);
          for (const [i, own] of this.#rows.own.entries()) {
            if (own.rows === 0) continue;
            const at = [
              packed[i] as Pointer,
              own,
              this.#shards[i] as number,
              ids[i] as Pointer,
            ] as const;
            pass(i, columns, columns.tiles(...at, this.#scale, this.#mask));
          }
        });
      }
    });
  }

  /** Adds to the sums over the negatives of the own rows. */
  addSums(): void {
    const core = kernels();
    this.#each((i, _columns, tiles) => {
      const { sums, shifts } = this.#rows.sums[i] as NegativeSums;
      core.contrastiveSums(sums, shifts, 0, 0, false, ...tiles);
    });
  }

  /** Adds the gradients of the own rows through their own sums and those of the columns. */
  addGrads(grads: readonly UnitGrad[]): void {
    const core = kernels();
    const scale = this.#scale;
    const finds = this.#rows.coefficients !== undefined;
    const factors = new WeakMap<Columns, [Pointer, Pointer, Pointer]>();
    this.#each((i, columns, tiles) => {
      let prepared = factors.get(columns);
      if (prepared === undefined) {
        prepared = [columns.factor(), ...columns.sums(scale)];
        factors.set(columns, prepared);
      }
      const [factor, columnCoefficients, columnShifts] = prepared;
      const { coefficients, shifts } = this.#rows.sums[i] as NegativeSums;
      const { at } = grads[i] as UnitGrad;
      const call = (rowCoefficients: Pointer, rowShifts: Pointer): void =>
        core.contrastiveGradients(
          at,
          0,
          0,
          factor,
          rowCoefficients,
          rowShifts,
          columnCoefficients,
          columnShifts,
          ...tiles,
        );
      if (finds) call(coefficients, shifts);
      else {
        const { rows } = this.#rows.own[i] as UnitRows;
        scoped((scope) => call(...noSums(scope, roundUp(rows, core.NR.value), scale)));
      }
    });
  }
}

/** Sets the sums of rows that find something to zero, and their shifts to where they start. */
export function startSums(side: Side, scale: number): void {
  const core = kernels();
  for (const [i, { rows }] of side.own.entries()) {
    const { sums, shifts } = side.sums[i] as NegativeSums;
    core.contrastiveInit(sums, shifts, 0, 0, rows, 0, scale, true, false);
  }
}

/** Gradients of the own unit rows of a side, zeros at first. */
export function startGrads(scope: Scope, side: Side): UnitGrad[] {
  return side.own.map((rows) => reserveGrad(scope, rows));
}
