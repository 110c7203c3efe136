/** How long it takes from importing the package to its first result, in processes of their own. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { programAddress } from '../src/cli/files.js';
import { summarize } from './interleave.js';
import type { StartUp } from './run.js';

const PROCESSES = 15;

/** What a user's program does first, and one whose module is empty. */
const PROGRAM = `
const [, , address, first] = process.argv;
const start = performance.now();
const { ntXent } = await import(address);
if (first) ntXent([[1, 0], [0, 1], [1, 0.5], [0.5, 1]]);
console.log(performance.now() - start);
`;

export function measureStartUp(): StartUp {
  // Files, as programs are: Node takes longer to import into what comes by --eval.
  const folder = mkdtempSync(join(tmpdir(), 'nearfar-start-'));
  const [program, empty] = [join(folder, 'program.mjs'), join(folder, 'empty.mjs')];
  try {
    writeFileSync(program, PROGRAM);
    writeFileSync(empty, '');
    const time = (...args: string[]): number =>
      Number(execFileSync(process.execPath, [program, ...args], { encoding: 'utf8' }));
    // In turns, as the machine is not equally fast all the time.
    const rounds = Array.from({ length: PROCESSES }, () => [
      time(programAddress('index.js'), 'first'),
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
