/**
 * Kills runs of `nearfar train` at random moments (in steps, validations, and the middle of
 * checkpoints), goes on with `--resume`, and compares all files with those of a run that was never
 * stopped.
 *
 *   npm run kills                 fifty kills for each system, 200 of ranks and their server
 *   npm run kills -- 10 --seed 7  ten, at other moments; --ranks: only those of ranks, --encode: of encoding
 */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { Random } from '../../src/core/random.js';
import { killEncodings, killRanks } from '../distributed/kills.js';
import { filesOf, type Moment, runUntil, SMALL, writeWords } from './killing.js';
import { folder } from './program.js';

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' }, ranks: { type: 'boolean' }, encode: { type: 'boolean' } },
  allowPositionals: true,
});
const wanted = Number(positionals[0] ?? 50);
const random = new Random(Number(values.seed ?? 1));

/** Every so many steps a validation and a checkpoint. */
const RUN = ['--steps', '400', '--eval-every', '8', ...SMALL];
/** Changes of the file system up to which one kills: several checkpoints. */
const CHANGES = 60;

const home = folder();
const data = join(home, 'data.txt');
writeWords(data, 3000);

for (const system of values.ranks || values.encode ? [] : ['gpt', 'bert']) {
  const run = (out: string): string[] => ['train', system, '--data', data, '--out', out, ...RUN];
  const whole = join(home, system);
  const killed = join(home, `${system}-killed`);
  const started = performance.now();
  await runUntil(run(whole));
  const time = performance.now() - started;
  const expected = filesOf(whole);
  let kills = 0;
  let runs = 0;
  for (;;) {
    const moment: Moment =
      kills % 2 === 0
        ? { after: random.uniform(0, time) }
        : { change: 1 + random.integer(CHANGES) };
    const status = await runUntil(
      [...run(killed), '--resume'],
      kills < wanted ? moment : undefined,
    );
    if (status === null) {
      kills++;
      continue;
    }
    runs++;
    if (status !== 0 || !isDeepStrictEqual(filesOf(killed), expected)) {
      process.stdout.write(`${system}: other files after ${kills} kills\n`);
      process.exit(1);
    }
    if (kills >= wanted) break;
    rmSync(killed, { recursive: true });
  }
  const files = Object.keys(expected).length;
  process.stdout.write(`${system}: ${kills} kills in ${runs} runs, all ${files} files the same\n`);
}

if (!values.encode) await killRanks(home, data, 4 * wanted, random);
if (!values.ranks) await killEncodings(home, wanted, random);
