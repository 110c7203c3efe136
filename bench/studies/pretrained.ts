/**
 * Study: the pre-trained models in the package, measured again on held-out data, and BERT fine-tuned
 * on few labels, next to the same network from scratch and to counted words.
 *
 *   npm run pretrained                           everything
 *   npm run pretrained -- bert gpt               two of the models
 *   npm run pretrained -- few-labels --seeds 5   BERT on few labels
 *   npm run pretrained -- clip --write           to bench/results/pretrained.json, which keeps the others
 */

import { readFileSync } from 'node:fs';
import * as nearfar from 'nearfar';
import * as models from 'nearfar/models';
import * as nn from 'nearfar/nn';
import { readResults } from '../../build/docs/results.js';
import { readFolder } from '../../build/files.js';
import type { PretrainingRecord } from '../../build/pretrain/recipe.js';
import { RECIPES } from '../../build/pretrain/recipes.js';
import { splitBook } from '../../build/samples/book-split.js';
import { HELD_OUT_VENDOR, renderEmoji } from '../../build/samples/emoji.js';
import { emojiImages } from '../../build/samples/emoji-images.js';
import { mailsOf } from '../../build/samples/mails-split.js';
import { pixelRows } from '../../src/data/images/pixel-rows.js';
import { writeResults } from '../results-file.js';
import { chooseNames, readArguments, readInt } from './arguments.js';
import { type BigramApi, bigramLoss } from './bigram-loss.js';
import { measureViews } from './emoji/choose-views.js';
import type { EnsembleApi } from './emoji/ensemble.js';
import { readDataset } from './few-images/data.js';
import { type Api, byMethod, compareClassifiers } from './few-labels/study.js';
import { formatMeanStd, meanStd } from './mean-std.js';

/** The study of few labels, which is chosen like a model. */
const FEW_LABELS = 'few-labels';
const { values, positionals } = readArguments(
  [`npm run pretrained -- [bert|gpt|clip|mae|${FEW_LABELS}…] [--seeds <n>] [--write]`],
  {
    options: {
      seeds: { type: 'string', default: '5' },
      write: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  },
);
const seeds = readInt('--seeds', values.seeds);
const chosen = chooseNames(positionals, [...RECIPES.map(({ name }) => name), FEW_LABELS]);
const COUNTS = [8, 32, 128];
/** Labels per class of the probe on digits. */
const DIGITS_COUNTS = [10, 100];
const results: Record<string, unknown> = {};

/** Recall@1 of CLIP by two prompts per name, and by views of each image, too. */
async function clipEnsembles(files: models.Files): Promise<Record<string, unknown>> {
  const clip = models.loadClip(files);
  const images = emojiImages(await renderEmoji(), [HELD_OUT_VENDOR]);
  type Clip = Parameters<typeof measureViews>[1];
  const api = { ...nearfar, ...models } as unknown as EnsembleApi;
  const ensembles = measureViews(api, clip as unknown as Clip, images, seeds);
  clip.dispose();
  return { ensembles };
}

/** Loss of bigram counts, next to GPT's. */
function gptBaseline(): Record<string, number> {
  const book = splitBook(readFileSync('dist/samples/moby-dick/moby-dick.txt', 'utf8'));
  return { bigramLoss: bigramLoss({ ...nn, ...models } as unknown as BigramApi, book) };
}

/** Accuracy of a linear probe on MAE's encoder, on the same network untrained, and on pixels. */
function maeProbes(files: models.Files): object {
  const { training, heldOut } = readDataset('dist/samples/digits');
  const probe = (encode: (images: models.ImageDataset) => nearfar.Matrix): object => {
    const [train, test] = [encode(training), encode(heldOut)];
    const [trainLabels, testLabels] = [training.labels ?? [], heldOut.labels ?? []];
    const data = { train, trainLabels, test, testLabels };
    const found = models.fewShotAccuracy(data, DIGITS_COUNTS, { seed: 1, draws: seeds });
    return Object.fromEntries(found.map(({ perClass, draws }) => [perClass, meanStd(draws)]));
  };
  const pretrained = models.loadMae(files);
  nn.manualSeed(1);
  const untrained = new models.MAE(pretrained.config);
  const probes = {
    draws: seeds,
    pixels: probe(pixelRows),
    untrained: probe((images) => untrained.encode(images)),
    pretrained: probe((images) => pretrained.encode(images)),
  };
  for (const model of [pretrained, untrained]) model.dispose();
  return { probes };
}

/** Metrics that the record of the pre-training does not have. */
const FURTHER: Readonly<Record<string, (files: models.Files) => object | Promise<object>>> = {
  clip: clipEnsembles,
  gpt: gptBaseline,
  mae: maeProbes,
};

for (const { name, prepare } of RECIPES) {
  if (!chosen.includes(name)) continue;
  const files = readFolder(`src/weights/${name}`);
  const record: PretrainingRecord = JSON.parse(
    new TextDecoder().decode(files.get('pretraining.json')),
  );
  const { model, measure } = await prepare(record.seed);
  const metrics = { ...measure(files), ...(await FURTHER[name]?.(files)) };
  model.dispose();
  const { steps } = record.training;
  results[name] = { steps, parameters: record.parameters, ...metrics };
  process.stdout.write(`${name}, ${steps} steps: ${JSON.stringify(metrics)}\n`);
}

if (chosen.includes(FEW_LABELS)) {
  const bert = models.loadBert(readFolder('src/weights/bert'));
  nn.manualSeed(1);
  const scratch = new models.BERT(bert.tokenizer, bert.config);
  const rows = await compareClassifiers(
    { nearfar, models } as unknown as Api,
    mailsOf(readFileSync('dist/samples/mails/mails.jsonl', 'utf8')),
    { bert, scratch } as unknown as Parameters<typeof compareClassifiers>[2],
    {
      ...{ finetuning: {}, counts: COUNTS, seeds, seed: 1 },
      onFit(done, of, accuracy) {
        process.stderr.write(`${done} of ${of} classifiers, ${(100 * accuracy).toFixed(1)} %\n`);
      },
    },
  );
  for (const { method, perClass, mean, std } of rows) {
    process.stdout.write(`${method}, ${perClass} per class: ${formatMeanStd({ mean, std })} %\n`);
  }
  results.fewLabels = { seeds, ...byMethod(rows) };
}

if (values.write) {
  // What was not chosen stays as the file has it, so that several runs make one table.
  const kept = readResults().get('pretrained')?.results as object | undefined;
  writeResults('pretrained', 'npm run pretrained', { ...kept, ...results });
}
process.exit();
