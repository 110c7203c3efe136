/** Hostile files, divergence and interrupts: one line, the right status, and nothing lost. */

import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { check, same, suite } from '../harness.js';
import { filesOf, SMALL, writeWords } from './killing.js';
import { events, folder, run } from './program.js';

const test = suite('cli hostile');
const home = folder();
writeWords(join(home, 'data.txt'), 2000);
const at = (name: string): string => join(home, name);

const trainer = (system: string, out: string, ...more: string[]): string[] => [
  ...['train', system, '--data', 'data.txt', '--out', out, '--steps', '12'],
  ...['--eval-every', '4', '--json', ...SMALL, ...more],
];

/** A folder like another, with one of its files changed. */
function changed(
  from: string,
  to: string,
  file: string,
  change: (bytes: Buffer) => string | Buffer,
): string {
  cpSync(at(from), at(to), { recursive: true });
  writeFileSync(at(`${to}/${file}`), change(readFileSync(at(`${to}/${file}`))));
  return to;
}

const half = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length >> 1);
const hugeHeader = (bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes);
  copy.writeBigUInt64LE(2n ** 63n);
  return copy;
};
/** The last number of the file is none. */
const withNaN = (bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes);
  copy.writeFloatLE(Number.NaN, copy.length - 4);
  return copy;
};
const config =
  (key: string, value: unknown) =>
  (bytes: Buffer): string =>
    JSON.stringify({ ...JSON.parse(bytes.toString()), [key]: value });

async function rejects(args: string[], says: string): Promise<void> {
  const { status, stderr, stdout } = await run(home, args);
  const lines = stderr.trim().split('\n');
  check(
    status === 2 && lines.length === 1 && stderr.includes(says),
    `${args.join(' ')}: status ${status}, ${JSON.stringify(stderr)} lacks ${JSON.stringify(says)}`,
  );
  check(!stdout.includes('done'), stdout);
}

for (const system of ['gpt', 'bert']) {
  test(`${system}: broken folders are refused`, async () => {
    const made = await run(home, trainer(system, system));
    same(made.status, 0, made.stderr);
    same(events(made.stdout).at(-1)?.event, 'done');
    const width = system === 'gpt' ? 'n_embd' : 'hidden_size';
    const vocabulary = 'tokenizer.json';
    const weights = 'model.safetensors';
    const cases: [file: string, change: (bytes: Buffer) => string | Buffer, says: string][] = [
      [weights, half, ''],
      [weights, hugeHeader, 'header'],
      [weights, withNaN, 'holds NaN'],
      [weights, () => '', ''],
      ['config.json', config(width, -16), width],
      ['config.json', config(width, 2 ** 24), 'shape'],
      ['config.json', config('vocab_size', 2 ** 40), 'vocab_size'],
      ['config.json', config('model_type', 'rnn'), 'model_type'],
      ['config.json', () => 'null', 'model_type'],
      ['config.json', () => Buffer.from([123, 255]), 'UTF-8'],
      [vocabulary, () => '{"model": 5}', ''],
      [vocabulary, () => '[]', vocabulary],
    ];
    for (const [i, [file, change, says]] of cases.entries()) {
      const broken = changed(system, `${system}-broken-${i}`, file, change);
      // A GPT's vocabulary is in two files, either of which is enough.
      if (file === vocabulary) rmSync(at(`${broken}/vocab.json`), { force: true });
      await rejects(['eval', broken, '--data', 'data.txt'], says);
    }
    const resume = (change: (bytes: Buffer) => string | Buffer): string[] => {
      const to = `${system}-resume`;
      changed(system, to, 'resume.safetensors', change);
      return trainer(system, to, '--resume');
    };
    await rejects(resume(half), 'resume.safetensors');
    await rejects(resume(hugeHeader), 'resume.safetensors');
    await rejects(
      resume(() => readFileSync(at(`${system}/${weights}`))),
      'not a valid state of a run',
    );
  });

  test(`${system}: a diverged run names its step and overwrites nothing`, async () => {
    const before = filesOf(at(system));
    const wild = ['--lr', '1000', '--weight-decay', '1000', '--steps', '40'];
    await refusesDivergence(
      trainer(system, system, ...wild, '--eval-every', '40', '--force'),
      'no checkpoint',
    );
    same(filesOf(at(system)), before, 'files');
    const often = trainer(system, `${system}-wild`, ...wild, '--eval-every', '1');
    await refusesDivergence(often, 'the last good checkpoint, of step ');
    const kept = filesOf(at(`${system}-wild`));
    await refusesDivergence([...often, '--resume'], 'the last good checkpoint, of step ');
    same(filesOf(at(`${system}-wild`)), kept, 'files');
  });

  test(`${system}: an interrupt saves, and --resume goes on to the same bits`, async () => {
    const args = trainer(system, `${system}-stopped`, '--steps', '300', '--eval-every', '300');
    const stopped = await interrupted(args);
    same(stopped.status, 130, stopped.stderr);
    check(/stopped after step \d+ of 300; .*--resume goes on/.test(stopped.stderr), stopped.stderr);
    same(events(stopped.stdout).at(-1)?.event, 'interrupted');
    same((await run(home, [...args, '--resume'])).status, 0);
    const whole = args.map((arg) => (arg === `${system}-stopped` ? `${system}-whole` : arg));
    same((await run(home, whole)).status, 0);
    same(filesOf(at(`${system}-stopped`)), filesOf(at(`${system}-whole`)), 'files');
  });
}

