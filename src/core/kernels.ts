/**
 * The kernels: one instance over one memory, compiled at first use, so that importing the package
 * costs nothing and needs no `await`.
 */

import { instantiateSync } from '@assemblyscript/loader';
import code from '#wasm';
import type { instantiate } from './kernel-exports.js';

/** Types of all exports, generated from the AssemblyScript sources. */
export type Kernels = Awaited<ReturnType<typeof instantiate>>;

/** 64 KiB each, 4 GiB at most: as far as 32-bit pointers reach. */
export const PAGE = 65536;
export const MAX_PAGES = 65536;

export let memory: WebAssembly.Memory = /* @__PURE__ */ new WebAssembly.Memory({
  initial: 1,
  maximum: MAX_PAGES,
});

let table: Kernels | undefined;

/**
 * The kernels by name. Always the same object, which may be kept: whoever moves the kernels to
 * another memory, or has several threads run them, puts other functions under their names.
 * @throws Error where the host refuses to compile WebAssembly, with what to do about it
 */
export function kernels(): Kernels {
  table ??= compile<Kernels>(code());
  return table;
}

/** Another memory for all that is compiled or copied from now on; whoever calls moves what there is. */
export function moveTo(to: WebAssembly.Memory): void {
  memory = to;
}

/** A module's exports, bytes or compiled, over the one memory. */
export function compile<Exports>(code: unknown): Exports {
  try {
    const module = code as Parameters<typeof instantiateSync>[0];
    // The loader's own exports wrap every function in another; the bare ones are what we call.
    const { instance } = instantiateSync(module, { env: { memory } });
    return { ...instance.exports } as Exports;
  } catch (cause) {
    throw new Error(
      `nearfar: this host does not compile WebAssembly from bytes (${cause}). ` +
        "A page with a content security policy needs 'wasm-unsafe-eval' in script-src; " +
        "a worker needs its bundler to resolve the 'workerd' condition",
      { cause },
    );
  }
}
