/**
 * SimCLR (Chen et al., 2020, "A simple framework for contrastive learning of visual
 * representations"). The pretext task: of all views in a batch, find the one that was made from the
 * same image. No label is needed (with labels, `'supCon'` has all views of a class find each
 * other).
 *
 *   B images, C channels, two views of each: rows i and i + B
 *   h = encoder(views)          (2B, features)     `encode` gives it beside what leads to it
 *   z = head(h)                 (2B, projection)   only for the loss
 *   loss = NT-Xent(z)
 */

import type { Matrix } from '../../core/matrix.js';
import { EVALUATION_STEP } from '../../core/streams.js';
import { checkChoice, checkPositive, checkTemperature, rangeError } from '../../core/validation.js';
import {
  Augmentation,
  type AugmentOptions,
  checkImageShape,
  type ImageShape,
  type ViewPosition,
} from '../../data/images/augment.js';
import { checkImages, type ImageDataset, readSamples } from '../../data/images/dataset.js';
import {
  add,
  avgPool2d,
  BatchNorm,
  ConvNet,
  concat,
  Mlp,
  Module,
  mul,
  noGrad,
  ntXent,
  reshape,
  slice,
  sqrt,
  supCon,
  type Tensor,
} from '../../nn/index.js';
import { inference } from '../../nn/inference.js';
import { fullBatches } from '../../train/epochs.js';
import { cachedLoss } from '../../train/gradient-cache.js';
import type { Trainable, TrainDefaults } from '../../train/train.js';
import { encodeImages, type ImageInput } from '../images/images.js';

/** Losses of two views (B, d) each. */
export type SimClrLoss = 'ntxent' | 'supcon';
export const SIMCLR_LOSSES: readonly SimClrLoss[] = ['ntxent', 'supcon'];

export interface SimClrConfig extends Partial<ImageShape> {
  /** Channels of the encoder's convolutions. */
  widths?: readonly number[];
  /** Width of h (default 128). */
  features?: number;
  /** Width of the head's middle (default 256). */
  hidden?: number;
  /** d, the width of what the loss sees (default 64). */
  projection?: number;
  /** Default 0.2. */
  temperature?: number;
  /** Default `'ntxent'`. */
  loss?: SimClrLoss;
  augmentation?: AugmentOptions;
  /** Images worked on at once: a larger batch goes through gradient caching (default 256). */
  chunkSize?: number;
}

/** Images of a step (B, H, W, C), and what their views are drawn from. */
export interface SimClrBatch {
  pixels: Uint8Array;
  labels: readonly number[] | undefined;
  seed: number;
  step: number;
  /** Index of each image in the whole batch of the step. */
  samples: readonly number[];
}

/** Images that are encoded at once. */
const INFERENCE_BATCH = 256;

/** Places a side that the last convolution's result is averaged to, at most. */
const MAX_POOLED_SIDE = 5;
/** Length that each half of a row has, about, however wide it is: a probe's l2 counts the same. */
const HALF_NORM = 8;
/** Added under the square root, so that its gradient stays small. */
const ROOT_EPS = 1e-2;

export class SimCLR extends Module implements Trainable<ImageDataset, SimClrBatch> {
  readonly config: Required<SimClrConfig>;
  readonly augmentation: Augmentation;
  readonly encoder: ConvNet;
  readonly head: Mlp;
  /** Bring each number to mean 0 and variance 1 over what was seen in training. */
  readonly partsScale: BatchNorm;
  readonly scale: BatchNorm;
  /** Length of a row that `encode` gives. */
  readonly width: number;
  /** Pixels along the side of a place, of those that the last convolution leaves. */
  readonly #poolSize: number;

  readonly defaults: TrainDefaults = {
    steps: 2000,
    batchSize: 256,
    learningRate: 4e-3,
    warmup: 20,
    weightDecay: 1e-4,
    betas: [0.9, 0.999],
    gradClip: 10,
  };

