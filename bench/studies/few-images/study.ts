/**
 * What SimCLR is worth where labels are few: a linear probe and the nearest neighbours on what the
 * trained encoder makes of pictures, on what it made of them before training, and on raw pixels,
 * beside the same network taught by the labels alone. All are judged by the same held-out pictures;
 * each seed begins with other weights, sees other views and has labels of other pictures.
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
  /** Labelled pictures a class; Infinity is all there are. */
  counts: readonly number[];
  seeds: number;
  /** Of SimCLR. */
  steps: number;
  /** Of the network that is taught by labels. */
  supervisedSteps: number;
  /** Told of every step. */
  onStep(what: string, step: TrainStep): Promise<void>;
}

/** What names pictures. */
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

/** Share of held-out pictures named rightly, over the seeds. */
export interface Accuracy extends MeanStd {
  method: Method;
  /** Labels a class; none for all. */
  perClass: number | undefined;
  accuracies: number[];
}

/** With all labels, so many pictures are learnt from at most. */
export const MAX_TRAINING_IMAGES = 10_000;

/** How well the network does that was taught by labels and nothing else. */
async function supervised(
  { learnt, heldOut }: { learnt: ImageDataset; heldOut: ImageDataset },
  { seed, steps, fresh }: { seed: number; steps: number; fresh: () => SimCLR },
  onStep: (step: TrainStep) => Promise<void>,
): Promise<number> {
  manualSeed(seed);
  const network = fresh();
  const classes = Math.max(...new Set(heldOut.labels)) + 1;
  const classifier = new ImageClassifier(network, network.width, classes, network.augmentation);
  const options = { steps, seed, batchSize: Math.min(64, learnt.count) };
  for await (const step of train(classifier, learnt, options)) await onStep(step);
  const accuracy = classifier.accuracy(heldOut);
  classifier.dispose();
  return accuracy;
}

/** Runs the study, seed after seed. */
export async function fewImagesStudy(
  { training, heldOut }: Dataset,
  { counts, seeds, steps, supervisedSteps, onStep }: StudyOptions,
): Promise<Accuracy[]> {
  const found = new Map<string, number[]>();
  const note = (method: Method, perClass: number, accuracy: number): void => {
    const key = `${method} ${perClass}`;
    found.set(key, [...(found.get(key) ?? []), accuracy]);
  };
  const count = Math.min(MAX_TRAINING_IMAGES, training.count);
  const labelled = subset(
    training,
    Array.from({ length: count }, (_, row) => row),
  );
  const [trainLabels, testLabels] = [labelled.labels as Int32Array, heldOut.labels as Int32Array];
  const judge = (name: string, encode: (of: ImageDataset) => Matrix, seed: number): void => {
    const data = { train: encode(labelled), trainLabels, test: encode(heldOut), testLabels };
    for (const { perClass, probe, knn } of fewShotAccuracy(data, counts, { seed, draws: 1 })) {
      note(`${name}, probe` as Method, perClass, probe);
      note(`${name}, k-NN` as Method, perClass, knn);
    }
  };
  const { shape } = training;
  const fresh = (): SimCLR => new SimCLR({ ...shape, augmentation: augmentationFor(training) });
  for (let seed = 1; seed <= seeds; seed++) {
    judge('raw pixels', pixelRows, seed);
    manualSeed(seed);
    const model = fresh();
    const encode = (pictures: ImageDataset): Matrix => model.encode(pictures);
    judge('untrained encoder', encode, seed);
    for await (const step of train(model, training, { steps, seed })) {
      await onStep(`seed ${seed}: SimCLR`, step);
    }
    judge('SimCLR encoder', encode, seed);
    model.dispose();
    for (const perClass of counts) {
      const learnt = subset(labelled, sampleLabeled(trainLabels, perClass, seed));
      const accuracy = await supervised(
        { learnt, heldOut },
        { seed, steps: supervisedSteps, fresh },
        (step) => onStep(`seed ${seed}: ${learnt.count} labels`, step),
      );
      note('the same network, by labels alone', perClass, accuracy);
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
