/**
 * WASM memory: who has which part of it. The only file that grows the memory or makes a view.
 *
 * A call of the library takes what it needs through `scoped`, which releases all of it when the
 * call ends, however it ends. What outlives a call is allocated and freed by its owner.
 */

import { memory, PAGE, wasmMemory } from './kernels.js';

/** An address in WASM memory, in bytes; 0 is none. */
export type Pointer = number;

/** Below this address the modules have their constants: the build says where (build/modules.ts). */
const HEAP_BASE = 16384;

/** Blocks begin on cache lines, so that no vector straddles two. */
const ALIGNMENT = 64;

/** The memory that the views are of; null before the first and once it has grown. */
let viewed: WebAssembly.Memory | null = null;
let f32View: Float32Array;
let i32View: Int32Array;
let u8View: Uint8Array;
let f64View: Float64Array;

/** To ask a memory for its buffer takes as long as a small kernel, so it is asked once. */
function refreshViews(): void {
  viewed = wasmMemory();
  const { buffer } = viewed;
  f32View = new Float32Array(buffer);
  i32View = new Int32Array(buffer);
  u8View = new Uint8Array(buffer);
  f64View = new Float64Array(buffer);
}

/** All of the memory as f32. Valid until something is allocated; never kept. */
export function f32(): Float32Array {
  if (viewed !== memory) refreshViews();
  return f32View;
}

/** All of the memory as i32. Valid until something is allocated; never kept. */
export function i32(): Int32Array {
  if (viewed !== memory) refreshViews();
  return i32View;
}

/** All of the memory as bytes. Valid until something is allocated; never kept. */
export function u8(): Uint8Array {
  if (viewed !== memory) refreshViews();
  return u8View;
}

/** All of the memory as f64. Valid until something is allocated; never kept. */
export function f64(): Float64Array {
  if (viewed !== memory) refreshViews();
  return f64View;
}

/**
 * Returns the size of WASM memory, in use or not. It grows to the largest call and never shrinks.
 *
 * @returns bytes
 */
export function memoryBytes(): number {
  return memory === undefined ? 0 : memory.buffer.byteLength;
}

/** Free blocks by address, neighbors merged: starts[i] to ends[i]. */
interface FreeList {
  starts: number[];
  ends: number[];
  /** No block is longer; a search that fails brings it down to the longest. */
  maxLength: number;
}

/** Blocks of a list at most. A search skips whole lists, so that it need not look at each block. */
const LIST = 128;

/** Lists by address. None is empty, unless it is the only one. */
const lists: FreeList[] = [{ starts: [], ends: [], maxLength: 0 }];
/**
 * Sizes of the blocks that have an owner of their own, 0 once freed; scopes know those of theirs.
 * Nothing is deleted: a Map keeps deleted entries, so setting and deleting an address over and over
 * gets slow.
 */
const sizes = new Map<Pointer, number>();
let inUse = 0;
/** End of the memory that has been on a list. */
let top = HEAP_BASE;

const roundUp = (bytes: number): number =>
  Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);

/**
 * Allocates a block, first fit; its content is whatever was there.
 * @throws {RangeError} if the memory can't grow that far
 */
export function allocate(bytes: number): Pointer {
  const size = roundUp(bytes);
  const at = reserve(size);
  sizes.set(at, size);
  return at;
}

/** Takes whole cache lines off the first free block that has so many. */
function reserve(size: number): Pointer {
  for (;;) {
    for (const list of lists) {
      if (list.maxLength < size) continue;
      const { starts, ends } = list;
      let maxLength = 0;
      for (let i = 0; i < starts.length; i++) {
        const at = starts[i] as number;
        const length = (ends[i] as number) - at;
        if (length >= size) {
          if (length === size) remove(list, i);
          else starts[i] = at + size;
          inUse += size;
          return at;
        }
        if (length > maxLength) maxLength = length;
      }
      list.maxLength = maxLength;
    }
    extend(size);
  }
}

function remove(list: FreeList, i: number): void {
  list.starts.splice(i, 1);
  list.ends.splice(i, 1);
  if (list.starts.length === 0 && lists.length > 1) lists.splice(lists.indexOf(list), 1);
}

