/**
 * The study of few labelled pictures, five seeds:
 *
 *   npm run few-pictures                                         the digits that come with the package
 *   npm run few-pictures -- --data /usr/share/datasets/fashion-mnist    or any folder of IDX files
 *   npm run few-pictures -- --counts 10,100 --seeds 2 --json     a shorter one, for programs
 */

import { Terminal } from '../../../src/terminal/progress.js';
import { readArguments, refusing, whole } from '../arguments.js';
import { showSpread } from '../spread.js';
import { readDataset } from './data.js';
import { fewPictures, METHODS, MOST_LEARNT } from './study.js';

const { values } = readArguments(
  [
    'npm run few-pictures -- [--data <folder of IDX files>] [--steps <n>] [--supervised-steps <n>]',
    '  [--seeds <n>] [--counts 10,100,all] [--json]',
  ],
  {
    options: {
      data: { type: 'string', default: 'dist/samples/digits' },
      steps: { type: 'string', default: '600' },
      'supervised-steps': { type: 'string', default: '200' },
      seeds: { type: 'string', default: '5' },
      counts: { type: 'string', default: '10,100,all' },
      json: { type: 'boolean', default: false },
    },
  },
);
const steps = whole('--steps', values.steps);
const supervisedSteps = whole('--supervised-steps', values['supervised-steps']);
const seeds = whole('--seeds', values.seeds);
/** Labels a class. */
const counts = values.counts
  .split(',')
  .map((text) => (text === 'all' ? Number.POSITIVE_INFINITY : whole('--counts', text)));
const terminal = new Terminal(values.json);
const data = refusing(() => readDataset(values.data));
const total = seeds * (steps + counts.length * supervisedSteps);
const progress = terminal.progress('few-pictures', total);
let done = 0;
const results = await fewPictures(data, {
  ...{ counts, seeds, steps, supervisedSteps },
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
  ['', ...counts.map((count) => (Number.isFinite(count) ? `${count} a class` : `all ${all}`))],
  METHODS.map((method) => [
    method,
    ...results.filter((row) => row.method === method).map(showSpread),
  ]),
);
