/** The models whose batches ranks share, each with what they need to know of it. */

import { CLIP } from '../../models/clip/clip.js';
import { BertNetwork } from '../../models/sentence/training/bert.js';
import type { SentenceBatch } from '../../models/sentence/training/task.js';
import { SentenceTrainer } from '../../models/sentence/training/trainer.js';
import { SimCLR } from '../../models/simclr/simclr.js';
import type { Trainable } from '../../train/train.js';
import { clipWork } from './clip.js';
import { sentenceWork } from './sentence.js';
import { simClrWork } from './simclr.js';
import type { Batches, Contrastive } from './work.js';

/**
 * Tells how ranks share the batches of a model; undefined where its loss is a mean over samples.
 *
 * @param batches batches of the model
 */
export function contrastiveOf<Data, Batch>(
  model: Trainable<Data, Batch>,
  batches: Batches<Batch>,
): Contrastive | undefined {
  const untyped = batches as Batches<never>;
  if (model instanceof SimCLR) return simClrWork(model, untyped);
  if (model instanceof CLIP) return clipWork(model, untyped);
  if (model instanceof SentenceTrainer) {
    const sparse = model.network instanceof BertNetwork ? [] : model.parameters().values();
    return sentenceWork(model, untyped as Batches<SentenceBatch>, new Set(sparse));
  }
  return undefined;
}