  constructor(config: SimClrConfig = {}) {
    super();
    const { height = 28, width = 28, channels = 1, augmentation = {} } = config;
    const shape = { height, width, channels };
    checkImageShape('SimCLR', shape);
    const { features = 128, hidden = 256, projection = 64, chunkSize = 256 } = config;
    const temperature = checkTemperature(
      'SimCLR',
      'temperature',
      config.temperature === undefined ? 0.2 : config.temperature,
    );
    const loss = checkChoice('SimCLR', 'loss', config.loss, SIMCLR_LOSSES, 'ntxent');
    checkPositive('SimCLR', 'part', chunkSize, 256);
    this.augmentation = new Augmentation(shape, augmentation);
    this.encoder = new ConvNet({ ...shape, widths: config.widths, features });
    const widths = this.encoder.convolutions.map(({ weight }) => weight.shape[0] as number);
    const own = { widths, features, hidden, projection, temperature, loss, chunkSize };
    this.config = { ...shape, ...own, augmentation: this.augmentation.options };
    this.head = new Mlp(this.encoder.width, hidden, { outputs: projection, activation: 'relu' });
    const [last, rows, columns] = this.encoder.featureShape;
    this.#poolSize = Math.min(rows, columns, Math.ceil(Math.max(rows, columns) / MAX_POOLED_SIDE));
    const pooled = (side: number): number => Math.floor(side / this.#poolSize);
    const parts = last * pooled(rows) * pooled(columns);
    this.partsScale = new BatchNorm(parts, { affine: false });
    this.scale = new BatchNorm(features, { affine: false });
    this.width = parts + features;
  }

  /**
   * Which parts are where in a image, by the last convolution, and what it is, by h: some labels
   * follow from the one and some from the other. Both weigh the same.
   * @param x (B, C, H, W), −1 to 1
   * @returns (B, width)
   */
  forward(x: Tensor): Tensor {
    return this.#described(this.encoder.stages(x));
  }

  #described({ last, h }: { last: Tensor; h: Tensor }): Tensor {
    const { features } = this.config;
    const parts = this.width - features;
    // The root makes that a part is there count beside how strongly it is.
    const roots = sqrt(add(avgPool2d(last, this.#poolSize), ROOT_EPS));
    const scaled = this.partsScale.forward(reshape(roots, [h.shape[0] as number, parts]));
    return concat(
      [
        mul(scaled, HALF_NORM / Math.sqrt(parts)),
        mul(this.scale.forward(h), HALF_NORM / Math.sqrt(features)),
      ],
      1,
    );
  }

  /** Batches in an order of their own for each pass through the data; what is left over waits. */
  batches(
    data: ImageDataset,
    { batchSize, seed }: { batchSize: number; seed: number },
  ): (step: number, first?: number, count?: number) => SimClrBatch {
    checkImages('train', data, this.config);
    const { count, labels } = data;
    if (this.config.loss === 'supcon' && labels === undefined) {
      rangeError('train', 'data', "with labels, for the loss 'supcon'", 'none');
    }
    const size = Math.min(batchSize, count);
    if (size < 2) rangeError('train', 'batchSize', 'at least 2 images', size);
    const rowsOf = fullBatches(count, batchSize, seed);
    return (step, first = 0, length = batchSize) => {
      const { pixels, rows, samples } = readSamples(data, rowsOf(step, first, length), first);
      if (rows.length < 2) throw new Error(`train: no images of step ${step + 1} can be read`);
      const own = labels && rows.map((row) => labels[row] as number);
      return { pixels, labels: own, seed, step, samples };
    };
  }

  /** How far the two views of each image are from being each other's nearest. */
  loss(batch: SimClrBatch): Tensor {
    const size = this.#bytesPerImage();
    const count = batch.pixels.length / size;
    const { chunkSize } = this.config;
    const chunkSizes = Array.from({ length: Math.ceil(count / chunkSize) }, (_, chunk) =>
      Math.min(chunkSize, count - chunk * chunkSize),
    );
    const embed = (first: number, length: number): Tensor => {
      const pixels = batch.pixels.subarray(first * size, (first + length) * size);
      return this.project(pixels, {
        ...batch,
        samples: batch.samples.slice(first, first + length),
      });
    };
    return chunkSizes.length === 1
      ? this.#lossOf([embed(0, count)], batch.labels)
      : cachedLoss(chunkSizes, embed, (z) => this.#lossOf(z, batch.labels));
  }

  /**
   * z of two views of each image, (2B, d), the first views above the second ones.
   */
  project(pixels: Uint8Array, { seed, step, samples }: Omit<ViewPosition, 'view'>): Tensor {
    const views = [0, 1].map((view) =>
      this.augmentation.views(pixels, { seed, step, samples, view }),
    );
    const stages = this.encoder.stages(concat(views, 0));
    // The loss sees h as it is: the scales only follow.
    if (this.training) noGrad(() => this.#described(stages));
    return this.head.forward(stages.h);
  }

  /** The loss of z in parts, first above second views in each. */
  #lossOf(parts: readonly Tensor[], labels: readonly number[] | undefined): Tensor {
    const half = (z: Tensor, which: 0 | 1): Tensor => {
      const rows = (z.shape[0] as number) / 2;
      return slice(z, 0, which * rows, (which + 1) * rows);
    };
    const { temperature, loss } = this.config;
    const z =
      parts.length === 1
        ? (parts[0] as Tensor)
        : concat([...parts.map((part) => half(part, 0)), ...parts.map((part) => half(part, 1))], 0);
    if (loss === 'ntxent') return ntXent(z, { temperature });
    return supCon(z, [...(labels as number[]), ...(labels as number[])], { temperature });
  }

  /** Mean loss over images in batches of at most `batch`, with the same views whenever asked. */
  evaluate(data: ImageDataset, batch = 256): number {
    checkImages('evaluate', data, this.config);
    const batches = this.batches(data, { batchSize: batch, seed: 0 });
    const count = Math.max(1, Math.floor(data.count / batch));
    let total = 0;
    for (let i = 0; i < count; i++) {
      const one = { ...batches(i), step: EVALUATION_STEP + i };
      total += inference(this, () => this.loss(one).item());
    }
    return total / count;
  }

  /** z of two views of each of up to `most` images, as the loss sees them. */
  views(data: ImageDataset, most = 512): { first: Matrix; second: Matrix } {
    checkImages('views', data, this.config);
    const rows = Array.from({ length: Math.min(most, data.count) }, (_, row) => row);
    const { pixels, rows: read } = data.read(rows);
    const [count, cols] = [read.length, this.config.projection];
    const halves = [new Float32Array(count * cols), new Float32Array(count * cols)] as const;
    for (let from = 0; from < count; from += INFERENCE_BATCH) {
      const chunk = pixels.subarray(
        from * this.#bytesPerImage(),
        (from + INFERENCE_BATCH) * this.#bytesPerImage(),
      );
      const samples = read.slice(from, from + INFERENCE_BATCH);
      const at = { seed: 0, step: EVALUATION_STEP, samples };
      const z = inference(this, () => this.project(chunk, at).toArray());
      for (const which of [0, 1] as const) {
        const own = z.subarray((which * z.length) / 2, ((which + 1) * z.length) / 2);
        halves[which].set(own, from * cols);
      }
    }
    return {
      first: { data: halves[0], rows: count, cols },
      second: { data: halves[1], rows: count, cols },
    };
  }

  /**
   * h of images, in order; one that can't be read is left out.
   * @param images a tensor or bytes, or images that are read as they are needed
   */
  encode(images: ImageInput | ImageDataset): Matrix {
    const sizes = { cols: this.width, most: INFERENCE_BATCH };
    return encodeImages(this, images, this.config, sizes, (x) => this.forward(x));
  }

  /** Bytes a image. */
  #bytesPerImage(): number {
    const { height, width, channels } = this.config;
    return height * width * channels;
  }
}
