/**
 * Compiles AssemblyScript modules one after the other, in one process: the compiler, itself
 * JavaScript and WebAssembly, takes longer to be optimized than to compile most modules.
 *
 *   node build/compile.mjs '[["assembly/core.ts", "--outFile", "dist/nearfar.wasm"], …]'
 *
 * Each list has the arguments of `asc`.
 */

import asc from 'assemblyscript/asc';

/** @type {string[][]} */
const modules = JSON.parse(process.argv[2] ?? '[]');
for (const args of modules) {
  const { error, stderr } = await asc.main(args);
  if (error === null) continue;
  process.stderr.write(`${stderr}\n${args[0]}: ${error.message}\n`);
  process.exit(1);
}
