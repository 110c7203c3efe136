/**
 * MAE: a masked autoencoder (He et al., 2021, "Masked autoencoders are scalable vision learners").
 * The pretext task is three quarters of an image from the others. The encoder, a vision transformer,
 * sees the visible patches alone; a light decoder, which is thrown away afterwards, sees them and
 * one mask token in place of each hidden patch, and predicts the pixels of the hidden patches.
 *
 *   B batch, L patches of p × p pixels, n of them visible, D and d widths of encoder and decoder
 *   latent = encoder(images, visible)                              (B, 1 + n, D)
 *   x      = latent to width d, mask tokens between, positions     (B, 1 + L, d)
 *   pixels = head(norm(blocks(x)))                                 (B, L, p² C)
 *   loss   = mean over hidden patches of (pixels − target)²
 */

import type { Matrix } from '../../core/matrix.js';
import { readOptions } from '../../core/options.js';
import { Random } from '../../core/random.js';
import { EVALUATION_STEP, STREAMS } from '../../core/streams.js';
import {
  checkCallback,
  checkFlag,
  checkInteger,
  checkPositive,
  rangeError,
} from '../../core/validation.js';
import { Augmentation, imagesToTensor } from '../../data/images/augment.js';
import { checkImages, type ImageDataset, readSamples } from '../../data/images/dataset.js';
import { checkImageShape, type ImageShape } from '../../data/images/shape.js';
import {
  add,
  asParameter,
  concat,
  gather,
  gatherTokens,
  LayerNorm,
  Linear,
  layerNorm,
  Module,
  mean,
  mse,
  mul,
  patchify,
  randomNormal,
  reshape,
  sinCosPositions,
  slice,
  sqrt,
  sub,
  type Tensor,
  TransformerBlock,
  unpatchify,
  VisionTransformer,
  where,
} from '../../nn/index.js';
import { inference } from '../../nn/inference.js';
import { initXavier, linearsOf } from '../../nn/initialization.js';
import { buffer } from '../../nn/layers/state.js';
import type { TrainDefaults } from '../../train/options.js';
import type { Trainable } from '../../train/train.js';
import { imageBatches } from '../images/batches.js';
import { asImageTensor, encodeImages, FLIPS, type ImageInput } from '../images/images.js';
import { denormalizeImages, halves, normalizeImages, perChannel } from '../images/normalization.js';
import { PatchMean } from '../images/patch-mean.js';
import { checkHeads, checkSize } from '../sizes.js';
import {
  checkMaskRatio,
  type Mask,
  type MaskPosition,
  maskTensor,
  randomMask,
} from './patch-mask.js';

/** Sizes of an MAE. */
export interface MaeConfig {
  /** Rows of pixels. */
  height: number;
  /** Columns of pixels. */
  width: number;
  /** Channels of the images: 1 grayscale, 3 colors. */
  channels: number;
  /** Pixels along the side of a patch. @default cuts an image into about 7 × 7 */
  patch?: number | undefined;
  /** D, the encoder's width; a multiple of 4 and of `heads`. @default 96 */
  hidden?: number | undefined;
  /** Blocks of the encoder. @default 3 */
  layers?: number | undefined;
  /** Attention heads of the encoder. @default 3 */
  heads?: number | undefined;
  /** d, the decoder's width; a multiple of 4 and of `decoderHeads`. @default half of D */
  decoderHidden?: number | undefined;
  /** Blocks of the decoder. @default 2 */
  decoderLayers?: number | undefined;
  /** Attention heads of the decoder. @default those of the encoder */
  decoderHeads?: number | undefined;
  /** Fraction of the patches that is hidden, above 0 and below 1. @default 0.75 */
  maskRatio?: number | undefined;
  /** Targets are each patch's pixels brought to mean 0 and variance 1. @default false */
  normalizePixels?: boolean | undefined;
  /** Number above 0 that every normalization adds to the variance. @default 1e-6 */
  eps?: number | undefined;
  /** Mean of each channel, of values from 0 to 1, that pixels are normalized by. @default 0.5 */
  imageMean?: readonly number[] | undefined;
  /** Standard deviation of each channel that pixels are normalized by. @default 0.5 */
  imageStd?: readonly number[] | undefined;
}

