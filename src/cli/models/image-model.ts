/** Parts of the command line that all models of images share: data, encoding, fine-tuning. */

import type { Matrix } from '../../index.js';
import {
  type Augmentation,
  type Files,
  ImageClassifier,
  type ImageDataset,
  type ImageEncoder,
  sampleLabeled,
  subset,
  train,
} from '../../models/index.js';
import { loadSafetensors, manualSeed, saveSafetensors, tidy } from '../../nn/index.js';
import { InputError } from '../../terminal/errors.js';
import type { ImageOptions, OpenedImages } from '../input/image-source.js';
import {
  firstImages,
  type ImageSplit,
  labeledImages,
  openImageSplit,
  openImages,
  readableImages,
  reportSkippedImages,
} from '../input/images.js';
import { hasLabels } from './embeddings.js';
import type {
  FinetuneRequest,
  FinetuneResult,
  Metrics,
  ModelDeclaration,
  NamedInputs,
  Predictions,
  RowEncoder,
} from './model.js';
import { pickSettings, type Settings, trainingSettings } from './options.js';

/** Images that are encoded in a second or less. */
export const IMAGE_BATCH = 64;
/** Largest number of held-out images. */
const MAX_HELD_OUT = 10_000;

/** The layer that classifies images, next to the files of the encoder below it. */
const HEAD = 'classifier.safetensors';
const CONFIG = 'config.json';

/** Parts of the declaration that all models of images share. */
export const IMAGE_DATA = {
  data: 'IDX files, or a folder of PNG, JPEG and WebP',
  read: (path: string, settings: Settings) => readImageSplit(path, settings),
} satisfies Partial<ModelDeclaration<ImageSplit>>;

/** Opens images to train on, resized to `--size`. */
export function readImageSplit(
  path: string,
  { size }: Settings,
  options: Partial<ImageOptions> = {},
): Promise<ImageSplit> {
  const side = size as number | undefined;
  return openImageSplit(path, { side, onSkip: reportSkippedImages(), ...options });
}

/** Reads the images of a path that can be read, each with the name of its file. */
export async function readImageInputs(
  path: string,
  options: Omit<ImageOptions, 'onSkip'>,
): Promise<NamedInputs> {
  const images = await openImages(path, { ...options, onSkip: reportSkippedImages() });
  const { readable, rows } = readableImages(images);
  if (rows.length === 0) throw new InputError(`${path}: holds no image that can be read`);
  const left = images.count - rows.length;
  return {
    images: readable,
    ids: rows.map((row) => images.name(row)),
    notes: left === 0 ? [] : [`${left} images cannot be read and have no row`],
  };
}

/** Makes the row encoder of a model of images. */
export function imageRows(
  options: Omit<ImageOptions, 'onSkip'>,
  encode: (images: ImageDataset) => Matrix,
): RowEncoder {
  return {
    batch: IMAGE_BATCH,
    read: (path) => readImageInputs(path, options),
    encode(inputs) {
      if (!('images' in inputs)) throw new RangeError('the model encodes images, not texts');
      return encode(inputs.images);
    },
  };
}

/** An encoder to fine-tune, and its files afterwards. */
export interface FinetuneTarget {
  /** Returns a copy, trained as it is. */
  copy(): ImageEncoder;
  /** Returns the same network before any training. */
  fresh(): ImageEncoder;
  /** Size of the vectors that it gives. */
  width: number;
  augmentation: Augmentation;
  /** Returns the files of the copy, once it is fine-tuned. */
  files(): Files;
}

/** A fine-tuned classifier and the names of its classes. */
export class OpenedClassifier {
  readonly #classifier: ImageClassifier;
  readonly #names: readonly string[];

  constructor(classifier: ImageClassifier, names: readonly string[]) {
    this.#classifier = classifier;
    this.#names = names;
  }

  /** Computes the accuracy on the labeled images of a path, by the names of their labels. */
  async evaluate(path: string, options: Omit<ImageOptions, 'onSkip'>): Promise<Metrics> {
    const images = await openImages(path, { ...options, onSkip: reportSkippedImages() });
    const { labeled, unlabeled } = labeledImages(images);
    const { labels, labelNames } = labeled;
    if (labels === undefined || labelNames === undefined || labeled.count === 0) {
      throw new InputError(`${path}: no image has a label`);
    }
    const { classes, rows } = this.#classifier.predict(labeled);
    if (rows.length === 0) throw new InputError(`${path}: no labeled image can be read`);
    const hits = rows.filter(
      (row, i) => labelNames[labels[row] as number] === this.#names[classes[i] as number],
    );
    return { accuracy: hits.length / rows.length, samples: rows.length, unlabeled };
  }

