/**
 * Runs the same benchmark on every installed runtime, one after the other, and writes a page that
 * shows them side by side.
 *
 *   npm run bench:everywhere -- ntXent                     operations whose name contains the text
 *   npm run bench:everywhere -- ntXent --largest 1024      no larger size
 *   npm run bench:everywhere -- ntXent --on node20,firefox   on some runtimes
 *   npm run bench:everywhere -- ntXent --out DIR           folder of the page (default nearfar-bench)
 *
 * Browsers and workers have a minute or two: name few operations.
 */

import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { peakLine, resultLines } from '../../bench/report.js';
import type { Run } from '../../bench/results.js';
import {
  chooseNames,
  exitOnInputError,
  readArguments,
  readInt,
} from '../../bench/studies/arguments.js';
import { prepareFolder, writeResults } from '../../src/terminal/files.js';
import { tarball } from '../package/tarball.js';
import { makeProject, runtimes } from './index.js';

/** Runtimes that only load the package in another way, or on an emulated processor. */
const REPEATED = /-(require|arm64|vite|worker)$|^wrangler$/;
const LARGEST = '1024';

const { values, positionals } = readArguments(
  ['npm run bench:everywhere -- [part of a name] [--largest <n>] [--on <runtimes>] [--out <dir>]'],
  {
    allowPositionals: true,
    options: {
      largest: { type: 'string', default: LARGEST },
      on: { type: 'string' },
      out: { type: 'string', default: 'nearfar-bench' },
    },
  },
);
const known = runtimes.map(({ name }) => name).filter((name) => !REPEATED.test(name));
const wanted = chooseNames(values.on?.split(',') ?? [], known);
const selection = {
  name: positionals[0] ?? 'ntXent temperature 0.5',
  largest: readInt('--largest', values.largest),
};
exitOnInputError(() => prepareFolder('--out', values.out));

const project = await makeProject(tarball(), 'test/runtimes/benchmark-program.ts', {
  SELECTION: JSON.stringify(selection),
});
const runs: Run[] = [];
for (const { name, available, run } of runtimes.filter(({ name }) => wanted.includes(name))) {
  const missing = available();
  if (missing !== undefined) {
    console.log(`without ${name}: ${missing}`);
    continue;
  }
  const measured: Run = JSON.parse(await run(project));
  const cpu = cpus()[0]?.model;
  if (cpu !== undefined) measured.machine.cpu = cpu;
  runs.push(measured);
  console.log(peakLine(measured.machine.runtime, measured.peak));
  for (const line of measured.results.flatMap(resultLines)) console.log(line);
}
const json = `${JSON.stringify(runs, null, 1)}\n`;
const results = writeResults(values.out, { 'results.json': json })['results.json'];
const draw = ['dist/cli.js', 'bench', '--draw', results, '--out', values.out];
execFileSync(process.execPath, draw, { stdio: 'inherit' });
