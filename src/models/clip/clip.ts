/**
 * CLIP (Radford et al., 2021, "Learning transferable visual models from natural language
 * supervision"). The pretext task: in a batch of images and captions, find which caption goes with
 * which image. The trained model classifies images by names that it was not trained on. The network
 * is two towers (towers.ts).
 *
 *   B pairs, d the length of a vector
 *   I = image tower(images)             (B, d)
 *   T = text tower(captions)            (B, d)
 *   loss = symmetric cross-entropy of exp(logit scale) · cos(I, T), or SigLIP's of each pair
 *
 * Pairs with the same label are never each other's negatives. Of a caption with several parts,
 * divided by semicolons, the first is the label; each of the others is left out at random in
 * training.
 */

import type { Matrix } from '../../core/matrix.js';
import { readOptions } from '../../core/options.js';
import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
import { integerIn, rangeError, typeError } from '../../core/validation.js';
import {
  Augmentation,
  type AugmentOptions,
  checkAugmentation,
  imagesToTensor,
} from '../../data/images/augment.js';
import { captionLabel, indexLabels, sampleCaption } from '../../data/images/captions.js';
import { checkImages, type ImageDataset, readSamples } from '../../data/images/dataset.js';
import type { ImageShape } from '../../data/images/shape.js';
import { checkTexts, isTokenizer, type Tokenizer } from '../../data/text/tokenizer.js';
import { WordTokenizer } from '../../data/text/words.js';
import {
  asParameter,
  clipLoss,
  exp,
  log,
  Module,
  matmul,
  mean,
  mul,
  normalize,
  sigLipLoss,
  softmax,
  type Tensor,
  tensor,
  tidy,
} from '../../nn/index.js';
import { inference } from '../../nn/inference.js';
import { fullBatches } from '../../train/epochs.js';
import type { TrainDefaults } from '../../train/options.js';
import type { Trainable } from '../../train/train.js';
import { imageBatches, stackRows } from '../images/batches.js';
import { encodeImages, type ImageInput } from '../images/images.js';
import { normalizeImages } from '../images/normalization.js';
import { type ClipConfig, type ClipSizes, readSizes } from './config.js';
import { ClipText, ClipVision, ConvTower, type TransformerSizes, WordsTower } from './towers.js';

/** Options of `CLIP.zeroShot`. */
export interface ZeroShotOptions {
  /** Texts that each prompt is put into, at `{}`; their vectors are averaged. @default ['{}'] */
  templates?: readonly string[] | undefined;
}

/** Default training options of a CLIP. */
export const CLIP_TRAINING: TrainDefaults = {
  steps: 1000,
  batchSize: 256,
  learningRate: 2e-3,
  warmup: 50,
  weightDecay: 0.1,
  betas: [0.9, 0.98],
  gradClip: 10,
};

/** Pairs of a step. */
export interface ClipBatch {
  /** Pixels, u8 (B, H, W, C). */
  pixels: Uint8Array;
  /** Caption of each image. */
  captions: readonly string[];
  /** Index of each caption's label. */
  ids: readonly number[];
  /** Seed of the views' random numbers. */
  seed: number;
  /** Step of training. */
  step: number;
  /** Index of each image in the whole batch of the step. */
  samples: readonly number[];
}

/** Images, or texts, that are encoded at once. */
const INFERENCE_BATCH = 256;
/** Largest logarithm of the logit scale: ln 100, as in the paper. */
export const MAX_LOGIT_SCALE = 2 * Math.LN10;
const INITIAL_LOGIT_BIAS = -10;

/**
 * Gives mild views: what a glyph means depends on its colors and its direction. They come nearer and
 * go farther alike, so that images as they are have the size of those that were trained on.
 */
function mildViews(channels: number): AugmentOptions {
  const geometry = {
    scale: [0.7, 1.4],
    ratio: [0.85, 1.18],
    horizontalFlip: 0,
    rotation: 10,
    shear: 0,
  } as const;
  if (channels === 1) return geometry;
  return {
    ...geometry,
    ...{ brightness: 0.3, contrast: 0.3, saturation: 0.5, hue: 0.02, grayscale: 0.1 },
  };
}

