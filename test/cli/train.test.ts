/** `nearfar train`, `eval` and `generate` on small files: bits after an interruption, bad input. */

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { metricTitle } from '../../src/cli/output/metrics.js';
import { Random } from '../../src/core/random.js';
import { check, same, suite } from '../harness.js';
import { temporaryFolder } from '../temporary.js';

const test = suite('cli train');
const folder = temporaryFolder('train');

const WORDS = ['anchor', 'positive', 'negative', 'view', 'batch', 'token', 'margin', 'patch'];
const random = new Random(1);
const words = Array.from({ length: 3000 }, () => WORDS[random.integer(WORDS.length)]);
const data = join(folder, 'data.txt');
writeFileSync(data, words.join(' '));

const SMALL = [
  '--layers',
  '1',
  '--heads',
  '2',
  '--width',
  '16',
  '--context',
  '16',
  '--batch-size',
  '4',
];
const command = (out: string, ...more: string[]): string[] => [
  'dist/cli.js',
  ...['train', 'gpt', '--data', data, '--out', join(folder, out), '--json', '--steps', '60'],
  ...['--eval-every', '10', '--seed', '5', ...SMALL, ...more],
];

function run(args: string[]): { status: number | null; lines: string[]; error: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { status, lines: stdout.trim().split('\n'), error: stderr };
}

/** Starts a command and kills it when it has printed so many lines. */
async function killAfter(args: string[], lines: number): Promise<void> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let seen = 0;
  for await (const chunk of child.stdout) {
    seen += String(chunk).split('\n').length - 1;
    if (seen >= lines) child.kill('SIGKILL');
  }
}

function filesOf(out: string): Record<string, string> {
  const names = readdirSync(join(folder, out)).sort();
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(join(folder, out, name)).toString('base64')]),
  );
}

test('a run that is killed again and again ends with the bits of one thread that was not', async () => {
  const whole = run(command('whole', '--threads', '1'));
  same(whole.status, 0, whole.error);
  const done = JSON.parse(whole.lines.at(-1) ?? '');
  same(done.event, 'done');
  check(done.valLoss < 3, `valLoss is ${done.valLoss}`);
  for (const lines of [3, 14, 25, 40]) await killAfter(command('killed', '--resume'), lines);
  const last = run(command('killed', '--resume'));
  same(last.status, 0, last.error);
  same(filesOf('killed'), filesOf('whole'), 'files');
});

test('what is cut to the run or to the data is said', () => {
  const few = join(folder, 'few.txt');
  writeFileSync(few, words.slice(0, 60).join(' '));
  const args = command('cut', '--steps', '10', '--batch-size', '1000000', '--warmup', '3');
  const { lines } = run(args.map((arg) => (arg === data ? few : arg)));
  const said = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'note');
  same(said.length, 1, 'notes: a warm-up that was asked for is kept');
  check(/1000000 is cut to the data/.test(said[0]?.text), lines[0] ?? '');
});

test('a finished run is finished', () => {
  const { status, lines } = run(command('whole', '--resume'));
  same(status, 0);
  same(JSON.parse(lines[0] ?? '').event, 'done');
});

test('eval and generate read the folder', () => {
  const out = join(folder, 'whole');
  const evaluated = run(['dist/cli.js', 'eval', out, '--data', data, '--json']);
  same(evaluated.status, 0, evaluated.error);
  check(JSON.parse(evaluated.lines[0] ?? '').perplexity > 1, evaluated.lines[0] ?? '');
  const generate = ['dist/cli.js', 'generate', out, '--prompt', 'anchor ', '--json', '--seed', '2'];
  const first = run(generate);
  same(first.status, 0, first.error);
  same(first.lines, run(generate).lines, 'the same seed');
  same(JSON.parse(first.lines[0] ?? '').text.length, 200, 'characters');
});

test('tables name metrics in words', () => {
  const { lines } = run(['dist/cli.js', 'eval', join(folder, 'whole'), '--data', data]);
  const names = lines.map((line) => line.match(/^│ ([\w@ ]+?) +│/)?.[1]);
  check(names.includes('validation loss') && names.includes('perplexity'), names.join(', '));
  same(metricTitle('bm25MrrAt10'), 'BM25 MRR@10');
  same(metricTitle('ndcgAt100'), 'nDCG@100');
});

test('help has an example of each model, and all of one that is named', () => {
  const examples = (...named: string[]): string[] =>
    run(['dist/cli.js', 'train', ...named, '--help']).lines.filter((line) =>
      line.startsWith('  nearfar train '),
    );
  const models = ['sentence', 'bert', 'gpt', 'simclr', 'clip', 'mae'];
  same(
    examples().map((line) => line.split(' ')[4]),
    models,
  );
  for (const name of models) {
    const own = examples(name);
    check(own.length > 0 && own.every((line) => line.includes(` ${name} `)), own.join());
  }
});

test('bad input is one line and status 2', () => {
  const latin = join(folder, 'latin.txt');
  writeFileSync(latin, Buffer.from([65, 255, 66]));
  const empty = join(folder, 'empty.txt');
  writeFileSync(empty, '');
  const short = join(folder, 'short.txt');
  writeFileSync(short, 'too short');
  const broken = join(folder, 'whole-broken');
  const foreign = join(folder, 'foreign');
  mkdirSync(foreign);
  writeFileSync(join(foreign, 'config.json'), '{"model_type": "t5"}');
  const train = (path: string): string[] =>
    command('bad').map((arg) => (arg === data ? path : arg));
  const cases: [string[], string][] = [
    [train(join(folder, 'nowhere')), 'cannot read it'],
    [train(latin), 'is not valid UTF-8'],
    [train(empty), 'is empty'],
    [train(short), 'context'],
    [command('bad', '--width', '0'), '--width'],
    [command('bad', '--lr', 'fast'), '--lr'],
    [command('bad', '--heads', '3'), 'heads'],
    [command('whole', '--resume', '--seed', '6'), 'seed'],
    [['dist/cli.js', 'train', 'rnn', '--data', data, '--out', broken], 'gpt'],
    [['dist/cli.js', 'train', 'gpt', '--out', broken], '--data'],
    [['dist/cli.js', 'generate', broken, '--prompt', 'x'], broken],
    [['dist/cli.js', 'generate', join(folder, 'whole')], '--prompt'],
    [['dist/cli.js', 'eval', folder, '--data', data], 'config.json'],
    [['dist/cli.js', 'eval', foreign, '--data', data], 'model_type must be bert or gpt2'],
  ];
  for (const [args, text] of cases) {
    const { status, error } = run(args);
    const said = error.trim();
    const what = `${args.slice(1).join(' ')}: status ${status}, ${said}`;
    check(status === 2 && said.includes(text) && !said.includes('\n'), what);
  }
});
