/**
 * The kernels: modules over one memory, each compiled at first use, so that importing the package
 * costs nothing and needs no `await`. build/modules.ts lists them.
 */

import { instantiateSync } from '@assemblyscript/loader';
import core, { type Kernels as CoreKernels } from '#wasm/core';
import { fromBase64 } from './base64.js';

/**
 * A module as `import code from '#wasm/NAME'` gives it: base64, or for workers, which refuse to
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
        `nearfar: no WebAssembly memory (${cause}). Engines reserve some 10 GB of addresses: raise ` +
          "the limit (ulimit -v), or run Node with '--disable-wasm-trap-handler'",
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
 * object, which may be kept: whoever moves the kernels to another memory, or has several threads
 * run them, puts other functions under their names.
 * @throws {Error} where the host refuses to compile WebAssembly, with what to do about it
 */
export function kernels(): CoreKernels;
export function kernels<Kernels extends object>(code: ModuleCode<Kernels>): Kernels;
export function kernels(code: unknown = core): object {
  let table = compiled.get(code);
  if (table === undefined) {
    table = compile(binary(code));
    compiled.set(code, table);
  }
  return table;
}

/** What a module is compiled from. */
export function binary(code: unknown): Bytes {
  return typeof code === 'string' ? fromBase64(code) : (code as Bytes);
}

/** Another memory for all that is compiled or copied from now on; whoever calls moves what there is. */
export function moveTo(to: WebAssembly.Memory): void {
  memory = to;
}

/** A module's exports, over the one memory. */
export function compile(code: Bytes): object {
  const memory = wasmMemory();
  try {
    // The loader's own exports wrap every function in another; the bare ones are what we call.
    return { ...instantiateSync(code, { env: { memory } }).instance.exports };
  } catch (cause) {
    throw new Error(
      `nearfar: this host does not compile WebAssembly from bytes (${cause}). ` +
        "A page with a content security policy needs 'wasm-unsafe-eval' in script-src; " +
        "a worker needs its bundler to resolve the 'workerd' condition",
      { cause },
    );
  }
}
