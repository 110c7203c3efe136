/** `nearfar encode --nats`: machines that share an encoding, with the files of one machine. */

import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { missingServer, NatsServer } from '../../bench/nats-server.js';
import { Random } from '../../src/core/random.js';
import { SMALL, SMALL_IMAGES, writeImages, writeWords } from '../cli/killing.js';
import { events, folder, run } from '../cli/program.js';
import { check, same, suite } from '../harness.js';
import { disturbEncoding, writeTexts } from './encodings.js';
import { pause, RankProcess } from './job.js';

const test = suite('distributed encoding');
const missing = missingServer();
const home = folder();
const at = (name: string): string => join(home, name);

const ROWS = 4000;
const texts = at('texts.jsonl');
writeTexts(texts, ROWS);

const encode = (...args: string[]): string[] => ['encode', ...args, '--threads', '1', '--json'];

function testWithServer(
  name: string,
  body: (server: NatsServer) => Promise<void>,
  { streams = true } = {},
): void {
  if (missing !== undefined) {
    test.skip(name, missing);
    return;
  }
  test(name, async () => {
    const server = new NatsServer();
    if (streams) server.storeStreams();
    await server.start();
    try {
      await body(server);
    } finally {
      await server.stop();
    }
  });
}

const filesOf = (out: string): string[] =>
  [out, out.replace('.npy', '.ids.txt')].map((path) => readFileSync(path, 'base64'));

const references = new Map<string, string[]>();

/** Files that one machine writes. */
async function reference(...args: string[]): Promise<string[]> {
  const name = args.join(' ');
  const found = references.get(name);
  if (found !== undefined) return found;
  const out = at(`one${references.size}.npy`);
  const { status, stderr } = await run(home, encode(...args, '--out', out));
  same(status, 0, stderr);
  const files = filesOf(out);
  references.set(name, files);
  return files;
}

/** Seals rows as a process without a secret does. */
function forge(message: Uint8Array): void {
  const seal = createHmac('sha256', '').update(message.subarray(16)).digest();
  message.set(seal.subarray(0, 16));
}

/** Facts that a process prints when it is done. */
const doneOf = ({ output }: RankProcess): Record<string, unknown> =>
  events(output).at(-1) as Record<string, unknown>;

test('all packages that are missing are named in one sentence', async () => {
  // A program without packages around it; its modules need their kind.
  cpSync('dist', at('alone'), { recursive: true, filter: (path) => !path.endsWith('.map') });
  cpSync('package.json', at('package.json'));
  const program = at('alone/cli.js');
  const words = at('words.txt');
  writeWords(words, 300);
  const nats = ['--nats', 'nats://127.0.0.1:1'];
  const gpt = ['train', 'gpt', '--data', words, '--out', at('alone-gpt'), '--ranks', '2', ...SMALL];
  for (const [args, missing] of [
    [encode(...nats), 'packages @nats-io/jetstream and @nats-io/transport-node'],
    [[...gpt, ...nats], 'package @nats-io/transport-node: npm i @nats-io/transport-node\n'],
  ] as const) {
    const { status, stderr } = await run(home, args, { program });
    same(status, 2, stderr);
    check(stderr.includes(`--nats needs the ${missing}`), stderr);
  }
});

testWithServer('the files of one machine; a worker needs the model alone', async (server) => {
  const files = await reference('--data', texts);
  const nats = ['--nats', server.url];
  const workers = [0, 1].map(() => new RankProcess(encode(...nats)));
  await Promise.all(workers.map((worker) => worker.until('waiting for a job')));
  const writer = new RankProcess(encode('--data', texts, '--out', at('many.npy'), ...nats));
  same(await writer.ended, 0, writer.errors);
  same(filesOf(at('many.npy')), files, 'files');
  const { rows, pieces, byOthers, dropped } = doneOf(writer) as Record<string, number>;
  same([rows, dropped], [ROWS, 0]);
  check((byOthers as number) > 0 && (byOthers as number) <= (pieces as number), `${byOthers}`);
  for (const worker of workers) same(await worker.ended, 0, worker.errors);
  // Workers show the progress of the whole job.
  check(
    workers.some(({ output }) => output.includes(`"step":${ROWS}`)),
    'progress',
  );
  const own = workers.reduce((sum, worker) => sum + (doneOf(worker).pieces as number), 0);
  check(own >= (byOthers as number), `${own} pieces of workers`);
});

