/**
 * Makes the package: kernels by asc, bundles by esbuild, declarations by tsc, samples of data,
 * licenses, and the report of sizes. Run by build/setup.mjs.
 *
 *   tsx build/index.ts [--program]     --program makes what the command line runs on, and no more
 */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { bundleCommandLine, bundleLibrary } from './bundle.js';
import { copyExamples } from './examples.js';
import { compileKernels } from './kernels.js';
import { writeLicenses } from './licenses.js';
import { packSamples } from './samples/index.js';
import { reportSizes } from './size.js';
import { writeDeclarations } from './types.js';
import { writeWeights } from './weights.js';

const dist = 'dist';
const isProgram = process.argv.includes('--program');
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
// A process of its own, next to the samples.
const compiled = compileKernels(dist);
writeWeights(dist);
await packSamples(dist);
await compiled;
if (isProgram) {
  await bundleCommandLine(dist);
} else {
  // A process of its own, next to all that follows.
  const declared = writeDeclarations();
  const bundled = [...(await bundleLibrary(dist)), ...(await bundleCommandLine(dist))];
  copyExamples(dist);
  writeLicenses(dist, bundled);
  await declared;
  await reportSizes();
}
writeFileSync(`${dist}/built`, isProgram ? 'program' : 'all');
