/**
 * Times the table of operations on its large sizes: median of rounds after a warm-up, and the rate
 * where an operation has a count of floating-point operations.
 *
 *   npm run bench              all
 *   npm run bench -- ntXent    those whose name contains the text
 */

import { cpus } from 'node:os';
import * as nearfar from 'nearfar';
import { Random } from '../src/random.js';
import { operations } from './operations/index.js';
import type { Operation, Outputs, Sizes } from './operations/operation.js';

/** How long a case is warmed up and measured for, in milliseconds, and in how many rounds. */
const WARM_UP = 300;
const MEASURED = 1000;
const LEAST_ROUNDS = 5;

interface Timing {
  median: number;
  /** Half of the rounds are within this range. */
  quartiles: [number, number];
}

/** Keeps results in use, so that no engine may leave work out. */
let sink = 0;

function keep(outputs: Outputs): void {
  for (const value of Object.values(outputs)) {
    sink += typeof value === 'number' ? value : (value[0] as number);
  }
}

/** Milliseconds of one call. */
function time(call: () => Outputs): Timing {
  for (const start = performance.now(); performance.now() - start < WARM_UP; ) keep(call());
  const rounds: number[] = [];
  const start = performance.now();
  while (performance.now() - start < MEASURED || rounds.length < LEAST_ROUNDS) {
    const before = performance.now();
    keep(call());
    rounds.push(performance.now() - before);
  }
  rounds.sort((a, b) => a - b);
  const at = (share: number): number => rounds[Math.floor(share * (rounds.length - 1))] as number;
  return { median: at(0.5), quartiles: [at(0.25), at(0.75)] };
}

function report(name: string, sizes: Sizes, timing: Timing, flops: number | undefined): void {
  const size = Object.entries(sizes)
    .map(([letter, value]) => `${letter} ${value}`)
    .join(' ');
  const spread = timing.quartiles.map((value) => value.toFixed(3)).join(' to ');
  const rate = flops === undefined ? '' : `${(flops / timing.median / 1e6).toFixed(1)} GFLOP/s`;
  const columns = [
    name.padEnd(44),
    size.padEnd(22),
    `${timing.median.toFixed(3)} ms`.padStart(14),
    `(${spread})`.padStart(24),
    rate.padStart(14),
  ];
  process.stdout.write(`${columns.join(' ')}\n`);
}

function measure(operation: Operation): void {
  const { name, large, gradient, flops } = operation;
  for (const sizes of large) {
    const inputs = operation.inputs(sizes, new Random(1));
    report(
      name,
      sizes,
      time(() => operation.run(nearfar, inputs)),
      flops?.(sizes),
    );
    if (!gradient) continue;
    report(
      `${name}, gradient`,
      sizes,
      time(() => gradient.run(nearfar, inputs)),
      undefined,
    );
  }
}

const wanted = (process.argv[2] ?? '').toLowerCase();
const chosen = operations.filter(({ name }) => name.toLowerCase().includes(wanted));
if (chosen.length === 0) {
  process.stderr.write(`no operation's name contains ${JSON.stringify(wanted)}\n`);
  process.exit(2);
}
process.stdout.write(`Node ${process.version}, ${cpus()[0]?.model}, one thread\n`);
for (const operation of chosen) measure(operation);
if (Number.isNaN(sink)) process.exit(1);
