/** Declarations: one .d.ts a source file, of what the library's entry reaches. */

import { run } from './run.js';

export async function writeDeclarations(): Promise<void> {
  await run('node_modules/typescript/bin/tsc', ['-p', 'src/tsconfig.json']);
}
