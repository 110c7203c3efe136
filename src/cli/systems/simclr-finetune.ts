/** Fine-tuning a SimCLR on few labels, beside the same network from scratch. */

import {
  drawLabelled,
  loadSimClr,
  PictureClassifier,
  type Pictures,
  pictureSubset,
  SimCLR,
  saveSimClr,
  train,
} from '../../models/index.js';
import { manualSeed } from '../../nn/index.js';
import { InputError } from '../command.js';
import type { PictureData } from '../pictures.js';
import { hasLabels } from './embeddings.js';
import { type Finetuned, type Finetuning, numberOf } from './system.js';

/** Pictures that judge, at most. */
const MOST_HELD_OUT = 10_000;

export async function finetuneSimClr(
  model: SimCLR,
  data: PictureData,
  { path, labelsPerClass, settings, signal, onStep }: Finetuning,
): Promise<Finetuned> {
  if (!hasLabels(data)) throw new InputError(`${path}: there are no labels of two kinds or more`);
  const seed = numberOf(settings, 'seed', 0);
  const { training, validation } = data;
  const labels = training.labels as Int32Array;
  const perClass = labelsPerClass ?? training.count;
  const learnt = pictureSubset(training, drawLabelled(labels, perClass, seed));
  const classes = Math.max(...labels, ...(validation.labels as Int32Array)) + 1;
  const heldOut = head(validation, MOST_HELD_OUT);
  const run = async (
    network: Parameters<typeof onStep>[0],
    encoder: SimCLR,
  ): Promise<{ accuracy: number; classifier: PictureClassifier }> => {
    const width = encoder.encoder.width;
    const classifier = new PictureClassifier(encoder, width, classes, encoder.augmentation);
    const options = { ...settings, batch: numberOf(settings, 'batch', Math.min(64, learnt.count)) };
    for await (const step of train(classifier, learnt, { ...options, seed, signal })) {
      await onStep(network, step);
    }
    return { accuracy: classifier.accuracy(heldOut), classifier };
  };
  const tuned = await run('pre-trained', loadSimClr(saveSimClr(model)));
  manualSeed(seed);
  const scratch = await run('from scratch', new SimCLR(model.config));
  scratch.classifier.dispose();
  return {
    files: saveSimClr(tuned.classifier.encoder as SimCLR),
    accuracy: tuned.accuracy,
    scratchAccuracy: scratch.accuracy,
    labelled: learnt.count,
    heldOut: heldOut.count,
    classes: new Set(labels).size,
  };
}

function head(pictures: Pictures, most: number): Pictures {
  const rows = Array.from({ length: Math.min(most, pictures.count) }, (_, row) => row);
  return pictureSubset(pictures, rows);
}
