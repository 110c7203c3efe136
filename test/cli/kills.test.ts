/**
 * Checkpoints: a run that is killed at any change of the file system ends with the bits of one
 * that was not, and a folder never holds a system that is half another one. (`npm run kills` does
 * it at random moments, for longer.)
 */

import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { check, same, suite } from '../harness.js';
import { filesOf, runUntil, SMALL, SMALL_IMAGES, writeImages, writeWords } from './killing.js';
import { folder } from './program.js';

const test = suite('cli kills');
const home = folder();
const data = join(home, 'data.txt');
writeWords(data, 2000);
const images = writeImages(home);
/** And how many changes lie from one kill to the next. */
const INPUTS: Readonly<Record<string, { data: string; options: string[]; between: number }>> = {
  gpt: { data, options: SMALL, between: 3 },
  bert: { data, options: SMALL, between: 3 },
  simclr: { data: images.idx, options: SMALL_IMAGES, between: 5 },
  clip: { data: images.png, options: SMALL_IMAGES, between: 5 },
};

const trainer = (system: string, out: string, ...more: string[]): string[] => {
  const { data, options } = INPUTS[system] as (typeof INPUTS)[string];
  return [
    ...['train', system, '--data', data, '--out', join(home, out), '--steps', '12'],
    ...['--eval-every', '3', ...options, ...more],
  ];
};

for (const [system, { between }] of Object.entries(INPUTS)) {
  test(`${system}: killed at one change of the file system after the other, the same bits`, async () => {
    same(await runUntil(trainer(system, system)), 0);
    const killed = trainer(system, `${system}-killed`, '--resume');
    let kills = 0;
    for (let change = 1; (await runUntil(killed, { change })) === null; change += between) kills++;
    check(kills >= 5, `only ${kills} kills`);
    same(filesOf(join(home, `${system}-killed`)), filesOf(join(home, system)), 'files');
  });
}

test('a run that replaces another, killed: the one, the other or none, never a mixture', async () => {
  const mixed = join(home, 'mixed');
  const other = trainer('gpt', 'mixed', '--width', '8', '--steps', '3', '--force');
  let kills = 0;
  for (let change = 1; ; change += 2) {
    rmSync(mixed, { recursive: true, force: true });
    cpSync(join(home, 'bert'), mixed, { recursive: true });
    if ((await runUntil(other, { change })) !== null) break;
    kills++;
    if (existsSync(join(mixed, 'model.safetensors'))) {
      const evaluated = await runUntil(['eval', mixed, '--data', data]);
      same(evaluated, 0, `eval after a kill at change ${change}`);
    }
  }
  check(kills >= 5, `only ${kills} kills`);
  same(await runUntil(['eval', mixed, '--data', data]), 0, 'eval');
  check(!existsSync(join(mixed, 'bigrams.safetensors')), 'files of the other remain');
});
