/** Weights of a sentence encoder in WASM memory: read from a file's bytes, and back into bytes. */

import sentence from '#wasm/sentence';
import { kernels } from '../../core/kernels.js';
import { f32, type Pointer, scoped, u8 } from '../../core/memory.js';
import { OwnedMemory } from '../../core/owned-memory.js';
import { toFloat32 } from '../../core/safetensors.js';
import { rangeError } from '../../core/validation.js';
import { type FileArray, openWeights, WEIGHTS } from '../files/shards.js';
import { type LoraAdapter, mergeLayer } from './adapter.js';
import { type Folder, pathOf } from './config.js';

/** Weights of one encoder. */
export const WeightMemory = OwnedMemory;
export type WeightMemory = OwnedMemory;

/** Numbers of a table, in the order of assembly/sentence/tables.ts. */
export const TABLE_TYPES = ['F32', 'F16', 'I8', 'I4'] as const;
export type TableType = (typeof TABLE_TYPES)[number];

/** A matrix whose rows are looked up, in the type of its file. */
export interface Table {
  at: Pointer;
  type: TableType;
  rows: number;
  cols: number;
  /** Scale of each row (f32), of a table of 4 bits, or of 8 bits in a transformer. */
  rowScales?: Pointer;
  /** Scale of each column (f32), of a table of 4 bits. */
  columnScales?: Pointer;
}

/** Names of the arrays of a table of 4 bits: two numbers a byte, and the scales. */
export const int4Names = (key: string): { codes: string; rows: string; columns: string } => ({
  codes: `${key}.int4`,
  rows: `${key}.int4.row_scales`,
  columns: `${key}.int4.column_scales`,
});

/** Names of the arrays of weights of 8 bits: whole numbers, a scale per row, a factor per block. */
export const int8Names = (key: string): { numbers: string; rows: string; factors: string } => ({
  numbers: `${key}.int8`,
  rows: `${key}.int8.row_scales`,
  factors: `${key}.int8.block_factors`,
});

/** Inputs of an output that share a factor (assembly/sentence/integers.ts). */
const BLOCK = 16;
/** Largest factor. */
const MAX_FACTOR = 8;

/** Factors of each output. */
export const blocksOf = (cols: number): number => Math.ceil(cols / BLOCK);

/** The right side of a product, packed once: x W' of a (rows, cols) matrix W, and a bias. */
export interface Dense {
  /** f32 in slivers, or integers in slivers where there are scales. */
  packed: Pointer;
  bias: Pointer | undefined;
  /** Scale of each output, of weights that are integers. */
  scales: Pointer | undefined;
  /** Factors of blocks (u8), of weights that were 8 bits in their file. */
  factors?: Pointer | undefined;
  /** Largest activation that integers are multiplied with. */
  limit: number;
  /** Outputs. */
  rows: number;
  /** Inputs. */
  cols: number;
}

/** Numbers that weights are multiplied in. */
export type Precision = 'float32' | 'int8';

/** Outputs of a sliver of weights at most. */
const SLIVER = 8;

/** Numbers that are f32 in WASM memory. */
export interface Vector {
  at: Pointer;
  length: number;
}

/** Reads the arrays of one file. */
export class WeightReader {
  readonly #name: string;
  /** File that must hold what is not there. */
  readonly #file: string;
  readonly #memory: WeightMemory;
  readonly #arrays: ReadonlyMap<string, FileArray>;
  readonly #others: (key: string) => readonly string[];
  readonly #adapter: LoraAdapter | undefined;

  /**
   * @param at path of the module in the folder
   * @param others names that an array may have instead
   * @param adapter merged into the matrices that it has something for
   */
  constructor(
    { name, files }: Folder,
    at: string,
    memory: WeightMemory,
    others: (key: string) => readonly string[] = () => [],
    adapter?: LoraAdapter,
  ) {
    this.#adapter = adapter;
    this.#name = name;
    this.#file = pathOf(at, WEIGHTS);
    this.#memory = memory;
    this.#others = others;
    this.#arrays = openWeights(name, files, pathOf(at, ''));
  }

