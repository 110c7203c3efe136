/** `nearfar train mae` and what its folder can do, on a small IDX set: bits after a stop, metrics, bad input. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../src/core/random.js';
import { check, same, suite } from '../harness.js';
import { events, folder, type Outcome, run } from './program.js';

const test = suite('cli mae');
const home = folder();

/** Images of 8 × 8 pixels, bars down or across at random positions, labeled. */
function writeBars(count: number): string {
  const random = new Random(2);
  const pixels = new Uint8Array(count * 64);
  const labels = Uint8Array.from({ length: count }, (_, n) => n % 2);
  for (let n = 0; n < count; n++) {
    const offset = random.integer(7);
    for (let i = 0; i < 64; i++) {
      const along = labels[n] === 0 ? i % 8 : Math.floor(i / 8);
      pixels[n * 64 + i] = along === offset || along === offset + 1 ? 255 : 0;
    }
  }
  const data = join(home, 'bars');
  mkdirSync(data);
  const head = (...numbers: number[]): Buffer => {
    const bytes = Buffer.alloc(4 * numbers.length);
    numbers.forEach((number, i) => {
      bytes.writeUInt32BE(number, 4 * i);
    });
    return bytes;
  };
  const images = Buffer.concat([head(0x803, count, 8, 8), pixels]);
  writeFileSync(join(data, 'bars-images-idx3-ubyte'), images);
  writeFileSync(join(data, 'bars-labels-idx1-ubyte'), Buffer.concat([head(0x801, count), labels]));
  return data;
}

const data = writeBars(80);
const SIZES = [
  '--patch',
  '2',
  '--layers',
  '1',
  '--heads',
  '2',
  '--width',
  '16',
  '--batch-size',
  '8',
];

async function nearfar(...args: string[]): Promise<Outcome & { lines: Record<string, unknown>[] }> {
  const outcome = await run(home, [...args, '--json']);
  same([outcome.status, outcome.stderr], [0, ''], args.join(' '));
  return { ...outcome, lines: events(outcome.stdout) };
}

const train = (out: string, ...more: string[]): string[] => [
  ...['train', 'mae', '--data', data, '--out', out, '--steps', '24', '--eval-every', '8'],
  ...['--seed', '3', '--mask-ratio', '0.5', ...SIZES, ...more],
];

function filesOf(out: string): Record<string, string> {
  const path = join(home, out);
  const names = readdirSync(path).sort();
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(join(path, name)).toString('base64')]),
  );
}

test('a run that is stopped and goes on has the bits of one that was not', async () => {
  const { lines } = await nearfar(...train('whole'));
  const done = lines.at(-1) as Record<string, number | string>;
  same(done.event, 'done');
  for (const name of ['valLoss', 'meanFillLoss', 'interpolationLoss', 'knnAccuracy']) {
    check(typeof done[name] === 'number', `${name} is ${done[name]}`);
  }
  same(done.reconstructionLoss, done.valLoss, 'the loss is of pixels');
  let killed = false;
  const stopped = await run(home, train('stopped', '--json'), {
    output: (stdout, kill) => {
      if (killed || !stdout.includes('"step":10,')) return;
      killed = true;
      kill();
    },
  });
  same(stopped.status, 130, 'stopped');
  const { lines: resumed } = await nearfar(...train('stopped', '--resume'));
  same(resumed.at(-1)?.valLoss, done.valLoss);
  same(filesOf('stopped'), filesOf('whole'), 'files');
  same(
    Object.keys(filesOf('whole')),
    [
      'config.json',
      'model.safetensors',
      'nearfar.json',
      'preprocessor_config.json',
      'reconstructions.png',
      'resume.safetensors',
    ],
    'names',
  );
});

test('its folder is evaluated, encodes and is fine-tuned next to the same network from scratch', async () => {
  await nearfar(...train('evaluated'));
  const { lines } = await nearfar('eval', 'evaluated', '--data', data);
  const { valLoss, reconstructionLoss, probeAccuracy } = lines.at(-1) as Record<string, number>;
  check((valLoss as number) > 0 && reconstructionLoss === valLoss, `valLoss is ${valLoss}`);
  check((probeAccuracy as number) >= 0.5, `probeAccuracy is ${probeAccuracy}`);
  await nearfar('encode', 'evaluated', '--data', data, '--out', 'vectors.npy');
  const header = readFileSync(join(home, 'vectors.npy')).subarray(0, 128).toString('latin1');
  check(header.includes('(80, 16,'), header);
  const tuned = await nearfar(
    ...['finetune', 'evaluated', '--data', data, '--out', 'tuned', '--labels-per-class', '40'],
    ...['--steps', '200', '--lr', '0.01'],
  );
  const done = tuned.lines.at(-1) as Record<string, number>;
  same([done.labeled, done.heldOut, done.classes], [72, 8, 2]);
  check((done.accuracy as number) >= 0.75, `accuracy is ${done.accuracy}`);
  check(typeof done.scratchAccuracy === 'number', 'no scratchAccuracy');
  const { lines: again } = await nearfar('eval', 'tuned', '--data', data);
  check((again.at(-1)?.accuracy as number) >= 0.75, `accuracy is ${again.at(-1)?.accuracy}`);
});

test('bad options end in a line and status 2', async () => {
  for (const [more, message] of [
    [['--patch', '3'], /patch must be a divisor of 8 × 8 pixels, got 3/],
    [['--mask-ratio', '1'], /--mask-ratio/],
    [['--loss', 'l1'], /--loss must be mse or normalized-mse/],
  ] as const) {
    const { status, stderr } = await run(home, train('bad', ...more));
    same(status, 2, more.join(' '));
    check(message.test(stderr) && stderr.trim().split('\n').length === 1, stderr);
  }
});