testWithServer('twenty kills of workers, writer and server', async (server) => {
  const files = await reference('--data', texts);
  const out = at('killed.npy');
  const nats = ['--nats', server.url];
  const done = await disturbEncoding(
    server,
    { writer: encode('--data', texts, '--out', out, ...nats), worker: encode(...nats) },
    { kills: 20, everyMs: 150, random: new Random(8), again: () => rmSync(out) },
  );
  same(filesOf(out), files, 'files');
  check(done.worker > 3 && done.writer > 1 && done.server > 1, JSON.stringify(done));
});

const images = writeImages(home, 150);
const TRAINED: Readonly<Record<string, string[]>> = {
  simclr: ['--data', images.idx, ...SMALL_IMAGES],
  clip: ['--data', images.png, ...SMALL_IMAGES],
  bert: ['--data', at('words.txt'), ...SMALL],
};

testWithServer('images and texts of models that are trained here', async (server) => {
  writeWords(at('words.txt'), 2000);
  writeFileSync(at('lines.txt'), 'anchor view\nbatch\n'.repeat(70));
  for (const [model, args] of Object.entries(TRAINED)) {
    const trained = ['train', model, '--out', at(model), '--steps', '2', ...args];
    const { status, stderr } = await run(home, trained);
    same(status, 0, stderr);
    for (const data of model === 'bert' ? [at('lines.txt')] : [images.png, images.idx]) {
      const files = await reference(at(model), '--data', data);
      const nats = ['--nats', server.url];
      const worker = new RankProcess(encode(at(model), ...nats));
      await worker.until('waiting for a job');
      const out = at('shared.npy');
      const writer = await run(home, encode(at(model), '--data', data, '--out', out, ...nats));
      same(writer.status, 0, writer.stderr);
      same(filesOf(out), files, `${model} on ${data}`);
      same(await worker.ended, 0, worker.errors);
    }
  }
});

testWithServer('a disk that is too small is found before any work', async (server) => {
  const out = at('full.npy');
  const args = encode('--data', texts, '--out', out, '--nats', server.url);
  const shell = 'ulimit -f 1000; exec "$0" "$@"';
  const command = ['-c', shell, process.execPath, resolve('dist/cli.js'), ...args];
  const { status, stderr } = spawnSync('sh', command, { encoding: 'utf8' });
  same(status, 2, stderr);
  check(stderr.includes('full.npy: cannot write it (E'), stderr);
  check(!existsSync(`${out}.partial`), 'it would keep the disk full');
});

testWithServer('a worker of another model is refused', async (server) => {
  const nats = ['--nats', server.url, '--job', 'models'];
  const worker = new RankProcess(encode('--dimensions', '64', ...nats));
  await worker.until('waiting for a job models');
  const other = new RankProcess(encode('--nats', server.url));
  const out = at('other.npy');
  const writer = new RankProcess(encode('--data', texts, '--out', out, ...nats));
  same(await worker.ended, 2, worker.output);
  check(worker.errors.includes('is encoded by another model'), worker.errors);
  same(await writer.ended, 0, writer.errors);
  // Another name, or none, is another job.
  check(other.isRunning && !other.output.includes('encoding for'), other.output);
  other.kill();
});

