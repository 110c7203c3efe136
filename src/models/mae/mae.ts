/**
 * MAE: a masked autoencoder (He et al., 2021, "Masked autoencoders are scalable vision learners").
 * The pretext task is three quarters of a image from the rest. The encoder, a vision transformer,
 * sees the visible patches alone; a light decoder, which is thrown away afterwards, sees them and
 * one mask token in place of each hidden patch, and says what the hidden patches' pixels are.
 *
 *   B batch, L patches of p × p pixels, n of them visible, D and d widths of encoder and decoder
 *   latent = encoder(images, visible)                              (B, 1 + n, D)
 *   x      = latent to width d, mask tokens between, positions     (B, 1 + L, d)
 *   pixels = head(norm(blocks(x)))                                 (B, L, p² C)
 *   loss   = mean over hidden patches of (pixels − target)²
 */

import { Random } from '../../core/random.js';
import { EVALUATION_STEP, STREAMS } from '../../core/streams.js';
import { checkCount, checkFlag, checkPositive, rangeError } from '../../core/validation.js';
import {
  Augmentation,
  checkImageShape,
  type ImageShape,
  imagesToTensor,
} from '../../data/images/augment.js';
import { checkImages, type ImageDataset, readSamples } from '../../data/images/dataset.js';
import type { Matrix } from '../../index.js';
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
  randomUniform,
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
import { buffer } from '../../nn/layers/state.js';
import type { Trainable, TrainDefaults } from '../../train/train.js';
import { imageBatches } from '../images/chunks.js';
import { asImageTensor, encodeImages, FLIPS, type ImageInput } from '../images/images.js';
import { PatchMean } from '../images/patch-mean.js';
import { type Mask, type MaskPosition, maskTensor, randomMask } from './patch-mask.js';

export interface MaeConfig {
  /** Of the images. */
  height: number;
  width: number;
  /** 1 gray, 3 color. */
  channels: number;
  /** Pixels along the side of a patch; the default cuts a image into about 7 × 7. */
  patch?: number | undefined;
  /** D (default 96). */
  hidden?: number | undefined;
  /** Default 3. */
  layers?: number | undefined;
  /** Default 3. */
  heads?: number | undefined;
  /** d (default half of D). */
  decoderHidden?: number | undefined;
  /** Default 2. */
  decoderLayers?: number | undefined;
  /** Default as many as the encoder's. */
  decoderHeads?: number | undefined;
  /** Share of the patches that is hidden (default 0.75). */
  maskRatio?: number | undefined;
  /** Whether each patch's pixels are brought to mean 0 and variance 1 first (default false). */
  normalizePixels?: boolean | undefined;
  /** Of the layer normalizations (default 1e-6). */
  eps?: number | undefined;
}

/** Images, u8 (B, H, W, C), and the position of their random numbers. */
export interface MaeBatch {
  pixels: Uint8Array;
  seed: number;
  step: number;
  /** Index of each image in the whole batch of the step. */
  samples: readonly number[];
}

/** Images that are worked on at a time where no gradients are wanted. */
const INFERENCE_BATCH = 64;

/** Added to the variance of a patch. */
const PATCH_EPS = 1e-6;

/** The largest patch that cuts a image into at least seven each way, or pixels. */
function defaultPatch(height: number, width: number): number {
  let patch = Math.max(1, Math.floor(Math.min(height, width) / 7));
  while (height % patch !== 0 || width % patch !== 0) patch--;
  return patch;
}

/** About half of a width: a multiple of the heads, and of the four parts of a position. */
function halfOf(hidden: number, heads: number): number {
  const step = heads % 4 === 0 ? heads : heads % 2 === 0 ? 2 * heads : 4 * heads;
  return step * Math.max(1, Math.round(hidden / 2 / step));
}

export class MAE extends Module implements Trainable<ImageDataset, MaeBatch> {
  readonly config: Readonly<{ [K in keyof MaeConfig]-?: NonNullable<MaeConfig[K]> }>;
  readonly encoder: VisionTransformer;
  readonly decoderEmbed: Linear;
  /** (d) */
  readonly maskToken: Tensor;
  /** (1 + L, d), not trained. */
  readonly decoderPositions: Tensor;
  readonly decoderBlocks: TransformerBlock[];
  readonly decoderNorm: LayerNorm;
  readonly head: Linear;
  /** Of images in color. */
  readonly #flips: Augmentation | undefined;

  readonly defaults: TrainDefaults = {
    steps: 2000,
    batchSize: 64,
    learningRate: 3e-3,
    warmup: 100,
    weightDecay: 0.05,
    betas: [0.9, 0.95],
    gradClip: 1,
  };

  constructor(config: MaeConfig) {
    super();
    const { height, width, channels } = config;
    checkImageShape('MAE', config);
    const { patch = defaultPatch(height, width), hidden = 96, layers = 3, heads = 3 } = config;
    const { decoderHeads = heads, decoderLayers = 2, eps = 1e-6 } = config;
    const { decoderHidden = halfOf(hidden, decoderHeads) } = config;
    for (const [name, value] of Object.entries({ decoderHidden, decoderLayers, decoderHeads })) {
      checkCount('MAE', name, value, undefined, 2 ** 24, 'as large as memory allows');
    }
    const maskRatio = checkPositive('MAE', 'maskRatio', config.maskRatio, 0.75);
    if (maskRatio >= 1) rangeError('MAE', 'maskRatio', 'below 1', maskRatio);
    const normalizePixels = checkFlag('MAE', 'normalizePixels', config.normalizePixels, false);
    this.config = {
      ...{ height, width, channels, patch, hidden, layers, heads },
      ...{ decoderHidden, decoderLayers, decoderHeads, maskRatio, normalizePixels, eps },
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
    for (const part of this.#linears()) initialize(part);
  }

  *#linears(): Iterable<Linear> {
    yield this.encoder.projection;
    for (const { attention, mlp } of [...this.encoder.blocks, ...this.decoderBlocks]) {
      yield* [attention.qkv, attention.output, mlp.up, mlp.down];
    }
    yield* [this.decoderEmbed, this.head];
  }

  get #shape(): ImageShape {
    const { height, width, channels } = this.config;
    return { height, width, channels };
  }

