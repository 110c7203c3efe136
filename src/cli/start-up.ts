/** How long it takes from importing the package to its first result, in processes of their own. */

import { execFileSync } from 'node:child_process';
import { type Middle, middleOf } from '../../bench/race.js';
import { programAddress } from './files.js';

const PROCESSES = 15;

/** What a user's program does first; modules of Node's own are there before. */
const PROGRAM = `
const start = performance.now();
const { ntXent } = await import(process.argv[1]);
ntXent([[1, 0], [0, 1], [1, 0.5], [0.5, 1]]);
console.log(performance.now() - start);
`;

/** Milliseconds. */
export function measureStartUp(): Middle {
  const args = ['--input-type=module', '--eval', PROGRAM, programAddress('index.js')];
  const times = Array.from({ length: PROCESSES }, () =>
    Number(execFileSync(process.execPath, args, { encoding: 'utf8' })),
  );
  return middleOf(times);
}
