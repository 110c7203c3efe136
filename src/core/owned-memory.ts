/** Blocks of WASM memory with one owner, freed when it is disposed of or collected. */

import { allocate, free, type Pointer } from './memory.js';

/** Frees the blocks of owners that were never disposed of. Not every runtime has it. */
const registry:
  | { register(t: object, blocks: Pointer[], token: object): void; unregister(t: object): void }
  | undefined =
  typeof FinalizationRegistry === 'undefined'
    ? undefined
    : /* @__PURE__ */ new FinalizationRegistry<Pointer[]>((blocks) => {
        for (const at of blocks.splice(0)) free(at);
      });

/** Blocks of WASM memory with one owner. */
export class OwnedMemory {
  readonly #blocks: Pointer[] = [];
  #disposed = false;

  constructor() {
    registry?.register(this, this.#blocks, this);
  }

  allocate(bytes: number): Pointer {
    const at = allocate(bytes);
    this.#blocks.push(at);
    return at;
  }

  /** Frees one block that `allocate` gave. */
  release(at: Pointer): void {
    const index = this.#blocks.indexOf(at);
    if (index < 0) return;
    this.#blocks.splice(index, 1);
    free(at);
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    this.#disposed = true;
    registry?.unregister(this);
    for (const at of this.#blocks.splice(0)) free(at);
  }
}
