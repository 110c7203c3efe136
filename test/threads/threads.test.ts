/**
 * Threads: the same bits for every number of them, results that survive the move to shared memory
 * and the death of a worker, and programs that end.
 */

import { spawnSync } from 'node:child_process';
import * as nearfar from 'nearfar';
import * as nn from 'nearfar/nn';
import { setThreads } from 'nearfar/threads';
import { api } from '../../bench/built-package.js';
import { hashOperation, hashSystem } from '../../bench/operations/hash.js';
import { operations } from '../../bench/operations/index.js';
import { systems } from '../../bench/operations/models.js';
import { Random } from '../../src/core/random.js';
import { Block, DONE, END, GO, SLEEPERS, UNITS } from '../../src/threads/job.js';
import { check, same, sameBits, suite } from '../harness.js';

const test = suite('threads');
const COUNTS = [2, 5];
/** Shares every kernel that has a partition, however little work it is. */
const ALL = { minWorkNs: 0 };

function matrix(rows: number, cols: number, seed: number): nearfar.Matrix {
  const random = new Random(seed);
  const data = Float32Array.from({ length: rows * cols }, () => random.uniform(-1, 1));
  return { data, rows, cols };
}

/** Runs with so many threads, and with one afterwards. */
async function withThreads<T>(count: number, body: () => T | Promise<T>): Promise<T> {
  same(await setThreads(count, ALL), count, 'threads');
  try {
    return await body();
  } finally {
    same(await setThreads(1), 1, 'threads at the end');
  }
}

/** For each kernel with a partition, the largest number of units of its calls. */
const units = new Map<string, number>();

/** Follows what is written into the shared block, where jobs are numbered by the names of kernels. */
function watch(): void {
  const threads = process.getBuiltinModule('node:worker_threads') as {
    Worker: new (script: string, options: object) => { postMessage(message: unknown): void };
  };
  let names: readonly string[] = [];
  threads.Worker = class extends threads.Worker {
    // Other packages have workers too, esbuild one.
    override postMessage(start: { names?: readonly string[] }): void {
      if (start.names !== undefined) names = start.names;
      for (const name of start.names ?? []) if (!units.has(name)) units.set(name, 0);
      super.postMessage(start);
    }
  };
  const { store } = Atomics;
  Atomics.store = ((words: Int32Array, at: number, value: number) => {
    if (at === GO && value !== END) {
      const name = names[new Block(words.buffer as SharedArrayBuffer).read().kernel] as string;
      units.set(name, Math.max(units.get(name) ?? 0, words[UNITS] as number));
    }
    return store(words, at, value);
  }) as typeof store;
}

watch();

test('every operation of the table gives the same bits on 1, 2 and 5 threads', async () => {
  const hashes = (): unknown => operations.map((row) => hashOperation(api, row));
  const one = hashes();
  for (const count of COUNTS) same(await withThreads(count, hashes), one, `${count} threads`);
});

test('training gives the same losses and weights on 1, 2 and 5 threads', async () => {
  const names = ['GPT', 'sentence encoder of a transformer'];
  for (const name of names) {
    const system = systems.find((each) => each.name === name);
    if (system === undefined) throw new Error(`no system has the name ${name}`);
    const one = await hashSystem(api, system);
    for (const count of COUNTS) {
      const more = await withThreads(count, () => hashSystem(api, system));
      same(more, one, `${name} on ${count} threads`);
    }
  }
});

const z = matrix(711, 70, 1);
const keys = matrix(711, 70, 2);
/** Convolves gray images and normalizes the result; gives that and the gradients of the weights. */
function convolved(samples: number, outputs: number): Float32Array {
  const x = nn.tensor(matrix(samples, 132, 1).data, [samples, 1, 12, 11]);
  const weight = nn.parameter(matrix(outputs, 9, 2).data, [outputs, 1, 3, 3]);
  const bias = nn.parameter(matrix(1, outputs, 3).data, [outputs]);
  const gain = nn.parameter(matrix(1, outputs, 4).data, [outputs]);
  const y = nn.batchNorm(nn.conv2d(x, weight, bias), gain, bias);
  nn.mean(nn.mul(y, y)).backward();
  const parts = [y, weight.grad, bias.grad, gain.grad].map((part) => [
    ...(part as nn.Tensor).toArray(),
  ]);
  for (const tensor of [x, weight, bias, gain, y]) tensor.dispose();
  return Float32Array.from(parts.flat());
}

