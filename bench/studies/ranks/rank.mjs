/**
 * One rank of the study, a process or a thread: exchanges messages of given sizes, or trains, and prints
 * or posts what it took.
 */

import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { connectRanks, joinRanks, trainRanks } from 'nearfar/distributed';
import { GPT, imagesFrom, SimCLR } from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';

const SHARDS = 8;
const setting = isMainThread ? JSON.parse(process.argv[2]) : workerData;
const { ranks, url, job, share, rank, rounds } = setting;

/** @param {number[]} values */
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

async function join() {
  if (url === undefined) return { communicator: joinRanks(share, rank), close: async () => {} };
  const { connect } = await import('@nats-io/transport-node');
  const connection = await connect({ servers: url, noEcho: true });
  const communicator = await connectRanks(connection, { job, ranks });
  return { communicator, close: () => connection.close() };
}

const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Exchanges embeddings and gradients as a step does, without one. */
async function exchange(communicator) {
  const { gather, gradient } = setting;
  const own = new Uint8Array(gather / ranks).fill(1);
  const count = SHARDS / ranks;
  const values = new Float32Array(gradient / 4).fill(1);
  const [walls, cpus] = [[], []];
  let sent = 0;
  for (let round = 0; round < rounds + 2; round++) {
    // Connections and compilers are warm from the third on.
    if (round === 2) sent = communicator.traffic.sent;
    await communicator.barrier();
    const [start, before] = [performance.now(), cpu()];
    // NT-Xent gathers the rows, and sums and gradients of rows.
    for (let i = 0; i < 3; i++) await communicator.allGather(i === 0 ? own : own.subarray(0, 1024));
    await communicator.allReduce([{ first: communicator.rank * count, count, values }]);
    if (round < 2) continue;
    walls.push(performance.now() - start);
    cpus.push(cpu() - before);
  }
  return {
    wall: median(walls),
    cpu: median(cpus),
    sent: (communicator.traffic.sent - sent) / rounds,
  };
}

/** Models and data of the trainings. */
const SYSTEMS = {
  simclr() {
    const shape = { height: 28, width: 28, channels: 1 };
    const pixels = Uint8Array.from({ length: 1024 * 784 }, (_, i) => (i * 7919) >> 3);
    return { model: new SimCLR(shape), data: imagesFrom(pixels, shape) };
  },
  gpt() {
    const words = ['anchor', 'positive', 'negative', 'view', 'batch', 'token', 'margin', 'patch'];
    const data = Array.from({ length: 20_000 }, (_, i) => words[(i * i * 31) % 8]).join(' ');
    return { model: new GPT(data, { layers: 4, heads: 4, width: 64, context: 64 }), data };
  },
};

async function train(communicator) {
  const { system, batchSize } = setting;
  manualSeed(1);
  const { model, data } = SYSTEMS[system]();
  const { warmUp } = setting;
  const steps = warmUp + rounds;
  const options = { steps, batchSize, communicator, shards: setting.shards ?? SHARDS };
  const costs = [];
  let before = 0;
  for await (const { step, cost } of trainRanks(model, data, options)) {
    if (step === warmUp) before = cpu();
    if (step > warmUp) costs.push(cost);
  }
  const of = (name) => median(costs.map((cost) => cost[name]));
  // A fifth of the steps was faster: other work on the machine does not count.
  const totals = costs.map(({ total }) => total).sort((a, b) => a - b);
  return {
    wall: totals[Math.floor(totals.length / 5)],
    gather: of('gather'),
    reduce: of('reduce'),
    wait: of('wait'),
    sent: of('sent'),
    cpu: (cpu() - before) / rounds,
  };
}

const { communicator, close } = await join();
const result = await (setting.system === undefined ? exchange : train)(communicator);
result.rank = communicator.rank;
await communicator.barrier();
await communicator.close();
await close();
if (isMainThread) process.stdout.write(`${JSON.stringify(result)}\n`);
else parentPort?.postMessage(result);
