/** Ranks that are processes, connected by NATS. */

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createUser } from '@nats-io/nkeys';
import { connect } from '@nats-io/transport-node';
import { connectRanks } from 'nearfar/distributed';
import { missingServer, NatsServer } from '../../bench/nats-server.js';
import { Random } from '../../src/core/random.js';
import { filesOf, SMALL, SMALL_IMAGES, writeImages, writeWords } from '../cli/killing.js';
import { events, folder, run } from '../cli/program.js';
import { check, same, suite } from '../harness.js';
import { disturbJob, pause, RankProcess } from './job.js';

const test = suite('distributed nats');
const missing = missingServer();
const home = folder();

const text = join(home, 'data.txt');
writeWords(text, 2000);
const images = writeImages(home, 60);
const MODELS: Readonly<Record<string, string[]>> = {
  simclr: ['--data', images.idx, ...SMALL_IMAGES, '--batch-size', '16'],
  gpt: ['--data', text, ...SMALL, '--batch-size', '16'],
};

const train = (model: string, out: string, ...more: string[]): string[] => [
  ...['train', model, '--out', join(home, out), '--steps', '24', '--eval-every', '6'],
  ...[...(MODELS[model] as string[]), '--threads', '1', '--resume', '--json', ...more],
];

/** Files of an undisturbed run, by model and options. */
const expected = new Map<string, Record<string, string>>();

async function reference(model: string, ...more: string[]): Promise<Record<string, string>> {
  const name = [model, 'one', ...more].join('-');
  const found = expected.get(name);
  if (found !== undefined) return found;
  const { status, stderr } = await run(home, train(model, name, '--ranks', '1', ...more));
  same(status, 0, stderr);
  const files = filesOf(join(home, name));
  expected.set(name, files);
  return files;
}

function testWithServer(name: string, body: (server: NatsServer) => Promise<void>): void {
  if (missing !== undefined) {
    test.skip(name, missing);
    return;
  }
  test(name, async () => {
    const server = await new NatsServer().start();
    try {
      await body(server);
    } finally {
      await server.stop();
    }
  });
}

/** The folder of the rank that wrote, which may be any of the processes. */
function writtenOf(processes: readonly RankProcess[]): string {
  const writer = processes.find(({ output }) => output.includes('"event":"done"'));
  check(writer !== undefined, 'no rank has written');
  return writer.args[writer.args.indexOf('--out') + 1] as string;
}

for (const model of Object.keys(MODELS)) {
  testWithServer(`${model}: the files of one machine, on three processes`, async (server) => {
    const files = await reference(model);
    const options = ['--ranks', '3', '--nats', server.url];
    const ranks = [0, 1, 2].map((i) => new RankProcess(train(model, `${model}${i}`, ...options)));
    for (const rank of ranks) same(await rank.ended, 0, rank.errors);
    same(filesOf(writtenOf(ranks)), files, 'files');
    const done = ranks.flatMap(({ output }) => events(output)).filter((e) => e.event === 'done');
    same(
      done.map((event) => event.ranks),
      [3],
      'ranks of done',
    );
  });
}

testWithServer('a process that is one too many is refused, other jobs are not', async (server) => {
  const options = ['--ranks', '2', '--nats', server.url, '--steps', '400'];
  const ranks = [0, 1].map((i) => new RankProcess(train('gpt', `full${i}`, ...options)));
  await Promise.all(ranks.map((rank) => rank.until('"step":3')));
  const third = await run(home, train('gpt', 'full2', ...options));
  same(third.status, 2, third.stdout);
  check(third.stderr.includes('has its 2 ranks already'), third.stderr);
  const other = new RankProcess(train('gpt', 'full3', ...options, '--job', 'another'));
  await other.until('waiting for 1 of 2 ranks');
  const wrong = [...options, '--ranks', '3'];
  const three = await run(home, train('gpt', 'full4', ...wrong));
  same(three.status, 2, three.stdout);
  check(three.stderr.includes('with 2 ranks, not 3'), three.stderr);
  for (const rank of [...ranks, other]) rank.kill();
});

testWithServer('a rank that is killed is named, and the same bits come of it', async (server) => {
  const files = await reference('gpt');
  const options = ['--ranks', '3', '--nats', server.url];
  const command = (i: number): string[] => train('gpt', `killed${i}`, ...options);
  const ranks = [0, 1, 2].map((i) => new RankProcess(command(i)));
  await Promise.all(ranks.map((rank) => rank.until('"step":8')));
  const last = ranks[2] as RankProcess;
  const number = /"message":"(rank \d) of 3/.exec(last.output)?.[1];
  last.kill();
  const killed = Date.now();
  await (ranks[0] as RankProcess).until(`${number} (`, 15_000);
  check(Date.now() - killed < 12_000, 'noticed within seconds');
  ranks[2] = new RankProcess(command(2));
  for (const rank of ranks) same(await rank.ended, 0, rank.errors);
  same(filesOf(writtenOf(ranks)), files, 'files');
});

