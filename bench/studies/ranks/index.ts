/**
 * Study: what ranks cost. Communication of 1, 2, 4 and 8 ranks over NATS, a model of it fitted by least
 * squares and checked on a setting that it has not seen, trainings on one and two ranks, and what
 * follows for 64 and 1,024 ranks.
 *
 *   npm run ranks                prints
 *   npm run ranks -- --write     writes bench/results/ranks.json
 *   npm run ranks -- --only scaling    the trainings alone; also communication, read-out
 */

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ntXentGrad } from 'nearfar';
import { shareRanks } from 'nearfar/distributed';
import { NatsServer } from '../../nats-server.js';
import { writeResults } from '../../results-file.js';
import { readArguments } from '../arguments.js';

const { values } = readArguments(
  ['npm run ranks -- [--write] [--only communication|scaling|read-out]'],
  {
    options: { write: { type: 'boolean' }, only: { type: 'string' } },
  },
);
const PROGRAM = new URL('rank.mjs', import.meta.url);

type Outcome = Record<'wall' | 'cpu' | 'sent' | 'gather' | 'reduce' | 'wait' | 'rank', number>;

try {
  // Ranks and server inherit it: other work on the machine counts less.
  setPriority(constants.priority.PRIORITY_HIGHEST);
} catch {
  // Root alone may.
}
const server = await new NatsServer().start();
let jobs = 0;

/** Runs a setting on so many ranks; processes over NATS, or threads. */
async function runRanks(ranks: number, setting: object, threads = false): Promise<Outcome[]> {
  const job = `study-${process.pid}-${jobs++}`;
  const share = threads ? shareRanks(ranks) : undefined;
  return Promise.all(
    Array.from({ length: ranks }, (_, rank) => {
      if (share !== undefined) {
        const worker = new Worker(PROGRAM, { workerData: { ...setting, ranks, share, rank } });
        return new Promise<Outcome>((done, fail) => worker.on('message', done).on('error', fail));
      }
      const own = JSON.stringify({ ...setting, ranks, url: server.url, job });
      const child = spawn(process.execPath, [PROGRAM.pathname, own]);
      let output = '';
      child.stdout.on('data', (data) => {
        output += data;
      });
      child.stderr.pipe(process.stderr);
      return new Promise<Outcome>((done, fail) =>
        child.on('close', (status) =>
          status === 0 ? done(JSON.parse(output)) : fail(new Error(`a rank ended with ${status}`)),
        ),
      );
    }),
  );
}

/** CPU milliseconds of the server so far. */
function serverCpu(): number {
  const fields = readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(' ');
  return 10 * (Number(fields[13]) + Number(fields[14]));
}

interface Measured {
  ranks: number;
  gather: number;
  gradient: number;
  /** Milliseconds of a step: at the slowest rank, of CPU in all ranks, and in the server. */
  wall: number;
  cpu: number;
  server: number;
}

async function measure(ranks: number, gather: number, gradient: number): Promise<Measured> {
  const rounds = 9;
  const before = serverCpu();
  const outcomes = await runRanks(ranks, { gather, gradient, rounds });
  return {
    ranks,
    gather,
    gradient,
    wall: Math.max(...outcomes.map(({ wall }) => wall)),
    cpu: outcomes.reduce((sum, own) => sum + own.cpu, 0),
    // All rounds count, those too that warm up.
    server: (serverCpu() - before) / (rounds + 2),
  };
}

/** Bytes that all ranks send and receive in a step, and that the server passes on. */
function bytesOf({ ranks: n, gather, gradient }: Pick<Measured, 'ranks' | 'gather' | 'gradient'>) {
  // Every rank publishes its rows, a slice of its gradients to each other rank, and its slice's sum; two
  // ranks all of them at once, which is as many.
  const out = gather + (n - 1) * gradient + gradient;
  const into = (n - 1) * gather + (n - 1) * gradient + (n - 1) * gradient;
  return { ranks: n === 1 ? 0 : out + into, server: n === 1 ? 0 : into };
}

