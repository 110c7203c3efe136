/**
 * WASM memory: who has which part of it. The only file that grows the memory or makes a view.
 *
 * A call of the library takes what it needs through `scoped`, which releases all of it when the
 * call ends, however it ends. What outlives a call is allocated and freed by its owner.
 */

import { memory, PAGE } from './kernels.js';

/** An address in WASM memory, in bytes; 0 is none. */
export type Pointer = number;

/** Below this address the modules have their constants: the build says where (build/modules.ts). */
const HEAP_BASE = 16384;

/** Blocks begin on cache lines, so that no vector straddles two. */
const ALIGNMENT = 64;

/** The memory that the views are of; none once it has grown. */
let viewed: WebAssembly.Memory | undefined;
let f32View: Float32Array;
let i32View: Int32Array;
let u8View: Uint8Array;
let f64View: Float64Array;

/** To ask a memory for its buffer takes as long as a small kernel, so it is asked once. */
function refreshViews(): void {
  const { buffer } = memory;
  f32View = new Float32Array(buffer);
  i32View = new Int32Array(buffer);
  u8View = new Uint8Array(buffer);
  f64View = new Float64Array(buffer);
  viewed = memory;
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

/** Bytes of WASM memory there are, in use or not. It grows to the largest call and stays there. */
export function memoryBytes(): number {
  return memory.buffer.byteLength;
}

/** Free blocks by address, neighbors merged: starts[i] to ends[i]. */
const starts: number[] = [];
const ends: number[] = [];
/** Sizes of the blocks that have an owner of their own; scopes know those of theirs. */
const sizes = new Map<Pointer, number>();
let inUse = 0;
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

/** Takes a block of whole cache lines off the free list. */
function reserve(size: number): Pointer {
  let i = 0;
  while (i < starts.length && (ends[i] as number) - (starts[i] as number) < size) i++;
  if (i === starts.length) i = extend(size);
  const at = starts[i] as number;
  if (at + size === ends[i]) {
    starts.splice(i, 1);
    ends.splice(i, 1);
  } else {
    starts[i] = at + size;
  }
  inUse += size;
  return at;
}

/** Makes the last free block at least `size` long and returns its index in the list. */
function extend(size: number): number {
  const last = starts.length - 1;
  const start = ends[last] === top ? (starts[last] as number) : top;
  const missing = start + size - memoryBytes();
  if (missing > 0) {
    const pages = Math.ceil(missing / PAGE);
    try {
      memory.grow(pages);
      viewed = undefined;
    } catch {
      throw new RangeError(
        `nearfar: out of memory: ${size} bytes do not fit next to the ${top} in use`,
      );
    }
  }
  const end = memoryBytes();
  if (start === top) {
    starts.push(start);
    ends.push(end);
  } else {
    ends[last] = end;
  }
  top = end;
  return starts.length - 1;
}

/** Frees a block of `allocate`. */
export function free(at: Pointer): void {
  const size = sizes.get(at);
  if (size === undefined) throw new Error(`nearfar: ${at} is not an allocated block`);
  sizes.delete(at);
  release(at, size);
}

/** Puts a block back on the free list. */
function release(at: Pointer, size: number): void {
  inUse -= size;
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  const joinsBefore = low > 0 && ends[low - 1] === at;
  const joinsAfter = starts[low] === at + size;
  if (joinsBefore && joinsAfter) {
    ends[low - 1] = ends[low] as number;
    starts.splice(low, 1);
    ends.splice(low, 1);
  } else if (joinsBefore) {
    ends[low - 1] = at + size;
  } else if (joinsAfter) {
    starts[low] = at;
  } else {
    starts.splice(low, 0, at);
    ends.splice(low, 0, at + size);
  }
}

/** Bytes allocated and not yet freed. */
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
