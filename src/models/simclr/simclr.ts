/**
 * SimCLR (Chen et al., 2020, "A simple framework for contrastive learning of visual
 * representations"). The pretext task: of all views in a batch, find the one that was made from the
 * same image. No label is needed (with labels, `'supcon'` has all views of a class find each
 * other). The network is a small convolutional encoder with a projection head, the loss NT-Xent.
 *
 *   B images, C channels, two views of each: rows i and i + B
 *   h = encoder(views)          (2B, features)     `encode` gives it with the last convolution
 *   z = head(h)                 (2B, projection)   only for the loss
 *   loss = NT-Xent(z)
 */

import type { Matrix } from '../../core/matrix.js';
import { readOptions } from '../../core/options.js';
import { EVALUATION_STEP } from '../../core/streams.js';
import {
  type Check,
  checkIntegers,
  checkTemperature,
  oneOf,
  rangeError,
} from '../../core/validation.js';
import {
  Augmentation,
  type AugmentOptions,
  checkAugmentation,
  type ViewPosition,
} from '../../data/images/augment.js';
import { checkImages, type ImageDataset, readSamples } from '../../data/images/dataset.js';
import { bytesPerImage, checkImageShape, type ImageShape } from '../../data/images/shape.js';
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
import type { TrainDefaults } from '../../train/options.js';
import type { Trainable } from '../../train/train.js';
import { encodeImages, type ImageInput } from '../images/images.js';
import { checkSize } from '../sizes.js';

/** Losses of two views, (B, d) each. */
export type SimClrLoss = 'ntxent' | 'supcon';
/** All losses. */
export const SIMCLR_LOSSES: readonly SimClrLoss[] = ['ntxent', 'supcon'];

/** Sizes and loss of a SimCLR. */
export interface SimClrConfig {
  /** Rows of pixels. @default 28 */
  height?: number | undefined;
  /** Columns of pixels. @default 28 */
  width?: number | undefined;
  /** Channels of the images: 1 grayscale, 3 colors. @default 1 */
  channels?: number | undefined;
  /** Channels of each convolution of the encoder. @default by the size of the images */
  widths?: readonly number[] | undefined;
  /** Length of h. @default 128 */
  features?: number | undefined;
  /** Width of the middle of the projection head. @default 256 */
  hidden?: number | undefined;
  /** d, the length of z, which the loss sees. @default 64 */
  projection?: number | undefined;
  /** Number above 0 that divides the cosines. @default 0.2 */
  temperature?: number | undefined;
  /** Loss; `'supcon'` needs labels. @default 'ntxent' */
  loss?: SimClrLoss | undefined;
  /** Random views, instead of `defaultAugmentation`. */
  augmentation?: AugmentOptions | undefined;
  /** Images that are worked on at once: a larger batch goes through gradient caching. @default 256 */
  chunkSize?: number | undefined;
}

/** Config of a SimCLR with all options. */
export type SimClrSizes = Readonly<{
  [Key in keyof SimClrConfig]-?: NonNullable<SimClrConfig[Key]>;
}>;

/** Options of a SimCLR unless told otherwise. */
export const SIMCLR_DEFAULTS = {
  features: 128,
  hidden: 256,
  projection: 64,
  temperature: 0.2,
  loss: 'ntxent',
  chunkSize: 256,
} as const;

/** Default training options of a SimCLR. */
export const SIMCLR_TRAINING: TrainDefaults = {
  steps: 2000,
  batchSize: 256,
  learningRate: 4e-3,
  warmup: 20,
  weightDecay: 1e-4,
  betas: [0.9, 0.999],
  gradClip: 10,
};

/** Images of a step. */
export interface SimClrBatch {
  /** Pixels, u8 (B, H, W, C). */
  pixels: Uint8Array;
  /** Class of each image, if there are any. */
  labels: readonly number[] | undefined;
  /** Seed of the views' random numbers. */
  seed: number;
  /** Step of training. */
  step: number;
  /** Index of each image in the whole batch of the step. */
  samples: readonly number[];
}

/** Images that are encoded at once. */
const INFERENCE_BATCH = 256;

/** Largest side that the last convolution's result is pooled to. */
const MAX_POOLED_SIDE = 5;
/** Approximate norm of each half of a row, however wide: a probe's l2 then counts the same. */
const HALF_NORM = 8;
/** Added under the square root, so that its gradient stays small. */
const ROOT_EPS = 1e-2;

