/** The page about bits names the runtimes that the test runs on. */

import { readFileSync } from 'node:fs';
import { same, suite } from '../harness.js';
import { runtimes } from '../runtimes/index.js';

const test = suite('documentation same-bits');

test('runtimes are those of the test', () => {
  const rows = readFileSync('src/docs/how/same-bits.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('|'));
  const written = rows.slice(2).flatMap((line) => line.match(/(?<=`)[a-z][\w-]+(?=`)/g) ?? []);
  // The first two are named after whatever Node runs the tests; the page was written by Node 20.
  const expected = runtimes.map(({ name }, i) => (i < 2 ? name.replace(/\d+/, '20') : name));
  same(written.sort(), expected.sort(), 'names');
});
