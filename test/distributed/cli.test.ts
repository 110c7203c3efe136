/** `nearfar train … --ranks`: threads of one machine, with the same files on any number of them. */

import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { filesOf, runUntil, SMALL, SMALL_IMAGES, writeImages, writeWords } from '../cli/killing.js';
import { events, folder, run } from '../cli/program.js';
import { check, same, suite } from '../harness.js';

const test = suite('distributed command line');
const home = folder();
const text = join(home, 'data.txt');
writeWords(text, 2000);
const images = writeImages(home, 60);

const MODELS: Readonly<Record<string, string[]>> = {
  simclr: ['--data', images.idx, ...SMALL_IMAGES, '--batch-size', '16'],
  gpt: ['--data', text, ...SMALL, '--batch-size', '16'],
};

const train = (model: string, out: string, ...more: string[]): string[] => [
  ...['train', model, '--out', join(home, out), '--steps', '12', '--eval-every', '4'],
  ...[...(MODELS[model] as string[]), '--threads', '1', ...more],
];

for (const model of Object.keys(MODELS)) {
  test(`${model}: the same files on 1, 2 and 4 ranks, and resumed on others`, async () => {
    const { status, stdout, stderr } = await run(
      home,
      train(model, model, '--ranks', '1', '--json'),
    );
    same(status, 0, stderr);
    same(events(stdout).at(-1)?.ranks, 1, 'ranks of done');
    const expected = filesOf(join(home, model));
    const four = await run(home, train(model, `${model}4`, '--ranks', '4', '--json'));
    same(four.status, 0, four.stderr);
    const done = events(four.stdout);
    same(done.at(-1)?.ranks, 4, 'ranks of done');
    same(done.filter(({ event }) => event === 'done').length, 1, 'one rank prints');
    checkCosts(done);
    same(filesOf(join(home, `${model}4`)), expected, 'files of 4 ranks');
    // Stopped on 4 ranks after some steps, goes on with 2, and then with what it began with.
    const stopped = train(model, `${model}2`, '--resume');
    let steps = 0;
    await run(home, [...stopped, '--ranks', '4', '--json'], {
      output: (printed, kill) => {
        const seen = printed.split('"event":"step"').length - 1;
        if (steps < 2 && seen >= 2) kill();
        steps = seen;
      },
    });
    same(await runUntil([...stopped, '--ranks', '2']), 0);
    same(filesOf(join(home, `${model}2`)), expected, 'files of a resumed run');
  });
}

test('gradients in bf16: the same files on 1 and 4 ranks, and a run keeps its format', async () => {
  const bf16 = ['--gradients', 'bf16'];
  const one = await run(home, train('gpt', 'bf16', '--ranks', '1', ...bf16));
  same(one.status, 0, one.stderr);
  const expected = filesOf(join(home, 'bf16'));
  check(JSON.stringify(expected) !== JSON.stringify(filesOf(join(home, 'gpt'))), 'those of f32');
  const again = train('gpt', 'bf16x4', '--resume', '--ranks');
  await run(home, [...again, '4', ...bf16, '--json'], {
    // Not before there is something to resume.
    output: (_, kill) => {
      if (existsSync(join(home, 'bf16x4/resume.safetensors'))) kill();
    },
  });
  const other = await run(home, [...again, '2', '--gradients', 'f32']);
  same(other.status, 2, other.stdout);
  check(other.stderr.includes('began with gradients bf16, not by default'), other.stderr);
  same(await runUntil([...again, '2']), 0);
  same(filesOf(join(home, 'bf16x4')), expected, 'files of a resumed run');
  const late = await run(home, train('gpt', 'gpt2', '--resume', '--ranks', '2', ...bf16));
  same(late.status, 2, late.stdout);
  check(late.stderr.includes('began with gradients by default, not bf16'), late.stderr);
  const odd = await run(home, train('gpt', 'odd', '--ranks', '2', '--gradients', 'f16'));
  same(odd.status, 2, odd.stdout);
  check(odd.stderr.includes('--gradients must be f32 or bf16'), odd.stderr);
});

/** Checks what steps say of their time and bytes. */
function checkCosts(lines: readonly Record<string, unknown>[]): void {
  const costs = lines.flatMap(({ cost }) => (cost === undefined ? [] : [cost as Cost]));
  same(costs.length, 13, 'costs of steps, and of done');
  for (const { total, compute, gather, reduce, wait, sent, received } of costs) {
    check(Math.abs(total - compute - gather - reduce) < 0.3, 'parts of the time');
    check(total > 0 && compute >= 0 && gather >= 0 && reduce >= 0, 'time of each part');
    check(wait <= gather + reduce + 0.3, `${wait} ms of waiting`);
    check(sent > 0 && received > 0, 'bytes');
  }
}

type Cost = Record<
  'total' | 'compute' | 'gather' | 'reduce' | 'wait' | 'sent' | 'received',
  number
>;

test('runs with and without ranks do not mix', async () => {
  const plain = await run(home, [...train('gpt', 'plain'), '--steps', '4', '--json']);
  same(plain.status, 0, plain.stderr);
  check(!plain.stdout.includes('cost'), 'a run on one machine has no cost of ranks');
  cpSync(join(home, 'plain'), join(home, 'plain2'), { recursive: true });
  const { status, stderr } = await run(home, [...train('gpt', 'mixed'), '--shards', '4']);
  same(status, 2);
  check(stderr.includes('--shards is for a run with --ranks'), stderr);
  const few = await run(home, [...train('gpt', 'few'), '--ranks', '16']);
  same(few.status, 2);
  check(few.stderr.includes('each rank at least one shard'), few.stderr);
  const odd = await run(home, [...train('gpt', 'odd'), '--ranks', '2', '--shards', '3']);
  check(odd.stderr.includes('power of two'), odd.stderr);
  rmSync(join(home, 'plain2'), { recursive: true });
});

test('bad data is reported once', async () => {
  const args = ['train', 'gpt', '--data', join(home, 'none.txt'), '--out', join(home, 'none')];
  const { status, stderr } = await run(home, [...args, '--ranks', '3']);
  same(status, 2);
  same(stderr.split('\n').filter(Boolean).length, 1, stderr);
});

test('the state says with how many shards the run began', async () => {
  const bytes = readFileSync(join(home, 'gpt', 'resume.safetensors'));
  check(bytes.includes('\\"shards\\":8'), 'shards');
});