const checkWidths: Check<readonly number[]> = (name, argument, value) =>
  Array.from(
    checkIntegers(name, argument, value, undefined, {
      valid: (width) => width >= 1 && width <= 2 ** 16,
      what: 'from 1 to 65536',
    }),
  );

/**
 * SimCLR, an encoder of images that is trained by contrasting views: then encodes images for linear
 * probes, k-NN or fine-tuning.
 *
 * @see https://arxiv.org/abs/2002.05709
 * @example
 * const simclr = new SimCLR({ height: 28, width: 28, channels: 1 });
 * for await (const { loss } of train(simclr, imagesFrom(pixels, shape))) console.log(loss);
 * const { data, rows, cols } = simclr.encode(pixels);
 */
export class SimCLR extends Module implements Trainable<ImageDataset, SimClrBatch> {
  /** All options. */
  readonly config: SimClrSizes;
  /** Random views. */
  readonly augmentation: Augmentation;
  /** Encoder, images to h. */
  readonly encoder: ConvNet;
  /** Projection head, h to z. */
  readonly head: Mlp;
  /** Scale of the pooled convolution: to mean 0 and variance 1 over what training saw. */
  readonly partsScale: BatchNorm;
  /** Scale of h: to mean 0 and variance 1 over what training saw. */
  readonly scale: BatchNorm;
  /** Length of a row that `encode` gives. */
  readonly width: number;
  /** Side of the squares that the last convolution's result is averaged over. */
  readonly #poolSize: number;

  /** Options of `train` where it is given none. */
  readonly defaults: TrainDefaults = SIMCLR_TRAINING;

