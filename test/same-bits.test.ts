/**
 * The same bits on every runtime: the packed package is installed, run as each runtime's user
 * would run it, and the hash of each operation compared with this process's own.
 */

import * as nearfar from 'nearfar';
import { hashOperations, type OperationHash } from '../bench/operations/hash.js';
import { check, same, suite } from './harness.js';
import { tarball } from './package/tarball.js';
import { makeProject, type Outcome, runtimes, startRuntimes } from './runtimes/index.js';

const test = suite('same bits');
const here = hashOperations(nearfar);

test('a hash is that of a result: other numbers, another hash', () => {
  const moved: typeof nearfar = {
    ...nearfar,
    ntXent: (z, options) => nearfar.ntXent(z, options) + 2 ** -40,
  };
  const changed = hashOperations(moved).filter(({ hash }, i) => hash !== here[i]?.hash);
  check(
    changed.length > 0 && changed.every(({ name }) => name.startsWith('ntXent')),
    `changed: ${changed.map(({ name }) => name)}`,
  );
});

const missing = process.env.CI === 'true' ? [] : runtimes.filter((row) => row.available());
for (const row of missing) test.skip(row.name, row.available() ?? '');

const present = runtimes.filter((row) => !missing.includes(row));
let started: Promise<Map<string, Promise<Outcome>>> | undefined;

/** Starts them all at the first test that asks. */
function results(): Promise<Map<string, Promise<Outcome>>> {
  started ??= makeProject(tarball(), 'test/runtimes/program.ts').then((project) => {
    const runs = startRuntimes(project, present);
    return new Map(runs.map(({ name, outcome }) => [name, outcome]));
  });
  return started;
}

for (const { name } of present) {
  test(name, async () => {
    const there: OperationHash[] = JSON.parse((await (await results()).get(name))?.json ?? 'null');
    same(there, here, `hashes on ${name}`);
  });
}
