/** Nothing of others is lost, and what stops a run is said: folders, signals, pipes, full disks. */

import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { encode } from 'fast-png';
import { check, same, suite } from '../harness.js';
import { filesOf, SMALL, writeWords } from './killing.js';
import { events, folder, run } from './program.js';

const test = suite('cli safety');
const home = folder();
writeWords(join(home, 'data.txt'), 2000);
const at = (name: string): string => join(home, name);

const train = (out: string, ...more: string[]): string[] => [
  ...['train', 'gpt', '--data', 'data.txt', '--out', out, '--steps', '4', '--eval-every', '2'],
  ...[...SMALL, ...more],
];

async function refused(args: string[], says: RegExp): Promise<void> {
  const { status, stderr } = await run(home, args);
  check(status === 2 && says.test(stderr), `${args.join(' ')}: ${status}, ${stderr}`);
  check(/^[^\n]+\n$/.test(stderr), `more than a line: ${stderr}`);
}

test('train keeps the files of others, also where it is refused', async () => {
  mkdirSync(at('others/x.partial'), { recursive: true });
  const names = ['film.iso.partial', 'config.json.partial', 'notes.txt', 'views.png'];
  for (const name of names) writeFileSync(at(`others/${name}`), name);
  await refused(train('others', '--heads', '3'), /multiple of 3 heads/);
  same(readdirSync(at('others')).sort(), [...names, 'x.partial'].sort());
  same((await run(home, train('others'))).status, 0);
  for (const name of names.slice(2)) same(readFileSync(at(`others/${name}`), 'utf8'), name);
  check(existsSync(at('others/film.iso.partial')), 'a file is gone');
  for (const [name, says] of [
    ['config.json', /holds config.json, which nearfar did not write/],
    ['vocab.txt', /holds vocab.txt, which nearfar did not write/],
  ] as const) {
    mkdirSync(at(`with-${name}`));
    writeFileSync(at(`with-${name}/${name}`), '{}');
    await refused(train(`with-${name}`), says);
    same(readdirSync(at(`with-${name}`)), [name]);
  }
});

test('a trained folder wants --resume or --force', async () => {
  rmSync(at('others/x.partial'), { recursive: true });
  const before = filesOf(at('others'));
  await refused(train('others'), /holds a trained model; --resume goes on with it, --force/);
  same(filesOf(at('others')), before);
  await refused(train('others', '--resume', '--force'), /give one of them/);
  same((await run(home, train('others', '--force', '--seed', '9'))).status, 0);
  check(filesOf(at('others'))['model.safetensors'] !== before['model.safetensors'], 'kept');
});

test('a refused command leaves no folder', async () => {
  await refused(train('new/folder', '--heads', '3'), /heads/);
  check(!existsSync(at('new')), 'it remains');
});

test('--resume with nothing to resume says so', async () => {
  const { status, stdout } = await run(home, train('fresh', '--resume'));
  same(status, 0);
  check(stdout.startsWith('there is nothing to resume in fresh: the run begins at step 1'), stdout);
});

test('a state whose bytes have changed is not resumed', async () => {
  const bytes = readFileSync(at('fresh/resume.safetensors'));
  for (const [i, offset] of [bytes.length - 1, bytes.length >> 1, 100, 400].entries()) {
    const to = `flipped-${i}`;
    cpSync(at('fresh'), at(to), { recursive: true });
    const flipped = Buffer.from(bytes);
    flipped[offset] = (flipped[offset] as number) ^ 4;
    writeFileSync(at(`${to}/resume.safetensors`), flipped);
    await refused(train(to, '--resume'), /resume.safetensors: is not a valid state/);
  }
});

test('images that have changed are not what the run began with', async () => {
  mkdirSync(at('images'));
  const write = (i: number, value: number): void => {
    const data = Uint8Array.from({ length: 64 }, (_, k) => (k * value) % 256);
    writeFileSync(at(`images/${i}.png`), encode({ width: 8, height: 8, channels: 1, data }));
  };
  for (let i = 0; i < 12; i++) write(i, i + 2);
  const args = [
    ...['train', 'mae', '--data', 'images', '--out', 'mae', '--size', '8', '--patch', '4'],
    ...['--layers', '1', '--heads', '2', '--width', '16', '--batch-size', '4', '--steps', '2'],
  ];
  const { status, stderr } = await run(home, args);
  same(status, 0, stderr);
  write(3, 99);
  await refused([...args, '--resume'], /--data is not what the run began with/);
});