/**
 * CLIP, two towers that bring images and their captions together: then classifies images by names
 * that it was not trained on, and finds images by text and texts by image.
 *
 * The learned logit scale is clamped to 100, as in the paper.
 *
 * @see https://arxiv.org/abs/2103.00020
 * @example
 * const clip = new CLIP(captions, { imageSize: 32, channels: 3 });
 * for await (const { loss } of train(clip, { ...imagesFrom(pixels, shape), captions })) console.log(loss);
 * const { data } = clip.zeroShot(pixels, ['a cat', 'a dog']);
 */
export class CLIP extends Module implements Trainable<ImageDataset, ClipBatch> {
  /** All options. */
  readonly config: ClipSizes;
  /** Tokenizer of the captions. */
  readonly tokenizer: Tokenizer;
  /** Random views of training images. */
  readonly augmentation: Augmentation;
  /** Tower of images. */
  readonly image: ConvTower | ClipVision;
  /** Tower of texts. */
  readonly text: WordsTower | ClipText;
  /** Logarithm of the factor of the cosines, scalar. */
  readonly logitScale: Tensor;
  /** Offset of SigLIP's cosines, scalar. */
  readonly logitBias: Tensor | undefined;

  /** Options of `train` where it is given none. */
  readonly defaults: TrainDefaults = CLIP_TRAINING;

  /**
   * @param source tokenizer of the captions, or captions whose words become the tokens
   * @param config sizes, towers and loss
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(source: Tokenizer | readonly string[], config?: ClipConfig) {
    super();
    const reader = readOptions('CLIP', config);
    const sizes = readSizes(reader);
    const augmentation = reader.read('augmentation', checkAugmentation, {});
    reader.done();
    const { imageSize, channels, projection, activation, eps } = sizes;
    const shape = { height: imageSize, width: imageSize, channels };
    this.augmentation = new Augmentation(shape, { ...mildViews(channels), ...augmentation });
    this.config = { ...sizes, augmentation: this.augmentation.options };
    this.tokenizer = tokenizerOf(source);
    const { size } = this.tokenizer;
    const { startToken: start, endToken: end, context } = sizes;
    if (sizes.text === 'transformer' && Math.max(start, end) >= size) {
      rangeError('CLIP', 'startToken and endToken', `below ${size}`, Math.max(start, end));
    }
    const transformer = (width: number, layers: number, heads: number): TransformerSizes => {
      return { width, layers, heads, activation, eps };
    };
    this.image =
      sizes.image === 'conv'
        ? new ConvTower(imageSize, channels, sizes.imageWidth, projection)
        : new ClipVision(
            { side: imageSize, channels, patch: sizes.patch },
            transformer(sizes.imageWidth, sizes.imageLayers, sizes.imageHeads),
            projection,
          );
    this.text =
      sizes.text === 'words'
        ? new WordsTower(size, sizes.textWidth, projection)
        : new ClipText(
            { size, start, end, context },
            transformer(sizes.textWidth, sizes.textLayers, sizes.textHeads),
            projection,
          );
    this.logitScale = tidy(() => asParameter(log(tensor(1 / sizes.temperature))));
    this.logitBias = sizes.loss === 'siglip' ? asParameter(tensor(INITIAL_LOGIT_BIAS)) : undefined;
  }

  /**
   * Draws pairs in an order of their own for each epoch; what remains at its end waits for the next
   * one.
   * @param data images with captions
   * @param options batchSize: pairs per step; seed: of the random numbers
   * @returns function from a step's number, and a part of its batch, to the batch
   * @throws {TypeError | RangeError} if they are not images of the network's shape with captions
   */
  batches(
    data: ImageDataset,
    { batchSize, seed }: { batchSize: number; seed: number },
  ): (step: number, first?: number, count?: number) => ClipBatch {
    const captions = this.captionsOf('train', data);
    const { count } = data;
    const size = Math.min(batchSize, count);
    if (size < 2) rangeError('train', 'batchSize', 'at least 2 images', size);
    const { ids } = indexLabels(captions);
    const rowsOfStep = fullBatches(count, batchSize, seed);
    return (step, first = 0, length = batchSize) => {
      const { pixels, rows, samples } = readSamples(data, rowsOfStep(step, first, length), first);
      if (rows.length < 2) throw new RangeError(`train: no images of step ${step + 1} can be read`);
      return {
        pixels,
        captions: rows.map((row, i) =>
          sampleCaption(
            captions[row] as string,
            new Random(seed, STREAMS.caption, step, samples[i] as number),
          ),
        ),
        ids: rows.map((row) => ids[row] as number),
        seed,
        step,
        samples,
      };
    };
  }

