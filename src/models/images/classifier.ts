/**
 * A classifier of images: an encoder, trained before or not, and a linear layer on what it gives.
 * Fine-tuning trains both on a few labels; from scratch it is the supervised network that
 * self-supervised learning is measured by.
 */

import { rangeError } from '../../core/validation.js';
import { type Augmentation, imagesToTensor } from '../../data/images/augment.js';
import { type ImageDataset, readSamples } from '../../data/images/dataset.js';
import { crossEntropy, Linear, Module, type Tensor } from '../../nn/index.js';
import { inference } from '../../nn/inference.js';
import { shuffledOrder } from '../../train/epochs.js';
import type { Trainable, TrainDefaults } from '../../train/train.js';

/** What turns images (B, C, H, W) into vectors (B, width). */
export interface ImageEncoder extends Module {
  forward(x: Tensor): Tensor;
}

export interface ImageClassifierBatch {
  pixels: Uint8Array;
  labels: readonly number[];
  seed: number;
  step: number;
  /** Index of each image in the whole batch of the step. */
  samples: readonly number[];
}

const INFERENCE_BATCH = 256;

export class ImageClassifier
  extends Module
  implements Trainable<ImageDataset, ImageClassifierBatch>
{
  readonly encoder: ImageEncoder;
  readonly output: Linear;
  readonly augmentation: Augmentation;

  readonly defaults: TrainDefaults = {
    steps: 200,
    batchSize: 64,
    learningRate: 1e-3,
    warmup: 20,
    weightDecay: 1e-2,
    betas: [0.9, 0.999],
    gradClip: 1,
  };

  /**
   * @param width of what the encoder gives
   * @param augmentation how training images are varied
   */
  constructor(encoder: ImageEncoder, width: number, classes: number, augmentation: Augmentation) {
    super();
    this.encoder = encoder;
    this.augmentation = augmentation;
    this.output = new Linear(width, classes);
    // All classes are equally likely at first, so that the encoder is not shaken by chance.
    this.output.weight.data.fill(0);
    this.output.bias?.data.fill(0);
  }

  /** Logits (B, classes) of images (B, C, H, W). */
  forward(x: Tensor): Tensor {
    return this.output.forward(this.encoder.forward(x));
  }

  /** Labeled images, each as often as any other; a step may see some of them twice. */
  batches(
    data: ImageDataset,
    { batchSize, seed }: { batchSize: number; seed: number },
  ): (step: number, first?: number, count?: number) => ImageClassifierBatch {
    const { labels, count } = data;
    if (labels === undefined) rangeError('train', 'data', 'with labels', 'none');
    const rowsFrom = shuffledOrder(count, seed);
    return (step, first = 0, length = batchSize) => {
      const wanted = rowsFrom(step * batchSize + first, length);
      const { pixels, rows, samples } = readSamples(data, wanted, first);
      return { pixels, labels: rows.map((row) => labels[row] as number), seed, step, samples };
    };
  }

  loss({ pixels, labels, seed, step, samples }: ImageClassifierBatch): Tensor {
    const views = this.augmentation.views(pixels, { seed, step, samples, view: 0 });
    return crossEntropy(this.forward(views), labels);
  }

  /** The likeliest class of each image that can be read, and which images these are. */
  predict(data: ImageDataset): { classes: number[]; rows: number[] } {
    const classes: number[] = [];
    const found: number[] = [];
    for (let from = 0; from < data.count; from += INFERENCE_BATCH) {
      const length = Math.min(INFERENCE_BATCH, data.count - from);
      const { pixels, rows } = data.read(Array.from({ length }, (_, i) => from + i));
      if (rows.length === 0) continue;
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

  /** Share of labeled images that are named rightly. */
  accuracy(data: ImageDataset): number {
    const { labels } = data;
    if (labels === undefined) rangeError('accuracy', 'data', 'with labels', 'none');
    const { classes, rows } = this.predict(data);
    const hits = rows.filter((row, i) => labels[row] === classes[i]).length;
    return hits / rows.length;
  }
}