testWithServer('a stalled worker, and one of two with the data that is killed', async (server) => {
  const files = await reference('--data', texts);
  const nats = ['--nats', server.url];
  const stalled = new RankProcess(encode(...nats));
  await stalled.until('waiting for a job');
  const outs = ['first.npy', 'second.npy'].map(at);
  const both = outs.map((out) => new RankProcess(encode('--data', texts, '--out', out, ...nats)));
  await Promise.race(both.map((process) => process.until('"event":"step"')));
  await stalled.until('encoding for');
  stalled.kill('SIGSTOP');
  const index = both.findIndex(({ output }) => output.includes('pieces"'));
  (both[index] as RankProcess).kill();
  const other = both[1 - index] as RankProcess;
  same(await other.ended, 0, other.errors);
  same(filesOf(outs[1 - index] as string), files, 'files');
  stalled.kill('SIGCONT');
  stalled.kill();
});

for (const secret of ['', 'shared']) {
  const name = secret === '' ? 'damaged messages are dropped' : 'a secret keeps forged rows out';
  testWithServer(name, async (server) => {
    const files = await reference('--data', texts);
    const nats = ['--nats', server.url];
    const env = { NEARFAR_SECRET: secret };
    const connection = await connect({ servers: server.url });
    const random = new Random(4);
    const seen: { subject: string; data: Uint8Array }[] = [];
    connection.subscribe('nearfar.encode.>', {
      callback: (_, { subject, data }) => {
        if (seen.length < 300) seen.push({ subject, data: Uint8Array.from(data) });
      },
    });
    await connection.flush();
    const out = at(`fuzzed${secret}.npy`);
    const worker = new RankProcess(encode(...nats), env);
    await worker.until('waiting for a job');
    const writer = new RankProcess(encode('--data', texts, '--out', out, ...nats), env);
    while (writer.isRunning) {
      const chosen = seen[random.integer(Math.max(1, seen.length))];
      if (chosen !== undefined) {
        const kind = random.integer(3);
        // Repeated, cut, or changed in one bit; a forger without the secret seals it again.
        const length = kind === 1 ? random.integer(chosen.data.length + 1) : chosen.data.length;
        const changed = chosen.data.slice(0, length);
        if (kind === 2 && length > 0) {
          const at = random.integer(length);
          changed[at] = (changed[at] as number) ^ (1 << random.integer(8));
        }
        const isRows = chosen.subject.endsWith('.rows') && length > 100;
        if (secret !== '' && isRows) forge(changed);
        connection.publish(chosen.subject, changed);
      }
      await pause(10);
    }
    same(await writer.ended, 0, writer.errors);
    same(filesOf(out), files, 'files');
    check((doneOf(writer).dropped as number) > 0, writer.output.slice(-300));
    await connection.close();
    worker.kill();
  });
}

testWithServer(
  'a server without JetStream is refused',
  async (server) => {
    const nats = ['--nats', server.url];
    const { status, stderr } = await run(home, encode(...nats));
    same(status, 2, stderr);
    check(stderr.includes('nats-server -js'), stderr);
    const without = await run(home, encode('--job', 'a', '--data', texts, '--out', at('a.npy')));
    check(without.stderr.includes('--job is for --nats'), without.stderr);
  },
  { streams: false },
);

testWithServer('a run that is stopped goes on where it was', async (server) => {
  // So many that a fast machine is in the middle when it is stopped.
  const [long, count] = [at('long.jsonl'), 20 * ROWS];
  writeTexts(long, count);
  const files = await reference('--data', long);
  const out = at('stopped.npy');
  const args = encode('--data', long, '--out', out, '--nats', server.url);
  let isKilled = false;
  const first = await run(home, args, {
    output(printed, kill) {
      if (isKilled || printed.split('"event":"step"').length < 2) return;
      isKilled = true;
      kill();
    },
  });
  same(first.status, 130, first.stderr);
  check(statSync(`${out}.partial`).size > count * 4 * 256, 'the rows so far');
  const second = await run(home, args);
  same(second.status, 0, second.stderr);
  check(second.stdout.includes('rows are there already'), second.stdout);
  same(filesOf(out), files, 'files');
});
