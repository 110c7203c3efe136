/**
 * Study: SimCLR with few labeled images, five seeds.
 *
 *   npm run few-images                                         the digits of the package
 *   npm run few-images -- --data /usr/share/datasets/fashion-mnist    or any folder of IDX files
 *   npm run few-images -- --counts 10,100 --seeds 2 --json     shorter, output for programs
 *   npm run few-images -- --write       keeps the results in bench/results/
 */

import { basename } from 'node:path';
import { Terminal } from '../../../src/terminal/progress.js';
import { studyCommand, writeResults } from '../../results-file.js';
import { exitOnInputError, readArguments, readInt } from '../arguments.js';
import { formatMeanStd } from '../mean-std.js';
import { readDataset } from './data.js';
import { fewImagesStudy, MAX_TRAINING_IMAGES, METHODS } from './study.js';

const { values } = readArguments(
  [
    'npm run few-images -- [--data <folder of IDX files>] [--steps <n>] [--supervised-steps <n>]',
    '  [--seeds <n>] [--counts 10,100,all] [--json] [--write]',
  ],
  {
    options: {
      data: { type: 'string', default: 'dist/samples/digits' },
      steps: { type: 'string', default: '600' },
      'supervised-steps': { type: 'string', default: '200' },
      seeds: { type: 'string', default: '5' },
      counts: { type: 'string', default: '10,100,all' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  },
);
const steps = readInt('--steps', values.steps);
const supervisedSteps = readInt('--supervised-steps', values['supervised-steps']);
const seeds = readInt('--seeds', values.seeds);
/** Labels per class. */
const counts = values.counts
  .split(',')
  .map((text) => (text === 'all' ? Number.POSITIVE_INFINITY : readInt('--counts', text)));
const terminal = new Terminal(values.json);
const data = exitOnInputError(() => readDataset(values.data));
const total = seeds * (steps + counts.length * supervisedSteps);
const progress = terminal.progress('few-images', total);
let done = 0;
const results = await fewImagesStudy(data, {
  ...{ counts, seeds, steps, supervisedSteps },
  onStep: (what, { loss }) => progress.step(++done, loss, { what }),
});
progress.end();
for (const result of results) terminal.event('result', { ...result });
const { training, heldOut } = data;
const all = Math.min(MAX_TRAINING_IMAGES, training.count);
terminal.line(
  `${training.count} images without labels, ${heldOut.count} held out; ${seeds} seeds; ` +
    'accuracy, %',
);
terminal.table(
  ['', ...counts.map((count) => (Number.isFinite(count) ? `${count} per class` : `all ${all}`))],
  METHODS.map((method) => [
    method,
    ...results.filter((row) => row.method === method).map(formatMeanStd),
  ]),
);
if (values.write) {
  /** Accuracies by data set, method and labels per class. */
  const accuracies = Object.fromEntries(
    METHODS.map((method) => [
      method,
      Object.fromEntries(
        results
          .filter((row) => row.method === method)
          .map(({ perClass, mean, std }) => [perClass ?? 'all', { mean, std }]),
      ),
    ]),
  );
  const name = basename(values.data);
  writeResults(`few-images-${name}`, studyCommand('few-images'), {
    ...{ steps, seeds, images: training.count, heldOut: heldOut.count, accuracies },
  });
}
