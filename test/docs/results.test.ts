/** Every figure of README and documentation comes from a file that a command wrote. */

import { readFileSync } from 'node:fs';
import { allPages } from '../../build/docs/pages.js';
import {
  evaluateFigure,
  fillFigures,
  fillReadme,
  type ResultsFile,
  readmeGaps,
  readResults,
  unsourcedNumbers,
} from '../../build/docs/results.js';
import { check, same, suite } from '../harness.js';

const test = suite('documentation results');
const file: ResultsFile = {
  command: 'npm run few-images',
  machine: { cpu: 'AMD EPYC', cores: 1, runtime: 'Node 20' },
  version: '0.1.0',
  date: '2026-11-30',
  results: { digits: { 10: { mean: 0.9402, std: 0.0123 } }, bytes: 18002, steps: 1559, ms: 0.123 },
};
const files = new Map([['few-images', file]]);
const figure = (expression: string): string => evaluateFigure(expression, files);

test('a figure is a number of a file in a form', () => {
  same(figure('few-images digits.10 | spread'), '94.0 ± 1.2 %');
  same(figure('few-images digits.10.mean | percent 0'), '94 %');
  same(figure('few-images bytes | kb'), '18 kB');
  same(figure('few-images steps | fixed 0'), '1,559');
  same(figure('few-images ms | ms'), '0.12 ms');
  same(figure('few-images steps'), '1559');
  check(figure('few-images | source').includes('npm run few-images'), 'source');
  same(
    fillFigures('`a` {{ few-images bytes | kb }}\n```js\n{{ x }}\n```\n', files),
    '`a` 18 kB\n```js\n{{ x }}\n```\n',
  );
});

test('an unknown file, key or form is an error', () => {
  const fails = (expression: string, message: string): void => {
    try {
      figure(expression);
    } catch (error) {
      check((error as Error).message.includes(message), (error as Error).message);
      return;
    }
    check(false, `${expression} gives no error`);
  };
  fails('few-labels a', 'few-labels.json does not exist');
  fails('few-images digits.11', 'has no 11');
  fails('few-images bytes | furlongs', 'no format furlongs');
  fails('few-images digits | percent', 'is not a number');
});

test('numbers of a run are told from settings, names and code', () => {
  const claims = 'It has 94.0 ± 1.2 % after 3 s, is 2× faster, takes 18 kB: 0.265, 11 points.';
  same(unsourcedNumbers(claims), ['94.0 ± 1.2 %', '3 s', '2×', '18 kB', '0.265', '11 points']);
  const others =
    '600 steps of 256, at `1e-3` and `0.5 %`, MiniLM-L6-v2, int8, [a](b-0.5.md), Node 20, f32';
  same(unsourcedNumbers(others), []);
  same(unsourcedNumbers('{{ few-images digits.10 | spread }}'), []);
});

test('numbers of README have their source in a comment', () => {
  const right = 'It has 94.0 ± 1.2 %<!-- few-images digits.10 | spread --> in all.';
  same(readmeGaps(right, files), []);
  same(readmeGaps(right.replace('94.0', '95.0'), files).length, 1);
  same(readmeGaps('It has 94.0 %.', files), ['94.0 % has no source']);
  same(fillReadme(right.replace('94.0', '9.0'), files), right);
});

const results = readResults();

test('files say how they were made', () => {
  for (const [name, { command, machine, version, date }] of results) {
    check(/^(npm|npx|nearfar)/.test(command ?? ''), `${name}: no command`);
    check((machine?.cpu ?? '') !== '' && (machine?.runtime ?? '') !== '', `${name}: no machine`);
    check(/^\d+\.\d+\.\d+/.test(version ?? ''), `${name}: no version`);
    check(/^20\d\d-\d\d-\d\d$/.test(date ?? ''), `${name}: no date`);
    const script = /^npm run ([\w:-]+)/.exec(command)?.[1];
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    check(script === undefined || scripts[script] !== undefined, `${name}: no script ${script}`);
  }
});

for (const { path, text } of allPages()) {
  test(`${path}: every number has a source`, () => {
    const unsourced = unsourcedNumbers(text);
    same(unsourced, [], 'numbers without {{ file path | form }}; write settings as `code`');
    fillFigures(text, results);
  });
}
