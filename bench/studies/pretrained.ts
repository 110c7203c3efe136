/**
 * Study: the pre-trained models in the package, measured again on held-out data, and BERT fine-tuned
 * on few labels, next to the same network from scratch and to counted words.
 *
 *   npm run pretrained                             metrics of BERT, GPT, CLIP and MAE
 *   npm run pretrained -- --few-labels --seeds 5   few labels, too
 *   npm run pretrained -- --write                  and bench/results/pretrained.json
 */

import { readFileSync } from 'node:fs';
import * as nearfar from 'nearfar';
import * as models from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';
import { readFolder } from '../../build/files.js';
import type { PretrainingRecord } from '../../build/pretrain/recipe.js';
import { RECIPES } from '../../build/pretrain/recipes.js';
import { HELD_OUT_VENDOR, renderEmoji } from '../../build/samples/emoji.js';
import { emojiImages } from '../../build/samples/emoji-images.js';
import { mailsOf } from '../../build/samples/mails-split.js';
import { studyCommand, writeResults } from '../results-file.js';
import { readArguments, readInt } from './arguments.js';
import { type EnsembleApi, type EnsembleRecall, ensembleRecall } from './emoji/ensemble.js';
import { type Api, byMethod, compareClassifiers } from './few-labels/study.js';
import { formatMeanStd } from './mean-std.js';

const { values } = readArguments(['npm run pretrained -- [--few-labels] [--seeds <n>] [--write]'], {
  options: {
    'few-labels': { type: 'boolean', default: false },
    seeds: { type: 'string', default: '5' },
    write: { type: 'boolean', default: false },
  },
});
const seeds = readInt('--seeds', values.seeds);
const COUNTS = [8, 32, 128];
/** Random views of an image that are averaged with it. */
const VIEWS = 8;
const results: Record<string, unknown> = {};

/** Recall@1 of CLIP by several prompts per name, and by several views of each image, too. */
async function clipEnsembles(files: models.Files): Promise<Record<string, number>> {
  const clip = models.loadClip(files);
  const images = emojiImages(await renderEmoji(), [HELD_OUT_VENDOR]);
  const api = { ...nearfar, ...models } as unknown as EnsembleApi;
  const recall = (views: number): EnsembleRecall => {
    type Clip = Parameters<typeof ensembleRecall>[1];
    return ensembleRecall(api, clip as unknown as Clip, images, views);
  };
  const [prompts, views] = [recall(0), recall(VIEWS)];
  clip.dispose();
  return {
    promptsRecallAt1: prompts.imageToText,
    promptsTextRecallAt1: prompts.textToImage,
    views: VIEWS,
    viewsRecallAt1: views.imageToText,
    viewsTextRecallAt1: views.textToImage,
  };
}

for (const { name, prepare } of RECIPES) {
  const files = readFolder(`src/weights/${name}`);
  const record: PretrainingRecord = JSON.parse(
    new TextDecoder().decode(files.get('pretraining.json')),
  );
  const { model, measure } = await prepare(record.seed);
  const metrics = { ...measure(files), ...(name === 'clip' ? await clipEnsembles(files) : {}) };
  model.dispose();
  const { steps } = record.training;
  results[name] = { steps, parameters: record.parameters, ...metrics };
  process.stdout.write(`${name}, ${steps} steps: ${JSON.stringify(metrics)}\n`);
}

if (values['few-labels']) {
  const bert = models.loadBert(readFolder('src/weights/bert'));
  manualSeed(1);
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
  writeResults('pretrained', studyCommand('pretrained'), results);
}
process.exit();
