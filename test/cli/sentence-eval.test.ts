/** `nearfar eval` and `encode` on files whose columns have names that are not known. */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check, same, suite } from '../harness.js';
import { temporaryFolder } from '../temporary.js';

const test = suite('cli eval of sentence encoders');
const folder = temporaryFolder('sentence-eval');

const COUNT = 60;
const rows = Array.from({ length: COUNT }, (_, i) => `how to find ${i},you see ${i} in the list`);

interface Result {
  status: number | null;
  events: Record<string, unknown>[];
  error: string;
}

function run(...args: string[]): Result {
  const command = ['dist/cli.js', ...args, '--json', '--threads', '1'];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  const lines = stdout.split('\n').filter((line) => line !== '');
  return { status, events: lines.map((line) => JSON.parse(line)), error: stderr };
}

test('eval and encode read the columns that are named, and say which', () => {
  const data = join(folder, 'foreign.csv');
  writeFileSync(data, ['frage,antwort', ...rows].join('\n'));
  const unknown = run('eval', 'test/golden/fixtures/sentence/bert-v6', '--data', data);
  same(unknown.status, 2, unknown.error);
  check(/--anchor and --positive/.test(unknown.error), unknown.error);
  const names = ['--anchor', 'frage', '--positive', 'antwort'];
  const known = run('eval', 'test/golden/fixtures/sentence/bert-v6', '--data', data, ...names);
  same(known.status, 0, known.error);
  const notes = JSON.stringify(known.events);
  check(/60 pairs of frage and antwort/.test(notes), notes);
  const other = run('eval', 'dist/weights/gpt', '--data', data, ...names);
  check(/--anchor is for sentence encoders/.test(other.error), other.error);
  const out = ['--out', join(folder, 'foreign.npy')];
  const missing = run('encode', '--data', data, ...out);
  check(/has no column text; .* --column says which/.test(missing.error), missing.error);
  const encoded = run('encode', '--data', data, ...out, '--column', 'antwort');
  same(encoded.status, 0, encoded.error);
  same(encoded.events.at(-1)?.rows, COUNT);
});

test('a loss that leaves examples out says so', () => {
  const data = join(folder, 'graded.csv');
  const graded = rows.map((row, i) => `${row},${i % 3}`);
  writeFileSync(data, ['text1,text2,score', ...graded].join('\n'));
  const small = ['--width', '8', '--steps', '1', '--loss', 'info-nce'];
  const { events, error } = run(
    'train',
    'sentence',
    '--data',
    data,
    '--out',
    join(folder, 'graded'),
    ...small,
  );
  const notes = JSON.stringify(events);
  check(/--loss info-nce: 20 pairs with scores above 1 belong together/.test(notes), notes + error);
});
