/**
 * Faults that root can make: a network that is cut between two hosts (network namespaces), and a full
 * disk at the rank that writes (a small tmpfs).
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { missingServer, NatsServer } from '../../bench/nats-server.js';
import { filesOf, SMALL, writeWords } from '../cli/killing.js';
import { folder, run } from '../cli/program.js';
import { check, same, suite } from '../harness.js';
import { pause, RankProcess } from './job.js';

const test = suite('distributed hosts');
const home = folder();
const text = join(home, 'data.txt');
writeWords(text, 2000);

const train = (out: string, ...more: string[]): string[] => [
  ...['train', 'gpt', '--data', text, '--out', join(home, out), '--steps', '200'],
  ...['--eval-every', '50', ...SMALL, '--batch-size', '16', '--threads', '1', '--json'],
  ...more,
];

let expected: Promise<string> | undefined;

/** Files of one rank. */
function reference(): Promise<string> {
  expected ??= run(home, train('one', '--ranks', '1')).then(({ status, stderr }) => {
    same(status, 0, stderr);
    return JSON.stringify(filesOf(join(home, 'one')));
  });
  return expected;
}

/** Checks that one of the folders has the files of one rank: that of the rank that wrote. */
async function checkWritten(...folders: string[]): Promise<void> {
  const files = await reference();
  const written = folders.map((out) => join(home, out)).filter((path) => existsSync(path));
  const isSame = written.some((path) => JSON.stringify(filesOf(path)) === files);
  check(isSame, 'other files than those of one rank');
}

const CUT = 'two hosts, and a network that is cut twice: the same bits';
const FULL = 'a full disk at the rank that writes: said, waited for, and the same bits';

const own = process.pid % 250;
const [near, far] = [`10.231.${own}.1`, `10.231.${own}.2`];
const [host, nearLink, farLink] = [`nearfar${own}`, `nf${own}a`, `nf${own}b`];

const ip = (...args: string[]): ReturnType<typeof spawnSync> =>
  spawnSync('ip', args, { encoding: 'utf8' });

/** Makes another host, and a link to it. */
function makeHost(): string | undefined {
  for (const line of [
    `netns add ${host}`,
    `link add ${nearLink} type veth peer name ${farLink} netns ${host}`,
    `addr add ${near}/30 dev ${nearLink}`,
    `link set ${nearLink} up`,
    `-n ${host} addr add ${far}/30 dev ${farLink}`,
    `-n ${host} link set ${farLink} up`,
    `-n ${host} link set lo up`,
  ]) {
    const { status, error, stderr } = ip(...line.split(' '));
    if (status !== 0) return `ip ${line}: ${error?.message ?? String(stderr).trim()}`;
  }
  return undefined;
}

function removeHost(): void {
  ip('link', 'del', nearLink);
  ip('netns', 'del', host);
}

const missing = missingServer() ?? makeHost();
process.prependOnceListener('exit', removeHost);

if (missing !== undefined) test.skip(CUT, missing);
else {
  test(CUT, async () => {
    await reference();
    const server = await new NatsServer('', near).start();
    const options = ['--ranks', '2', '--nats', server.url, '--resume'];
    const ranks = [
      new RankProcess(train('near', ...options)),
      new RankProcess(train('far', ...options), {}, ['ip', 'netns', 'exec', host]),
    ] as const;
    const [here] = ranks;
    try {
      for (const step of [8, 60]) {
        await Promise.all(ranks.map((rank) => rank.until(`"step":${step},`)));
        const [printed, cut] = [here.output.length, Date.now()];
        same(ip('link', 'set', nearLink, 'down').status, 0, 'the link goes down');
        while (!/has not been heard of for/.test(here.output.slice(printed))) {
          check(Date.now() - cut < 15_000, `not noticed: ${here.output.slice(-1000)}`);
          await pause(50);
        }
        await pause(2000);
        same(ip('link', 'set', nearLink, 'up').status, 0, 'the link comes up');
      }
      for (const rank of ranks) same(await rank.ended, 0, rank.errors + rank.output.slice(-500));
    } finally {
      for (const rank of ranks) if (rank.isRunning) rank.kill();
      await server.stop();
    }
    await checkWritten('near', 'far');
  });
}

const disk = join(home, 'disk');

/** Mounts a file system of so many bytes, or makes it larger. */
function mount(options: string): string | undefined {
  mkdirSync(disk, { recursive: true });
  const args = ['-t', 'tmpfs', '-o', options, 'tmpfs', disk];
  const { status, error, stderr } = spawnSync('mount', args, { encoding: 'utf8' });
  return status === 0 ? undefined : `mount: ${error?.message ?? stderr.trim()}`;
}

const noDisk = missingServer() ?? mount('size=100k');
process.prependOnceListener('exit', () => spawnSync('umount', [disk]));

if (noDisk !== undefined) test.skip(FULL, noDisk);
else {
  test(FULL, async () => {
    const server = await new NatsServer().start();
    const outs = ['disk/a', 'disk/b'] as const;
    const command = (out: string): string[] =>
      train(out, '--ranks', '2', '--nats', server.url, '--resume');
    const ranks = outs.map((out) => new RankProcess(command(out)));
    try {
      const status = await Promise.race(ranks.map((rank) => rank.ended));
      same(status, 2, 'the rank that writes ends');
      const index = ranks.findIndex(({ isRunning }) => !isRunning);
      const [failed, other] = [ranks[index], ranks[1 - index]] as [RankProcess, RankProcess];
      check(
        /cannot write it \(ENOSPC: no space left on the device\)/.test(failed.errors),
        failed.errors,
      );
      await other.until('rank 0 (', 15_000);
      check(other.isRunning, other.errors);
      same(mount('remount,size=50m'), undefined);
      ranks[index] = new RankProcess(command(outs[index] as string));
      for (const rank of ranks) same(await rank.ended, 0, rank.errors + rank.output.slice(-500));
    } finally {
      for (const rank of ranks) if (rank.isRunning) rank.kill();
      await server.stop();
    }
    await checkWritten(...outs);
  });
}
