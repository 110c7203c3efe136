/** Evaluation of an image encoder by labels, whatever it was trained with. */

import type { Matrix } from '../../index.js';
import {
  type FewShotAccuracy,
  fewShotAccuracy,
  type ImageDataset,
  subset,
} from '../../models/index.js';
import { type ImageSplit, labeledImages } from '../input/images.js';
import type { Metrics } from './model.js';

/** Turns images into rows; images that cannot be read are left out. */
export type Encode = (images: ImageDataset) => Matrix;

/** Largest number of labeled images that a probe is fitted on, and evaluated on. */
const MAX_TRAINING = 10_000;
const MAX_HELD_OUT = 10_000;
/** Fewer are enough while training goes on. */
const SAMPLE_TRAINING = 2000;
const SAMPLE_HELD_OUT = 500;

/** Takes readable images with labels, evenly from all of them. */
function sampleLabeledImages(images: ImageDataset, max: number): ImageDataset {
  const { labeled } = labeledImages(images);
  const count = Math.min(max, labeled.count);
  const rows = Array.from({ length: count }, (_, i) => Math.floor((i * labeled.count) / count));
  const readable = rows.filter((row) => labeled.read([row]).rows.length > 0);
  return subset(labeled, readable);
}

/** Tells whether there are labels of two classes or more to train on, and some to evaluate on. */
export function hasLabels({ training, validation }: ImageSplit): boolean {
  return (
    labeledImages(validation).labeled.count > 0 &&
    new Set(labeledImages(training).labeled.labels).size > 1
  );
}

/** Computes the accuracies of an encoder on held-out images, by the number of labels per class. */
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

/** Accuracies of several encoders on the same images. */
export interface EncoderEvaluation<Name extends string> {
  results: Record<Name, FewShotAccuracy[]>;
  /** Numbers of labeled images that probes were fitted on and evaluated on. */
  labeled: number;
  heldOut: number;
}

/**
 * Evaluates encoders on the labeled images of a split, so many that it takes a moment.
 *
 * @param counts labels per class; counts that a class does not have are left out
 */
export function evaluateEncoders<Name extends string>(
  encoders: Readonly<Record<Name, Encode>>,
  { training, validation }: ImageSplit,
  counts: readonly number[],
  sample = false,
): EncoderEvaluation<Name> {
  const labeled = sampleLabeledImages(training, sample ? SAMPLE_TRAINING : MAX_TRAINING);
  const heldOut = sampleLabeledImages(validation, sample ? SAMPLE_HELD_OUT : MAX_HELD_OUT);
  const perClass = new Map<number, number>();
  for (const label of labeled.labels ?? []) perClass.set(label, (perClass.get(label) ?? 0) + 1);
  const fewest = Math.min(...perClass.values());
  const possible = counts.filter((count) => !Number.isFinite(count) || count <= fewest);
  const evaluate = (encode: Encode): FewShotAccuracy[] =>
    evaluateEncoder(encode, labeled, heldOut, possible);
  const entries = Object.entries<Encode>(encoders).map(([name, encode]) => [
    name,
    evaluate(encode),
  ]);
  const results = Object.fromEntries(entries);
  return { results, labeled: labeled.count, heldOut: heldOut.count };
}

/** Computes accuracies with all labels, or with some images of each part while training goes on. */
export function encoderAccuracies(encode: Encode, data: ImageSplit, sample: boolean): Metrics {
  if (!hasLabels(data)) return {};
  const all = [Number.POSITIVE_INFINITY];
  const { results, labeled, heldOut } = evaluateEncoders({ encode }, data, all, sample);
  const { knn = 0, probe = 0 } = results.encode[0] ?? {};
  if (sample) return { knnAccuracy: knn };
  return { knnAccuracy: knn, probeAccuracy: probe, labeled, labeledHeldOut: heldOut };
}