testWithServer('ten kills of ranks and server: the same bits', async (server) => {
  const steps = ['--steps', '200'];
  const files = await reference('simclr', ...steps);
  const options = ['--ranks', '2', '--nats', server.url, ...steps];
  const folders = ['many0', 'many1'];
  const command = (out: string): string[] => train('simclr', out, ...options);
  const random = new Random(5);
  const done = await disturbJob(server, command, folders, random, { kills: 10, everyMs: 200 });
  check(done.rank > 2, JSON.stringify(done));
  const written = folders
    .map((out) => join(home, out))
    .filter((path) => existsSync(path))
    .map(filesOf);
  check(
    written.some((found) => JSON.stringify(found) === JSON.stringify(files)),
    'files',
  );
});

testWithServer('strangers and damaged messages are dropped', async (server) => {
  const files = await reference('gpt');
  const options = ['--ranks', '2', '--nats', server.url];
  const ranks = [0, 1].map((i) => new RankProcess(train('gpt', `fuzzed${i}`, ...options)));
  await (ranks[0] as RankProcess).until('"event":"waiting"');
  const connection = await connect({ servers: server.url });
  const random = new Random(1);
  const seen: { subject: string; data: Uint8Array }[] = [];
  connection.subscribe('nearfar.>', {
    callback: (_, { subject, data }) => {
      if (seen.length < 500) seen.push({ subject, data: data.slice() });
    },
  });
  while (ranks.some(({ isRunning }) => isRunning)) {
    const { subject, data } = seen[random.integer(Math.max(1, seen.length))] ?? {
      subject: 'nearfar.x',
      data: new Uint8Array(8),
    };
    const kind = random.integer(4);
    // Repeated, cut, changed in one bit, or nonsense.
    const changed = data.slice(0, kind === 1 ? random.integer(data.length + 1) : data.length);
    if (kind === 2 && changed.length > 0) {
      const at = random.integer(changed.length);
      changed[at] = (changed[at] as number) ^ (1 << random.integer(8));
    }
    if (kind === 3) for (let i = 0; i < changed.length; i++) changed[i] = random.integer(256);
    connection.publish(subject, changed);
    await pause(4);
  }
  await connection.close();
  for (const rank of ranks) same(await rank.ended, 0, rank.errors + rank.output.slice(-500));
  same(filesOf(writtenOf(ranks)), files, 'files');
});

const user = createUser();

const CLOSED: readonly {
  name: string;
  config(folder: string): string;
  env(folder: string): Record<string, string>;
}[] = [
  {
    name: 'a token',
    config: () => 'authorization { token: "secret" }',
    env: () => ({ NATS_TOKEN: 'secret' }),
  },
  {
    name: 'an NKey',
    config: () => `authorization { users: [{ nkey: "${user.getPublicKey()}" }] }`,
    env(path) {
      const file = join(path, 'seed.nk');
      writeFileSync(file, user.getSeed());
      return { NATS_NKEY: file };
    },
  },
  {
    name: 'TLS',
    config: (path) => `tls { cert_file: "${path}/cert.pem", key_file: "${path}/key.pem" }`,
    env: (path) => ({ NATS_CA: join(path, 'cert.pem') }),
  },
];

for (const { name, config, env } of CLOSED) {
  testWithServer(`a server that demands ${name}`, async () => {
    const path = join(home, name.replaceAll(' ', '-'));
    cpSync(images.idx, path, { recursive: true });
    if (name === 'TLS') makeCertificate(path);
    const server = await new NatsServer(config(path)).start();
    try {
      const url = server.url.replace('127.0.0.1', 'localhost');
      const options = ['--ranks', '2', '--nats', url, '--steps', '4'];
      const stranger = await run(home, train('gpt', 'stranger', ...options));
      same(stranger.status, 2, stranger.stdout);
      check(stranger.stderr.includes('cannot connect'), stranger.stderr);
      const ranks = [0, 1].map(
        (i) =>
          new RankProcess(train('gpt', `${name.replaceAll(' ', '')}${i}`, ...options), env(path)),
      );
      for (const rank of ranks) same(await rank.ended, 0, rank.errors);
    } finally {
      await server.stop();
    }
  });
}

/** A certificate of 127.0.0.1 that signs itself. */
function makeCertificate(path: string): void {
  const { status, stderr } = spawnSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
      ...['-keyout', join(path, 'key.pem'), '-out', join(path, 'cert.pem')],
    ],
    { encoding: 'utf8' },
  );
  same(status, 0, stderr);
}

