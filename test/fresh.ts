/** Imports a fresh copy of the built package, with a memory and kernels that a test observes. */

import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as nearfar from 'nearfar';
import type * as adapt from 'nearfar/adapt';
import type * as models from 'nearfar/models';
import type * as nn from 'nearfar/nn';
import { check } from './harness.js';
import { temporaryFolder } from './temporary.js';

/** Entries of the copy, and observations of its memory and kernels. */
export interface FreshPackage {
  core: typeof nearfar;
  nn: typeof nn;
  models: typeof models;
  adapt: typeof adapt;
  /** Size of the WASM memory. */
  bytes(): number;
  /** Number of calls of each kernel. */
  calls: ReadonlyMap<string, number>;
}

/** Makes the copy. Its entries share one chunk, so all see the same memory. */
export async function freshPackage(): Promise<FreshPackage> {
  const RealMemory = WebAssembly.Memory;
  const RealInstance = WebAssembly.Instance;
  const memories = new Set<WebAssembly.Memory>();
  const calls = new Map<string, number>();
  // The library's memory is the one that its kernels are instantiated over.
  WebAssembly.Instance = class extends RealInstance {
    readonly #observed: WebAssembly.Exports;

    constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
      super(module, imports);
      const memory = imports?.env?.memory;
      if (memory instanceof RealMemory) memories.add(memory);
      this.#observed = Object.fromEntries(
        Object.entries(super.exports).map(([name, kernel]) => [name, counted(name, kernel, calls)]),
      );
    }

    override get exports(): WebAssembly.Exports {
      return this.#observed;
    }
  };
  try {
    const folder = temporaryFolder('fresh');
    cpSync('dist', folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const core: typeof nearfar = await import(join(folder, 'index.js'));
    const engine: typeof nn = await import(join(folder, 'nn.js'));
    // One call of each module of kernels, so that all are there.
    core.normalize([[1]]);
    core.cosineSimilarity([1], [1]);
    core.pca([[1], [2]]);
    engine.tidy(() => engine.exp(engine.tensor([1])).toArray());
    const bytes = (): number => {
      check(memories.size === 1, `${memories.size} memories, not one`);
      return [...memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
    };
    const systems: typeof models = await import(join(folder, 'models.js'));
    const adapters: typeof adapt = await import(join(folder, 'adapt.js'));
    return { core, nn: engine, models: systems, adapt: adapters, bytes, calls };
  } finally {
    WebAssembly.Instance = RealInstance;
  }
}

function counted(
  name: string,
  kernel: WebAssembly.ExportValue,
  calls: Map<string, number>,
): WebAssembly.ExportValue {
  if (typeof kernel !== 'function') return kernel;
  calls.set(name, calls.get(name) ?? 0);
  return (...args: unknown[]) => {
    calls.set(name, (calls.get(name) as number) + 1);
    return kernel(...args);
  };
}
