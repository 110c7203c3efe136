/**
 * The kernels: modules over one memory, each compiled at first use, so that importing the package
 * costs nothing and needs no `await`. build/modules.ts lists them.
 */

import { instantiateSync } from '@assemblyscript/loader';
import core, { type Kernels as CoreKernels } from '#wasm/core';
import { fromHex } from './hex.js';

/**
 * A module as `import code from '#wasm/NAME'` gives it: hexadecimal text, or for workers, which refuse to
 * compile bytes, a WebAssembly.Module. Its type says which kernels it has.
 */
export interface ModuleCode<Kernels> {
  readonly kernels: Kernels;
}

/** 64 KiB each, 4 GiB at most: as far as 32-bit pointers reach. */
export const PAGE = 65536;
export const MAX_PAGES = 65536;

/** The memory, once something has used it. */
export let memory: WebAssembly.Memory | undefined;

/**
 * The one memory, made at first use: an engine reserves gigabytes of addresses for it.
 * @throws {RangeError} if the process may not reserve so much
 */
export function wasmMemory(): WebAssembly.Memory {
  for (let maximum = MAX_PAGES; memory === undefined; maximum /= 2) {
    try {
      memory = new WebAssembly.Memory({ initial: 1, maximum });
    } catch (cause) {
      if (maximum > 1024) continue;
      throw new RangeError(
        `nearfar: no WebAssembly memory (${cause}). Engines reserve some 10 GB of addresses, ` +
          'however small it is: raise the limit (ulimit -v), or set ' +
          'NODE_OPTIONS=--disable-wasm-trap-handler',
        { cause },
      );
    }
  }
  return memory;
}

type Bytes = Parameters<typeof instantiateSync>[0];

/** The kernels of each module that has been compiled. */
const compiled = new Map<unknown, object>();

/**
 * The kernels of a module by name, by default those of products and losses. Always the same
 * object, which may be kept: where the kernels move to another memory, or run on several threads,
 * other functions replace those of the same names in it.
 * @throws {Error} where the host refuses to compile WebAssembly, with what to do about it
 */
export function kernels(): CoreKernels;
export function kernels<Kernels extends object>(code: ModuleCode<Kernels>): Kernels;
export function kernels(code: unknown = core): object {
  let table = compiled.get(code);
  if (table === undefined) {
    table = compile(code);
    compiled.set(code, table);
  }
  return table;
}

/** The kernels of all modules that have been compiled. */
export function compiledKernels(): readonly object[] {
  return [...compiled.values()];
}

/** The bytes of a module, or the module that a worker was given. */
export function binary(code: unknown): Bytes {
  return typeof code === 'string' ? fromHex(code) : (code as Bytes);
}

/** Makes code fit the memory: as it is, or with its import for shared memory. */
let fit = (code: Bytes): Bytes => code;

/**
 * Moves all kernels to another memory, those of modules that are compiled later too. The caller
 * copies the content of the old one.
 *
 * @param fitTo makes code fit the new memory
 * @throws {Error} if they can't be compiled for it; then all stays as it was
 */
export function moveTo(to: WebAssembly.Memory, fitTo: typeof fit): void {
  const before = { memory, fit };
  [memory, fit] = [to, fitTo];
  try {
    const moved = Array.from(compiled, ([code, table]) => ({ table, kernels: compile(code) }));
    for (const { table, kernels } of moved) Object.assign(table, kernels);
  } catch (cause) {
    ({ memory, fit } = before);
    throw cause;
  }
}

/** A module's exports, over the one memory. */
function compile(code: unknown): object {
  const memory = wasmMemory();
  try {
    // The loader's own exports wrap every function in another; the bare ones are what we call.
    return { ...instantiateSync(fit(binary(code)), { env: { memory } }).instance.exports };
  } catch (cause) {
    throw new Error(
      `nearfar: this host does not compile WebAssembly from bytes (${cause}). ` +
        "A page with a content security policy needs 'wasm-unsafe-eval' in script-src; " +
        "a worker needs its bundler to resolve the 'workerd' condition",
      { cause },
    );
  }
}