const large: Record<string, () => Float32Array> = {
  'conv2d, more outputs than taps and samples': () => convolved(9, 21),
  'conv2d, more taps and samples than outputs': () => convolved(23, 5),
  'matmul, tall': () => nearfar.matmul(matrix(517, 300, 1), matrix(300, 83, 2)).data,
  'matmul, wide': () => nearfar.matmul(matrix(3, 300, 1), matrix(300, 2003, 2)).data,
  'matmul, both transposed': () =>
    nearfar.matmul(z, keys, { transposeA: true, transposeB: false }).data,
  cosineSimilarityMatrix: () => nearfar.cosineSimilarityMatrix(z, keys).data,
  euclideanDistanceMatrix: () => nearfar.euclideanDistanceMatrix(matrix(5, 70, 3), z).data,
  topK: () => nearfar.topK(matrix(3, 70, 3), z, 20).scores,
  ntXentGrad: () => nearfar.ntXentGrad({ ...z, rows: 710, data: z.data.slice(70) }).grad.data,
  'ntXentGrad, low temperature': () =>
    nearfar.ntXentGrad({ ...z, rows: 710, data: z.data.slice(70) }, { temperature: 0.01 }).grad
      .data,
  supConGrad: () =>
    nearfar.supConGrad(
      z,
      Array.from({ length: 711 }, (_, i) => i % 9),
    ).grad.data,
  infoNceGrad: () => nearfar.infoNceGrad(z, keys).gradKeys.data,
  clipLossGrad: () => nearfar.clipLossGrad(z, keys).gradImage.data,
};

test('what is partitioned into many parts and tiles gives the same bits', async () => {
  for (const [name, run] of Object.entries(large)) {
    const one = run();
    for (const count of COUNTS) {
      await withThreads(count, () => {
        try {
          sameBits(run(), one);
        } catch (error) {
          throw new Error(`${name} on ${count} threads: ${error}`);
        }
      });
    }
  }
});

test('every kernel that has a partition was partitioned', () => {
  const whole = [...units].filter(([, most]) => most < 2).map(([name]) => name);
  check(units.size > 0 && whole.length === 0, `never partitioned: ${whole.join(', ')}`);
});

test('tensors, and a backward that waits, outlive a change of threads', async () => {
  const numbers = matrix(40, 30, 4).data;
  const gradient = async (between: () => Promise<unknown>): Promise<Float32Array> => {
    const x = nn.parameter(numbers, [40, 30]);
    const loss = nn.mean(nn.exp(nn.softmax(nn.gelu(nn.mul(x, x)))));
    await between();
    loss.backward();
    const grad = (x.grad as nn.Tensor).toArray();
    for (const tensor of [loss, x]) tensor.dispose();
    return grad;
  };
  const one = await gradient(async () => {});
  sameBits(await gradient(() => setThreads(2, ALL)), one);
  sameBits(await gradient(() => setThreads(1)), one);
});

test('invalid numbers of threads are rejected', async () => {
  const rejected: [unknown, unknown, string][] = [
    [
      0,
      undefined,
      'RangeError: setThreads: n must be a whole number from 1 to 128 (threads), got 0',
    ],
    [
      1.5,
      undefined,
      'RangeError: setThreads: n must be a whole number from 1 to 128 (threads), got 1.5',
    ],
    [
      1e9,
      undefined,
      'RangeError: setThreads: n must be a whole number from 1 to 128 (threads), got 1000000000',
    ],
    ['x', undefined, 'TypeError: setThreads: n must be a whole number, got "x"'],
    [undefined, undefined, 'TypeError: setThreads: n must be a whole number, got undefined'],
    [2, { least: 1 }, 'TypeError: setThreads: unknown option "least"; it has minWorkNs'],
    [2, { minWorkNs: -1 }, 'RangeError: setThreads: minWorkNs must be at least 0, got -1'],
  ];
  for (const [n, options, message] of rejected) {
    const got = await setThreads(n as number, options as object).then(String, String);
    same(got, message);
  }
});

