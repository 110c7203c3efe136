/** Collects the arrays of a file of weights, in any of the types that they are written in. */

import sentence from '#wasm/sentence';
import { kernels } from '../../core/kernels.js';
import { f32, type Pointer, scoped, u8 } from '../../core/memory.js';
import { type RawArray, writeRawSafetensors } from '../../core/safetensors.js';
import { rangeError } from '../../core/validation.js';
import type { Norm } from './transformer.js';
import {
  blocksOf,
  type Dense,
  int4Names,
  int8Names,
  readTable,
  readVector,
  type Table,
  unpack,
  type Vector,
} from './weights.js';

/** Types that weights are written in. */
export const DTYPES = ['float32', 'float16', 'int8', 'int4'] as const;
export type Dtype = (typeof DTYPES)[number];

/** Collects the arrays of one file. */
export class WeightWriter {
  readonly #arrays = new Map<string, RawArray>();
  readonly #name: string;
  readonly #dtype: Dtype;

  /**
   * @param name function that messages name
   * @param dtype type of the weights; what is too small to matter stays float32
   */
  constructor(name: string, dtype: Dtype) {
    this.#name = name;
    this.#dtype = dtype;
  }

  add(key: string, shape: readonly number[], numbers: Float32Array): void {
    if (this.#dtype !== 'float16') {
      const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
      this.#arrays.set(key, { dtype: 'F32', shape, bytes });
      return;
    }
    const { length } = numbers;
    const bytes = scoped((scope) => {
      const [from, to] = [scope.f32(length), scope.bytes(2 * length)];
      f32().set(numbers, from / 4);
      const core = kernels(sentence);
      core.floatToHalf(to, from, length);
      if (core.firstNonFiniteHalf(to, length) >= 0) {
        rangeError(
          this.#name,
          'dtype',
          `'float32' as ${key} holds more than float16's 65504`,
          'float16',
        );
      }
      return u8().slice(to, to + 2 * length);
    });
    this.#arrays.set(key, { dtype: 'F16', shape, bytes });
  }

  addRaw(key: string, array: RawArray): void {
    this.#arrays.set(key, array);
  }

  vector(key: string, vector: Vector): void {
    this.add(key, [vector.length], readVector(vector));
  }

  norm(key: string, { weight, bias }: Norm): void {
    this.vector(`${key}.weight`, weight);
    this.vector(`${key}.bias`, bias);
  }

  /** A table, in 4 bits where that is asked for. */
  table(key: string, table: Table): void {
    if (this.#dtype === 'int4') {
      this.#int4Table(key, table);
      return;
    }
    this.floats(key, table);
  }

  /** A table, as floats. */
  floats(key: string, table: Table): void {
    this.add(key, [table.rows, table.cols], readTable(table));
  }

  #int4Table(key: string, table: Table): void {
    const { rows, cols } = table;
    const names = int4Names(key);
    const shape = [rows, Math.ceil(cols / 2)];
    const size = rows * Math.ceil(cols / 2);
    const write = ({ at, rowScales = 0, columnScales = 0 }: Omit<Table, 'type'>): void => {
      this.addRaw(names.codes, { dtype: 'U8', shape, bytes: u8().slice(at, at + size) });
      this.add(names.rows, [rows], readVector({ at: rowScales, length: rows }));
      this.add(names.columns, [cols], readVector({ at: columnScales, length: cols }));
    };
    // What was read so is written as it is.
    if (table.type === 'I4') {
      write(table);
      return;
    }
    const numbers = readTable(table);
    scoped((scope) => {
      const from = scope.f32(rows * cols);
      f32().set(numbers, from / 4);
      const [at, rowScales, columnScales] = [scope.bytes(size), scope.f32(rows), scope.f32(cols)];
      kernels(sentence).packInt4(
        at,
        rowScales,
        columnScales,
        from,
        rows,
        cols,
        scope.f32(cols + 4),
      );
      write({ at, rows, cols, rowScales, columnScales });
    });
  }

  /** A transformer's table, in 8 bits where that is asked for. */
  words(key: string, table: Table): void {
    if (this.#dtype !== 'int8') {
      this.floats(key, table);
      return;
    }
    const { rows, cols } = table;
    const names = int8Names(key);
    const write = ({ at, rowScales = 0 }: Pick<Table, 'at' | 'rowScales'>): void => {
      const bytes = u8().slice(at, at + rows * cols);
      this.addRaw(names.numbers, { dtype: 'I8', shape: [rows, cols], bytes });
      this.vector(names.rows, { at: rowScales, length: rows });
    };
    if (table.type === 'I8' && table.rowScales !== undefined) {
      write(table);
      return;
    }
    const numbers = readTable(table);
    scoped((scope) => {
      const [from, at] = [scope.f32(rows * cols), scope.bytes(rows * cols)];
      const rowScales = scope.f32(rows);
      f32().set(numbers, from / 4);
      kernels(sentence).packInt8(at, rowScales, from, rows, cols);
      write({ at, rowScales });
    });
  }

  /** Matrices that stand one below the other, in 8 bits, and their biases. */
  #int8Dense(keys: readonly string[], dense: Dense): void {
    const { rows: total, cols, packed } = dense;
    const rows = total / keys.length;
    const blocks = blocksOf(cols);
    const whole = dense.factors === undefined ? unpack(dense) : undefined;
    scoped((scope) => {
      const core = kernels(sentence);
      const numbers = scope.bytes(total * cols);
      let { factors, scales } = dense;
      if (factors === undefined || scales === undefined) {
        const from = scope.f32(total * cols);
        f32().set(whole as Float32Array, from / 4);
        [factors, scales] = [scope.bytes(total * blocks), scope.f32(total)];
        core.quantizeBlocks(numbers, factors, scales, from, total, cols);
      } else {
        // What was read so is written as it is.
        core.unpackBlockWeights(numbers, packed, factors, total, cols);
      }
      const part = (at: Pointer, i: number, size: number): Uint8Array =>
        u8().slice(at + i * size, at + (i + 1) * size);
      for (const [i, key] of keys.entries()) {
        const names = int8Names(`${key}.weight`);
        const bytes = part(numbers, i, rows * cols);
        this.addRaw(names.numbers, { dtype: 'I8', shape: [rows, cols], bytes });
        const some = part(factors, i, rows * blocks);
        this.addRaw(names.factors, { dtype: 'U8', shape: [rows, blocks], bytes: some });
        this.vector(names.rows, { at: scales + 4 * i * rows, length: rows });
        if (dense.bias === undefined) continue;
        this.vector(`${key}.bias`, { at: dense.bias + 4 * i * rows, length: rows });
      }
    });
  }

  /** One matrix, or several that stand one below the other. */
  dense(keys: readonly string[], dense: Dense): void {
    if (this.#dtype === 'int8') {
      this.#int8Dense(keys, dense);
      return;
    }
    const rows = dense.rows / keys.length;
    const size = rows * dense.cols;
    const numbers = unpack(dense);
    const bias = dense.bias === undefined ? undefined : { at: dense.bias, length: dense.rows };
    const biases = bias && readVector(bias);
    keys.forEach((key, i) => {
      this.add(`${key}.weight`, [rows, dense.cols], numbers.slice(i * size, (i + 1) * size));
      if (biases) this.add(`${key}.bias`, [rows], biases.slice(i * rows, (i + 1) * rows));
    });
  }

  bytes(): Uint8Array {
    return writeRawSafetensors(this.#arrays, {});
  }
}