  /** An array by its name or another that it may have. */
  find(key: string): FileArray | undefined {
    for (const candidate of [key, ...this.#others(key)]) {
      const found = this.#arrays.get(candidate);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** An array of a shape; a size of 0 stands for any. */
  get(key: string, shape: readonly number[]): FileArray {
    const found = this.find(key);
    if (found === undefined) {
      throw new RangeError(`${this.#name}: ${this.#file} must hold ${key}`);
    }
    const fits =
      found.shape.length === shape.length &&
      found.shape.every((size, axis) => size > 0 && (shape[axis] === 0 || shape[axis] === size));
    if (!fits) {
      const wanted = shape.map((size) => (size === 0 ? 'any' : size)).join(', ');
      throw new RangeError(
        `${this.#name}: ${found.file}'s ${key} must be of shape [${wanted}], got [${found.shape.join(', ')}]`,
      );
    }
    return found;
  }

  /** Checks the shape of a matrix, whatever its type. */
  matrix(key: string, shape: readonly [number, number]): void {
    const { numbers } = int8Names(key);
    this.get(this.find(key) === undefined && this.find(numbers) ? numbers : key, shape);
  }

  /** Converts an array to f32 at an address. */
  #copyFloats(key: string, array: FileArray, to: Pointer, length: number): void {
    const { dtype, bytes, file } = array;
    if (dtype === 'F32') {
      u8().set(bytes, to);
    } else if (dtype === 'F16' || dtype === 'BF16') {
      scoped((scope) => {
        const from = scope.bytes(bytes.length);
        u8().set(bytes, from);
        const core = kernels(sentence);
        if (dtype === 'F16') {
          const bad = core.firstNonFiniteHalf(from, length);
          if (bad >= 0) rangeError(this.#name, `${file}'s ${key}`, 'finite', Number.NaN);
          core.halfToFloat(to, from, length);
        } else {
          core.brainToFloat(to, from, length);
        }
      });
    } else if (dtype === 'F64') {
      f32().set(toFloat32(`${this.#name}: ${file}'s ${key}`, dtype, bytes), to / 4);
    } else {
      rangeError(this.#name, `${file}'s ${key}`, 'of type F32, F16, BF16 or F64', dtype);
    }
    const bad = kernels().firstNonFinite(to, length);
    if (bad >= 0) rangeError(this.#name, `${file}'s ${key}`, 'finite', f32()[to / 4 + bad]);
  }

  /** Reads an array as f32. */
  vector(key: string, shape: readonly number[]): Vector {
    const found = this.get(key, shape);
    const length = found.shape.reduce((product, size) => product * size, 1);
    const at = this.#memory.allocate(4 * length);
    this.#copyFloats(key, found, at, length);
    return { at, length };
  }

  /** Tells whether there is a table of a name, in whatever type. */
  hasTable(key: string): boolean {
    return this.find(key) !== undefined || this.find(int4Names(key).codes) !== undefined;
  }

  /** Reads a table of 4 bits. */
  #int4Table(key: string): Table {
    const names = int4Names(key);
    const columns = this.vector(names.columns, [0]);
    const { length: cols } = columns;
    const found = this.get(names.codes, [0, Math.ceil(cols / 2)]);
    if (found.dtype !== 'U8') {
      rangeError(this.#name, `${found.file}'s ${names.codes}`, 'of type U8', found.dtype);
    }
    const [rows] = found.shape as [number];
    const scales = this.vector(names.rows, [rows]);
    const at = this.#memory.allocate(found.bytes.length);
    u8().set(found.bytes, at);
    return { at, type: 'I4', rows, cols, rowScales: scales.at, columnScales: columns.at };
  }

  /** Reads whole numbers of 8 bits, the arrays of some matrices one below the other. */
  #copyBytes(
    keys: readonly string[],
    dtype: 'I8' | 'U8',
    shape: readonly [number, number],
    to: Pointer,
  ): void {
    const size = shape[0] * shape[1];
    keys.forEach((key, i) => {
      const found = this.get(key, shape);
      if (found.dtype !== dtype) {
        rangeError(this.#name, `${found.file}'s ${key}`, `of type ${dtype}`, found.dtype);
      }
      u8().set(found.bytes, to + i * size);
    });
  }

  /** Reads a transformer's table, which may have 8 bits and a scale per row. */
  wordTable(key: string, shape: readonly [number, number]): Table {
    const [rows, cols] = shape;
    const names = int8Names(key);
    if (this.find(key) !== undefined || this.find(names.numbers) === undefined) {
      return this.table(key, shape);
    }
    const { at: rowScales } = this.vector(names.rows, [rows]);
    this.get(names.numbers, shape);
    const at = this.#memory.allocate(rows * cols + 16);
    this.#copyBytes([names.numbers], 'I8', shape, at);
    return { at, type: 'I8', rows, cols, rowScales };
  }

  /** Reads a table and keeps the type that it has in the file, where kernels read it. */
  table(key: string, shape: readonly [number, number]): Table {
    if (this.find(key) === undefined && this.hasTable(key)) return this.#int4Table(key);
    const found = this.get(key, shape);
    const [rows, cols] = found.shape as [number, number];
    const type = TABLE_TYPES.find((each) => each === found.dtype);
    if (type === undefined || type === 'F32') {
      return { at: this.vector(key, shape).at, type: 'F32', rows, cols };
    }
    // Kernels load four numbers at a time, past the last row too.
    const at = this.#memory.allocate(found.bytes.length + 16);
    u8().set(found.bytes, at);
    if (type === 'F16') {
      const bad = kernels(sentence).firstNonFiniteHalf(at, rows * cols);
      if (bad >= 0) rangeError(this.#name, `${found.file}'s ${key}`, 'finite', Number.NaN);
    }
    return { at, type, rows, cols };
  }

  /** Room for n numbers and those that fill the last sliver, all 0. */
  #zeros(n: number): Pointer {
    const length = n + SLIVER;
    const at = this.#memory.allocate(4 * length);
    f32().fill(0, at / 4, at / 4 + length);
    return at;
  }

  /**
   * Finds matrices of 8 bits.
   * @returns undefined if the file has them in another type; else what copies whole numbers,
   * factors and scales to their addresses
   */
  #blocks(
    keys: readonly string[],
    rows: number,
    cols: number,
  ): ((numbers: Pointer, factors: Pointer, scales: Pointer) => void) | undefined {
    const names = keys.map((key) => int8Names(`${key}.weight`));
    if (names.every(({ numbers }) => this.find(numbers) === undefined)) return undefined;
    for (const { numbers } of names) this.get(numbers, [rows, cols]);
    return (numbers, factors, scales) => {
      this.#copyBytes(
        names.map((each) => each.numbers),
        'I8',
        [rows, cols],
        numbers,
      );
      const blocks = blocksOf(cols);
      const list = names.map((each) => each.factors);
      this.#copyBytes(list, 'U8', [rows, blocks], factors);
      const bad = u8()
        .subarray(factors, factors + keys.length * rows * blocks)
        .find((factor) => factor > MAX_FACTOR);
      if (bad !== undefined) {
        rangeError(this.#name, `${this.#file}'s ${list[0]}`, `from 0 to ${MAX_FACTOR}`, bad);
      }
      names.forEach((each, i) => {
        this.#copyFloats(each.rows, this.get(each.rows, [rows]), scales + 4 * i * rows, rows);
      });
    };
  }

  /** Adds what the adapter has for a layer to its weight. */
  #merge(key: string, weight: Pointer, rows: number, cols: number): void {
    const layer = this.#adapter?.layers.get(key);
    if (layer === undefined || this.#adapter === undefined) return;
    mergeLayer(this.#name, key, layer, this.#adapter, weight, rows, cols);
    const bad = kernels().firstNonFinite(weight, rows * cols);
    if (bad >= 0) rangeError(this.#name, 'adapter', `finite in ${key}`, f32()[weight / 4 + bad]);
  }

  /** Reads one matrix, or several one below the other, and packs them. */
  dense(
    keys: readonly string[],
    rows: number,
    cols: number,
    { bias = true, precision = 'float32' }: { bias?: boolean; precision?: Precision } = {},
  ): Dense {
    const total = rows * keys.length;
    const core = kernels();
    const narrow = precision === 'int8';
    // Sizes that a config asks for are compared with the file's before they take memory.
    const blocks = this.#blocks(keys, rows, cols);
    if (blocks === undefined) for (const key of keys) this.get(`${key}.weight`, [rows, cols]);
    const packed = this.#memory.allocate(
      narrow
        ? kernels(sentence).integerBytes(total, cols)
        : 4 * core.packedLength(total, cols, core.NR.value),
    );
    const scales = narrow ? this.#zeros(total) : undefined;
    let limit = 0;
    let factors: Pointer | undefined;
    scoped((scope) => {
      if (blocks !== undefined && scales !== undefined) {
        const merged = keys.find((key) => this.#adapter?.layers.has(key));
        if (merged !== undefined) {
          const expected = "'float32' where an adapter is merged into weights of 8 bits";
          rangeError(this.#name, 'precision', expected, precision);
        }
        const numbers = scope.bytes(total * cols);
        factors = this.#memory.allocate(total * blocksOf(cols));
        blocks(numbers, factors, scales);
        limit = kernels(sentence).packBlockWeights(packed, numbers, factors, total, cols);
        return;
      }
      const whole = scope.f32(total * cols);
      if (blocks !== undefined) {
        const [numbers, some] = [scope.bytes(total * cols), scope.bytes(total * blocksOf(cols))];
        const [integers, outputs] = [
          scope.bytes(kernels(sentence).integerBytes(total, cols)),
          scope.f32(total),
        ];
        blocks(numbers, some, outputs);
        kernels(sentence).packBlockWeights(integers, numbers, some, total, cols);
        kernels(sentence).unpackIntegerWeights(whole, integers, outputs, total, cols);
      } else {
        keys.forEach((key, i) => {
          const name = `${key}.weight`;
          const to = whole + 4 * i * rows * cols;
          this.#copyFloats(name, this.get(name, [rows, cols]), to, rows * cols);
        });
      }
      keys.forEach((key, i) => {
        this.#merge(key, whole + 4 * i * rows * cols, rows, cols);
      });
      if (scales === undefined) {
        core.packBlocks(packed, whole, total, cols, cols, 1, core.NR.value, 0, total);
      } else {
        limit = kernels(sentence).packIntegerWeights(packed, scales, whole, total, cols);
      }
    });
    const dense = { packed, scales, factors, limit, rows: total, cols };
    if (!bias) return { ...dense, bias: undefined };
    const biases = this.#zeros(total);
    keys.forEach((key, i) => {
      const name = `${key}.bias`;
      this.#copyFloats(name, this.get(name, [rows]), biases + 4 * i * rows, rows);
    });
    return { ...dense, bias: biases };
  }
}

/** Bytes of scratch that `applyDense` needs for m rows of at most `cols` columns. */
export function denseScratch(m: number, cols: number, precision: Precision): number {
  if (precision === 'float32') return kernels().gemmScratch();
  return kernels(sentence).integerBytes(m, cols) + 4 * (m + SLIVER);
}

/** y (m, rows) = x W' + bias. */
export function applyDense(
  y: Pointer,
  x: Pointer,
  m: number,
  dense: Dense,
  scratch: Pointer,
): void {
  const { packed, bias, scales, limit, rows, cols } = dense;
  const core = kernels(sentence);
  if (scales !== undefined && bias !== undefined) {
    const rowScales = scratch + core.integerBytes(m, cols);
    core.packIntegerRows(scratch, rowScales, x, m, cols, limit);
    core.integerProduct(y, scratch, rowScales, packed, scales, bias, m, rows, cols, 0, rows);
    return;
  }
  kernels().gemmRows(y, x, packed, m, rows, cols, cols, 1, false, bias ?? 0, scratch, 0, rows);
}

/** Writes the row-major numbers of a packed matrix to an address. */
export function unpackTo(at: Pointer, { packed, scales, rows, cols }: Dense): void {
  const core = kernels(sentence);
  if (scales === undefined) core.unpackBlocks(at, packed, rows, cols, kernels().NR.value);
  else core.unpackIntegerWeights(at, packed, scales, rows, cols);
}

/** Row-major numbers of a packed matrix. */
export function unpack(dense: Dense): Float32Array {
  const { rows, cols } = dense;
  return scoped((scope) => {
    const at = scope.f32(rows * cols);
    unpackTo(at, dense);
    return f32().slice(at / 4, at / 4 + rows * cols);
  });
}

/** Numbers of a vector. */
export function readVector({ at, length }: Vector): Float32Array {
  return f32().slice(at / 4, at / 4 + length);
}

/** Numbers of a table as f32. */
export function readTable(table: Table): Float32Array {
  const n = table.rows * table.cols;
  return scoped((scope) => {
    const to = scope.f32(n);
    tableToFloat(to, table);
    return f32().slice(to / 4, to / 4 + n);
  });
}

/** Writes the numbers of a table as f32 to an address. */
function tableToFloat(to: Pointer, { at, type, rows, cols, ...scales }: Table): void {
  const n = rows * cols;
  const core = kernels(sentence);
  if (type === 'F32') f32().copyWithin(to / 4, at / 4, at / 4 + n);
  else if (type === 'F16') core.halfToFloat(to, at, n);
  else if (type === 'I8' && scales.rowScales !== undefined) {
    core.int8RowsToFloat(to, at, scales.rowScales, rows, cols);
  } else if (type === 'I8') core.int8ToFloat(to, at, n);
  else core.int4ToFloat(to, at, scales.rowScales ?? 0, scales.columnScales ?? 0, rows, cols);
}

/** Turns the numbers of a table to f32 in place, which training needs. */
export function widenTable(table: Table, memory: WeightMemory): void {
  if (table.type === 'F32') return;
  const wide = memory.allocate(4 * table.rows * table.cols);
  tableToFloat(wide, table);
  for (const at of [table.at, table.rowScales, table.columnScales]) {
    if (at !== undefined) memory.release(at);
  }
  Object.assign(table, { at: wide, type: 'F32', rowScales: undefined, columnScales: undefined });
}
