/** BERT on the package's mails, without their labels. */

import { readFileSync } from 'node:fs';
import {
  BERT,
  Bigrams,
  JsonTokenizer,
  loadBert,
  maskedBaselines,
  saveBert,
  trainWordPiece,
  wordPieceJson,
} from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';
import { mailsOf } from '../samples/mails-split.js';
import type { Recipe } from './recipe.js';

const SAMPLE = 'dist/samples/mails/mails.jsonl';
const VOCABULARY = 2048;
const CONFIG = {
  ...{ layers: 2, heads: 4, width: 128, context: 64, dropout: 0 },
  maskProbability: 0.3,
};
const TRAINING = { steps: 10_000, batchSize: 16, learningRate: 2e-3 };
/** Windows of held-out mails that the curve is measured on. */
const WINDOWS = 400;

export const bert: Recipe<readonly ArrayLike<number>[]> = {
  name: 'bert',
  training: TRAINING,
  prepare(seed) {
    const { training, heldOut } = mailsOf(readFileSync(SAMPLE, 'utf8'));
    const pieces = wordPieceJson(trainWordPiece(training.texts, { size: VOCABULARY }));
    const tokenizer = new JsonTokenizer(pieces);
    manualSeed(seed);
    const model = new BERT(tokenizer, CONFIG);
    const documents = training.texts.map((text) => tokenizer.encode(text));
    return {
      model,
      data: documents,
      description:
        `${training.texts.length} mails of SpamAssassin's public corpus, without labels; ` +
        `${heldOut.texts.length} others are held out`,
      metric: 'maskedAccuracy',
      unit: { name: 'tokens', perStep: TRAINING.batchSize * CONFIG.context },
      validate: () => model.evaluate(heldOut.texts, WINDOWS).accuracy,
      files: () => saveBert(model),
      measure(files) {
        const stored = loadBert(files);
        const { loss, accuracy } = stored.evaluate(heldOut.texts);
        const counted = maskedBaselines(stored, heldOut.texts, Bigrams.of(documents));
        stored.dispose();
        return { valLoss: loss, maskedAccuracy: accuracy, ...counted };
      },
    };
  },
};
