/**
 * Study: SimCLR or MAE with few labeled images, five seeds.
 *
 *   npm run few-images                                         SimCLR on the digits of the package
 *   npm run few-images -- --model mae                          a masked autoencoder
 *   npm run few-images -- --data /usr/share/datasets/fashion-mnist    or any folder of IDX files
 *   npm run few-images -- --counts 10,100 --seeds 2 --json     shorter, output for programs
 *   npm run few-images -- --write       keeps the results in bench/results/
 */

import { basename } from 'node:path';
import { parseChoice } from '../../../src/terminal/options.js';
import { Terminal } from '../../../src/terminal/progress.js';
import { studyCommand, writeResults } from '../../results-file.js';
import { exitOnInputError, readArguments, readInt } from '../arguments.js';
import { formatMeanStd } from '../mean-std.js';
import { readDataset } from './data.js';
import {
  fewImagesStudy,
  MAX_TRAINING_IMAGES,
  METHODS,
  type Method,
  MODELS,
  type ModelName,
} from './study.js';

const { values } = readArguments(
  [
    'npm run few-images -- [--model simclr|mae] [--data <folder of IDX files>] [--steps <n>]',
    '  [--batch-size <n>] [--mask-ratio <x>] [--supervised-steps <n>]',
    '  [--seeds <n>] [--counts 10,100,all] [--json] [--write]',
  ],
  {
    options: {
      model: { type: 'string', default: 'simclr' },
      data: { type: 'string', default: 'dist/samples/digits' },
      steps: { type: 'string', default: '600' },
      'batch-size': { type: 'string', default: '128' },
      'mask-ratio': { type: 'string', default: '0.75' },
      'supervised-steps': { type: 'string', default: '200' },
      seeds: { type: 'string', default: '5' },
      counts: { type: 'string', default: '10,100,all' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  },
);
const model = exitOnInputError(() => parseChoice('--model', values.model, MODELS)) as ModelName;
const batchSize = readInt('--batch-size', values['batch-size']);
const maskRatio = Number(values['mask-ratio']);
const steps = readInt('--steps', values.steps);
const supervisedSteps = readInt('--supervised-steps', values['supervised-steps']);
const seeds = readInt('--seeds', values.seeds);
/** Labels per class. */
const counts = values.counts
  .split(',')
  .map((text) => (text === 'all' ? Number.POSITIVE_INFINITY : readInt('--counts', text)));
const terminal = new Terminal(values.json);
const data = exitOnInputError(() => readDataset(values.data));
const total = seeds * (steps + (model === 'simclr' ? counts.length * supervisedSteps : 0));
const progress = terminal.progress('few-images', total);
let done = 0;
const results = await fewImagesStudy(data, {
  ...{ model, counts, seeds, steps, batchSize, supervisedSteps },
  // Two thirds of the default width, as in the package's pre-trained one.
  config: { hidden: 64, heads: 4, maskRatio },
  onStep: (what, { loss }) => progress.step(++done, loss, { what }),
});
progress.end();
for (const result of results) terminal.event('result', { ...result });
/** Methods that the model has, in their order. */
const methods = [...new Set(results.map(({ method }): Method => method))];
const { training, heldOut } = data;
const all = Math.min(MAX_TRAINING_IMAGES, training.count);
terminal.line(
  `${training.count} images without labels, ${heldOut.count} held out; ${seeds} seeds; ` +
    'accuracy, %',
);
terminal.table(
  ['', ...counts.map((count) => (Number.isFinite(count) ? `${count} per class` : `all ${all}`))],
  methods.map((method) => [
    METHODS[method],
    ...results.filter((row) => row.method === method).map(formatMeanStd),
  ]),
);
if (values.write) {
  /** Accuracies by method and labels per class. */
  const accuracies = Object.fromEntries(
    methods.map((method) => [
      method,
      Object.fromEntries(
        results
          .filter((row) => row.method === method)
          .map(({ perClass, mean, std }) => [perClass ?? 'all', { mean, std }]),
      ),
    ]),
  );
  const name = basename(values.data);
  writeResults(`few-images-${model}-${name}`, studyCommand('few-images'), {
    ...{
      steps,
      batchSize,
      seeds,
      ...(model === 'mae' ? { maskRatio } : {}),
      images: training.count,
      heldOut: heldOut.count,
      accuracies,
    },
  });
}
