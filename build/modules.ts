/**
 * The WASM modules of the package, all over one memory. A row is all that a module needs besides
 * its entry in assembly/: `import code from '#wasm/NAME'` and `kernels(code)` give its kernels,
 * with their types. What only some imports need is a module of its own, so that `import { ntXent }`
 * does not carry it.
 */

export interface WasmModule {
  /** Name of the import `#wasm/NAME`. */
  name: string;
  /** Lists the exports. */
  entry: string;
  /** File in dist/ without its suffix. The pattern in package.json's `imports` says the same. */
  file: string;
  /** Address of its constants; TypeScript allocates memory from 16384 on (src/core/memory.ts). */
  memoryBase: number;
}

const row = (name: string, entry: string, memoryBase: number): WasmModule => {
  return { name, entry, file: name === 'core' ? 'nearfar' : `nearfar-${name}`, memoryBase };
};

/** In the order of their addresses: the constants of one end before those of the next begin. */
export const MODULES: readonly WasmModule[] = [
  row('core', 'assembly/core.ts', 1024),
  row('search', 'assembly/search.ts', 2048),
  row('analysis', 'assembly/analysis.ts', 4096),
  row('nn', 'assembly/nn.ts', 8192),
  row('sentence', 'assembly/sentence.ts', 12288),
  row('ops', 'assembly/ops.ts', 14336),
  row('pairs', 'assembly/pairs.ts', 15360),
  row('png', 'assembly/png.ts', 15872),
  row('adapt', 'assembly/adapt.ts', 16320),
];

/** Where memory begins that TypeScript allocates. */
export const HEAP_BASE = 16384;
