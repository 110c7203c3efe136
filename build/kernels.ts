/**
 * Compiles assembly/ to three modules over one memory: dist/nearfar.wasm, the kernels of products,
 * search and losses, dist/nearfar-analysis.wasm, what PCA, classifiers and metrics need besides, and
 * dist/nearfar-nn.wasm, what `nearfar/nn` does. The types of their exports are written beside the
 * code that calls them (not in git). A fourth module, for benchmarks alone, is no part of the
 * package: bench/peak.wasm.
 */

import { renameSync, rmSync } from 'node:fs';
import { run } from './run.js';

interface Module {
  entry: string;
  name: string;
  /** Where its table of constants begins; TypeScript hands out memory from 16384 on. */
  memoryBase: number;
  types: string;
}

const MODULES: readonly Module[] = [
  {
    entry: 'assembly/core.ts',
    name: 'nearfar',
    memoryBase: 1024,
    types: 'src/core/kernel-exports.d.ts',
  },
  {
    entry: 'assembly/analysis.ts',
    name: 'nearfar-analysis',
    memoryBase: 4096,
    types: 'src/core/analysis-kernel-exports.d.ts',
  },
  {
    entry: 'assembly/nn.ts',
    name: 'nearfar-nn',
    memoryBase: 8192,
    types: 'src/nn/kernel-exports.d.ts',
  },
];

function compile(entry: string, more: readonly string[]): void {
  run('node_modules/assemblyscript/bin/asc.js', [
    entry,
    ...['--config', 'assembly/asconfig.json', '--target', 'release'],
    ...more,
  ]);
}

export function compileKernels(dist: string): void {
  compile('assembly/peak.ts', ['--outFile', 'bench/peak.wasm']);
  for (const { entry, name, memoryBase, types } of MODULES) {
    const places = ['--memoryBase', String(memoryBase), '--outFile', `${dist}/${name}.wasm`];
    compile(entry, ['--bindings', 'raw', ...places]);
    renameSync(`${dist}/${name}.d.ts`, types);
    rmSync(`${dist}/${name}.js`);
  }
}