/** Makes the last free block at least `size` long. */
function extend(size: number): void {
  const { starts, ends } = lists[lists.length - 1] as FreeList;
  const last = ends.length - 1;
  const free = ends[last] === top ? top - (starts[last] as number) : 0;
  const grown = wasmMemory();
  const missing = top + size - free - grown.buffer.byteLength;
  if (missing > 0) {
    try {
      grown.grow(Math.ceil(missing / PAGE));
    } catch {
      throw new RangeError(
        `nearfar: out of memory: ${size} bytes do not fit next to the ${inUse} in use. ` +
          'tidy(() => …) frees the tensors of a step, dispose() a single one',
      );
    }
    viewed = null;
  }
  const start = top;
  top = grown.buffer.byteLength;
  inUse += top - start;
  release(start, top - start);
}

/** Frees a block of `allocate`. */
export function free(at: Pointer): void {
  const size = sizes.get(at);
  if (!size) throw new Error(`nearfar: ${at} is not an allocated block`);
  sizes.set(at, 0);
  release(at, size);
}

/** Number of rising addresses that are below `at`. */
function countBelow(addresses: readonly number[], at: Pointer): number {
  let low = 0;
  let high = addresses.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((addresses[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Puts a block back on its list. */
function release(at: Pointer, size: number): void {
  inUse -= size;
  let index = lists.length - 1;
  while (index > 0 && (lists[index]?.starts[0] as number) > at) index--;
  let list = lists[index] as FreeList;
  const { starts, ends } = list;
  let i = countBelow(starts, at);
  const next = i < starts.length ? list : lists[index + 1];
  const n = next === list ? i : 0;
  const joinsNext = next !== undefined && next.starts[n] === at + size;
  if (i > 0 && ends[i - 1] === at) {
    ends[--i] = joinsNext ? (next.ends[n] as number) : at + size;
    if (joinsNext) remove(next, n);
  } else if (joinsNext) {
    next.starts[n] = at;
    [list, i] = [next, n];
  } else {
    starts.splice(i, 0, at);
    ends.splice(i, 0, at + size);
  }
  list.maxLength = Math.max(list.maxLength, (list.ends[i] as number) - (list.starts[i] as number));
  if (starts.length > LIST) {
    const [half, { maxLength }] = [LIST / 2, list];
    lists.splice(index + 1, 0, { starts: starts.splice(half), ends: ends.splice(half), maxLength });
  }
}

/**
 * Returns how much of WASM memory is allocated and not yet freed.
 *
 * @returns bytes
 */
export function bytesInUse(): number {
  return inUse;
}

/** Memory of one call. Nothing that it gives is cleared, unless it says so. */
export class Scope {
  /** Addresses, each with its size behind it. */
  readonly #blocks: number[] = [];

  /** Room for n bytes. */
  bytes(n: number): Pointer {
    const size = roundUp(n);
    const at = reserve(size);
    this.#blocks.push(at, size);
    return at;
  }

  /** Room for n f32. */
  f32(n: number): Pointer {
    return this.bytes(4 * n);
  }

  /** Room for n i32. */
  i32(n: number): Pointer {
    return this.bytes(4 * n);
  }

  /** Room for n f64. */
  f64(n: number): Pointer {
    return this.bytes(8 * n);
  }

  /** n f32 or i32, all 0. */
  zeros(n: number): Pointer {
    const at = this.bytes(4 * n);
    f32().fill(0, at / 4, at / 4 + n);
    return at;
  }

  /** A copy of integers, as i32. */
  i32From(values: ArrayLike<number>): Pointer {
    const at = this.i32(values.length);
    i32().set(values, at / 4);
    return at;
  }

  /** Releases all that the scope has given. */
  release(): void {
    const blocks = this.#blocks;
    for (let i = blocks.length - 2; i >= 0; i -= 2)
      release(blocks[i] as Pointer, blocks[i + 1] as number);
    blocks.length = 0;
  }
}

/** Runs `body` with a scope to take memory from, and releases all of it. */
export function scoped<T>(body: (scope: Scope) => T): T {
  const scope = new Scope();
  try {
    return body(scope);
  } finally {
    scope.release();
  }
}