/** Starts a long run and does something to it after its second line. */
function during(
  args: string[],
  act: (child: ReturnType<typeof spawn>) => void,
  env: Record<string, string> = {},
): Promise<{ status: number | null; stderr: string }> {
  const child = spawn(process.execPath, [resolve('dist/cli.js'), ...args], {
    ...{ cwd: home, env: { ...process.env, ...env } },
  });
  let lines = 0;
  let stderr = '';
  child.stdout.on('data', (data) => {
    const before = lines;
    lines += String(data).split('\n').length - 1;
    if (before < 2 && lines >= 2) act(child);
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  return new Promise((done) => child.on('close', (status) => done({ status, stderr })));
}

const long = (out: string): string[] =>
  train(out, '--json', '--steps', '3000', '--eval-every', '3000');

for (const [signal, status] of [
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  test(`${signal} saves a model that opens, and a state`, async () => {
    const out = signal.toLowerCase();
    const ended = await during(long(out), (child) => child.kill(signal));
    same(ended.status, status, ended.stderr);
    check(/stopped after step \d+ of 3000; .*--resume/.test(ended.stderr), ended.stderr);
    check(existsSync(at(`${out}/resume.safetensors`)), 'no state');
    const generated = await run(home, ['generate', out, '--prompt', 'a', '--max-new-tokens', '3']);
    same(generated.status, 0, generated.stderr);
  });
}

test('a reader that goes away ends the run with its own status, and saves', async () => {
  const ended = await during(long('pipe'), (child) => child.stdout?.destroy());
  same(ended.status, 141, ended.stderr);
  check(existsSync(at('pipe/resume.safetensors')), 'no state');
});

test('two runs into one folder: the second is refused', async () => {
  let second: Promise<void> | undefined;
  const first = await during(long('two'), (child) => {
    second = refused(train('two', '--force'), /another run writes there \(process \d+\)/).finally(
      () => child.kill('SIGINT'),
    );
  });
  await second;
  same(first.status, 130, first.stderr);
  check(!existsSync(at('two/nearfar.lock')), 'the lock remains');
});

test('a folder that is removed during the run is written again', async () => {
  const ended = await during(long('removed'), (child) => {
    rmSync(at('removed'), { recursive: true });
    child.kill('SIGINT');
  });
  same(ended.status, 130, ended.stderr);
  check(existsSync(at('removed/model.safetensors')), 'no model');
});

test('a model is written whole or not at all, and replaces another one whole or not at all', async () => {
  // A folder of that name: the weights cannot be written, as on a full disk.
  const blocked = 'model.safetensors.partial';
  mkdirSync(at(`blocked/${blocked}`), { recursive: true });
  await refused(train('blocked'), /model.safetensors: cannot write it \(EISDIR: is a folder\)/);
  same(readdirSync(at('blocked')), [blocked]);
  const kept = await run(home, train('kept'));
  same(kept.status, 0, kept.stderr);
  const files = filesOf(at('kept'));
  mkdirSync(at(`kept/${blocked}`));
  const other = [...train('kept', '--force'), '--context', '12'];
  await refused(other, /model.safetensors: cannot write it \(EISDIR: is a folder\)/);
  rmSync(at(`kept/${blocked}`), { recursive: true });
  same(filesOf(at('kept')), files);
});

test('pipes where files are expected are refused, and never waited for', async () => {
  mkdirSync(at('pipes/model'), { recursive: true });
  mkdirSync(at('pipes/out'));
  const names = [
    'a.txt',
    'a.npy',
    'folder',
    'model/config.json',
    'out/config.json',
    'out/nearfar.json',
  ];
  execFileSync(
    'mkfifo',
    names.map((name) => at(`pipes/${name}`)),
  );
  const pipe = /is not a file but a pipe or a device/;
  await refused(['train', 'gpt', '--data', 'pipes/a.txt', '--out', 'pipes/m'], pipe);
  await refused(['encode', 'mae', '--data', 'images', '--out', 'pipes/a.npy'], pipe);
  await refused(
    train('pipes/folder'),
    /cannot write there \(EEXIST: there is a file of that name\)/,
  );
  await refused(['eval', 'pipes/model', '--data', 'data.txt'], pipe);
  await refused(train('pipes/out'), /holds config.json, which nearfar did not write/);
});

test('a missing TMPDIR is said in a line', async () => {
  const args = ['encode', 'mae', '--data', 'images', '--out', 'images.npy'];
  const child = spawn(process.execPath, [resolve('dist/cli.js'), ...args], {
    ...{ cwd: home, env: { ...process.env, TMPDIR: '/nowhere/at/all' } },
  });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const status = await new Promise((done) => child.on('close', done));
  check(status === 2 && /\/nowhere\/at\/all: .*set TMPDIR/.test(stderr), `${status} ${stderr}`);
});

test('encode says which row is which input, predict names, eval counts', async () => {
  const encoded = await run(home, ['encode', 'mae', '--data', 'images', '--out', 'images.npy']);
  same(encoded.status, 0, encoded.stderr);
  const ids = readFileSync(at('images.ids.txt'), 'utf8').trimEnd().split('\n');
  same([ids.length, ids[1]], [12, 'images/1.png']);
  const evaluated = await run(home, ['eval', 'fresh', '--data', 'data.txt', '--json']);
  check((events(evaluated.stdout)[0]?.samples as number) > 1000, evaluated.stdout);
});

test('texts without a label are left out of an evaluation, and counted', async () => {
  const rows = Array.from({ length: 24 }, (_, i) =>
    i % 2 === 0 ? `anchor view ${i % 3},near` : `batch token ${i % 3},far`,
  );
  writeFileSync(at('labeled.csv'), `text,label\n${rows.join('\n')}\n`);
  writeFileSync(at('some.csv'), `text,label\n${rows.join('\n')}\nview anchor,\nbatch,\n`);
  writeFileSync(at('none.csv'), 'text\nview anchor\n');
  const bert = ['train', 'bert', '--data', 'data.txt', '--out', 'bert', '--steps', '4', ...SMALL];
  same((await run(home, bert)).status, 0);
  const tune = ['finetune', 'bert', '--data', 'labeled.csv', '--out', 'tuned', '--steps', '30'];
  const tuned = await run(home, tune);
  same(tuned.status, 0, tuned.stderr);
  const accuracy = async (data: string) =>
    events((await run(home, ['eval', 'tuned', '--data', data, '--json'])).stdout)[0];
  const all = await accuracy('labeled.csv');
  same(await accuracy('some.csv'), { ...all, unlabeled: 2 });
  same(all?.samples, 24);
  await refused(['eval', 'tuned', '--data', 'none.csv'], /no text has a label/);
  const named = await run(home, ['predict', 'tuned', '--data', 'none.csv']);
  check(/^none.csv: row 1\t(near|far)\n$/.test(named.stdout), named.stdout);
});
