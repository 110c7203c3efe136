/**
 * The study of few labelled pictures, five seeds:
 *
 *   npm run few-pictures                                         the digits that come with the package
 *   npm run few-pictures -- --data /usr/share/datasets/fashion-mnist    or any folder of IDX files
 *   npm run few-pictures -- --steps 200 --seeds 2 --json         a shorter one, for programs
 */

import { parseArgs } from 'node:util';
import { Terminal } from '../../src/cli/terminal.js';
import { readDataset } from './data.js';
import { fewPictures, METHODS, MOST_LEARNT } from './study.js';

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: 'dist/samples/digits' },
    steps: { type: 'string', default: '600' },
    'supervised-steps': { type: 'string', default: '200' },
    seeds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(
    'npm run few-pictures -- [--data <folder of IDX files>] [--steps <n>] [--supervised-steps <n>] ' +
      '[--seeds <n>] [--json]\n',
  );
  process.exit(0);
}
const whole = (name: 'steps' | 'supervised-steps' | 'seeds'): number => {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value > 0) return value;
  process.stderr.write(`--${name} must be a whole number from 1, got ${values[name]}\n`);
  process.exit(2);
};

const COUNTS = [10, 100, Number.POSITIVE_INFINITY];
const [steps, supervisedSteps, seeds] = [whole('steps'), whole('supervised-steps'), whole('seeds')];
const terminal = new Terminal(values.json);
const data = readDataset(values.data);
const total = seeds * (steps + COUNTS.length * supervisedSteps);
const progress = terminal.progress('few-pictures', total);
let done = 0;
const results = await fewPictures(data, {
  ...{ counts: COUNTS, seeds, steps, supervisedSteps },
  onStep: (what, { loss }) => progress.step(++done, loss, { what }),
});
progress.end();
for (const result of results) terminal.event('result', { ...result });
const { training, heldOut } = data;
const all = Math.min(MOST_LEARNT, training.count);
terminal.line(
  `${training.count} pictures without labels, ${heldOut.count} held out; ${seeds} seeds; share named ` +
    'rightly, %',
);
terminal.table(
  ['', ...COUNTS.map((count) => (Number.isFinite(count) ? `${count} a class` : `all ${all}`))],
  METHODS.map((method) => [
    method,
    ...results
      .filter((row) => row.method === method)
      .map(({ mean, deviation }) => `${(100 * mean).toFixed(1)} ± ${(100 * deviation).toFixed(1)}`),
  ]),
);
