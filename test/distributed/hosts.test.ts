/**
 * Two hosts between which the network is cut: network namespaces of this machine, which root can make.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { missingServer, NatsServer } from '../../bench/nats-server.js';
import { filesOf, SMALL, writeWords } from '../cli/killing.js';
import { folder, run } from '../cli/program.js';
import { check, same, suite } from '../harness.js';
import { pause, RankProcess } from './job.js';

const test = suite('distributed hosts');
const NAME = 'two hosts, and a network that is cut twice: the same bits';

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
process.once('exit', removeHost);

if (missing !== undefined) test.skip(NAME, missing);
else {
  test(NAME, async () => {
    const home = folder();
    const text = join(home, 'data.txt');
    writeWords(text, 2000);
    const train = (out: string, ...more: string[]): string[] => [
      ...['train', 'gpt', '--data', text, '--out', join(home, out), '--steps', '200'],
      ...['--eval-every', '50', ...SMALL, '--batch-size', '16', '--threads', '1', '--json'],
      ...more,
    ];
    const { status, stderr } = await run(home, train('one', '--ranks', '1'));
    same(status, 0, stderr);
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
    const written = ['near', 'far']
      .map((out) => join(home, out))
      .filter((path) => existsSync(path));
    const expected = JSON.stringify(filesOf(join(home, 'one')));
    check(
      written.some((path) => JSON.stringify(filesOf(path)) === expected),
      'other files than those of one machine',
    );
  });
}
