/** Mails classified with few labels: fine-tuning of the pre-trained BERT, next to other classifiers. */

import {
  type Accuracy,
  compareClassifiers,
  METHODS,
} from '../../../bench/studies/few-labels/study.js';
import type { Dataset } from '../../../build/samples/mails-split.js';
import * as nearfar from '../../index.js';
import * as models from '../../models/index.js';
import { manualSeed } from '../../nn/index.js';
import { readPretrained } from './pretrained.js';
import type { SectionContext } from './section.js';

/** Less of everything unless there is time. */
const QUICK = { counts: [8, 32], seeds: 2, heldOut: 220, finetuning: { steps: 16, batchSize: 8 } };
const FULL = { counts: [8, 32, 128], seeds: 5, heldOut: Number.POSITIVE_INFINITY, finetuning: {} };

/** Accuracies of the classifiers. */
export interface FewLabelsRun {
  results: Accuracy[];
  counts: readonly number[];
  /** Number of mails that they are evaluated on. */
  heldOut: number;
}

/** Trains all classifiers on draws of the labels, with a progress bar. */
export async function compareFewShot(
  { name, training, heldOut }: Dataset,
  { full, seed, terminal }: SectionContext,
): Promise<FewLabelsRun> {
  const { counts, seeds, heldOut: most, finetuning } = full ? FULL : QUICK;
  const bert = models.loadBert(readPretrained('bert').files);
  manualSeed(seed);
  const scratch = new models.BERT(bert.tokenizer, bert.config);
  const texts = heldOut.texts.slice(0, most);
  const progress = terminal.progress('few-labels', counts.length * seeds * METHODS.length, {
    unit: { name: 'classifiers', perStep: 1 },
  });
  const data = { name, training, heldOut: { texts, labels: heldOut.labels.slice(0, most) } };
  const results = await compareClassifiers(
    { nearfar, models },
    data,
    { bert, scratch },
    {
      ...{ counts, seeds, seed, finetuning },
      onFit: (done, _of, accuracy) => progress.step(done, 1 - accuracy),
    },
  );
  progress.end();
  for (const model of [bert, scratch]) model.dispose();
  return { results, counts, heldOut: texts.length };
}
