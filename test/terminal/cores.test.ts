/** The number of cores to run on. */

import { availableParallelism } from 'node:os';
import { physicalCores } from '../../src/terminal/cores.js';
import { same, suite } from '../harness.js';

const test = suite('cores');

test('two threads of one core count once', () => {
  const cpuInfo = (pairs: [socket: number, core: number][]): string =>
    pairs
      .map(
        ([socket, core], i) =>
          `processor\t: ${i}\nphysical id\t: ${socket}\ncore id\t\t: ${core}\n`,
      )
      .join('\n');
  const usable = availableParallelism();
  same(
    physicalCores(
      cpuInfo([
        [0, 0],
        [0, 0],
      ]),
    ),
    1,
  );
  same(
    physicalCores(
      cpuInfo([
        [0, 0],
        [0, 1],
        [0, 0],
        [0, 1],
      ]),
    ),
    Math.min(2, usable),
  );
  same(
    physicalCores(
      cpuInfo([
        [0, 0],
        [1, 0],
      ]),
    ),
    Math.min(2, usable),
  );
  same(physicalCores('processor\t: 0\n'), usable, 'without cores in the text');
});
