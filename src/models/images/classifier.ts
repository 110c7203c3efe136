/**
 * A classifier of pictures: an encoder, trained before or not, and a linear layer on what it gives.
 * Fine-tuning trains both on a few labels; from scratch it is the supervised network that
 * self-supervised learning is measured by.
 */

import { rangeError } from '../../core/validation.js';
import { type Augmentation, picturesToTensor } from '../../data/images/augment.js';
import type { Pictures } from '../../data/images/dataset.js';
import { crossEntropy, Linear, Module, noGrad, type Tensor, tidy } from '../../nn/index.js';
import { inTurn } from '../../train/epochs.js';
import type { Trainable, TrainDefaults } from '../../train/train.js';

/** What turns pictures (B, C, H, W) into vectors (B, width). */
export interface PictureEncoder extends Module {
  forward(x: Tensor): Tensor;
}

export interface PictureClassifierBatch {
  pixels: Uint8Array;
  labels: readonly number[];
  seed: number;
  step: number;
}

/** Stream of random numbers: the order of the pictures. */
const ORDER = 5;
const CHUNK = 256;

export class PictureClassifier
  extends Module
  implements Trainable<Pictures, PictureClassifierBatch>
{
  readonly encoder: PictureEncoder;
  readonly output: Linear;
  readonly augmentation: Augmentation;

  readonly defaults: TrainDefaults = {
    steps: 200,
    batch: 64,
    learningRate: 1e-3,
    warmup: 20,
    weightDecay: 1e-2,
    betas: [0.9, 0.999],
    gradClip: 1,
  };

  /**
   * @param width of what the encoder gives
   * @param augmentation how training pictures are varied
   */
  constructor(encoder: PictureEncoder, width: number, classes: number, augmentation: Augmentation) {
    super();
    this.encoder = encoder;
    this.augmentation = augmentation;
    this.output = new Linear(width, classes);
    // All classes are equally likely at first, so that the encoder is not shaken by chance.
    this.output.weight.data.fill(0);
    this.output.bias?.data.fill(0);
  }

  /** Logits (B, classes) of pictures (B, C, H, W). */
  forward(x: Tensor): Tensor {
    return this.output.forward(this.encoder.forward(x));
  }

  /** Labelled pictures, each as often as any other; a step may see some of them twice. */
  batches(
    data: Pictures,
    { batch, seed }: { batch: number; seed: number },
  ): (step: number) => PictureClassifierBatch {
    const { labels, count } = data;
    if (labels === undefined) rangeError('train', 'data', 'with labels', 'none');
    const rowsFrom = inTurn(count, seed, ORDER);
    return (step) => {
      const { pixels, rows } = data.read(rowsFrom(step * batch, batch));
      return { pixels, labels: rows.map((row) => labels[row] as number), seed, step };
    };
  }

  loss({ pixels, labels, seed, step }: PictureClassifierBatch): Tensor {
    const views = this.augmentation.views(pixels, { seed, step, view: 0 });
    return crossEntropy(this.forward(views), labels);
  }

  /** The likeliest class of each picture that can be read, and which pictures these are. */
  predict(data: Pictures): { classes: number[]; rows: number[] } {
    this.eval();
    const classes: number[] = [];
    const found: number[] = [];
    for (let from = 0; from < data.count; from += CHUNK) {
      const length = Math.min(CHUNK, data.count - from);
      const { pixels, rows } = data.read(Array.from({ length }, (_, i) => from + i));
      if (rows.length === 0) continue;
      const logits = tidy(() =>
        noGrad(() => this.forward(picturesToTensor(pixels, data.shape)).toArray()),
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

  /** Share of labelled pictures that are named rightly. */
  accuracy(data: Pictures): number {
    const { labels } = data;
    if (labels === undefined) rangeError('accuracy', 'data', 'with labels', 'none');
    const { classes, rows } = this.predict(data);
    const hits = rows.filter((row, i) => labels[row] === classes[i]).length;
    return hits / rows.length;
  }
}
