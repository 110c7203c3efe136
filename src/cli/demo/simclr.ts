/**
 * SimCLR on the digits that come with the package: compared with raw pixels, the network
 * before training, and the same network trained on the labels alone.
 */

import { labelPropagation } from '../../../bench/studies/few-images/propagate.js';
import { digitRows } from '../../../build/samples/digits-split.js';
import { readIdx } from '../../data/files/idx.js';
import { pixelRows } from '../../data/images/pixel-rows.js';
import { knnClassify, linearProbe, type Matrix } from '../../index.js';
import {
  type FewShotAccuracy,
  ImageClassifier,
  type ImageDataset,
  imagesFrom,
  SimCLR,
  sampleLabeled,
  subset,
  train,
} from '../../models/index.js';
import { manualSeed } from '../../nn/index.js';
import { topK } from '../../search/top-k.js';
import { readSample } from '../../terminal/package-files.js';
import { evaluateEncoder } from '../models/embeddings.js';
import { mean } from './numbers.js';
import type { SectionContext } from './section.js';

const STEPS = 200;
const FULL_STEPS = 3000;
const BATCH = 128;
/** Neighbors of a digit that are found. */
export const NEAREST = 6;
/** Labels per class. */
export const COUNTS = [1, 3, 10, 30];
/** Labels per class that count as few. */
export const FEW = 10;
/** Draws of the labeled digits that accuracies are means of. */
const DRAWS = 3;
const FULL_DRAWS = 10;
/** Numbers of labels per class that the supervised network is trained on: it takes a while. */
const SUPERVISED = [3, 10];
const SUPERVISED_STEPS = 60;
const FULL_SUPERVISED = COUNTS;
const FULL_SUPERVISED_STEPS = 200;

/** Digits to train on, and held-out ones. */
export interface Digits {
  training: ImageDataset;
  heldOut: ImageDataset;
}

/** The digits that come with the package. */
export function loadDigits(): Digits {
  const images = readIdx(readSample('digits/digits-images-idx3-ubyte.gz'));
  const labels = readIdx(readSample('digits/digits-labels-idx1-ubyte.gz')).data;
  const [count = 0, height = 0, width = 0] = images.shape;
  const all = imagesFrom(images.data, { height, width, channels: 1 }, labels);
  const { training, heldOut } = digitRows(count);
  return { training: subset(all, training), heldOut: subset(all, heldOut) };
}

/** Nearest digits to train on of each held-out one, by cosine. */
export interface Neighbors {
  /** (held-out digits, NEAREST), nearest first. */
  indices: Int32Array;
  /** Fraction of nearest digits with the label of the held-out one, by embeddings and by pixels. */
  sameLabel: number;
  sameLabelPixels: number;
}

/** Results of a run. */
export interface SimClrRun {
  model: SimCLR;
  batch: number;
  losses: number[];
  /** Embeddings of the held-out digits. */
  before: Matrix;
  after: Matrix;
  raw: FewShotAccuracy[];
  untrained: FewShotAccuracy[];
  trained: FewShotAccuracy[];
  neighbors: Neighbors;
  /** Accuracy in each draw with `FEW` labels per class, spread to all digits to train on. */
  propagated: { raw: number[]; trained: number[] };
  supervised: { perClass: number; probe: number }[];
}

/** Trains without labels and evaluates with some. */
export async function trainSimClr(
  { training, heldOut }: Digits,
  { seed, full, terminal }: SectionContext,
): Promise<SimClrRun> {
  manualSeed(seed);
  const model = new SimCLR();
  const draws = full ? FULL_DRAWS : DRAWS;
  const evaluate = (encode: (images: ImageDataset) => Matrix): FewShotAccuracy[] =>
    evaluateEncoder(encode, training, heldOut, COUNTS, { seed, draws });
  const encode = (images: ImageDataset): Matrix => model.encode(images);
  const raw = evaluate(pixelRows);
  const untrained = evaluate(encode);
  const before = encode(heldOut);
  const losses: number[] = [];
  const steps = full ? FULL_STEPS : STEPS;
  const progress = terminal.progress('simclr', steps);
  for await (const { step, loss } of train(model, training, { steps, batchSize: BATCH, seed })) {
    losses.push(loss);
    await progress.step(step, loss);
  }
  progress.end();
  const trained = evaluate(encode);
  const supervised = await trainSupervised({ training, heldOut }, { seed, full, terminal });
  return {
    model,
    batch: BATCH,
    losses,
    before,
    after: encode(heldOut),
    raw,
    untrained,
    trained,
    propagated: {
      raw: propagate({ training, heldOut }, pixelRows, { seed, draws }),
      trained: propagate({ training, heldOut }, encode, { seed, draws }),
    },
    supervised,
    neighbors: nearestDigits({ training, heldOut }, encode),
  };
}

/** Spreads few labels to all digits to train on. @returns accuracy of k-NN in each draw */
function propagate(
  { training, heldOut }: Digits,
  encode: (images: ImageDataset) => Matrix,
  { seed, draws }: { seed: number; draws: number },
): number[] {
  const trainLabels = training.labels as Int32Array;
  const { knn } = labelPropagation(
    { topK, knnClassify, linearProbe },
    {
      train: encode(training),
      trainLabels,
      test: encode(heldOut),
      testLabels: heldOut.labels as Int32Array,
    },
  );
  return Array.from({ length: draws }, (_, draw) =>
    knn(sampleLabeled(trainLabels, FEW, seed, draw)),
  );
}

/** Finds the nearest digits to train on of all held-out ones. */
function nearestDigits(
  { training, heldOut }: Digits,
  encode: (images: ImageDataset) => Matrix,
): Neighbors {
  const find = (rows: (images: ImageDataset) => Matrix): Int32Array =>
    topK(rows(heldOut), rows(training), NEAREST).indices;
  const sameLabel = (indices: Int32Array): number => {
    const labels = Array.from(heldOut.labels as Int32Array);
    const same = labels.filter(
      (label, i) => training.labels?.[indices[NEAREST * i] as number] === label,
    );
    return same.length / labels.length;
  };
  const indices = find(encode);
  return { indices, sameLabel: sameLabel(indices), sameLabelPixels: sameLabel(find(pixelRows)) };
}

/** Trains the same network on few labels and nothing else. */
async function trainSupervised(
  { training, heldOut }: Digits,
  { seed, full, terminal }: SectionContext,
): Promise<SimClrRun['supervised']> {
  const counts = full ? FULL_SUPERVISED : SUPERVISED;
  const steps = full ? FULL_SUPERVISED_STEPS : SUPERVISED_STEPS;
  const progress = terminal.progress('labels alone', counts.length * steps);
  const results: SimClrRun['supervised'] = [];
  for (const perClass of counts) {
    manualSeed(seed);
    const network = new SimCLR();
    const { width } = network;
    const classifier = new ImageClassifier(network, width, 10, network.augmentation);
    const labeled = subset(training, sampleLabeled(training.labels as Int32Array, perClass, seed));
    const options = { steps, seed, batchSize: Math.min(64, labeled.count) };
    for await (const { step, loss } of train(classifier, labeled, options)) {
      await progress.step(results.length * steps + step, loss);
    }
    results.push({ perClass, probe: classifier.accuracy(heldOut) });
    classifier.dispose();
  }
  progress.end();
  return results;
}

/** Returns the mean loss of the last steps. */
export function lastLoss(losses: readonly number[]): number {
  return mean(losses.slice(-20));
}