  /**
   * Computes the loss: how far images and captions are from finding each other.
   * @param batch pairs of a step
   * @returns scalar, in nats
   */
  loss({ pixels, captions, ids, seed, step, samples }: ClipBatch): Tensor {
    const { data } = this.logitScale;
    data[0] = Math.min(data[0] as number, MAX_LOGIT_SCALE);
    const views = this.augmentation.views(pixels, { seed, step, samples, view: 0 });
    const image = this.#imageVectors(views);
    return this.#lossOf(image, this.#textVectors(captions), ids);
  }

  #lossOf(image: Tensor, text: Tensor, ids: readonly number[]): Tensor {
    const logitScale = exp(this.logitScale);
    const { logitBias } = this;
    return logitBias === undefined
      ? clipLoss(image, text, { logitScale, ids })
      : sigLipLoss(image, text, { logitScale, logitBias, ids });
  }

  #imageVectors(images: Tensor): Tensor {
    return this.image.forward(normalizeImages(images, this.config));
  }

  #textVectors(texts: readonly string[]): Tensor {
    return this.text.forward(texts.map((text) => this.tokenizer.encode(text)));
  }

  /**
   * Computes the mean loss over images as they are with their labels.
   * @param data images with captions, at least two
   * @param batchSize largest batch
   * @returns mean loss, in nats
   * @throws {TypeError | RangeError} if an argument is not valid, or there are too few images
   */
  evaluate(data: ImageDataset, batchSize = INFERENCE_BATCH): number {
    integerIn(2)('evaluate', 'batchSize', batchSize);
    const captions = this.captionsOf('evaluate', data);
    const { ids } = indexLabels(captions);
    let [total, pairs] = [0, 0];
    for (const { pixels, rows } of imageBatches(data, batchSize)) {
      if (rows.length < 2) continue;
      const labels = rows.map((row) => captionLabel(captions[row] as string));
      const own = rows.map((row) => ids[row] as number);
      const loss = inference(this, () => {
        const image = this.#imageVectors(imagesToTensor(pixels, data.shape));
        return this.#lossOf(image, this.#textVectors(labels), own).item();
      });
      total += loss * rows.length;
      pairs += rows.length;
    }
    if (pairs === 0) {
      rangeError('evaluate', 'data', 'at least 2 images: pairs are compared', data.count);
    }
    return total / pairs;
  }

  /**
   * Encodes images, in order; one that can't be read is left out.
   *
   * @param images tensor (B, C, H, W), −1 to 1, bytes (B, H, W, C), `ImageData`, or a dataset
   * @returns (B, d)
   * @throws {TypeError | RangeError} if they are not images of the network's shape
   */
  encode(images: ImageInput | ImageDataset): Matrix {
    const sizes = { cols: this.config.projection, batchSize: INFERENCE_BATCH };
    return encodeImages(this, images, this.#shape, sizes, (x) => this.#imageVectors(x));
  }

  /**
   * Encodes texts.
   *
   * @param texts texts
   * @returns (texts, d)
   * @throws {TypeError} if they are not strings
   */
  encodeTexts(texts: readonly string[]): Matrix {
    checkTexts('encodeTexts', 'texts', texts);
    const parts: Float32Array[] = [];
    for (let from = 0; from < texts.length; from += INFERENCE_BATCH) {
      const part = texts.slice(from, from + INFERENCE_BATCH);
      parts.push(inference(this, () => this.#textVectors(part).toArray()));
    }
    return stackRows(parts, this.config.projection);
  }

  /**
   * Computes the probability of each of some classes for each image, none of them trained for.
   *
   * @param images as for `encode`
   * @param prompts a text for each class, or several that are averaged
   * @param options templates
   * @returns (B, classes), rows that sum to 1
   * @throws {TypeError | RangeError} if an argument is not valid
   * @example clip.zeroShot(pixels, ['cat', 'dog'], { templates: ['a photo of a {}'] });
   */
  zeroShot(
    images: ImageInput | ImageDataset,
    prompts: readonly (string | readonly string[])[],
    options?: ZeroShotOptions,
  ): Matrix {
    const reader = readOptions('zeroShot', options);
    const templates = reader.read('templates', checkTextsOption, ['{}']);
    reader.done();
    if (!Array.isArray(prompts)) typeError('zeroShot', 'prompts', 'an array of texts', prompts);
    if (prompts.length === 0) rangeError('zeroShot', 'prompts', 'at least one class', 0);
    for (const [i, texts] of prompts.entries()) {
      const list = typeof texts === 'string' ? [texts] : texts;
      checkTexts('zeroShot', `prompts[${i}]`, list);
      if (list.length === 0) rangeError('zeroShot', `prompts[${i}]`, 'at least one text', 0);
    }
    const encoded = this.encode(images);
    const classes = this.#classVectors(prompts, templates);
    return inference(this, () => {
      const image = normalize(tensor(encoded.data, [encoded.rows, encoded.cols]));
      const cosines = matmul(image, tensor(classes.data, [classes.rows, classes.cols]), {
        transposeB: true,
      });
      const data = softmax(mul(cosines, exp(this.logitScale))).toArray();
      return { data, rows: encoded.rows, cols: classes.rows };
    });
  }

  /** Computes the mean of the unit vectors of each class's texts, at length 1. */
  #classVectors(
    prompts: readonly (string | readonly string[])[],
    templates: readonly string[],
  ): Matrix {
    const vectors = prompts.map((prompt) => {
      const texts = (typeof prompt === 'string' ? [prompt] : prompt).flatMap((text) =>
        templates.map((template) => template.replaceAll('{}', () => text)),
      );
      const { data, rows, cols } = this.encodeTexts(texts);
      return inference(this, () =>
        normalize(mean(normalize(tensor(data, [rows, cols])), { axis: 0 })).toArray(),
      );
    });
    return stackRows(vectors, this.config.projection);
  }

  get #shape(): ImageShape {
    const { imageSize, channels } = this.config;
    return { height: imageSize, width: imageSize, channels };
  }

  /**
   * Gives the captions of images that fit the network.
   * @param name function that messages name
   * @param data images with captions
   * @returns caption of each image
   * @throws {TypeError | RangeError} if they are not images of the network's shape with captions
   */
  captionsOf(name: string, data: ImageDataset): readonly string[] {
    checkImages(name, data, this.#shape);
    if (data.captions === undefined) rangeError(name, 'data', 'with captions', 'none');
    return data.captions;
  }
}

function tokenizerOf(source: Tokenizer | readonly string[]): Tokenizer {
  if (isTokenizer(source)) return source;
  if (!Array.isArray(source)) typeError('CLIP', 'source', 'captions or a tokenizer', source);
  checkTexts('CLIP', 'source', source);
  return WordTokenizer.fromTexts(source);
}

function checkTextsOption(name: string, argument: string, value: unknown): readonly string[] {
  checkTexts(name, argument, value);
  if (value.length === 0) rangeError(name, argument, 'at least one text', 0);
  return value;
}
