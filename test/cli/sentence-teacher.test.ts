/** `nearfar train sentence --teacher`: rows that do not fit, and a run that was interrupted. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npyBytes } from '../../src/data/files/npy.js';
import { check, same, suite } from '../harness.js';
import { folder, type Outcome, run } from './program.js';

const test = suite('cli sentence teacher');
const cwd = folder();

const COUNT = 60;
const WORDS = ['cat', 'dog', 'car', 'tree', 'music', 'bread', 'river', 'stone', 'paper', 'cloud'];
const text = (i: number): string => `${WORDS[i % 10]} ${WORDS[(3 * i) % 10]} number ${i}`;
writeFileSync(join(cwd, 'texts.txt'), Array.from({ length: COUNT }, (_, i) => text(i)).join('\n'));

/** Writes rows, a number by its index in all of them. */
function writeRows(name: string, rows: number, cols: number, value: (i: number) => number): void {
  const data = Float32Array.from({ length: rows * cols }, (_, i) => value(i));
  writeFileSync(join(cwd, name), npyBytes(data, [rows, cols]));
}

const scattered = (i: number): number => ((i * 7919) % 101) / 50 - 1;
writeRows('rows.npy', COUNT, 12, scattered);

const learn = (
  out: string,
  teacher: string,
  more: readonly string[],
  options: Parameters<typeof run>[2] = {},
): Promise<Outcome> =>
  run(
    cwd,
    [
      ...['train', 'sentence', '--data', 'texts.txt', '--teacher', teacher, '--out', out],
      ...['--threads', '1', '--json', ...more],
    ],
    options,
  );

test('rows that do not fit the texts or the encoder are refused in one line', async () => {
  writeRows('few.npy', COUNT - 1, 12, scattered);
  writeRows('same.npy', COUNT, 12, () => 1);
  writeRows('zero.npy', COUNT, 12, () => 0);
  writeRows('nan.npy', COUNT, 12, (i) => (i === 25 ? Number.NaN : 1));
  const refused: [teacher: string, expected: RegExp, more?: string[]][] = [
    ['few.npy', /few.npy: has 59 rows, and texts.txt 60/],
    ['same.npy', /all rows are equal/],
    ['zero.npy', /all rows are equal/],
    ['nan.npy', /nan.npy: must hold finite numbers, got NaN at \[2, 1\]/],
    ['rows.npy', /rows have 12 columns, those of the encoder 256/, ['--from', 'english']],
    ['rows.npy', /rows have 12 columns, those of the encoder 16/, ['--width', '16']],
    ['rows.npy', /--loss parts: with --teacher/, ['--loss', 'parts']],
    ['none.npy', /none.npy: cannot read it/],
  ];
  for (const [teacher, expected, more = []] of refused) {
    const { status, stderr } = await learn('refused', teacher, ['--steps', '2', ...more]);
    same(status, 2, stderr);
    check(expected.test(stderr) && stderr.trim().split('\n').length === 1, stderr);
  }
});

test('texts whose row is zero are left out', async () => {
  writeRows('gaps.npy', COUNT, 12, (i) => (i < 36 ? 0 : scattered(i)));
  const { status, stdout, stderr } = await learn('gaps', 'gaps.npy', ['--steps', '2']);
  same(status, 0, stderr);
  check(/3 texts are left out: the rows of gaps.npy/.test(stdout), stdout);
});

test('a run that is interrupted goes on to the bits of one that was not', async () => {
  const options = ['--steps', '60', '--eval-every', '10', '--seed', '4'];
  const whole = await learn('whole', 'rows.npy', options);
  same(whole.status, 0, whole.stderr);
  let asked = false;
  const output = (stdout: string, interrupt: () => void): void => {
    // A second one would end the run at once.
    if (asked || !/"step":15\b/.test(stdout)) return;
    asked = true;
    interrupt();
  };
  const stopped = await learn('stopped', 'rows.npy', options, { output });
  check(/"interrupted"/.test(stopped.stdout), stopped.stdout.slice(-300));
  writeRows('other.npy', COUNT, 12, (i) => scattered(i + 1));
  const changed = await learn('stopped', 'other.npy', [...options, '--resume']);
  same(changed.status, 2, 'rows of another teacher');
  const resumed = await learn('stopped', 'rows.npy', [...options, '--resume']);
  same(resumed.status, 0, resumed.stderr);
  const [a, b] = ['stopped', 'whole'].map((out) =>
    readFileSync(join(cwd, out, '0_StaticEmbedding/model.safetensors')).toString('hex'),
  );
  same(a, b);
});
