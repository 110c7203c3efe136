/**
 * CLIP (Radford et al., 2021, "Learning transferable visual models from natural language
 * supervision"). The pretext task: in a batch of images and captions, find which caption goes with
 * which image. What comes out classifies images by names that nobody trained it on.
 *
 *   B pairs, d numbers a vector
 *   I = image tower(images)           (B, d)
 *   T = text tower(captions)            (B, d)
 *   loss = symmetric cross-entropy of exp(logit scale) · cos(I, T), or SigLIP's of each pair
 *
 * Pairs with the same name are never each other's negatives. Of a caption with several parts,
 * divided by semicolons, the first is the name; each of the others is left out at random in
 * training.
 */

import type { Matrix } from '../../core/matrix.js';
import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
import { checkChoice, checkCount, checkTemperature, rangeError } from '../../core/validation.js';
import {
  Augmentation,
  type AugmentOptions,
  checkImageShape,
  imagesToTensor,
} from '../../data/images/augment.js';
import { captionLabel, indexLabels, sampleCaption } from '../../data/images/captions.js';
import { checkImages, type ImageDataset, readSamples } from '../../data/images/dataset.js';
import type { Tokenizer } from '../../data/text/characters.js';
import { WordTokenizer } from '../../data/text/words.js';
import {
  type Activation,
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
import type { Trainable, TrainDefaults } from '../../train/train.js';
import { imageBatches, stackRows } from '../images/chunks.js';
import { encodeImages, type ImageInput } from '../images/images.js';
import { ClipText, ClipVision, ConvTower, type TransformerSizes, WordsTower } from './towers.js';

export interface ClipConfig {
  /** Height and width of the images (default 32). */
  imageSize?: number | undefined;
  /** 1 gray, 3 color (default 3). */
  channels?: number | undefined;
  /** The tower of images: convolutions, or the paper's vision transformer (default `'conv'`). */
  image?: 'conv' | 'vit' | undefined;
  /** The tower of texts: the mean of a text's words, or the paper's transformer (default `'words'`). */
  text?: 'words' | 'transformer' | undefined;
  loss?: 'clip' | 'siglip' | undefined;
  /** Where the temperature starts, which is learned (default 0.07, with SigLIP 0.1). */
  temperature?: number | undefined;
  /** d, the width of what both towers end in (default 128). */
  projection?: number | undefined;
  /** Channels of the first convolutions (default 16), or numbers a patch (default 128). */
  imageWidth?: number | undefined;
  imageLayers?: number | undefined;
  imageHeads?: number | undefined;
  /** Pixels along the side of a transformer's patch (default 4). */
  patch?: number | undefined;
  /** Numbers a token (default 128). */
  textWidth?: number | undefined;
  textLayers?: number | undefined;
  textHeads?: number | undefined;
  /** Tokens that a transformer reads of a text, its start and end among them (default 32). */
  context?: number | undefined;
  activation?: Activation | undefined;
  /** Of the layer normalizations. */
  eps?: number | undefined;
  /** Tokens that start and end a text (default 0 and 1, `WordTokenizer`'s). */
  startToken?: number | undefined;
  endToken?: number | undefined;
  augmentation?: AugmentOptions | undefined;
}

/** Images of a step (B, H, W, C), their captions, and a number for each name. */
export interface ClipBatch {
  pixels: Uint8Array;
  captions: readonly string[];
  ids: readonly number[];
  seed: number;
  step: number;
  /** Index of each image in the whole batch of the step. */
  samples: readonly number[];
}

/** Images, or texts, that are encoded at once. */
const INFERENCE_BATCH = 256;
/** How far the logit scale goes, by its logarithm. */
const MAX_LOGIT_SCALE = 2 * Math.LN10;
const INITIAL_LOGIT_BIAS = -10;
/**
 * Mild views: what a sign means hangs on its colors and on where it points. They come nearer and go
 * farther alike, so that images as they are have the size of what was learned from.
 */
function viewsOf(channels: number): AugmentOptions {
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
    brightness: 0.3,
    contrast: 0.3,
    saturation: 0.5,
    hue: 0.02,
    grayscale: 0.1,
  };
}

export class CLIP extends Module implements Trainable<ImageDataset, ClipBatch> {
  readonly config: { readonly [Key in keyof ClipConfig]-?: NonNullable<ClipConfig[Key]> };
  readonly tokenizer: Tokenizer;
  readonly augmentation: Augmentation;
  readonly image: ConvTower | ClipVision;
  readonly text: WordsTower | ClipText;
  /** The logarithm of what cosines are multiplied by. */
  readonly logitScale: Tensor;
  /** What SigLIP adds to them. */
  readonly logitBias: Tensor | undefined;