async function refusesDivergence(args: string[], says: string): Promise<void> {
  const { status, stderr } = await run(home, args);
  const what = `status ${status}, ${stderr}`;
  check(status === 2 && /of step \d+ is (NaN|Infinity)/.test(stderr), what);
  check(stderr.includes(says), what);
}

/** Runs the program and interrupts it, once, when it has printed its second line. */
function interrupted(args: string[]): ReturnType<typeof run> {
  let done = false;
  return run(home, args, {
    output: (stdout, kill) => {
      if (done || stdout.split('\n').length <= 2) return;
      done = true;
      kill();
    },
  });
}

test('bad data and options', async () => {
  writeFileSync(at('empty.txt'), '');
  writeFileSync(at('short.txt'), 'x');
  writeFileSync(at('latin.txt'), Buffer.from([65, 255]));
  writeFileSync(at('no-text.csv'), 'label,body\na,b\n');
  writeFileSync(at('no-text.jsonl'), '{"label": "a"}\n');
  writeFileSync(at('broken.json'), '{"model": {"type": "WordPiece", "vocab": 5}}');
  writeFileSync(at('one.csv'), 'text,label\nview token,a\nbatch view,a\n');
  writeFileSync(at('two.csv'), 'text,label\nview token,a\nbatch view,b\nview,a\nbatch,b\n');
  for (const system of ['gpt', 'bert']) {
    const on = (data: string, ...more: string[]): string[] =>
      trainer(system, 'bad', '--data', data, ...more);
    await rejects(on('empty.txt'), 'is empty');
    await rejects(on('short.txt'), '');
    await rejects(on('latin.txt'), 'UTF-8');
    await rejects(on('no-text.csv'), 'its columns are "label", "body"');
    await rejects(on('no-text.jsonl'), 'has no text');
    await rejects(on('data.txt', '--tokenizer', 'broken.json'), 'broken.json');
    await rejects(on('data.txt', '--width', '-4'), '--width');
    await rejects(on('data.txt', '--out', 'data.txt'), 'cannot write there');
  }
  const tuned = (data: string, ...more: string[]): string[] => [
    ...['finetune', 'bert', '--data', data, '--out', 'tuned', ...more],
  ];
  await rejects(tuned('one.csv'), 'at least two classes');
  await rejects(tuned('data.txt'), 'at least two classes');
  await rejects(tuned('two.csv', '--labels-per-class', '9'), 'no text is held out');
  await rejects(['fill', 'bert', 'no mask'], '[MASK]');
  await rejects(['fill', 'gpt', 'a [MASK]'], 'cannot fill');
  await rejects(['encode', 'bert', '--data', 'data.txt', '--out', 'data.txt/a.npy'], '--out');
});
