/**
 * Compares bits between runtimes: the packed package is installed, run as each runtime's user
 * would run it, and the hash of each operation and each trained model compared with this
 * process's own. Training lets timers tick, stops at a signal and frees its memory.
 */

import { api } from '../../bench/built-package.js';
import { hashOperation } from '../../bench/operations/hash.js';
import { operations } from '../../bench/operations/index.js';
import type { Api } from '../../bench/operations/operation.js';
import { check, same, suite } from '../harness.js';
import { tarball } from '../package/tarball.js';
import { makeProject, type Outcome, runtimes, startRuntimes } from './index.js';
import program, { type Result } from './program.js';
import { embeddedFolders } from './sentence-folders.js';

const test = suite('same bits');
let own: Promise<Result> | undefined;

/** Runs the program in this process, once. */
function here(): Promise<Result> {
  (globalThis as { SENTENCE_FOLDERS?: object }).SENTENCE_FOLDERS ??= embeddedFolders();
  own ??= program();
  return own;
}

test('a hash is that of a result: other numbers, another hash', () => {
  const moved: Api = {
    ...api,
    ntXent: (z, options) => api.ntXent(z, options) + 2 ** -40,
    nn: { ...api.nn, tanh: (x) => api.nn.mul(api.nn.tanh(x), 1 + 2 ** -20) },
  };
  const changed = operations
    .filter((row) => hashOperation(moved, row).hash !== hashOperation(api, row).hash)
    .map(({ name }) => name);
  const tanh = ['nn.tanh', 'nn.Sequential'];
  same(changed, ['ntXent temperature 0.5', 'ntXent temperature 0.01', ...tanh]);
});

test('training lets timers tick, stops at a signal and frees its memory', async () => {
  const { training } = await here();
  check(training.length > 0, 'there are no models');
  for (const { name, ...behavior } of training) {
    same(behavior, { ticks: true, lastStep: 20, leakedBytes: 0 }, name);
  }
});

test('a stream of texts lets timers tick and stops at a signal', async () => {
  const { sentence } = await here();
  const { nearest, ...stream } = sentence.stream;
  same(stream, { ticks: true, batches: 3, sameBits: true });
  same([nearest[0], sentence.leakedBytes], [0, 0]);
});

/** Runtimes without workers, or without memory to share with them. */
const WITHOUT_THREADS = /^(workerd|wrangler|webkit)$/;

const missing = process.env.CI === 'true' ? [] : runtimes.filter((row) => row.available());
for (const row of missing) test.skip(row.name, row.available() ?? '');

const present = runtimes.filter((row) => !missing.includes(row));
let started: Promise<Map<string, Promise<Outcome>>> | undefined;

/** Starts them all at the first test that asks. */
function results(): Promise<Map<string, Promise<Outcome>>> {
  const define = { SENTENCE_FOLDERS: JSON.stringify(embeddedFolders()) };
  started ??= makeProject(tarball(), 'test/runtimes/program.ts', define).then((project) => {
    const runs = startRuntimes(project, present);
    return new Map(runs.map(({ name, outcome }) => [name, outcome]));
  });
  return started;
}

for (const { name } of present) {
  test(name, async () => {
    const there: Result = JSON.parse((await (await results()).get(name))?.json ?? 'null');
    const { hashes, training, sentence } = await here();
    same(there.hashes, hashes, `hashes on ${name}`);
    same(there.training, training, `training on ${name}`);
    same(there.sentence, sentence, `sentence encoders on ${name}`);
    const threads = [2, 5].map((asked) => {
      return { asked, running: WITHOUT_THREADS.test(name) ? 1 : asked, different: [] };
    });
    same(there.threads, threads, `threads on ${name}`);
  });
}
