/**
 * Runs the suites: every *.test.ts under test/, or those whose file, suite or test name contains
 * the text that is given.
 *
 *   npm test                  all
 *   npm test -- softmax       by name
 *   npm test -- --seed 7      another seed of the property tests
 */

import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import fc from 'fast-check';

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' } },
  allowPositionals: true,
});
fc.configureGlobal({ seed: Number(values.seed ?? 1) });

const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
  .sort();
const text = positionals[0] ?? '';
const named = files.filter((file) => file.includes(text));
const chosen = named.length > 0 ? named : files;

// uvu gathers suites in a queue a file, and runs them when told to, if this is set beforehand.
const uvu = globalThis as unknown as { UVU_DEFER: number; UVU_QUEUE: unknown[]; UVU_INDEX: number };
uvu.UVU_DEFER = 1;
const { exec } = await import('uvu');
const { counts, runSuites, setFilter } = await import('./harness.js');
if (named.length === 0) setFilter(text);
for (const [index, file] of chosen.entries()) {
  uvu.UVU_QUEUE[index] = [file];
  uvu.UVU_INDEX = index;
  await import(`./${file}`);
  runSuites();
}
await exec();

const { passed, failed, skipped } = counts;
if (passed + failed === 0) process.stdout.write(`no test matches ${JSON.stringify(text)}\n`);
const more = skipped > 0 ? `, ${skipped} skipped` : '';
// What a failed test left open (a connection, a process) must not keep the runner alive.
process.stdout.write(`${passed} passed, ${failed} failed${more}\n`, () => {
  process.exit(failed > 0 || passed === 0 ? 1 : 0);
});