  /**
   * @param config sizes and loss
   * @throws {TypeError | RangeError} if an option is not valid
   */
  constructor(config?: SimClrConfig) {
    super();
    const reader = readOptions('SimCLR', config);
    const height = reader.read('height', checkSize, 28);
    const width = reader.read('width', checkSize, 28);
    const channels = reader.read('channels', checkSize, 1);
    const shape = { height, width, channels };
    checkImageShape('SimCLR', shape);
    const size = (key: 'features' | 'hidden' | 'projection' | 'chunkSize'): number =>
      reader.read(key, checkSize, SIMCLR_DEFAULTS[key]);
    const [features, hidden, projection] = [size('features'), size('hidden'), size('projection')];
    const chunkSize = size('chunkSize');
    const temperature = reader.read('temperature', checkTemperature, SIMCLR_DEFAULTS.temperature);
    const loss = reader.read('loss', oneOf(SIMCLR_LOSSES), SIMCLR_DEFAULTS.loss);
    const given = reader.optional('widths', checkWidths);
    const augmentation = reader.read('augmentation', checkAugmentation, {});
    reader.done();
    this.augmentation = new Augmentation(shape, augmentation);
    this.encoder = new ConvNet({ ...shape, widths: given, features });
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
   * Encodes images: where their parts are, by the last convolution, and what they are, by h; some
   * labels follow from the one and some from the other. Both have the same weight.
   *
   * @param x (B, C, H, W), −1 black to 1 white
   * @returns (B, width)
   */
  forward(x: Tensor): Tensor {
    return this.#described(this.encoder.stages(x));
  }

  #described({ last, h }: { last: Tensor; h: Tensor }): Tensor {
    const { features } = this.config;
    const parts = this.width - features;
    // With the root, the presence of a part counts more than its strength.
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

  /**
   * Draws batches in an order of their own for each epoch; what remains at its end waits for the
   * next one.
   * @param data images, with labels for `'supcon'`
   * @param options batchSize: images per step; seed: of the run
   * @returns function from a step's number, and a part of its batch, to the batch
   * @throws {TypeError | RangeError} if they are not images of the network's shape
   */
  batches(
    data: ImageDataset,
    { batchSize, seed }: { batchSize: number; seed: number },
  ): (step: number, first?: number, count?: number) => SimClrBatch {
    checkImages('train', data, this.#shape);
    const { count, labels } = data;
    if (this.config.loss === 'supcon' && labels === undefined) {
      rangeError('train', 'data', "with labels, for the loss 'supcon'", 'none');
    }
    const size = Math.min(batchSize, count);
    if (size < 2) rangeError('train', 'batchSize', 'at least 2 images', size);
    const rowsOfStep = fullBatches(count, batchSize, seed);
    return (step, first = 0, length = batchSize) => {
      const { pixels, rows, samples } = readSamples(data, rowsOfStep(step, first, length), first);
      if (rows.length < 2) throw new RangeError(`train: no images of step ${step + 1} can be read`);
      const own = labels && rows.map((row) => labels[row] as number);
      return { pixels, labels: own, seed, step, samples };
    };
  }

  /**
   * Computes the loss: how far the two views of each image are from being each other's nearest.
   * @param batch images of a step
   * @returns scalar, in nats
   */
  loss(batch: SimClrBatch): Tensor {
    const size = bytesPerImage(this.#shape);
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
   * Computes z of two views of each image.
   * @param pixels u8 (B, H, W, C)
   * @param position seed, step and samples: the position of the views' random numbers
   * @returns (2B, d), the first views above the second ones
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

  /** Computes the loss of z in parts, first above second views in each. */
  #lossOf(parts: readonly Tensor[], labels: readonly number[] | undefined): Tensor {
    const half = (z: Tensor, view: 0 | 1): Tensor => {
      const rows = (z.shape[0] as number) / 2;
      return slice(z, 0, view * rows, (view + 1) * rows);
    };
    const { temperature, loss } = this.config;
    const z =
      parts.length === 1
        ? (parts[0] as Tensor)
        : concat([...parts.map((part) => half(part, 0)), ...parts.map((part) => half(part, 1))], 0);
    if (loss === 'ntxent') return ntXent(z, { temperature });
    return supCon(z, [...(labels as number[]), ...(labels as number[])], { temperature });
  }

  /**
   * Computes the mean loss over images, with the same views at every call.
   * @param data images
   * @param batchSize largest batch
   * @returns mean loss, in nats
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  evaluate(data: ImageDataset, batchSize = 256): number {
    checkSize('evaluate', 'batchSize', batchSize);
    checkImages('evaluate', data, this.#shape);
    const batches = this.batches(data, { batchSize, seed: 0 });
    const count = Math.max(1, Math.floor(data.count / batchSize));
    let total = 0;
    for (let i = 0; i < count; i++) {
      const batch = { ...batches(i), step: EVALUATION_STEP + i };
      total += inference(this, () => this.loss(batch).item());
    }
    return total / count;
  }

  /**
   * Computes z of two views of each of the first images, as the loss sees them.
   * @param data images
   * @param max number of images
   * @returns z of the first and of the second views, (n, d) each
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  views(data: ImageDataset, max = 512): { first: Matrix; second: Matrix } {
    checkSize('views', 'max', max);
    checkImages('views', data, this.#shape);
    const rows = Array.from({ length: Math.min(max, data.count) }, (_, row) => row);
    const { pixels, rows: read } = data.read(rows);
    const [count, cols] = [read.length, this.config.projection];
    const size = bytesPerImage(this.#shape);
    const views = [new Float32Array(count * cols), new Float32Array(count * cols)] as const;
    for (let from = 0; from < count; from += INFERENCE_BATCH) {
      const batch = pixels.subarray(from * size, (from + INFERENCE_BATCH) * size);
      const samples = read.slice(from, from + INFERENCE_BATCH);
      const position = { seed: 0, step: EVALUATION_STEP, samples };
      const z = inference(this, () => this.project(batch, position).toArray());
      for (const view of [0, 1] as const) {
        const own = z.subarray((view * z.length) / 2, ((view + 1) * z.length) / 2);
        views[view].set(own, from * cols);
      }
    }
    return {
      first: { data: views[0], rows: count, cols },
      second: { data: views[1], rows: count, cols },
    };
  }

  /**
   * Encodes images, in order; one that can't be read is left out.
   *
   * @param images tensor (B, C, H, W), −1 to 1, bytes (B, H, W, C), `ImageData`, or a dataset
   * @returns (B, width): the last convolution and h, scaled
   * @throws {TypeError | RangeError} if they are not images of the network's shape
   * @example const { data, rows, cols } = simclr.encode(pixels);
   */
  encode(images: ImageInput | ImageDataset): Matrix {
    const sizes = { cols: this.width, batchSize: INFERENCE_BATCH };
    return encodeImages(this, images, this.#shape, sizes, (x) => this.forward(x));
  }

  get #shape(): ImageShape {
    const { height, width, channels } = this.config;
    return { height, width, channels };
  }
}
