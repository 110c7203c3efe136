/** Measures the time from importing the package to its first result, in separate processes. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { summarize } from './interleave.js';
import type { StartUp } from './results.js';

const PROCESSES = 15;

/** The import of a module and, if it is asked for, a first call. */
const PROGRAM = `
const [, , address, first] = process.argv;
const start = performance.now();
const { ntXent } = await import(address);
if (first) ntXent([[1, 0], [0, 1], [1, 0.5], [0.5, 1]]);
console.log(performance.now() - start);
`;

/**
 * Measures the first result of the built package and the import of an empty module.
 *
 * @param entry URL of the built `index.js`
 */
export function measureStartUp(entry: string): StartUp {
  // Files, as programs are: Node takes longer to import into what comes by --eval.
  const folder = mkdtempSync(join(tmpdir(), 'nearfar-start-'));
  const [program, empty] = [join(folder, 'program.mjs'), join(folder, 'empty.mjs')];
  try {
    writeFileSync(program, PROGRAM);
    writeFileSync(empty, '');
    const time = (...args: string[]): number =>
      Number(execFileSync(process.execPath, [program, ...args], { encoding: 'utf8' }));
    // Interleaved, as the machine is not equally fast all the time.
    const rounds = Array.from({ length: PROCESSES }, () => [
      time(entry, 'first'),
      time(pathToFileURL(empty).href),
    ]) as [number, number][];
    return {
      first: summarize(rounds.map(([first]) => first)),
      empty: summarize(rounds.map(([, empty]) => empty)),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
