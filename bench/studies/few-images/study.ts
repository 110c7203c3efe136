/**
 * Measures SimCLR or MAE with few labels: a linear probe and k-NN on embeddings of the trained
 * encoder, of the untrained one, and on raw pixels, a probe with labels propagated to the images
 * without labels, and SimCLR's network trained on the labels alone. All are evaluated on the same held-out images; each seed has its own weights, views and
 * labels.
 */

import type { Matrix } from 'nearfar';
import * as nearfar from 'nearfar';
import {
  augmentationFor,
  fewShotAccuracy,
  ImageClassifier,
  type ImageDataset,
  MAE,
  type MaeConfig,
  SimCLR,
  sampleLabeled,
  subset,
  type Trainable,
  type TrainStep,
  train,
} from 'nearfar/models';
import { manualSeed } from 'nearfar/nn';
import { pixelRows } from '../../../src/data/images/pixel-rows.js';
import { type MeanStd, meanStd } from '../mean-std.js';
import type { Dataset } from './data.js';
import { labelPropagation, whitened } from './propagate.js';

export interface StudyOptions {
  model: ModelName;
  /** Config of the model, where it differs from the default. */
  config: Partial<MaeConfig>;
  /** Numbers of labeled images per class; Infinity takes all. */
  counts: readonly number[];
  seeds: number;
  /** Training steps of the model. */
  steps: number;
  /** Images per step. */
  batchSize: number;
  /** Training steps of the supervised network. */
  supervisedSteps: number;
  /** Called after every step. */
  onStep(what: string, step: TrainStep): Promise<void>;
}

/** Models whose encoder is evaluated. */
export const MODELS = ['simclr', 'mae'] as const;
export type ModelName = (typeof MODELS)[number];

/** Classifiers that are compared, by their keys in the file of results. */
export const METHODS = {
  pixelsProbe: 'raw pixels, probe',
  pixelsKnn: 'raw pixels, k-NN',
  untrainedProbe: 'untrained encoder, probe',
  untrainedKnn: 'untrained encoder, k-NN',
  trainedProbe: 'trained encoder, probe',
  trainedKnn: 'trained encoder, k-NN',
  pixelsPropagated: 'raw pixels, labels propagated',
  untrainedPropagated: 'untrained encoder, labels propagated',
  trainedPropagated: 'trained encoder, labels propagated',
  pixelsWhitened: 'raw pixels, whitened, labels propagated, k-NN',
  untrainedWhitened: 'untrained encoder, whitened, labels propagated, k-NN',
  trainedWhitened: 'trained encoder, whitened, labels propagated, k-NN',
  gain: 'probe: trained over untrained',
  labelsAlone: 'the same network, by labels alone',
} as const;
export type Method = keyof typeof METHODS;

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
  options: StudyOptions,
): Promise<Accuracy[]> {
  const { model: name, counts, seeds, steps, supervisedSteps, onStep } = options;
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
  const evaluate = (
    name: 'pixels' | 'untrained' | 'trained',
    encode: (of: ImageDataset) => Matrix,
    seed: number,
  ): void => {
    const data = { train: encode(labeled), trainLabels, test: encode(heldOut), testLabels };
    for (const { perClass, probe, knn } of fewShotAccuracy(data, counts, { seed, draws: 1 })) {
      record(`${name}Probe`, perClass, probe);
      record(`${name}Knn`, perClass, knn);
    }
    const propagation = labelPropagation(nearfar, data);
    const whitenedPropagation = labelPropagation(nearfar, whitened(nearfar, data));
    for (const perClass of counts.filter(Number.isFinite)) {
      const rows = sampleLabeled(trainLabels, perClass, seed);
      record(`${name}Propagated`, perClass, propagation.probe(rows));
      record(`${name}Whitened`, perClass, whitenedPropagation.knn(rows));
    }
  };
  const { shape } = training;
  const fresh = (): SimCLR => new SimCLR({ ...shape, augmentation: augmentationFor(training) });
  const make = (): SimCLR | MAE =>
    name === 'simclr' ? fresh() : new MAE({ ...shape, ...options.config });
  for (let seed = 1; seed <= seeds; seed++) {
    evaluate('pixels', pixelRows, seed);
    manualSeed(seed);
    const model = make();
    const encode = (images: ImageDataset): Matrix => model.encode(images);
    evaluate('untrained', encode, seed);
    const plan = { steps, batchSize: options.batchSize, seed };
    for await (const step of train(model as Trainable<ImageDataset, unknown>, training, plan)) {
      await onStep(`seed ${seed}: ${name}`, step);
    }
    evaluate('trained', encode, seed);
    model.dispose();
    for (const perClass of counts) {
      const last = (method: Method): number => found.get(`${method} ${perClass}`)?.at(-1) as number;
      record('gain', perClass, last('trainedProbe') - last('untrainedProbe'));
      if (name !== 'simclr') continue;
      const labeledImages = subset(labeled, sampleLabeled(trainLabels, perClass, seed));
      const accuracy = await supervised(
        { labeledImages, heldOut },
        { seed, steps: supervisedSteps, fresh },
        (step) => onStep(`seed ${seed}: ${labeledImages.count} labels`, step),
      );
      record('labelsAlone', perClass, accuracy);
    }
  }
  const measured = (Object.keys(METHODS) as Method[]).filter((method) =>
    found.has(`${method} ${counts[0]}`),
  );
  return measured.flatMap((method) =>
    counts.flatMap((perClass) => {
      const accuracies = found.get(`${method} ${perClass}`);
      // With all labels, none is propagated.
      if (accuracies === undefined) return [];
      const finite = Number.isFinite(perClass) ? perClass : undefined;
      return [{ method, perClass: finite, accuracies, ...meanStd(accuracies) }];
    }),
  );
}
