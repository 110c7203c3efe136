/**
 * Training by several ranks, in threads: the same bits on any number of them, for every model and
 * kind of data.
 */

import { Worker } from 'node:worker_threads';
import { failRank, joinRanks, RankLostError, shareRanks, trainRanks } from 'nearfar/distributed';
import { imagesFrom, SimCLR } from 'nearfar/models';
import { check, same, sameBits, suite, throws } from '../harness.js';

const test = suite('distributed training');

interface Outcome {
  losses: number[];
  weights: Float32Array;
  leaked: number;
  traffic: { sent: number; received: number };
}

const STEPS = 4;

/** Trains on so many ranks; gives what each of them posts at the end. */
function run(
  system: string,
  ranks: number,
  shards?: number,
  steps = STEPS,
  gradients?: 'f32' | 'bf16',
): Promise<Outcome[]> {
  // Small boxes, so that messages take several rounds.
  const share = shareRanks(ranks, { boxBytes: 4096 });
  return Promise.all(
    Array.from({ length: ranks }, (_, rank) => {
      const workerData = { share, rank, system, shards, steps, gradients };
      const worker = new Worker(new URL('./rank.mjs', import.meta.url), { workerData });
      return new Promise<Outcome>((resolve, reject) => {
        worker.on('message', resolve);
        worker.on('error', (error) => {
          failRank(share, rank);
          reject(error);
        });
      });
    }),
  );
}

const SYSTEMS = [
  ...['simclr', 'simclr, supcon', 'clip', 'siglip', 'mae', 'gpt', 'bert'],
  ...['pairs', 'parts', 'labels', 'scores', 'embeddings', 'transformer'],
];

/** Systems that run on further numbers of ranks. */
const THOROUGH = ['simclr', 'pairs'];

for (const system of SYSTEMS) {
  test(`${system}: the same bits on any number of ranks`, async () => {
    const [one] = (await run(system, 1)) as [Outcome];
    same(one.losses.length, STEPS, 'steps');
    check(
      one.losses.every((loss) => Number.isFinite(loss)),
      `losses ${one.losses}`,
    );
    same(one.leaked, 0, 'bytes that a run leaves');
    for (const ranks of THOROUGH.includes(system) ? [2, 3, 8] : [3]) {
      for (const other of await run(system, ranks)) {
        same(other.losses, one.losses, `losses on ${ranks} ranks`);
        sameBits(other.weights, one.weights);
        same(other.leaked, 0, 'bytes that a run leaves');
        check(other.traffic.received > 0, 'there is traffic');
      }
    }
  });
}

/** Systems with dense gradients and moving buffers, with dense ones alone, and with those of rows. */
for (const system of ['simclr', 'gpt', 'pairs']) {
  test(`${system}: gradients in bf16 have the same bits on any number of ranks`, async () => {
    const [[one], ...others] = (await Promise.all(
      [1, 2, 3, 8].map((ranks) => run(system, ranks, undefined, STEPS, 'bf16')),
    )) as [[Outcome], ...Outcome[][]];
    same(one.leaked, 0, 'bytes that a run leaves');
    for (const other of others.flat()) {
      same(other.losses, one.losses);
      sameBits(other.weights, one.weights);
      same(other.leaked, 0, 'bytes that a run leaves');
    }
    const [two] = (await run(system, 2)) as [Outcome];
    check(two.weights.join() !== one.weights.join(), 'the weights of f32');
    const sent = (others[0] as [Outcome])[0].traffic.sent / two.traffic.sent;
    check(sent < (system === 'gpt' ? 0.53 : 0.9), `${sent} of the bytes`);
  });
}

test('a loss falls', async () => {
  const [{ losses }] = (await run('pairs', 2, undefined, 40)) as [Outcome];
  const [first, last] = [losses[0] as number, losses.at(-1) as number];
  check(last < 0.7 * first, `from ${first} to ${last}`);
});

test('the number of shards changes bits, and has to fit', async () => {
  const [[four], [eight]] = (await Promise.all([run('gpt', 2, 4), run('gpt', 2, 8)])) as [
    Outcome[],
    Outcome[],
  ] as [[Outcome], [Outcome]];
  check(four.weights.join() !== eight.weights.join(), 'the same weights');
});

const shape = { height: 16, width: 16, channels: 1 };
const images = imagesFrom(new Uint8Array(40 * 256).fill(7), shape);
const communicator = joinRanks(shareRanks(1), 0);

/** Message of the error that a training begins with. */
async function errorOf(options: object): Promise<string> {
  const model = new SimCLR({ ...shape, widths: [4] });
  try {
    await trainRanks(model, images, { communicator, ...options }).next();
    return 'none';
  } catch (error) {
    return String(error);
  }
}

test('shards, batches and communicators that do not fit are refused', async () => {
  const must = 'RangeError: trainRanks: shards must be';
  same(await errorOf({ shards: 3 }), `${must} a power of two, got 3`);
  same(
    await errorOf({ shards: 8, batchSize: 15 }),
    `${must} at most half of the batch of 15 samples, got 8`,
  );
  const many = joinRanks(shareRanks(5), 0);
  same(
    await errorOf({ shards: 4, batchSize: 16, communicator: many }),
    `${must} at least 5, the number of ranks, got 4`,
  );
  check(
    (await errorOf({ communicator: {} })).startsWith('TypeError: trainRanks: communicator'),
    'it',
  );
  same(
    await errorOf({ gradients: 'f16' }),
    "RangeError: trainRanks: gradients must be 'f32' or 'bf16', got \"f16\"",
  );
  check((await errorOf({ accumulate: 2 })).includes('accumulate is for one machine'), 'accumulate');
  throws(() => joinRanks(shareRanks(2), 2), RangeError, /rank must be a whole number from 0 to 1/);
  throws(() => shareRanks(0), RangeError, /size must be/);
});

test('a rank that fails or does not come is named', async () => {
  const share = shareRanks(3);
  const rank = joinRanks(share, 0);
  setTimeout(() => failRank(share, 2), 30);
  const failed = await rank.barrier().catch((error: unknown) => error);
  check(failed instanceof RankLostError, `${failed}`);
  same([failed.ranks, failed.message], [[2], 'rank 2 has ended']);
  const late = joinRanks(shareRanks(3), 1, { timeoutMs: 40 });
  const missing = await late.barrier().catch((error: unknown) => error);
  check(missing instanceof RankLostError, `${missing}`);
  same(missing.ranks, [0, 2]);
});