/** Messages of the exchanges of a step: 3 to all, one to each, one to all, and a barrier; two ranks need one less. */
const messagesOf = (n: number): number => (n === 1 ? 0 : n * (n - 1) * (n === 2 ? 5 : 6));

/** Least squares through the origin of two factors. */
function fit(rows: readonly { x: readonly [number, number]; y: number }[]): [number, number] {
  let [aa, ab, bb, ay, by] = [0, 0, 0, 0, 0];
  for (const {
    x: [a, b],
    y,
  } of rows) {
    // Relative errors count, as times span two orders.
    const w = 1 / (y * y);
    aa += w * a * a;
    ab += w * a * b;
    bb += w * b * b;
    ay += w * a * y;
    by += w * b * y;
  }
  const det = aa * bb - ab * ab;
  return [(ay * bb - by * ab) / det, (by * aa - ay * ab) / det];
}

const KB = 1024;
const SETTINGS = [
  [64 * KB, 256 * KB],
  [256 * KB, 1024 * KB],
  [1024 * KB, 256 * KB],
  [256 * KB, 4096 * KB],
] as const;
const HELD_OUT = [512 * KB, 2048 * KB] as const;

/** CPU time of ranks and server, per byte and per message. */
type Model = Record<
  'nsPerByte' | 'usPerMessage' | 'serverNsPerByte' | 'serverUsPerMessage',
  number
>;

/** CPU milliseconds of a step in all ranks, and in the server. */
function predict(model: Model, own: Pick<Measured, 'ranks' | 'gather' | 'gradient'>) {
  const [bytes, messages] = [bytesOf(own), messagesOf(own.ranks)];
  return {
    cpu: 1e-6 * model.nsPerByte * bytes.ranks + 1e-3 * model.usPerMessage * messages,
    server:
      1e-6 * model.serverNsPerByte * bytes.server + 1e-3 * model.serverUsPerMessage * messages,
  };
}

async function communication() {
  const measured: Measured[] = [];
  for (const ranks of [1, 2, 4, 8]) {
    for (const [gather, gradient] of SETTINGS) {
      const found = await measure(ranks, gather, gradient);
      measured.push(found);
      console.log(JSON.stringify(found));
    }
  }
  const several = measured.filter(({ ranks }) => ranks > 1);
  const ranks = fit(
    several.map((own) => ({ x: [bytesOf(own).ranks, messagesOf(own.ranks)], y: own.cpu })),
  );
  const passing = fit(
    several.map((own) => ({
      x: [bytesOf(own).server, messagesOf(own.ranks)],
      y: Math.max(1, own.server),
    })),
  );
  const model: Model = {
    nsPerByte: 1e6 * ranks[0],
    usPerMessage: 1e3 * ranks[1],
    serverNsPerByte: 1e6 * passing[0],
    serverUsPerMessage: 1e3 * passing[1],
  };
  const checks = [];
  for (const n of [2, 4, 8]) {
    const found = await measure(n, ...HELD_OUT);
    const expected = predict(model, found);
    checks.push({
      ranks: n,
      cpu: found.cpu,
      predicted: expected.cpu,
      ratio: expected.cpu / found.cpu,
      server: found.server,
      serverPredicted: expected.server,
    });
    console.log(JSON.stringify(checks.at(-1)));
  }
  const heldOut = Object.fromEntries(checks.map((own) => [String(own.ranks), own]));
  return { measured, model, heldOut };
}

/**
 * Trainings of the study: batches of a size that people use. Steps do not count before the kernels are
 * compiled to their fastest form, which threads of the runtime do on the cores of the ranks.
 */
const TRAININGS = [
  { name: 'simclr256', system: 'simclr', batchSize: 256, warmUp: 12, rounds: 25 },
  { name: 'simclr512', system: 'simclr', batchSize: 512, warmUp: 6, rounds: 10 },
  { name: 'gpt64', system: 'gpt', batchSize: 64, warmUp: 5, rounds: 10 },
] as const;

