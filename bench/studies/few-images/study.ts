/**
 * Measures SimCLR with few labels: a linear probe and k-NN on embeddings of the trained encoder, of
 * the untrained one, and on raw pixels, versus the same network trained on the labels alone. All
 * are evaluated on the same held-out images; each seed has its own weights, views and labels.
 */

import type { Matrix } from 'nearfar';
import {
  augmentationFor,
  fewShotAccuracy,
  ImageClassifier,
  type ImageDataset,
  SimCLR,
  sampleLabeled,
  subset,
  type TrainStep,
  train,
} from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';
import { pixelRows } from '../../../src/data/images/pixel-rows.js';
import { type MeanStd, meanStd } from '../mean-std.js';
import type { Dataset } from './data.js';

export interface StudyOptions {
  /** Numbers of labeled images per class; Infinity takes all. */
  counts: readonly number[];
  seeds: number;
  /** Training steps of SimCLR. */
  steps: number;
  /** Training steps of the supervised network. */
  supervisedSteps: number;
  /** Called after every step. */
  onStep(what: string, step: TrainStep): Promise<void>;
}

/** Classifiers that are compared. */
export const METHODS = [
  'raw pixels, probe',
  'raw pixels, k-NN',
  'untrained encoder, probe',
  'untrained encoder, k-NN',
  'SimCLR encoder, probe',
  'SimCLR encoder, k-NN',
  'the same network, by labels alone',
] as const;
export type Method = (typeof METHODS)[number];

/** Accuracy on held-out images, over the seeds. */
export interface Accuracy extends MeanStd {
  method: Method;
  /** Labels per class; undefined for all. */
  perClass: number | undefined;
  accuracies: number[];
}

/** With all labels, the number of labeled images is bounded by this. */
export const MAX_TRAINING_IMAGES = 10_000;

/** Trains the network on labels alone. @returns its accuracy on held-out images */
async function supervised(
  { labeledImages, heldOut }: { labeledImages: ImageDataset; heldOut: ImageDataset },
  { seed, steps, fresh }: { seed: number; steps: number; fresh: () => SimCLR },
  onStep: (step: TrainStep) => Promise<void>,
): Promise<number> {
  manualSeed(seed);
  const network = fresh();
  const classes = Math.max(...new Set(heldOut.labels)) + 1;
  const classifier = new ImageClassifier(network, network.width, classes, network.augmentation);
  const options = { steps, seed, batchSize: Math.min(64, labeledImages.count) };
  for await (const step of train(classifier, labeledImages, options)) await onStep(step);
  const accuracy = classifier.accuracy(heldOut);
  classifier.dispose();
  return accuracy;
}

/** Runs the study, one seed after the other. */
export async function fewImagesStudy(
  { training, heldOut }: Dataset,
  { counts, seeds, steps, supervisedSteps, onStep }: StudyOptions,
): Promise<Accuracy[]> {
  const found = new Map<string, number[]>();
  const record = (method: Method, perClass: number, accuracy: number): void => {
    const key = `${method} ${perClass}`;
    found.set(key, [...(found.get(key) ?? []), accuracy]);
  };
  const count = Math.min(MAX_TRAINING_IMAGES, training.count);
  const labeled = subset(
    training,
    Array.from({ length: count }, (_, row) => row),
  );
  const [trainLabels, testLabels] = [labeled.labels as Int32Array, heldOut.labels as Int32Array];
  const evaluate = (name: string, encode: (of: ImageDataset) => Matrix, seed: number): void => {
    const data = { train: encode(labeled), trainLabels, test: encode(heldOut), testLabels };
    for (const { perClass, probe, knn } of fewShotAccuracy(data, counts, { seed, draws: 1 })) {
      record(`${name}, probe` as Method, perClass, probe);
      record(`${name}, k-NN` as Method, perClass, knn);
    }
  };
  const { shape } = training;
  const fresh = (): SimCLR => new SimCLR({ ...shape, augmentation: augmentationFor(training) });
  for (let seed = 1; seed <= seeds; seed++) {
    evaluate('raw pixels', pixelRows, seed);
    manualSeed(seed);
    const model = fresh();
    const encode = (images: ImageDataset): Matrix => model.encode(images);
    evaluate('untrained encoder', encode, seed);
    for await (const step of train(model, training, { steps, seed })) {
      await onStep(`seed ${seed}: SimCLR`, step);
    }
    evaluate('SimCLR encoder', encode, seed);
    model.dispose();
    for (const perClass of counts) {
      const labeledImages = subset(labeled, sampleLabeled(trainLabels, perClass, seed));
      const accuracy = await supervised(
        { labeledImages, heldOut },
        { seed, steps: supervisedSteps, fresh },
        (step) => onStep(`seed ${seed}: ${labeledImages.count} labels`, step),
      );
      record('the same network, by labels alone', perClass, accuracy);
    }
  }
  return METHODS.flatMap((method) =>
    counts.map((perClass) => {
      const accuracies = found.get(`${method} ${perClass}`) ?? [];
      const finite = Number.isFinite(perClass) ? perClass : undefined;
      return { method, perClass: finite, accuracies, ...meanStd(accuracies) };
    }),
  );
}
