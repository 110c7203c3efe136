/** How long it takes from importing the package to its first result, in processes of their own. */

import { execFileSync } from 'node:child_process';
import { middleOf } from '../../bench/race.js';
import type { StartUp } from '../../bench/run.js';
import { programAddress } from './files.js';

const PROCESSES = 15;

/** What a user's program does first, and one that imports nothing. */
const FIRST = `
const start = performance.now();
const { ntXent } = await import(process.argv[1]);
ntXent([[1, 0], [0, 1], [1, 0.5], [0.5, 1]]);
console.log(performance.now() - start);
`;
const EMPTY = `
const start = performance.now();
await import('data:text/javascript,');
console.log(performance.now() - start);
`;

export function measureStartUp(): StartUp {
  const times = (program: string): number => {
    const args = ['--input-type=module', '--eval', program, programAddress('index.js')];
    return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
  };
  // In turns, as the machine is not equally fast all the time.
  const rounds = Array.from({ length: PROCESSES }, () => [times(FIRST), times(EMPTY)] as const);
  return {
    first: middleOf(rounds.map(([first]) => first)),
    empty: middleOf(rounds.map(([, empty]) => empty)),
  };
}
