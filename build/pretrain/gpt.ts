/** GPT on the characters of Moby-Dick: nanoGPT's network and number of steps for a CPU. */

import { readFileSync } from 'node:fs';
import { GPT, loadGpt, saveGpt } from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';
import { splitBook } from '../samples/book-split.js';
import type { Recipe } from './recipe.js';

const SAMPLE = 'dist/samples/moby-dick/moby-dick.txt';
const CONFIG = { layers: 4, heads: 4, width: 128, context: 64 };
const TRAINING = { steps: 2000, batchSize: 12, learningRate: 2e-3 };
/** Characters of the held-out part that the curve is measured on. */
const PART = 16_384;

export const gpt: Recipe<string> = {
  name: 'gpt',
  training: TRAINING,
  prepare(seed) {
    const { text, training, validation } = splitBook(readFileSync(SAMPLE, 'utf8'));
    manualSeed(seed);
    const model = new GPT(text, CONFIG);
    const part = validation.slice(0, PART);
    return {
      model,
      data: training,
      description: 'the first nine tenths of Moby-Dick; the last tenth is held out',
      metric: 'valLoss',
      unit: { name: 'characters', perStep: TRAINING.batchSize * CONFIG.context },
      validate: () => model.evaluate(part),
      files: () => saveGpt(model),
      measure(files) {
        const stored = loadGpt(files);
        const valLoss = stored.evaluate(validation);
        stored.dispose();
        return { valLoss };
      },
    };
  },
};
