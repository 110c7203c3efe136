/**
 * Times the table of operations on its large sizes, and a training step: the median of rounds after
 * a warm-up, and the rate where an operation has a count of floating-point operations.
 *
 *   npm run bench                       all
 *   npm run bench -- ntXent             those whose name contains the text
 *   npm run bench -- ntXent --peers     in turns with other libraries, on the same inputs
 *   npm run bench -- ntXent --threads 2 in turns on one thread and on two
 *   npm run bench -- --json             one object a line
 *
 * Peers run on one thread. What a peer gives is compared with ours before anything is timed; one
 * that is not there is said to be missing. NEARFAR_PYTHON names the Python interpreter, and
 * `--largest N` leaves sizes out whose largest letter is above N.
 */

import { cpus } from 'node:os';
import { setThreads } from 'nearfar/threads';
import { MOST_THREADS } from '../src/threads/most.js';
import { readArguments, whole } from './arguments.js';
import type { Missing, Peer } from './peers/peer.js';
import { type Contestant, compare, race, type Standing } from './race.js';
import { allWork, type Work } from './work.js';

/** Rounds that lie further apart than this share of their median prove little. */
const NOISE = 0.1;

const { values, positionals } = readArguments({
  allowPositionals: true,
  options: {
    peers: { type: 'boolean', default: false },
    threads: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    largest: { type: 'string', default: 'Infinity' },
  },
});
const wanted = (positionals[0] ?? '').toLowerCase();
const chosen = allWork().filter(
  ({ name, sizes }) =>
    name.toLowerCase().includes(wanted) &&
    Math.max(...Object.values(sizes)) <= Number(values.largest),
);
if (chosen.length === 0) {
  process.stderr.write(`no operation's name contains ${JSON.stringify(wanted)}\n`);
  process.exit(2);
}

const threads = await setThreads(whole('--threads', values.threads, 1, MOST_THREADS));
const count = threads === 1 ? 'one thread' : `one thread and ${threads}`;
const machine = `Node ${process.version}, ${cpus()[0]?.model}, ${count}`;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What the others take, as a multiple of ours. */
function compared({ name, ratio, ratioQuartiles }: Standing, first: boolean): string {
  if (first) return '';
  if (name === SHARED) {
    const [low, high] = ratioQuartiles.map((value) => (1 / value).toFixed(2));
    return `${(1 / ratio).toFixed(2)} times as fast (${high} to ${low})`;
  }
  const [low, high] = ratioQuartiles.map((value) => value.toFixed(2));
  return `${ratio.toFixed(2)} times ours (${low} to ${high})`;
}

function report({ name, sizes, flops }: Work, standings: readonly Standing[]): void {
  const size = Object.entries(sizes)
    .map(([letter, value]) => `${letter} ${value}`)
    .join(' ');
  standings.forEach((standing, i) => {
    const { median, quartiles } = standing;
    const noisy = (quartiles[1] - quartiles[0]) / median > NOISE;
    const rate = flops === undefined ? undefined : flops / median / 1e6;
    if (values.json) {
      const what = { operation: name, sizes, machine, rate, noisy, ...standing };
      say(JSON.stringify(what));
      return;
    }
    const spread = quartiles.map((value) => value.toFixed(3)).join(' to ');
    const columns = [
      (i === 0 ? name : `  ${standing.name}`).padEnd(44),
      (i === 0 ? size : '').padEnd(22),
      `${median.toFixed(3)} ms`.padStart(14),
      `(${spread})`.padStart(24),
      (rate === undefined ? '' : `${rate.toFixed(1)} GFLOP/s`).padStart(14),
      compared(standing, i === 0),
      noisy ? 'noisy' : '',
    ];
    say(columns.join(' ').trimEnd());
  });
}

/** How the contestant is called that has all threads. */
const SHARED = `${threads} threads`;
/** Microseconds that no call takes: none is shared. */
const FOR_EVER = 1e15;

/** The same contestant on one thread, or on all of them; the workers are there in any case. */
function onThreads(contestant: Contestant, count: number): Contestant {
  return {
    ...contestant,
    name: count === 1 ? contestant.name : SHARED,
    async run(times) {
      await setThreads(threads, count === 1 ? { leastWork: FOR_EVER } : {});
      return contestant.run(times);
    },
  };
}

async function measure(work: Work, peers: readonly Peer[]): Promise<void> {
  const inputs = work.inputs();
  const contestants: Contestant[] =
    threads === 1
      ? [work.ours(inputs)]
      : [onThreads(work.ours(inputs), 1), onThreads(work.ours(work.inputs()), threads)];
  for (const peer of peers) {
    const other = await peer.prepare(work.name, work.sizes, inputs);
    if (other) contestants.push(other);
  }
  await compare(contestants, work.steps ?? 1);
  report(work, await race(contestants));
}

const isHere = (peer: Peer | Missing): peer is Peer => 'prepare' in peer;

if (!values.json) say(machine);
const known = values.peers ? await (await import('./peers/index.js')).allPeers() : [];
for (const peer of known) {
  if (!isHere(peer)) process.stderr.write(`without ${peer.name}: ${peer.missing}\n`);
}
const peers = known.filter(isHere);
try {
  for (const work of chosen) await measure(work, peers);
} finally {
  for (const peer of peers) peer.close?.();
}
