/** CLIP on the command line. */

import { topK } from '../../index.js';
import {
  CLIP,
  CLIP_TYPE,
  type ClipConfig,
  clipRetrieval,
  type ImageDataset,
  indexLabels,
  loadClip,
  SMALL_CLIP_TYPE,
  saveClip,
  zeroShotAccuracy,
} from '../../models/index.js';
import { InputError } from '../../terminal/errors.js';
import {
  firstImages,
  type ImageSplit,
  labeledImages,
  openImages,
  reportSkippedImages,
} from '../input/images.js';
import { isTextFile, readTexts } from '../input/texts.js';
import { IMAGE_BATCH, readImageInputs, readImageSplit } from './image-model.js';
import type { Metrics, ModelDeclaration, OpenedModel } from './model.js';
import {
  choiceOption,
  defaultsOf,
  HEADS,
  LAYERS,
  PATCH,
  pickSettings,
  type Settings,
  SIZE,
  TEMPERATURE,
  TRAINING,
  WIDTH,
} from './options.js';

/** Images that stand for all validation images while training goes on. */
const SAMPLE = 1024;
/** Images whose captions a line shows. */
const SHOWN = 3;
/** Fewest pairs of image and caption that a contrastive loss compares. */
const MIN_PAIRS = 2;

const TOWERS = choiceOption(
  'towers',
  'small ones for few images, or transformers as in the paper',
  ['small', 'transformer'],
);

function configOf({ all }: ImageSplit, settings: Settings): ClipConfig {
  const { width, layers, heads, patch } = settings as Record<string, never>;
  const { height: imageSize, channels } = all.shape;
  const sizes = Object.keys(pickSettings(settings, ['layers', 'heads', 'patch']));
  // Sizes that only transformers have ask for them.
  const towers = settings.towers ?? (sizes.length > 0 ? 'transformer' : 'small');
  const shared = {
    ...{ imageSize, channels, imageWidth: width },
    ...pickSettings(settings, ['loss', 'temperature']),
  };
  if (towers === 'transformer') {
    return {
      ...{ ...shared, image: 'vit', text: 'transformer', patch },
      ...{ imageLayers: layers, imageHeads: heads },
      ...{ textWidth: width, textLayers: layers, textHeads: heads },
    };
  }
  const [given] = sizes;
  if (given === undefined) return shared;
  throw new InputError(`--${given} is of transformers: it does not go with --towers small`);
}

/** Names the recalls of retrieval, image to text and back. */
function recalls(model: CLIP, images: ImageDataset): Metrics {
  const { imageToText, textToImage } = clipRetrieval(model, images);
  const named = (name: string, recall: Record<number, number>): [string, number][] =>
    Object.entries(recall).map(([k, value]) => [`${name}${k}`, value]);
  return Object.fromEntries([
    ...named('recallAt', imageToText),
    ...named('textRecallAt', textToImage),
  ]);
}

function metricsOf(model: CLIP, images: ImageDataset): Metrics {
  const { labeled } = labeledImages(images);
  const hasClasses = labeled.count > 0 && (labeled.labelNames ?? []).length > 1;
  return {
    valLoss: model.evaluate(images),
    ...recalls(model, images),
    ...(hasClasses ? { zeroShotAccuracy: zeroShotAccuracy(model, labeled) } : {}),
    samples: images.count,
  };
}

/** Shows the captions of some images, and which of all captions the model finds for them. */
function captionSample(model: CLIP, images: ImageDataset): string {
  const { names } = indexLabels(model.captionsOf('clip', images));
  const shown = firstImages(images, SHOWN);
  const { indices } = topK(model.encode(shown), model.encodeTexts(names), 1);
  const own = model.captionsOf('clip', shown);
  return Array.from(
    indices,
    (index, i) => `${indexLabels([own[i] as string]).names[0]} → ${names[index]}`,
  ).join(', ');
}

function openClip(model: CLIP): OpenedModel {
  const { imageSize: side, channels } = model.config;
  const options = { side, channels };
  return {
    async evaluate(path) {
      const onSkip = reportSkippedImages();
      const images = await openImages(path, { ...options, needsCaption: true, onSkip });
      if (images.count < MIN_PAIRS) throw new InputError(`${path}: needs ${MIN_PAIRS} images`);
      return metricsOf(model, images);
    },
    encode: {
      batch: IMAGE_BATCH,
      read(path) {
        if (!isTextFile(path)) return readImageInputs(path, options);
        const texts = readTexts(path, { lines: true });
        return { texts: texts.map(({ text }) => text), ids: texts.map(({ id }) => id) };
      },
      encode: (inputs) =>
        'images' in inputs ? model.encode(inputs.images) : model.encodeTexts(inputs.texts),
    },
  };
}

/** The model of images and their captions. */
export const clip: ModelDeclaration<ImageSplit> = {
  name: 'clip',
  modelTypes: [CLIP_TYPE, SMALL_CLIP_TYPE],
  summary: 'images and their captions: finds which belong together',
  data: 'a folder of PNG, JPEG and WebP with a metadata.jsonl of file_name and text',
  examples: ['nearfar train clip --data captioned/ --out clip'],
  options: [
    ...TRAINING,
    choiceOption('loss', 'what is minimized', ['clip', 'siglip']),
    ...[TOWERS, TEMPERATURE, SIZE, LAYERS, HEADS, WIDTH, PATCH],
  ],
  defaults() {
    const { config, defaults } = new CLIP(['a b'], { imageSize: 8 });
    const { loss, temperature } = config;
    return defaultsOf({ loss, temperature }, defaults, { towers: 'small' });
  },
  async read(path, settings) {
    const data = await readImageSplit(path, settings, { needsCaption: true });
    if (data.validation.count >= MIN_PAIRS && data.training.count >= MIN_PAIRS) return data;
    throw new InputError(
      `${path}: at least ${MIN_PAIRS} images to train on and ${MIN_PAIRS} to validate with are ` +
        `needed, got ${data.training.count} and ${data.validation.count} (a tenth validates)`,
    );
  },
  create(data, settings) {
    const { training, validation } = data;
    const model = new CLIP(training.captions as readonly string[], configOf(data, settings));
    return {
      model,
      training,
      samples: training.count,
      unit: { name: 'images', perStep: (batchSize) => batchSize },
      evaluate: () => metricsOf(model, firstImages(validation, SAMPLE)),
      sample: () => captionSample(model, validation),
      files: () => saveClip(model),
      metricsOf(files) {
        const best = loadClip(files);
        const metrics = metricsOf(best, validation);
        best.dispose();
        return metrics;
      },
    };
  },
  open: (files) => openClip(loadClip(files)),
};
