/**
 * Makes the package: kernels by asc, bundles by esbuild, declarations by tsc, samples of data,
 * licenses, and the report of sizes. Run by build/setup.mjs.
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
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
await compileKernels(dist);
writeWeights(dist);
// A process of its own, next to all that follows.
const declared = writeDeclarations();
const bundled = [...(await bundleLibrary(dist)), ...(await bundleCommandLine(dist))];
await packSamples(dist);
copyExamples(dist);
writeLicenses(dist, bundled);
await declared;
await reportSizes();
writeFileSync(`${dist}/built`, '');