  /** Classifies the images of a path. */
  async predict(path: string, options: Omit<ImageOptions, 'onSkip'>): Promise<Predictions> {
    const images = await openImages(path, { ...options, onSkip: reportSkippedImages() });
    const { classes, rows } = this.#classifier.predict(images);
    if (rows.length === 0) throw new InputError(`${path}: holds no image that can be read`);
    return {
      ids: rows.map((row) => images.name(row)),
      labels: classes.map((index) => this.#names[index] as string),
    };
  }
}

/**
 * Reads a fine-tuned classifier from its files, with the encoder that was read from them.
 *
 * @returns nothing if the files are of a model that was not fine-tuned
 */
export function openClassifier(
  files: Files,
  encoder: ImageEncoder,
  augmentation: Augmentation,
): OpenedClassifier | undefined {
  const bytes = files.get(HEAD);
  if (bytes === undefined) return undefined;
  return tidy(() => {
    const head = loadSafetensors(bytes);
    const [classes, width] = head.get('weight')?.shape ?? [];
    if (classes === undefined || width === undefined) {
      throw new RangeError(`${HEAD} must hold weight, (classes, width), and bias`);
    }
    const classifier = new ImageClassifier(encoder, width, classes, augmentation);
    classifier.output.loadStateDict(head);
    return new OpenedClassifier(classifier.eval() as ImageClassifier, classNames(files, classes));
  });
}

function readConfig(files: Files): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(files.get(CONFIG)));
}

/** Reads the names of the classes from config.json, as Hugging Face stores them. */
function classNames(files: Files, count: number): string[] {
  const { id2label } = readConfig(files) as { id2label?: Record<string, unknown> };
  const names = Array.from({ length: count }, (_, index) => id2label?.[index]);
  if (names.some((name) => typeof name !== 'string')) {
    throw new RangeError(`${CONFIG}: id2label must name ${count} classes`);
  }
  return names as string[];
}

/** Adds the names of the classes to config.json. */
function withClassNames(files: Files, names: readonly string[]): Files {
  const config = {
    ...readConfig(files),
    id2label: Object.fromEntries(names.map((name, index) => [index, name])),
    label2id: Object.fromEntries(names.map((name, index) => [name, index])),
  };
  const text = `${JSON.stringify(config, undefined, 2)}\n`;
  return new Map([...files, [CONFIG, new TextEncoder().encode(text)]]);
}

/** Fine-tunes a copy of an encoder on labels, and the same network from scratch. */
export async function finetuneImageModel(
  { copy, fresh, width, augmentation, files }: FinetuneTarget,
  data: ImageSplit,
  { path, labelsPerClass, settings, signal, onStep }: FinetuneRequest,
): Promise<FinetuneResult> {
  if (!hasLabels(data)) throw new InputError(`${path}: there are no labels of two classes or more`);
  const { seed = 0 } = settings as { seed?: number };
  const all = labeledImages(data.training).labeled;
  const labels = all.labels as Int32Array;
  const labelNames = all.labelNames as readonly string[];
  const chosen = sampleLabeled(labels, labelsPerClass ?? all.count, seed);
  const labeled = subset(all, chosen);
  // What was not drawn to train on is held out, besides the validation part.
  const drawn = new Set(chosen);
  const others = Array.from(labels.keys()).filter((row) => !drawn.has(row));
  const heldOut = firstImages(
    labelsPerClass === undefined
      ? labeledImages(data.validation).labeled
      : joinDatasets(labeledImages(data.validation).labeled, subset(all, others)),
    MAX_HELD_OUT,
  );
  const classes = labelNames.length;
  const run = async (
    network: Parameters<typeof onStep>[0],
    encoder: ImageEncoder,
  ): Promise<{ accuracy: number; classifier: ImageClassifier }> => {
    const classifier = new ImageClassifier(encoder, width, classes, augmentation);
    const options = {
      batchSize: Math.min(64, labeled.count),
      ...trainingSettings(pickSettings(settings, Object.keys(settings))),
      seed,
      signal,
    };
    for await (const step of train(classifier, labeled, options)) await onStep(network, step);
    return { accuracy: classifier.accuracy(heldOut), classifier };
  };
  const tuned = await run('pre-trained', copy());
  manualSeed(seed);
  const scratch = await run('from scratch', fresh());
  scratch.classifier.dispose();
  const head = tidy(() => saveSafetensors(tuned.classifier.output.stateDict()));
  const result = {
    files: withClassNames(files(), labelNames).set(HEAD, head),
    accuracy: tuned.accuracy,
    scratchAccuracy: scratch.accuracy,
    labeled: labeled.count,
    heldOut: heldOut.count,
    classes: new Set(labeled.labels).size,
  };
  tuned.classifier.dispose();
  return result;
}

/** Two datasets of one shape and the same labels, one after the other. */
function joinDatasets(first: ImageDataset, second: ImageDataset): ImageDataset {
  if (second.count === 0) return first;
  const { count } = first;
  const size = first.shape.height * first.shape.width * first.shape.channels;
  return {
    ...first,
    count: count + second.count,
    labels: Int32Array.from([...(first.labels ?? []), ...(second.labels ?? [])]),
    captions: undefined,
    read(rows) {
      const wanted = Array.from(rows);
      const pixels = new Uint8Array(wanted.length * size);
      const found: number[] = [];
      for (const row of wanted) {
        const own = row < count ? first.read([row]) : second.read([row - count]);
        if (own.rows.length === 0) continue;
        pixels.set(own.pixels, found.length * size);
        found.push(row);
      }
      return { pixels: pixels.subarray(0, found.length * size), rows: found };
    },
  };
}

/** Returns the number of images of a set that are not labeled, for metrics, if it has labels. */
export function unlabeledCount({ labels, count }: OpenedImages): Metrics {
  if (labels === undefined) return {};
  const unlabeled = labels.reduce((sum, label) => sum + Number(label < 0), 0);
  return unlabeled === 0 ? {} : { unlabeled, images: count };
}
