/**
 * WASM memory: who has which part of it. The only file that grows the memory or makes a view.
 *
 * A call of the library takes what it needs through `scoped`, which gives all of it back when the
 * call ends, however it ends. What outlives a call is taken from the heap and freed by its owner.
 */

import { memory, PAGE } from './kernels.js';

/** An address in WASM memory, in bytes; 0 is none. */
export type Pointer = number;

/** Below this address the modules have their constants: the build says where (build/kernels.ts). */
const HEAP_BASE = 16384;

/** Blocks begin on cache lines, so that no vector straddles two. */
const ALIGNMENT = 64;

/** The memory that the views are of; none once it has grown. */
let seen: WebAssembly.Memory | undefined;
let floats: Float32Array;
let integers: Int32Array;
let octets: Uint8Array;
let doubles: Float64Array;

/** To ask a memory for its buffer takes as long as a small kernel, so it is asked once. */
function see(): void {
  const { buffer } = memory;
  floats = new Float32Array(buffer);
  integers = new Int32Array(buffer);
  octets = new Uint8Array(buffer);
  doubles = new Float64Array(buffer);
  seen = memory;
}

/** All of the memory as f32. Valid until something is allocated; never kept. */
export function f32(): Float32Array {
  if (seen !== memory) see();
  return floats;
}

/** All of the memory as i32. Valid until something is allocated; never kept. */
export function i32(): Int32Array {
  if (seen !== memory) see();
  return integers;
}

/** All of the memory as bytes. Valid until something is allocated; never kept. */
export function u8(): Uint8Array {
  if (seen !== memory) see();
  return octets;
}

/** All of the memory as f64. Valid until something is allocated; never kept. */
export function f64(): Float64Array {
  if (seen !== memory) see();
  return doubles;
}

/** Bytes of WASM memory there are, in use or not. It grows to the largest call and stays there. */
export function memoryBytes(): number {
  return memory.buffer.byteLength;
}

/** Free blocks by address, neighbours merged: starts[i] to ends[i]. */
const starts: number[] = [];
const ends: number[] = [];
/** Sizes of the blocks that have an owner of their own; scopes know those of theirs. */
const sizes = new Map<Pointer, number>();
let inUse = 0;
let top = HEAP_BASE;

const rounded = (bytes: number): number =>
  Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);

/**
 * Takes a block off the heap, first fit; its content is whatever was there.
 * @throws RangeError if the memory can't grow that far
 */
export function allocate(bytes: number): Pointer {
  const size = rounded(bytes);
  const at = take(size);
  sizes.set(at, size);
  return at;
}

function take(size: number): Pointer {
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

/** Makes the last free block at least `size` long and returns its place in the list. */
function extend(size: number): number {
  const last = starts.length - 1;
  const start = ends[last] === top ? (starts[last] as number) : top;
  const missing = start + size - memoryBytes();
  if (missing > 0) {
    const pages = Math.ceil(missing / PAGE);
    try {
      memory.grow(pages);
      seen = undefined;
    } catch {
      throw new RangeError(
        `nearfar: out of memory: ${size} bytes do not fit beside the ${top} in use`,
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

/** Gives a block back. */
export function free(at: Pointer): void {
  const size = sizes.get(at);
  if (size === undefined) throw new Error(`nearfar: ${at} is not an allocated block`);
  sizes.delete(at);
  give(at, size);
}

function give(at: Pointer, size: number): void {
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

/** What one call has taken. */
export class Scope {
  /** Addresses, each with its size behind it. */
  readonly #blocks: number[] = [];

  /** Room for n bytes. */
  bytes(n: number): Pointer {
    const size = rounded(n);
    const at = take(size);
    this.#blocks.push(at, size);
    return at;
  }

  /** Room for n f32 or i32, not cleared. */
  words(n: number): Pointer {
    return this.bytes(4 * n);
  }

  /** Room for n f32 or i32, all 0. */
  zeroWords(n: number): Pointer {
    const at = this.bytes(4 * n);
    f32().fill(0, at / 4, at / 4 + n);
    return at;
  }

  /** Room for n f64. */
  doubles(n: number): Pointer {
    return this.bytes(8 * n);
  }

  /** A copy of whole numbers, as i32. */
  integers(values: ArrayLike<number>): Pointer {
    const at = this.words(values.length);
    i32().set(values, at / 4);
    return at;
  }

  release(): void {
    const blocks = this.#blocks;
    for (let i = blocks.length - 2; i >= 0; i -= 2)
      give(blocks[i] as Pointer, blocks[i + 1] as number);
    blocks.length = 0;
  }
}

/** Runs `body` with a scope to take memory from, and gives all of it back. */
export function scoped<T>(body: (scope: Scope) => T): T {
  const scope = new Scope();
  try {
    return body(scope);
  } finally {
    scope.release();
  }
}
