/** Rows that are the same: equal numbers, or equal ids. */

import searchCode from '#wasm/search';
import { kernels } from '../core/kernels.js';
import { copyRowsIn, type MatrixInput } from '../core/matrix.js';
import { f32, i32, scoped } from '../core/memory.js';

/** Floats that are hashed at a time. */
const BLOCK = 1 << 20;

/** Sets of numbers from 0 that are merged one by one. */
export class DisjointSets {
  readonly #parents: Int32Array;

  constructor(size: number) {
    this.#parents = Int32Array.from({ length: size }, (_, i) => i);
  }

  /** The smallest number of the set that x is in. */
  find(x: number): number {
    let root = x;
    while (this.#parents[root] !== root) root = this.#parents[root] as number;
    for (let at = x; at !== root; ) {
      const next = this.#parents[at] as number;
      this.#parents[at] = root;
      at = next;
    }
    return root;
  }

  merge(x: number, y: number): void {
    const [a, b] = [this.find(x), this.find(y)];
    this.#parents[Math.max(a, b)] = Math.min(a, b);
  }

  /** The smallest number of each number's set. */
  roots(): Int32Array {
    return this.#parents.map((_, i) => this.find(i));
  }
}

/** Reads rows of a matrix, and checks that its numbers are finite. */
export class RowReader {
  readonly #input: MatrixInput;

  constructor(input: MatrixInput) {
    this.#input = input;
  }

  /** Copies one row. */
  row(index: number): Float32Array {
    const { cols } = this.#input;
    return scoped((scope) => {
      const at = scope.f32(cols);
      copyRowsIn(this.#input, at, index, index + 1);
      return f32().slice(at / 4, at / 4 + cols);
    });
  }
}

/**
 * Merges rows of the same numbers, of one matrix or of several of one width. Row r of matrix m is
 * number `starts[m] + r`.
 *
 * @throws {RangeError} if a number is not finite
 */
export function mergeEqualRows(
  sets: DisjointSets,
  inputs: readonly MatrixInput[],
  starts: readonly number[],
): void {
  const byHash = new Map<number, number[]>();
  const read = (node: number): Float32Array => {
    let m = inputs.length - 1;
    while ((starts[m] as number) > node) m--;
    return new RowReader(inputs[m] as MatrixInput).row(node - (starts[m] as number));
  };
  inputs.forEach((input, m) => {
    const { rows, cols } = input;
    const step = Math.max(1, Math.floor(BLOCK / cols));
    for (let first = 0; first < rows; first += step) {
      const count = Math.min(step, rows - first);
      const hashes = scoped((scope) => {
        const at = scope.f32(count * cols);
        copyRowsIn(input, at, first, first + count);
        const to = scope.i32(2 * count);
        kernels(searchCode).hashRows(to, at, count, cols);
        return i32().slice(to / 4, to / 4 + 2 * count);
      });
      for (let i = 0; i < count; i++) {
        const [a, b] = [hashes[2 * i] as number, hashes[2 * i + 1] as number];
        const key = (a >>> 0) * 2 ** 21 + (b >>> 11);
        const node = (starts[m] as number) + first + i;
        const others = byHash.get(key);
        if (others === undefined) {
          byHash.set(key, [node]);
          continue;
        }
        const row = read(node);
        const same = others.find((other) => read(other).every((value, c) => value === row[c]));
        if (same === undefined) others.push(node);
        else sets.merge(same, node);
      }
    }
  });
}

/** Merges rows of equal ids; row r is number `start + r`. */
export function mergeEqualIds(
  sets: DisjointSets,
  ids: ArrayLike<number | string>,
  start: number,
): void {
  const first = new Map<number | string, number>();
  for (let r = 0; r < ids.length; r++) {
    const id = ids[r] as number | string;
    const known = first.get(id);
    if (known === undefined) first.set(id, start + r);
    else sets.merge(known, start + r);
  }
}
