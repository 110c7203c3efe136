/** What an encoder of pictures is judged by, whatever it was trained with. */

import type { Matrix } from '../../index.js';
import {
  type FewShotAccuracy,
  fewShotAccuracy,
  type ImageDataset,
  subset,
} from '../../models/index.js';
import type { ImageSplit } from '../input/images.js';
import type { Metrics } from './model.js';

/** Turns pictures into rows; what can't be read is left out. */
export type Encode = (pictures: ImageDataset) => Matrix;

/** Labelled pictures that a probe learns from, and that judge it, at most. */
const MAX_TRAINING = 10_000;
const MAX_HELD_OUT = 10_000;
/** While training goes on, fewer tell as much as is needed. */
const SAMPLE_TRAINING = 2000;
const SAMPLE_HELD_OUT = 500;

/** Some pictures, evenly from all of them, with those left out that can't be read. */
function sampleReadable(pictures: ImageDataset, most: number): ImageDataset {
  const count = Math.min(most, pictures.count);
  const rows = Array.from({ length: count }, (_, i) => Math.floor((i * pictures.count) / count));
  const sound = rows.filter((row) => pictures.read([row]).rows.length > 0);
  return subset(pictures, sound);
}

/** Whether there are labels of two kinds or more to learn from and to be judged by. */
export function hasLabels({ training, validation }: ImageSplit): boolean {
  return validation.labels !== undefined && new Set(training.labels).size > 1;
}

/** Accuracies of one encoder on held-out pictures, by the number of labels a class. */
export function evaluateEncoder(
  encode: Encode,
  training: ImageDataset,
  heldOut: ImageDataset,
  counts: readonly number[],
  options?: Parameters<typeof fewShotAccuracy>[2],
): FewShotAccuracy[] {
  const data = {
    train: encode(training),
    trainLabels: training.labels as Int32Array,
    test: encode(heldOut),
    testLabels: heldOut.labels as Int32Array,
  };
  return fewShotAccuracy(data, counts, options);
}

/** The same of one encoder after the other, on as many pictures as are judged in a moment. */
export function evaluateEncoders<Name extends string>(
  encoders: Readonly<Record<Name, Encode>>,
  { training, validation }: ImageSplit,
  counts: readonly number[],
): Record<Name, FewShotAccuracy[]> {
  const [learnt, judged] = [
    sampleReadable(training, MAX_TRAINING),
    sampleReadable(validation, MAX_HELD_OUT),
  ];
  const judge = (encode: Encode): FewShotAccuracy[] =>
    evaluateEncoder(encode, learnt, judged, counts);
  const entries = Object.entries<Encode>(encoders).map(([name, encode]) => [name, judge(encode)]);
  return Object.fromEntries(entries);
}

/** Accuracies with all labels, or with some pictures of each part while training goes on. */
export function encoderAccuracies(encode: Encode, data: ImageSplit, sample: boolean): Metrics {
  if (!hasLabels(data)) return {};
  const part = sample
    ? {
        ...data,
        training: sampleReadable(data.training, SAMPLE_TRAINING),
        validation: sampleReadable(data.validation, SAMPLE_HELD_OUT),
      }
    : data;
  const [all] = evaluateEncoders({ encode }, part, [Number.POSITIVE_INFINITY]).encode;
  const { knn = 0, probe = 0 } = all ?? {};
  return sample ? { knnAccuracy: knn } : { knnAccuracy: knn, probeAccuracy: probe };
}
