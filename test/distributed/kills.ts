/**
 * Kills of ranks, of processes that encode together, and of their server: the files must be those of a
 * run that was never disturbed.
 */

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { missingServer, NatsServer } from '../../bench/nats-server.js';
import type { Random } from '../../src/core/random.js';
import { filesOf, runUntil, SMALL } from '../cli/killing.js';
import { disturbEncoding, writeTexts } from './encodings.js';
import { disturbJob } from './job.js';

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

/** Disturbs encodings until there were so many kills. */
export async function killEncodings(home: string, wanted: number, random: Random): Promise<void> {
  if (missingServer() !== undefined) return;
  const [data, out, whole] = ['texts.jsonl', 'killed.npy', 'whole.npy'].map((name) =>
    join(home, name),
  ) as [string, string, string];
  writeTexts(data, 12_000);
  const encode = (...args: string[]): string[] => ['encode', ...args, '--threads', '1', '--json'];
  await runUntil(encode('--data', data, '--out', whole));
  const server = await new NatsServer().storeStreams().start();
  const isSame = (): boolean => readFileSync(out).equals(readFileSync(whole));
  let jobs = 1;
  try {
    const nats = ['--nats', server.url];
    const done = await disturbEncoding(
      server,
      { writer: encode('--data', data, '--out', out, ...nats), worker: encode(...nats) },
      {
        ...{ kills: wanted, everyMs: 800, random },
        again() {
          if (!isSame()) throw new Error('other rows than those of one machine');
          rmSync(out);
          jobs++;
        },
      },
    );
    const kinds = Object.entries(done).map(([kind, count]) => `${count} of ${kind}`);
    if (!isSame()) throw new Error('other rows than those of one machine');
    process.stdout.write(`encoding: ${wanted} kills in ${jobs} jobs (${kinds.join(', ')})\n`);
  } finally {
    await server.stop();
  }
}