  /** A mask for each of so many images. */
  mask(batch: number, position: MaskPosition): Mask {
    return randomMask(batch, this.encoder.patches, this.config.maskRatio, position);
  }

  /** Pixels of all patches, (B, L, p² C), from the visible ones of (B, C, H, W). */
  forward(images: Tensor, mask: Mask): Tensor {
    return this.decode(this.encoder.forward(images, mask.visible), mask);
  }

  /** The decoder: pixels of all patches from what the encoder makes of the visible ones. */
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

  /** What the decoder is to say: each patch's pixels, normalized if so wanted. */
  target(images: Tensor): Tensor {
    const pixels = patchify(images, this.encoder.patch);
    if (!this.config.normalizePixels) return pixels;
    // (x − mean) / √(v n / (n − 1) + ε), the unbiased variance, by way of the biased one, v.
    const n = pixels.shape[2] as number;
    const share = n > 1 ? (n - 1) / n : 1;
    const unit = layerNorm(pixels, undefined, undefined, { eps: PATCH_EPS * share });
    return mul(unit, Math.sqrt(share));
  }

  /** Mean squared error over the pixels of the hidden patches. */
  error(images: Tensor, mask: Mask): Tensor {
    const predicted = gatherTokens(this.forward(images, mask), mask.hidden);
    return mse(predicted, gatherTokens(this.target(images), mask.hidden));
  }

  /** The loss of a step: of images as they are, half of them flipped if they are in color. */
  loss({ pixels, seed, step, samples }: MaeBatch): Tensor {
    const images = this.#flips?.views(pixels, { seed, step, samples, view: 0 });
    const given = images ?? imagesToTensor(pixels, this.#shape);
    return this.error(given, this.mask(given.shape[0] as number, { seed, step, samples }));
  }

  /** Images at random, anew at each step. */
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
   * The loss over all images as they are, hidden the same way whenever it is asked.
   * @param each told of each batch and its mask, as a tensor that lives as long as the call
   */
  evaluate(data: ImageDataset, each?: (images: Tensor, mask: Mask) => void): number {
    let total = 0;
    let seen = 0;
    for (const { pixels, rows } of imageBatches(data, INFERENCE_BATCH)) {
      const run = (): number => {
        const images = imagesToTensor(pixels, this.#shape);
        const position = { seed: 0, step: EVALUATION_STEP, samples: rows };
        const mask = this.mask(rows.length, position);
        each?.(images, mask);
        return this.error(images, mask).item();
      };
      total += rows.length * inference(this, run);
      seen += rows.length;
    }
    return total / seen;
  }

  /**
   * Images with their hidden patches made up, visible ones as they are. Where pixels are
   * normalized, a made-up patch has the true one's mean and deviation, as in the paper's figures.
   *
   * @param images (B, C, H, W), or bytes (B, H, W, C)
   * @param options.seed which patches are hidden (default 0)
   * @returns both (B, C, H, W); hidden patches are gray in `masked`
   */
  reconstruct(
    images: ImageInput,
    options: { seed?: number } = {},
  ): { masked: Tensor; reconstructed: Tensor } {
    const { seed = 0 } = options;
    return inference(this, () => {
      const given = asImageTensor('reconstruct', images, this.#shape);
      const mask = this.mask(given.shape[0] as number, { seed, step: 0 });
      return this.reconstructMasked(given, mask);
    });
  }

  /** The same with a mask of one's own; a past is kept where gradients are on. */
  reconstructMasked(images: Tensor, mask: Mask): { masked: Tensor; reconstructed: Tensor } {
    const { grid, patch } = this.encoder;
    const pixels = patchify(images, patch);
    const shown = maskTensor(mask, pixels.shape[0] as number, this.encoder.patches);
    let predicted = this.forward(images, mask);
    if (this.config.normalizePixels) {
      const center = mean(pixels, { axis: 2, keepDims: true });
      const away = sub(pixels, center);
      const n = pixels.shape[2] as number;
      const variance = mul(
        mean(mul(away, away), { axis: 2, keepDims: true }),
        n / Math.max(1, n - 1),
      );
      predicted = add(mul(predicted, sqrt(add(variance, PATCH_EPS))), center);
    }
    return {
      masked: unpatchify(where(shown, pixels, 0), grid, patch),
      reconstructed: unpatchify(where(shown, pixels, predicted), grid, patch),
    };
  }

  /**
   * What the encoder makes of whole images, the mean over their patches; a image that can't be
   * read is left out.
   *
   * @param images (B, C, H, W), bytes (B, H, W, C), or images that are read as they are needed
   * @returns (B, D)
   */
  encode(images: ImageInput | ImageDataset): Matrix {
    const encoder = new PatchMean(this.encoder);
    const sizes = { cols: this.encoder.width, most: INFERENCE_BATCH };
    return encodeImages(this, images, this.#shape, sizes, (x) => encoder.forward(x));
  }
}

/** Xavier's: uniform within ±√(6 / (in + out)), biases 0. */
function initialize({ weight, bias }: Linear): void {
  const [outputs, inputs] = weight.shape as [number, number];
  const bound = Math.sqrt(6 / (inputs + outputs));
  const drawn = randomUniform(weight.shape, { low: -bound, high: bound });
  weight.data.set(drawn.data);
  drawn.dispose();
  bias?.data.fill(0);
}