/** Runs a program of its own, with `Worker` watched, and gives what it printed. */
function program(body: string): { stdout: string; stderr: string; status: number | null } {
  const source = `
    import * as nearfar from 'nearfar';
    import { setThreads } from 'nearfar/threads';
    const threads = process.getBuiltinModule('node:worker_threads');
    const workers = [];
    const blocks = [];
    // Counts the parts that workers end in a word of the shared block that nothing else uses.
    const counting = 'const add = Atomics.add; Atomics.add = (words, at, by) => {' +
      'if (at === ${DONE}) add(words, 240, 1); return add(words, at, by); };';
    threads.Worker = class extends threads.Worker {
      constructor(script, options) {
        super(counting + script, options);
        workers.push(this);
      }
      postMessage(start) {
        blocks.push(new Int32Array(start.shared));
        super.postMessage(start);
      }
    };
    const data = Float32Array.from({ length: 600 * 64 }, (_, i) => ((i * 7919) % 1009) / 1009 - 0.5);
    const run = () => nearfar.ntXentGrad({ data, rows: 600, cols: 64 });
    const parts = () => blocks.reduce((sum, words) => sum + words[240], 0);
    const first = JSON.stringify(run());
    const check = (ok, what) => { if (!ok) throw new Error(what); };
    ${body}
  `;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', source],
    { encoding: 'utf8', timeout: 60_000 },
  );
  return { stdout, stderr, status };
}

function runs(body: string, warning: string): void {
  const { stderr, status } = program(body);
  check(status === 0, `ended with ${status}: ${stderr}`);
  same(stderr, warning, 'what it said');
}

test('workers take parts of the work, and do not keep a program from ending', () =>
  runs(
    `check(await setThreads(3) === 3, 'threads');
    for (let i = 0; i < 2000 && parts() === 0; i++) run();
    check(parts() > 0, 'no worker did anything');
    check(JSON.stringify(run()) === first, 'other bits');`,
    '',
  ));

test('little work stays on one thread', () =>
  runs(
    `check(await setThreads(2) === 2, 'threads');
    for (let i = 0; i < 1000; i++) nearfar.ntXentGrad([[1, 2], [3, 4]]);
    check(parts() === 0, 'a worker was asked');`,
    '',
  ));

test('threads that sleep are woken once there is enough work, but not for a little now and then', () =>
  runs(
    `let clock = 1e6;
    Date.now = () => clock;
    await setThreads(2);
    const asleep = async () => {
      while (blocks[0][${SLEEPERS}] === 0) await new Promise((resolve) => setTimeout(resolve));
    };
    for (let i = 0; i < 20; i++) {
      await asleep();
      run();
      clock += 20;
    }
    check(parts() === 0, 'a worker was woken for a little');
    for (let i = 0; i < 2000 && parts() === 0; i++) run();
    check(parts() > 0, 'no worker was woken');`,
    '',
  ));

test('the same number of threads again keeps the workers, and takes the new limit', () =>
  runs(
    `await setThreads(2, { minWorkNs: 1e18 });
    for (let i = 0; i < 100; i++) run();
    check(parts() === 0, 'a worker was asked');
    await setThreads(2);
    check(workers.length === 1, 'another worker');
    for (let i = 0; i < 2000 && parts() === 0; i++) run();
    check(parts() > 0, 'no worker did anything');`,
    '',
  ));

test('one thread ends the workers', () =>
  runs(
    `await setThreads(4);
    const gone = Promise.all(workers.map((worker) => new Promise((end) => worker.once('exit', end))));
    check(await setThreads(1) === 1, 'threads');
    await gone;
    check(JSON.stringify(run()) === first, 'other bits');`,
    '',
  ));

test('a worker that dies is reported once, and all goes on with one thread', () =>
  runs(
    `await setThreads(3);
    run();
    const gone = Promise.all(workers.map((worker) => new Promise((end) => worker.once('exit', end))));
    workers[0].terminate();
    for (let i = 0; i < 5; i++) check(JSON.stringify(run()) === first, 'other bits meanwhile');
    await gone;
    check(JSON.stringify(run()) === first, 'other bits afterwards');
    check(await setThreads(2) === 2, 'threads again');
    check(JSON.stringify(run()) === first, 'other bits again');`,
    'nearfar: a thread has died (it ended with status 1); all goes on with one thread\n',
  ));

test('where no worker starts, one thread is all there is', () =>
  runs(
    `threads.Worker = class { constructor() { throw new Error('none here'); } };
    check(await setThreads(2) === 1, 'threads');
    check(JSON.stringify(run()) === first, 'other bits');`,
    '',
  ));
