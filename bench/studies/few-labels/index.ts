/**
 * Study: BERT with few labels on real texts, five seeds each.
 *
 *   npm run few-labels              both data sets
 *   npm run few-labels -- mails     one of them
 *   npm run few-labels -- --steps 500 --seeds 2    a shorter one
 *   npm run few-labels -- --write   keeps the results in bench/results/
 */

import * as nearfar from 'nearfar';
import * as models from 'nearfar/models';
import type { Dataset } from '../../../build/samples/mails-split.js';
import { studyCommand, writeResults } from '../../results-file.js';
import { chooseNames, readArguments, readInt } from '../arguments.js';
import { formatMeanStd } from '../mean-std.js';
import { brown, mails } from './data.js';
import { type Accuracy, type Api, byMethod, fewLabelsStudy, METHODS } from './study.js';

const { values, positionals } = readArguments(
  ['npm run few-labels -- [mails|brown] [--steps <n>] [--seeds <n>] [--json] [--write]'],
  {
    options: {
      steps: { type: 'string', default: '2000' },
      seeds: { type: 'string', default: '5' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  },
);

/** The built package; its types are those of the sources. */
const api = { nearfar, models } as unknown as Api;

const COUNTS = [8, 32, 128];
const DATASETS: Readonly<Record<string, () => Dataset>> = { mails, brown };
const names = chooseNames(positionals, Object.keys(DATASETS));
const steps = readInt('--steps', values.steps);
const seeds = readInt('--seeds', values.seeds);

function print({ name, training, heldOut }: Dataset, results: readonly Accuracy[]): void {
  const sizes = `${training.texts.length} texts without labels, ${heldOut.texts.length} held out`;
  process.stdout.write(`${name} (${sizes}), accuracy, %\n`);
  const head = COUNTS.map((count) => `${count} per class`.padStart(16)).join('');
  process.stdout.write(`${''.padEnd(52)}${head}\n`);
  for (const method of METHODS) {
    const cells = results
      .filter((row) => row.method === method)
      .map((row) => formatMeanStd(row).padStart(16));
    process.stdout.write(`${method.padEnd(52)}${cells.join('')}\n`);
  }
}

for (const name of names) {
  const data = (DATASETS[name] as () => Dataset)();
  const { bert, losses, results } = await fewLabelsStudy(api, data, {
    vocabulary: 4096,
    config: { layers: 2, heads: 4, width: 128, context: 96 },
    pretraining: { steps, batchSize: 32 },
    finetuning: {},
    counts: COUNTS,
    seeds,
    seed: 1,
    onPretraining({ step, loss }) {
      if (step % 100 === 0) {
        process.stderr.write(`${name}: step ${step} of ${steps}, loss ${loss.toFixed(3)}\n`);
      }
    },
    onFit(done, of) {
      process.stderr.write(`${name}: ${done} of ${of} classifiers\n`);
    },
  });
  bert.dispose();
  if (values.write) {
    writeResults(`few-labels-${name}`, studyCommand('few-labels'), {
      ...{ steps, seeds, accuracies: byMethod(results) },
      ...{ texts: data.training.texts.length, heldOut: data.heldOut.texts.length },
    });
  }
  if (values.json) process.stdout.write(`${JSON.stringify({ name, losses, results })}\n`);
  else print(data, results);
}
