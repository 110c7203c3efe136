/** Blocks of WASM memory that tensors use, and what frees those that are forgotten. */

import { free, type Pointer } from '../core/memory.js';

/** A block of WASM memory that tensors of different shapes may share. */
export class Storage {
  /** Number of tensors that use it. */
  refCount = 1;
  /** Rises whenever the numbers are overwritten. */
  version = 0;
  /** @param at address in WASM memory */
  constructor(readonly at: Pointer) {}

  /**
   * Wraps memory that another owner frees.
   * @param at address in WASM memory
   * @returns storage that never frees it
   */
  static borrow(at: Pointer): Storage {
    const storage = new Storage(at);
    storage.refCount = Number.POSITIVE_INFINITY;
    return storage;
  }

  /** Drops one reference; the last one frees the memory. */
  release(): void {
    if (--this.refCount === 0) free(this.at);
  }
}

/** Frees tensors that were never disposed of. Not every runtime has it; then `dispose` is all there is. */
export const registry:
  | { register(t: object, s: Storage, token: object): void; unregister(t: object): void }
  | undefined =
  typeof FinalizationRegistry === 'undefined'
    ? undefined
    : /* @__PURE__ */ new FinalizationRegistry<Storage>((storage) => storage.release());