/** Time of a step on one and two ranks, the runs one after the other, twice. */
async function scaling() {
  const found: Record<string, Record<string, number>> = {};
  for (const { name, ...training } of TRAININGS) {
    const times = new Map<string, number[]>();
    const note = (key: string, outcomes: readonly Outcome[], threads = false): void => {
      const cpus = outcomes.map(({ cpu }) => cpu);
      const taken = {
        [key]: Math.max(...outcomes.map(({ wall }) => wall)),
        [`${key}Wait`]: Math.max(...outcomes.map(({ wait }) => wait)),
        // Each thread of a process tells the time of all of them.
        [`${key}Cpu`]: threads ? Math.max(...cpus) : cpus.reduce((a, b) => a + b, 0),
      };
      for (const [each, value] of Object.entries(taken)) {
        times.set(each, [...(times.get(each) ?? []), value]);
      }
    };
    for (let i = 0; i < 2; i++) {
      note('whole', await runRanks(1, { ...training, shards: 1 }));
      note('one', await runRanks(1, training));
      note('threads', await runRanks(2, training, true), true);
      note('nats', await runRanks(2, training));
    }
    const fastest = Object.fromEntries([...times].map(([key, list]) => [key, Math.min(...list)]));
    const { one = 0, threads = 1, nats = 1, oneCpu = 1, wholeCpu = 1 } = fastest;
    found[name] = {
      ...fastest,
      threadsSpeedup: one / threads,
      natsSpeedup: one / nats,
      shardsCost: oneCpu / wholeCpu,
    };
    console.log(name, JSON.stringify(found[name]));
  }
  return found;
}

/** CPU milliseconds of NT-Xent with its gradient, per pair of rows. */
function pairCost(): number {
  const rows = 2048;
  const z = Array.from({ length: rows * 64 }, (_, i) => Math.fround(((i * 7919) % 1000) / 500 - 1));
  const matrix = { data: Float32Array.from(z), rows, cols: 64 };
  const times = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage();
    ntXentGrad(matrix);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times) / rows ** 2;
}

/** Reads out the model: SimCLR, 256 samples a rank and step, a core a rank and two of the server. */
function readOut(n: number, model: Model, computePerSample: number, pair: number) {
  const samples = 256;
  const gather = n * samples * 2 * 64 * 4;
  const gradient = 4 * 215_000;
  const { cpu, server: passing } = predict(model, { ranks: n, gather, gradient });
  const parts = {
    compute: samples * computePerSample,
    // The own rows with all of them: one rank's part of the pairs, less those of a batch of its own.
    pairs: pair * (2 * samples) ** 2 * (n - 1),
    communication: cpu / n,
    // The server has two cores here.
    server: passing / 2,
  };
  const [bottleneck] = Object.entries(parts).sort(([, a], [, b]) => b - a)[0] as [string, number];
  return {
    ...parts,
    bottleneck,
    serverMegabytes: bytesOf({ ranks: n, gather, gradient }).server / 1e6,
  };
}

/** CPU milliseconds of a sample in one rank, and of a pair of rows. */
async function computing() {
  const [training] = TRAININGS;
  const [alone] = (await runRanks(1, training)) as [Outcome];
  return { sampleMs: alone.cpu / training.batchSize, pairMs: pairCost() };
}

const FILE = 'bench/results/ranks.json';
const isAsked = (part: string): boolean => values.only === undefined || values.only === part;
try {
  const found = {
    ...(isAsked('scaling') && { scaling: await scaling() }),
    ...(isAsked('communication') && (await communication())),
    ...(isAsked('read-out') && (await computing())),
  };
  // What another run has measured is kept.
  const earlier = existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')).results : {};
  const results = { ...earlier, ...found };
  const { model, sampleMs, pairMs } = results;
  if (model !== undefined && sampleMs !== undefined) {
    results.readOut = Object.fromEntries(
      [2, 8, 64, 1024].map((n) => [String(n), readOut(n, model, sampleMs, pairMs)]),
    );
  }
  console.log(JSON.stringify({ ...results, measured: undefined }, undefined, 1));
  if (values.write) writeResults('ranks', 'npm run ranks', results, 2);
} finally {
  await server.stop();
}
process.exit(0);
