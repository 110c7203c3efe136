/** A small BERT on mails: trained to name masked words, then fine-tuned on a few labels. */

import { mailsOf } from '../../../bench/studies/few-labels/mails.js';
import {
  type Dataset,
  fewLabelsStudy,
  type Study,
} from '../../../bench/studies/few-labels/study.js';
import * as nearfar from '../../index.js';
import * as models from '../../models/index.js';
import { readSample } from '../../terminal/package-files.js';
import type { SectionContext } from './section.js';

const CONTEXT = 64;
/** Less of everything unless there is time: the network, the training, and draws of labels. */
const SMALL = {
  config: { layers: 1, heads: 2, width: 64, context: CONTEXT, dropout: 0 },
  vocabulary: 2048,
  pretraining: { steps: 400, batchSize: 32, learningRate: 3e-3 },
  finetuning: { steps: 40, batchSize: 16 },
  seeds: 2,
};
const FULL = {
  vocabulary: 4096,
  config: { layers: 2, heads: 4, width: 128, context: CONTEXT },
  pretraining: { steps: 6000, batchSize: 32, learningRate: 3e-3 },
  finetuning: {},
  seeds: 5,
};
/** Labels per class. */
export const COUNTS = [8, 32, 128];

/** Loads the mails that come with the package. */
export function loadMails(): Dataset {
  return mailsOf(new TextDecoder().decode(readSample('mails/mails.jsonl')));
}

/** Pre-trains and fine-tunes, with a progress bar for each. */
export async function trainBert(
  data: Dataset,
  { full, seed, terminal }: SectionContext,
): Promise<Study> {
  const options = full ? FULL : SMALL;
  const { steps, batchSize } = options.pretraining;
  const unit = { name: 'tokens', perStep: batchSize * CONTEXT };
  const pretraining = terminal.progress('bert', steps, { unit, range: [0, 0.5] });
  let fits: ReturnType<typeof terminal.progress> | undefined;
  const study = await fewLabelsStudy({ nearfar, models }, data, {
    ...options,
    counts: COUNTS,
    seed,
    onPretraining: ({ step, loss }) => pretraining.step(step, loss),
    async onFit(done, of, accuracy) {
      if (fits === undefined) pretraining.end();
      fits ??= terminal.progress('few labels', of, {
        unit: { name: 'classifiers', perStep: 1 },
        range: [0.5, 1],
      });
      await fits.step(done, 1 - accuracy);
    },
  });
  fits?.end();
  return study;
}

/** Accuracy on masked tokens of the network and of simple baselines. */
export interface Named extends models.Baselines {
  valLoss: number;
  maskedAccuracy: number;
}

/** Evaluates on the masked tokens of held-out mails. */
export function evaluateBert(bert: models.BERT, { training, heldOut }: Dataset): Named {
  const documents = training.texts.map((text) => bert.tokenizer.encode(text));
  const { loss, accuracy } = bert.evaluate(heldOut.texts);
  const counted = models.maskedBaselines(bert, heldOut.texts, models.Bigrams.of(documents));
  return { valLoss: loss, maskedAccuracy: accuracy, ...counted };
}
