/** Declarations: one .d.ts a source file, of what the library's entry reaches. */

import { run } from './run.js';

export function writeDeclarations(): void {
  run('node_modules/typescript/bin/tsc', ['-p', 'src/tsconfig.json']);
}
