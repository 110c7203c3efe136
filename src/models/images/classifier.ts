/**
 * A classifier of images: an encoder, trained before or not, and a linear layer on its vectors.
 * Fine-tuning trains both on a few labels; from scratch it is the supervised network that
 * self-supervised learning is compared with.
 */

import { integerIn, rangeError, typeError } from '../../core/validation.js';
import { Augmentation, imagesToTensor } from '../../data/images/augment.js';
import { checkImages, type ImageDataset, readSamples } from '../../data/images/dataset.js';
import { crossEntropy, Linear, Module, type Tensor } from '../../nn/index.js';
import { inference } from '../../nn/inference.js';
import { shuffledOrder } from '../../train/epochs.js';
import type { TrainDefaults } from '../../train/options.js';
import type { Trainable } from '../../train/train.js';
import { checkSize } from '../sizes.js';
import { imageBatches } from './batches.js';

/** Module that turns images (B, C, H, W) into vectors (B, width). */
export interface ImageEncoder extends Module {
  /**
   * Encodes images.
   * @param x (B, C, H, W), −1 black to 1 white
   * @returns (B, width)
   */
  forward(x: Tensor): Tensor;
}

/** Images of a step with their classes. */
export interface ImageClassifierBatch {
  /** Pixels, u8 (B, H, W, C). */
  pixels: Uint8Array;
  /** Class of each image. */
  labels: readonly number[];
  /** Seed of the views' random numbers. */
  seed: number;
  /** Step of training. */
  step: number;
  /** Index of each image in the whole batch of the step. */
  samples: readonly number[];
}

/** Images that are classified at once. */
const INFERENCE_BATCH = 256;

/** Default training options of a classifier of images. */
export const IMAGE_CLASSIFIER_TRAINING: TrainDefaults = {
  steps: 200,
  batchSize: 64,
  learningRate: 1e-3,
  warmup: 20,
  weightDecay: 1e-2,
  betas: [0.9, 0.999],
  gradClip: 1,
};

/**
 * Classifier of images on an encoder.
 *
 * @example
 * const classifier = new ImageClassifier(simclr, simclr.width, 10, simclr.augmentation);
 * for await (const { loss } of train(classifier, labeledImages)) console.log(loss);
 */
export class ImageClassifier
  extends Module
  implements Trainable<ImageDataset, ImageClassifierBatch>
{
  /** Encoder, trained along. */
  readonly encoder: ImageEncoder;
  /** Last layer, (classes, width). */
  readonly output: Linear;
  /** Augmentation of training images. */
  readonly augmentation: Augmentation;

  /** Options of `train` where it is given none. */
  readonly defaults: TrainDefaults = IMAGE_CLASSIFIER_TRAINING;

  /**
   * @param encoder encoder, which belongs to the classifier from now on
   * @param width length of the encoder's vectors
   * @param classes number of classes
   * @param augmentation augmentation of training images
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(encoder: ImageEncoder, width: number, classes: number, augmentation: Augmentation) {
    super();
    if (!(encoder instanceof Module)) typeError('ImageClassifier', 'encoder', 'a Module', encoder);
    checkSize('ImageClassifier', 'width', width);
    integerIn(1, 2 ** 24)('ImageClassifier', 'classes', classes);
    if (!(augmentation instanceof Augmentation)) {
      typeError('ImageClassifier', 'augmentation', 'an Augmentation', augmentation);
    }
    this.encoder = encoder;
    this.augmentation = augmentation;
    this.output = new Linear(width, classes);
    // All classes are equally probable at first, so that the encoder is not shaken by chance.
    this.output.weight.data.fill(0);
    this.output.bias?.data.fill(0);
  }

  /**
   * Computes logits.
   * @param x images (B, C, H, W), −1 black to 1 white
   * @returns (B, classes)
   */
  forward(x: Tensor): Tensor {
    return this.output.forward(this.encoder.forward(x));
  }

  /**
   * Draws labeled images in random order, epoch after epoch.
   * @param data images with labels
   * @param options batchSize: images per step; seed: of the run
   * @returns function from a step's number, and a part of its batch, to the batch
   * @throws {TypeError | RangeError} if there are no labels
   */
  batches(
    data: ImageDataset,
    { batchSize, seed }: { batchSize: number; seed: number },
  ): (step: number, first?: number, count?: number) => ImageClassifierBatch {
    checkImages('train', data, this.augmentation.shape);
    const { labels, count } = data;
    if (labels === undefined) rangeError('train', 'data', 'with labels', 'none');
    const rowsFrom = shuffledOrder(count, seed);
    return (step, first = 0, length = batchSize) => {
      const wanted = rowsFrom(step * batchSize + first, length);
      const { pixels, rows, samples } = readSamples(data, wanted, first);
      return { pixels, labels: rows.map((row) => labels[row] as number), seed, step, samples };
    };
  }

  /**
   * Computes the loss: mean cross-entropy of the classes.
   * @param batch images with their classes
   * @returns scalar, in nats
   */
  loss({ pixels, labels, seed, step, samples }: ImageClassifierBatch): Tensor {
    const views = this.augmentation.views(pixels, { seed, step, samples, view: 0 });
    return crossEntropy(this.forward(views), labels);
  }

  /**
   * Predicts the class of each image that can be read.
   * @param data images
   * @returns classes, and rows: the indices of the images that they are of
   * @throws {TypeError | RangeError} if they are not images of the encoder's shape
   */
  predict(data: ImageDataset): { classes: number[]; rows: number[] } {
    checkImages('predict', data, this.augmentation.shape);
    const classes: number[] = [];
    const found: number[] = [];
    for (const { pixels, rows } of imageBatches(data, INFERENCE_BATCH)) {
      const logits = inference(this, () =>
        this.forward(imagesToTensor(pixels, data.shape)).toArray(),
      );
      const count = logits.length / rows.length;
      rows.forEach((row, i) => {
        const own = logits.subarray(i * count, (i + 1) * count);
        classes.push(own.indexOf(Math.max(...own)));
        found.push(row);
      });
    }
    return { classes, rows: found };
  }

  /**
   * Computes the accuracy on labeled images.
   * @param data images with labels
   * @returns fraction of the images that can be read whose class is predicted
   * @throws {TypeError | RangeError} if there are no labels
   */
  accuracy(data: ImageDataset): number {
    const { labels } = data ?? {};
    if (labels === undefined) rangeError('accuracy', 'data', 'with labels', 'none');
    const { classes, rows } = this.predict(data);
    const hits = rows.filter((row, i) => labels[row] === classes[i]).length;
    return hits / rows.length;
  }
}