testWithServer('a library of its own connection: gather, sum, barrier', async (server) => {
  const connections = await Promise.all([0, 1, 2].map(() => connect({ servers: server.url })));
  const ranks = await Promise.all(
    connections.map((connection) => connectRanks(connection, { job: 'library', ranks: 3 })),
  );
  same(ranks.map(({ rank }) => rank).sort(), [0, 1, 2]);
  // More than a window of chunks, from each to each.
  // The order of connections need not be that of ranks.
  const long = ranks.map(({ rank }) => new Uint8Array(9_000_000 + rank).fill(rank + 1));
  const gathered = await Promise.all(ranks.map((rank, i) => rank.allGather(long[i] as Uint8Array)));
  for (const messages of gathered) {
    same(
      messages.map((bytes) => [bytes.length, bytes[0], bytes.at(-1)]),
      [0, 1, 2].map((rank) => [9_000_000 + rank, rank + 1, rank + 1]),
    );
  }
  const sums = await Promise.all(
    ranks.map((rank) => {
      const blocks = [
        [[0, 2]],
        [
          [2, 2],
          [4, 1],
        ],
        [
          [5, 1],
          [6, 2],
        ],
      ] as const;
      const own = blocks[rank.rank] as readonly (readonly [number, number])[];
      return rank.allReduce(
        own.map(([first, count]) => ({ first, count, values: Float32Array.of(first, 1, count) })),
      );
    }),
  );
  for (const sum of sums) same(Array.from(sum), [17, 5, 8]);
  await Promise.all(ranks.map((rank) => rank.barrier()));
  await Promise.all(ranks.map((rank) => rank.close()));
  await Promise.all(connections.map((connection) => connection.close()));
});

testWithServer('a rank that others gave up at a barrier does not pass it alone', async (server) => {
  const [plain, busy] = await Promise.all([0, 1].map(() => connect({ servers: server.url })));
  if (plain === undefined || busy === undefined) throw new Error('no connections');
  // The second one is busy for a while: it says nothing, and hears later what came.
  let held: (() => void)[] | undefined;
  const release = (): void => {
    const all = held ?? [];
    held = undefined;
    for (const each of all) each();
  };
  const later = (body: () => void): void => {
    if (held === undefined) body();
    else held.push(body);
  };
  const slow: Parameters<typeof connectRanks>[0] = {
    publish: (subject, data) => later(() => busy.publish(subject, data)),
    subscribe: (subject, { callback }) =>
      busy.subscribe(subject, {
        // What came before it was busy has been read.
        callback: (error, message) =>
          subject.endsWith('.notes')
            ? later(() => callback(error, message))
            : callback(error, message),
      }),
    async flush() {
      release();
      await busy.flush();
    },
    status: () => busy.status(),
    isClosed: () => busy.isClosed(),
  };
  const options = { job: 'busy', ranks: 2, timeoutMs: 1000 };
  const ranks = await Promise.all([connectRanks(plain, options), connectRanks(slow, options)]);
  const state = { step: 7, save: () => new Uint8Array(1) };
  const lost = (error: unknown): string => String((error as Error).name);
  held = [];
  same(await ranks[0].barrier().then(() => 'passed', lost), 'RankLostError', 'the one that waits');
  const again = ranks[0].regroup?.(state);
  await pause(300);
  same(await ranks[1].barrier().then(() => 'passed', lost), 'RankLostError', 'the busy one');
  await Promise.all([again, ranks[1].regroup?.(state)]);
  await Promise.all(ranks.map((rank) => rank.barrier()));
  await Promise.all(ranks.map((rank) => rank.close()));
  await Promise.all([plain.close(), busy.close()]);
});

testWithServer('ranks without the secret are strangers', async (server) => {
  const connections = await Promise.all([0, 1, 2].map(() => connect({ servers: server.url })));
  const join = (i: number, secret?: string): ReturnType<typeof connectRanks> =>
    connectRanks(connections[i] as (typeof connections)[number], {
      ...{ job: 'sealed', ranks: 2, secret },
    });
  let isIn = false;
  join(0).then(
    () => {
      isIn = true;
    },
    () => undefined,
  );
  await pause(300);
  const ranks = await Promise.all([join(1, 'shared'), join(2, 'shared')]);
  const gathered = await Promise.all(ranks.map((rank) => rank.allGather(Uint8Array.of(rank.rank))));
  for (const messages of gathered)
    same(
      messages.map(([first]) => first),
      [0, 1],
    );
  // The stranger asks again and again, and its messages reach both ranks.
  const end = Date.now() + 10_000;
  while (ranks.some(({ dropped }) => dropped === 0) && Date.now() < end) await pause(20);
  check(
    ranks.every(({ dropped }) => dropped > 0) && !isIn,
    `${ranks.map(({ dropped }) => dropped)} messages of the stranger`,
  );
  await Promise.all(ranks.map((rank) => rank.close()));
  await Promise.all(connections.map((connection) => connection.close()));
});
