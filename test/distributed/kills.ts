/** Kills of ranks and of their server: the files must be those of a run that was never disturbed. */

import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Random } from '../../src/core/random.js';
import { filesOf, runUntil, SMALL } from '../cli/killing.js';
import { disturbJob } from './job.js';
import { missingServer, NatsServer } from './nats-server.js';

/** Ranks of a job. */
const RANKS = 2;

/**
 * Disturbs one job after the other until there were so many kills.
 *
 * @param home folder for the runs
 * @param data text to train on
 */
export async function killRanks(
  home: string,
  data: string,
  wanted: number,
  random: Random,
): Promise<void> {
  const missing = missingServer();
  if (missing !== undefined) {
    process.stdout.write(`ranks: skipped, ${missing}\n`);
    return;
  }
  const command = (out: string, ...more: string[]): string[] => [
    ...['train', 'gpt', '--data', data, '--out', join(home, out), '--steps', '300'],
    ...[
      '--eval-every',
      '20',
      ...SMALL,
      '--batch-size',
      '16',
      '--threads',
      '1',
      '--resume',
      ...more,
    ],
  ];
  await runUntil(command('ranks', '--ranks', '1'));
  const expected = filesOf(join(home, 'ranks'));
  const server = await new NatsServer().start();
  let [kills, jobs, stalls] = [0, 0, 0];
  try {
    while (kills < wanted) {
      const folders = Array.from({ length: RANKS }, (_, i) => `ranks-killed${i}`);
      const options = ['--ranks', String(RANKS), '--nats', server.url, '--json'];
      const done = await disturbJob(server, (out) => command(out, ...options), folders, random, {
        kills: Math.min(40, wanted - kills),
        everyMs: 1500,
      });
      kills += done.rank + done.server;
      stalls += done.stall;
      jobs++;
      const written = folders.map((out) => join(home, out)).filter((path) => existsSync(path));
      const isSame = written.some((path) => isDeepStrictEqual(filesOf(path), expected));
      process.stdout.write(`ranks: ${kills} kills and ${stalls} stalls in ${jobs} jobs\n`);
      if (!isSame) {
        process.stdout.write('ranks: other files than those of the run that was never disturbed\n');
        process.exit(1);
      }
      for (const path of written) rmSync(path, { recursive: true });
    }
  } finally {
    await server.stop();
  }
}
