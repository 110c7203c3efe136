/** Fine-tuning an encoder of pictures on few labels, beside the same network from scratch. */

import {
  type Augmentation,
  type Files,
  ImageClassifier,
  type ImageEncoder,
  sampleLabeled,
  subset,
  train,
} from '../../models/index.js';
import { loadSafetensors, manualSeed, saveSafetensors, tidy } from '../../nn/index.js';
import { InputError } from '../../terminal/errors.js';
import { firstImages, type ImageSplit } from '../input/images.js';
import { hasLabels } from './embeddings.js';
import type { FinetuneRequest, FinetuneResult } from './model.js';
import { numberSetting } from './options.js';

/** Pictures that judge, at most. */
const MAX_HELD_OUT = 10_000;

/** The layer that names pictures, beside the files of the encoder below it. */
const HEAD = 'classifier.safetensors';

/** An encoder to fine-tune, and what becomes of it. */
export interface FinetuneTarget {
  /** A copy, trained as it is. */
  copy(): ImageEncoder;
  /** The same network before any training. */
  fresh(): ImageEncoder;
  /** Of the vectors that it gives. */
  width: number;
  augmentation: Augmentation;
  /** Of the copy, once it is tuned. */
  files(): Files;
}

/** A fine-tuned classifier from its files, with the encoder that was read from them; or none. */
export function openClassifier(
  files: Files,
  encoder: ImageEncoder,
  augmentation: Augmentation,
): ImageClassifier | undefined {
  const bytes = files.get(HEAD);
  if (bytes === undefined) return undefined;
  return tidy(() => {
    const head = loadSafetensors(bytes);
    const [classes, width] = head.get('weight')?.shape ?? [];
    if (classes === undefined || width === undefined) {
      throw new RangeError(`${HEAD} must hold weight, (classes, width), and bias`);
    }
    const classifier = new ImageClassifier(encoder, width, classes, augmentation);
    classifier.output.loadStateDict(head);
    return classifier.eval() as ImageClassifier;
  });
}

export async function finetuneImageModel(
  { copy, fresh, width, augmentation, files }: FinetuneTarget,
  data: ImageSplit,
  { path, labelsPerClass, settings, signal, onStep }: FinetuneRequest,
): Promise<FinetuneResult> {
  if (!hasLabels(data)) throw new InputError(`${path}: there are no labels of two kinds or more`);
  const seed = numberSetting(settings, 'seed', 0);
  const { training, validation } = data;
  const labels = training.labels as Int32Array;
  const perClass = labelsPerClass ?? training.count;
  const learnt = subset(training, sampleLabeled(labels, perClass, seed));
  const classes = Math.max(...new Set([...labels, ...(validation.labels as Int32Array)])) + 1;
  const heldOut = firstImages(validation, MAX_HELD_OUT);
  const run = async (
    network: Parameters<typeof onStep>[0],
    encoder: ImageEncoder,
  ): Promise<{ accuracy: number; classifier: ImageClassifier }> => {
    const classifier = new ImageClassifier(encoder, width, classes, augmentation);
    const options = {
      ...settings,
      batchSize: numberSetting(settings, 'batchSize', Math.min(64, learnt.count)),
    };
    for await (const step of train(classifier, learnt, { ...options, seed, signal })) {
      await onStep(network, step);
    }
    return { accuracy: classifier.accuracy(heldOut), classifier };
  };
  const tuned = await run('pre-trained', copy());
  manualSeed(seed);
  const scratch = await run('from scratch', fresh());
  scratch.classifier.dispose();
  const result = {
    files: files().set(
      HEAD,
      tidy(() => saveSafetensors(tuned.classifier.output.stateDict())),
    ),
    accuracy: tuned.accuracy,
    scratchAccuracy: scratch.accuracy,
    labelled: learnt.count,
    heldOut: heldOut.count,
    classes: new Set(labels).size,
  };
  tuned.classifier.dispose();
  return result;
}