  readonly defaults: TrainDefaults = {
    steps: 1000,
    batchSize: 256,
    learningRate: 2e-3,
    warmup: 50,
    weightDecay: 0.1,
    betas: [0.9, 0.98],
    gradClip: 10,
  };

  /** @param tokenizer what turns captions to numbers, or captions whose words are the tokens */
  constructor(tokenizer: Tokenizer | readonly string[], config: ClipConfig = {}) {
    super();
    const { image = 'conv', imageSize = 32, channels = 3, patch = 4 } = config;
    const { imageWidth = image === 'conv' ? 16 : 128, imageLayers = 4, imageHeads = 4 } = config;
    const { text = 'words', textWidth = 128, textLayers = 2, textHeads = 4, context = 32 } = config;
    const { projection = 128, activation = 'gelu', eps = 1e-5 } = config;
    const { startToken = 0, endToken = 1, loss = 'clip' } = config;
    const usual = loss === 'siglip' ? 0.1 : 0.07;
    const temperature = checkTemperature(
      'CLIP',
      'temperature',
      config.temperature === undefined ? usual : config.temperature,
    );
    const shape = { height: imageSize, width: imageSize, channels };
    checkImageShape('CLIP', shape);
    checkChoice('CLIP', 'image', image, ['conv', 'vit'], 'conv');
    checkChoice('CLIP', 'text', text, ['words', 'transformer'], 'words');
    checkChoice('CLIP', 'loss', loss, ['clip', 'siglip'], 'clip');
    const sizes = { imageWidth, imageLayers, imageHeads, patch, textWidth, textLayers, textHeads };
    for (const [name, value] of Object.entries({ ...sizes, context, projection })) {
      checkCount('CLIP', name, value, 1, 2 ** 24, 'as large as memory allows');
    }
    this.augmentation = new Augmentation(shape, { ...viewsOf(channels), ...config.augmentation });
    const names = { image, text, loss, activation };
    const tokens = { context, startToken, endToken };
    const rest = { imageSize, channels, projection, temperature, eps, ...tokens };
    this.config = { ...names, ...sizes, ...rest, augmentation: this.augmentation.options };
    this.tokenizer = 'encode' in tokenizer ? tokenizer : WordTokenizer.fromTexts(tokenizer);
    const sizesOf = (width: number, layers: number, heads: number): TransformerSizes => {
      return { width, layers, heads, activation, eps };
    };
    this.image =
      image === 'conv'
        ? new ConvTower(imageSize, channels, imageWidth, projection)
        : new ClipVision(
            { side: imageSize, channels, patch },
            sizesOf(imageWidth, imageLayers, imageHeads),
            projection,
          );
    const { size } = this.tokenizer;
    this.text =
      text === 'words'
        ? new WordsTower(size, textWidth, projection)
        : new ClipText(
            { size, start: startToken, end: endToken, context },
            sizesOf(textWidth, textLayers, textHeads),
            projection,
          );
    this.logitScale = tidy(() => asParameter(log(tensor(1 / temperature))));
    this.logitBias = loss === 'siglip' ? asParameter(tensor(INITIAL_LOGIT_BIAS)) : undefined;
  }

  /** Pairs in an order of their own for each pass through the data; what is left over waits. */
  batches(
    data: ImageDataset,
    { batchSize, seed }: { batchSize: number; seed: number },
  ): (step: number, first?: number, count?: number) => ClipBatch {
    const captions = this.captionsOf('train', data);
    const { count } = data;
    const size = Math.min(batchSize, count);
    if (size < 2) rangeError('train', 'batchSize', 'at least 2 images', size);
    const { ids } = indexLabels(captions);
    const rowsOf = fullBatches(count, batchSize, seed);
    return (step, first = 0, length = batchSize) => {
      const { pixels, rows, samples } = readSamples(data, rowsOf(step, first, length), first);
      if (rows.length < 2) throw new Error(`train: no images of step ${step + 1} can be read`);
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

  /** How far images and captions are from finding each other. */
  loss({ pixels, captions, ids, seed, step, samples }: ClipBatch): Tensor {
    const { data } = this.logitScale;
    data[0] = Math.min(data[0] as number, MAX_LOGIT_SCALE);
    const views = this.augmentation.views(pixels, { seed, step, samples, view: 0 });
    const image = this.image.forward(views);
    return this.#lossOf(image, this.#encodeTokens(captions), ids);
  }

  #lossOf(image: Tensor, text: Tensor, ids: readonly number[]): Tensor {
    const logitScale = exp(this.logitScale);
    const { logitBias } = this;
    return logitBias === undefined
      ? clipLoss(image, text, { logitScale, ids })
      : sigLipLoss(image, text, { logitScale, logitBias, ids });
  }

  #encodeTokens(texts: readonly string[]): Tensor {
    return this.text.forward(texts.map((text) => this.tokenizer.encode(text)));
  }

