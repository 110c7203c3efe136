/**
 * Compiles assembly/ to dist/nearfar.wasm, and writes the types of its exports beside the code
 * that calls them (src/kernel-exports.d.ts, not in git).
 */

import { copyFileSync, rmSync } from 'node:fs';
import { run } from './run.js';

const ASC = 'node_modules/assemblyscript/bin/asc.js';

export function compileKernels(): void {
  const config = ['--config', 'assembly/asconfig.json', '--target', 'release'];
  run(ASC, [...config, '--bindings', 'raw']);
  copyFileSync('dist/nearfar.d.ts', 'src/kernel-exports.d.ts');
  rmSync('dist/nearfar.d.ts');
  rmSync('dist/nearfar.js');
}