/** Options of `MAE.reconstruct`. */
export interface ReconstructOptions {
  /** Seed of the masks' random numbers. @default 0 */
  seed?: number | undefined;
  /** Fraction of the patches that is hidden, above 0 and below 1. @default the model's */
  maskRatio?: number | undefined;
}

/** Config of an MAE with all sizes. */
export type MaeSizes = Readonly<{ [Key in keyof MaeConfig]-?: NonNullable<MaeConfig[Key]> }>;

/** Sizes of an MAE unless told otherwise. */
export const MAE_DEFAULTS = {
  hidden: 96,
  layers: 3,
  heads: 3,
  decoderLayers: 2,
  maskRatio: 0.75,
} as const;

/** Default training options of an MAE. */
export const MAE_TRAINING: TrainDefaults = {
  steps: 2000,
  batchSize: 64,
  learningRate: 3e-3,
  warmup: 100,
  weightDecay: 0.05,
  betas: [0.9, 0.95],
  gradClip: 1,
};

/** Images of a step. */
export interface MaeBatch {
  /** Pixels, u8 (B, H, W, C). */
  pixels: Uint8Array;
  /** Seed of the masks' random numbers. */
  seed: number;
  /** Step of training. */
  step: number;
  /** Index of each image in the whole batch of the step. */
  samples: readonly number[];
}

/** Images that are worked on at a time where no gradients are wanted. */
const INFERENCE_BATCH = 64;

/** Added to the variance of a patch. */
const PATCH_EPS = 1e-6;

/** Finds the largest patch that cuts an image into at least seven each way, or into pixels. */
function defaultPatch(height: number, width: number): number {
  let patch = Math.max(1, Math.floor(Math.min(height, width) / 7));
  while (height % patch !== 0 || width % patch !== 0) patch--;
  return patch;
}

/** Finds about half of a width: a multiple of the heads, and of the four parts of a position. */
function halfOf(hidden: number, heads: number): number {
  const step = heads % 4 === 0 ? heads : heads % 2 === 0 ? 2 * heads : 4 * heads;
  return step * Math.max(1, Math.round(hidden / 2 / step));
}

/**
 * MAE, a masked autoencoder: trained to predict hidden patches, then reconstructs images or encodes
 * them.
 *
 * @see https://arxiv.org/abs/2111.06377
 * @example
 * const mae = new MAE({ height: 28, width: 28, channels: 1 });
 * for await (const { loss } of train(mae, imagesFrom(pixels, shape))) console.log(loss);
 * const { reconstructed } = mae.reconstruct(pixels);
 */
export class MAE extends Module implements Trainable<ImageDataset, MaeBatch> {
  /** All sizes. */
  readonly config: MaeSizes;
  /** Vision transformer that sees the visible patches. */
  readonly encoder: VisionTransformer;
  /** Layer from the encoder's to the decoder's width, (d, D). */
  readonly decoderEmbed: Linear;
  /** Vector in place of a hidden patch, (d). */
  readonly maskToken: Tensor;
  /** Positions of the decoder, (1 + L, d), not trained. */
  readonly decoderPositions: Tensor;
  /** Blocks of the decoder. */
  readonly decoderBlocks: TransformerBlock[];
  /** Normalization before the head. */
  readonly decoderNorm: LayerNorm;
  /** Layer to a patch's pixels, (p² C, d). */
  readonly head: Linear;
  /** Augmentation of images in color. */
  readonly #flips: Augmentation | undefined;

  /** Options of `train` where it is given none. */
  readonly defaults: TrainDefaults = MAE_TRAINING;