  /** Mean loss over images as they are with their names, in batches of at most `batch`. */
  evaluate(data: ImageDataset, batch = INFERENCE_BATCH): number {
    const captions = this.captionsOf('evaluate', data);
    const { ids } = indexLabels(captions);
    let [total, pairs] = [0, 0];
    for (const { pixels, rows } of imageBatches(data, batch)) {
      if (rows.length < 2) continue;
      const names = rows.map((row) => captionLabel(captions[row] as string));
      const own = rows.map((row) => ids[row] as number);
      const one = inference(this, () => {
        const image = this.image.forward(imagesToTensor(pixels, data.shape));
        return this.#lossOf(image, this.#encodeTokens(names), own).item();
      });
      total += one * rows.length;
      pairs += rows.length;
    }
    return total / pairs;
  }

  /**
   * Vectors of images, in order; one that can't be read is left out.
   * @param images a tensor (B, C, H, W), −1 to 1, or bytes (B, H, W, C), or images that are read
   *   as they are needed
   * @returns (B, d)
   */
  encode(images: ImageInput | ImageDataset): Matrix {
    const sizes = { cols: this.config.projection, most: INFERENCE_BATCH };
    return encodeImages(this, images, this.#shape, sizes, (x) => this.image.forward(x));
  }

  /** Vectors of texts, (B, d). */
  encodeTexts(texts: readonly string[]): Matrix {
    const parts: Float32Array[] = [];
    for (let from = 0; from < texts.length; from += INFERENCE_BATCH) {
      const part = texts.slice(from, from + INFERENCE_BATCH);
      parts.push(inference(this, () => this.#encodeTokens(part).toArray()));
    }
    return stackRows(parts, this.config.projection);
  }

  /**
   * How likely each of some classes is for each image, none of them trained for.
   * @param images as for `encode`
   * @param prompts a text for each class, or several that are averaged
   * @param options.templates each text is put into each of these, at `{}`, and they are averaged
   * @returns (B, classes), rows that sum to 1
   */
  zeroShot(
    images: ImageInput | ImageDataset,
    prompts: readonly (string | readonly string[])[],
    options: { templates?: readonly string[] } = {},
  ): Matrix {
    if (prompts.length === 0) rangeError('zeroShot', 'prompts', 'at least one class', 0);
    const encoded = this.encode(images);
    const classes = this.#classVectors(prompts, options.templates ?? ['{}']);
    return inference(this, () => {
      const image = normalize(tensor(encoded.data, [encoded.rows, encoded.cols]));
      const cosines = matmul(image, tensor(classes.data, [classes.rows, classes.cols]), {
        transposeB: true,
      });
      const data = softmax(mul(cosines, exp(this.logitScale))).toArray();
      return { data, rows: encoded.rows, cols: classes.rows };
    });
  }

  /** The mean of the unit vectors of each class's texts, brought to length 1. */
  #classVectors(
    prompts: readonly (string | readonly string[])[],
    templates: readonly string[],
  ): Matrix {
    const vectors = prompts.map((of) => {
      const texts = (typeof of === 'string' ? [of] : of).flatMap((text) =>
        templates.map((template) => template.replaceAll('{}', text)),
      );
      const { data, rows, cols } = this.encodeTexts(texts);
      return inference(this, () =>
        normalize(mean(normalize(tensor(data, [rows, cols])), { axis: 0 })).toArray(),
      );
    });
    return stackRows(vectors, this.config.projection);
  }

  get #shape(): ImageDataset['shape'] {
    const { imageSize, channels } = this.config;
    return { height: imageSize, width: imageSize, channels };
  }

  /** Captions of images that fit the network. */
  captionsOf(name: string, data: ImageDataset): readonly string[] {
    checkImages(name, data, this.#shape);
    if (data.captions === undefined) rangeError(name, 'data', 'with captions', 'none');
    return data.captions;
  }
}