  /**
   * @param config shape of the images, and sizes
   * @throws {TypeError | RangeError} if an option is not valid, or an image has fewer than two patches
   */
  constructor(config: MaeConfig) {
    super();
    const reader = readOptions('MAE', config);
    const height = reader.read('height', checkSize);
    const width = reader.read('width', checkSize);
    const channels = reader.read('channels', checkSize);
    checkImageShape('MAE', { height, width, channels });
    const patch = reader.read('patch', checkSize, defaultPatch(height, width));
    const size = (key: 'hidden' | 'layers' | 'heads' | 'decoderLayers'): number =>
      reader.read(key, checkSize, MAE_DEFAULTS[key]);
    const [hidden, layers, heads] = [size('hidden'), size('layers'), size('heads')];
    const decoderLayers = size('decoderLayers');
    const decoderHeads = reader.read('decoderHeads', checkSize, heads);
    const decoderHidden = reader.read('decoderHidden', checkSize, halfOf(hidden, decoderHeads));
    const maskRatio = reader.read('maskRatio', checkMaskRatio, MAE_DEFAULTS.maskRatio);
    const normalizePixels = reader.read('normalizePixels', checkFlag, false);
    const eps = reader.read('eps', checkPositive, 1e-6);
    const mean = perChannel(channels, Number.NEGATIVE_INFINITY);
    const imageMean = reader.read('imageMean', mean, halves(channels));
    const imageStd = reader.read('imageStd', perChannel(channels, 0), halves(channels));
    reader.done();
    checkWidth('hidden', hidden, heads);
    checkWidth('decoderHidden', decoderHidden, decoderHeads);
    if (height % patch !== 0 || width % patch !== 0) {
      rangeError('MAE', 'patch', `a divisor of ${height} × ${width} pixels`, patch);
    }
    if (height === patch && width === patch) {
      rangeError('MAE', 'patch', 'smaller than the image: one patch leaves none to predict', patch);
    }
    this.config = {
      ...{ height, width, channels, patch, hidden, layers, heads },
      ...{ decoderHidden, decoderLayers, decoderHeads, maskRatio, normalizePixels, eps },
      ...{ imageMean, imageStd },
    };
    const imageSize = [height, width] as const;
    this.encoder = new VisionTransformer({
      ...{ imageSize, channels, patch, width: hidden, layers, heads, eps },
    });
    this.decoderEmbed = new Linear(hidden, decoderHidden);
    this.maskToken = asParameter(randomNormal([decoderHidden], { std: 0.02 }));
    const { grid } = this.encoder;
    this.decoderPositions = buffer(sinCosPositions(decoderHidden, grid, { classToken: true }));
    this.decoderBlocks = Array.from(
      { length: decoderLayers },
      () => new TransformerBlock(decoderHidden, decoderHeads, { eps }),
    );
    this.decoderNorm = new LayerNorm(decoderHidden, { eps });
    this.head = new Linear(decoderHidden, patch * patch * channels);
    this.#flips = channels === 1 ? undefined : new Augmentation(this.#shape, FLIPS);
    for (const layer of this.#linears()) initXavier(layer);
  }

  *#linears(): Iterable<Linear> {
    yield this.encoder.projection;
    for (const block of [...this.encoder.blocks, ...this.decoderBlocks]) yield* linearsOf(block);
    yield* [this.decoderEmbed, this.head];
  }

  get #shape(): ImageShape {
    const { height, width, channels } = this.config;
    return { height, width, channels };
  }

  /**
   * Draws a mask for each image.
   * @param batch number of images
   * @param options position of the random numbers, and maskRatio: the fraction that is hidden
   * @returns visible and hidden patches of each image
   */
  mask(batch: number, options: MaskPosition & { maskRatio?: number | undefined }): Mask {
    const { maskRatio = this.config.maskRatio, ...position } = options;
    return randomMask(batch, this.encoder.patches, maskRatio, position);
  }

  /**
   * Predicts the pixels of all patches from the visible ones.
   * @param images (B, C, H, W), −1 black to 1 white
   * @param mask visible and hidden patches
   * @returns (B, L, p² C), as the network has pixels
   */
  forward(images: Tensor, mask: Mask): Tensor {
    const seen = normalizeImages(images, this.config);
    return this.decode(this.encoder.forward(seen, mask.visible), mask);
  }

  /**
   * Runs the decoder.
   * @param latent encoder's vectors of the class token and the visible patches, (B, 1 + n, D)
   * @param mask visible and hidden patches
   * @returns pixels of all patches, (B, L, p² C)
   */
  decode(latent: Tensor, { visible }: Mask): Tensor {
    const [batch, seen] = latent.shape as [number, number, number];
    const { decoderHidden } = this.config;
    const { patches } = this.encoder;
    // Rows of one table: all samples' class tokens and visible patches, then the mask token.
    const known = reshape(this.decoderEmbed.forward(latent), [batch * seen, decoderHidden]);
    const table = concat([known, reshape(this.maskToken, [1, decoderHidden])]);
    const rows = new Int32Array(batch * (1 + patches)).fill(batch * seen);
    for (let b = 0; b < batch; b++) {
      const own = rows.subarray(b * (1 + patches));
      own[0] = b * seen;
      for (let j = 1; j < seen; j++) {
        own[1 + (visible[b * (seen - 1) + j - 1] as number)] = b * seen + j;
      }
    }
    let x = add(gather(table, rows, [batch, 1 + patches]), this.decoderPositions);
    for (const block of this.decoderBlocks) x = block.forward(x);
    return this.head.forward(slice(this.decoderNorm.forward(x), 1, 1));
  }

  /**
   * Computes the target of the decoder: each patch's pixels, normalized if so configured.
   * @param images (B, C, H, W), −1 black to 1 white
   * @returns (B, L, p² C)
   */
  target(images: Tensor): Tensor {
    const pixels = patchify(normalizeImages(images, this.config), this.encoder.patch);
    if (!this.config.normalizePixels) return pixels;
    // (x − mean) / √(v n / (n − 1) + ε), the unbiased variance, by way of the biased one, v.
    const n = pixels.shape[2] as number;
    const ratio = n > 1 ? (n - 1) / n : 1;
    const unit = layerNorm(pixels, undefined, undefined, { eps: PATCH_EPS * ratio });
    return mul(unit, Math.sqrt(ratio));
  }

  /**
   * Computes the mean squared error over the pixels of the hidden patches.
   * @param images (B, C, H, W), −1 black to 1 white
   * @param mask visible and hidden patches
   * @returns scalar
   */
  error(images: Tensor, mask: Mask): Tensor {
    const predicted = gatherTokens(this.forward(images, mask), mask.hidden);
    return mse(predicted, gatherTokens(this.target(images), mask.hidden));
  }

  /**
   * Computes the loss of images as they are, half of them flipped if they are in color.
   * @param batch images of a step
   * @returns scalar, mean squared error of the hidden patches' pixels
   */
  loss({ pixels, seed, step, samples }: MaeBatch): Tensor {
    const images = this.#flips?.views(pixels, { seed, step, samples, view: 0 });
    const given = images ?? imagesToTensor(pixels, this.#shape);
    return this.error(given, this.mask(given.shape[0] as number, { seed, step, samples }));
  }

  /**
   * Draws images at random.
   * @param data images
   * @param options batchSize: images per step; seed: of the run
   * @returns function from a step's number, and a part of its batch, to the batch
   * @throws {TypeError | RangeError} if they are not images of the network's shape
   */
  batches(
    data: ImageDataset,
    { batchSize, seed }: { batchSize: number; seed: number },
  ): (step: number, first?: number, count?: number) => MaeBatch {
    checkImages('train', data, this.#shape);
    return (step, first = 0, count = batchSize) => {
      const rows = Array.from({ length: count }, (_, i) =>
        new Random(seed, STREAMS.sampling, step, first + i).integer(data.count),
      );
      const { pixels, samples } = readSamples(data, rows, first);
      return { pixels, seed, step, samples };
    };
  }

  /**
   * Computes the loss over all images as they are, with the same masks at every call.
   * @param data images
   * @param onBatch called with each batch and its mask, as a tensor that lives as long as the call
   * @returns mean squared error of the hidden patches' pixels
   * @throws {TypeError | RangeError} if they are not images of the network's shape
   */
  evaluate(data: ImageDataset, onBatch?: (images: Tensor, mask: Mask) => void): number {
    checkImages('evaluate', data, this.#shape);
    if (onBatch !== undefined) checkCallback('evaluate', 'onBatch', onBatch);
    let total = 0;
    let seen = 0;
    for (const { pixels, rows } of imageBatches(data, INFERENCE_BATCH)) {
      const run = (): number => {
        const images = imagesToTensor(pixels, this.#shape);
        const position = { seed: 0, step: EVALUATION_STEP, samples: rows };
        const mask = this.mask(rows.length, position);
        onBatch?.(images, mask);
        return this.error(images, mask).item();
      };
      total += rows.length * inference(this, run);
      seen += rows.length;
    }
    return total / seen;
  }

  /**
   * Reconstructs images from some of their patches; visible patches stay as they are. Where pixels
   * are normalized, a reconstructed patch has the true one's mean and standard deviation, as in the
   * paper's figures.
   *
   * @param images (B, C, H, W), −1 to 1, bytes (B, H, W, C), or `ImageData`
   * @param options seed, maskRatio
   * @returns both (B, C, H, W), −1 to 1; hidden patches are gray in `masked`
   * @throws {TypeError | RangeError} if an argument is not valid
   * @example const { masked, reconstructed } = mae.reconstruct(pixels, { maskRatio: 0.5 });
   */
  reconstruct(
    images: ImageInput,
    options?: ReconstructOptions,
  ): { masked: Tensor; reconstructed: Tensor } {
    const reader = readOptions('reconstruct', options);
    const seed = reader.read('seed', checkInteger, 0);
    const maskRatio = reader.optional('maskRatio', checkMaskRatio);
    reader.done();
    return inference(this, () => {
      const given = asImageTensor('reconstruct', images, this.#shape);
      const mask = this.mask(given.shape[0] as number, { seed, step: 0, maskRatio });
      return this.reconstructMasked(given, mask);
    });
  }

  /**
   * Reconstructs images with a given mask; gradients are kept where they are on.
   * @param images (B, C, H, W), −1 to 1
   * @param mask visible and hidden patches
   * @returns both (B, C, H, W), −1 to 1; hidden patches are gray in `masked`
   */
  reconstructMasked(images: Tensor, mask: Mask): { masked: Tensor; reconstructed: Tensor } {
    const { grid, patch } = this.encoder;
    const pixels = patchify(images, patch);
    const shown = maskTensor(mask, pixels.shape[0] as number, this.encoder.patches);
    let predicted = this.forward(images, mask);
    if (this.config.normalizePixels) {
      const seen = patchify(normalizeImages(images, this.config), patch);
      const center = mean(seen, { axis: 2, keepDims: true });
      const away = sub(seen, center);
      const n = seen.shape[2] as number;
      const variance = mul(
        mean(mul(away, away), { axis: 2, keepDims: true }),
        n / Math.max(1, n - 1),
      );
      predicted = add(mul(predicted, sqrt(add(variance, PATCH_EPS))), center);
    }
    const own = denormalizeImages(unpatchify(predicted, grid, patch), this.config);
    return {
      masked: unpatchify(where(shown, pixels, 0), grid, patch),
      reconstructed: unpatchify(where(shown, pixels, patchify(own, patch)), grid, patch),
    };
  }

  /**
   * Encodes whole images as the mean of the encoder's patches; one that can't be read is left out.
   *
   * @param images tensor (B, C, H, W), −1 to 1, bytes (B, H, W, C), `ImageData`, or a dataset
   * @returns (B, D)
   * @throws {TypeError | RangeError} if they are not images of the network's shape
   */
  encode(images: ImageInput | ImageDataset): Matrix {
    const encoder = new PatchMean(this.encoder, this.config);
    const sizes = { cols: this.encoder.width, batchSize: INFERENCE_BATCH };
    return encodeImages(this, images, this.#shape, sizes, (x) => encoder.forward(x));
  }
}

/** Refuses a width that heads or positions do not divide. */
function checkWidth(argument: string, width: number, heads: number): void {
  checkHeads('MAE', width, heads, argument);
  if (width % 4 !== 0) rangeError('MAE', argument, 'a multiple of 4', width);
}
