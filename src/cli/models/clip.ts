/** CLIP on the command line. */

import { extname } from 'node:path';
import { topK } from '../../index.js';
import {
  CLIP,
  CLIP_TYPE,
  type ClipConfig,
  clipRetrieval,
  type ImageDataset,
  indexLabels,
  loadClip,
  saveClip,
  zeroShotAccuracy,
} from '../../models/index.js';
import { InputError } from '../../terminal/errors.js';
import {
  firstImages,
  type ImageSplit,
  openImageSplit,
  openImages,
  reportSkipped,
} from '../input/images.js';
import { readTexts } from '../input/texts.js';
import type { Metrics, ModelDeclaration, OpenedModel } from './model.js';
import {
  choiceOption,
  HEADS,
  LAYERS,
  PATCH,
  type Settings,
  SIZE,
  TEMPERATURE,
  TRAINING,
  WIDTH,
} from './options.js';

/** Pictures that stand for all that validate, while training goes on. */
const SAMPLE = 1024;
/** Pictures that a line shows the names of. */
const SHOWN = 3;
/** Files that hold texts rather than pictures. */
const TEXTS = ['.txt', '.jsonl', '.csv'];

const TOWERS = choiceOption(
  'towers',
  'small ones for few pictures, or transformers as in the paper',
  ['small', 'transformer'],
);

function configOf({ all }: ImageSplit, settings: Settings): ClipConfig {
  const { loss, temperature, width, layers, heads, patch } = settings as Record<string, never>;
  const { height: imageSize, channels } = all.shape;
  const sizes = Object.entries({ layers, heads, patch }).filter(([, value]) => value !== undefined);
  // Sizes that only transformers have ask for them.
  const towers = settings.towers ?? (sizes.length > 0 ? 'transformer' : 'small');
  const shared = { imageSize, channels, loss, temperature, imageWidth: width };
  if (towers === 'transformer') {
    return {
      ...{ ...shared, image: 'vit', text: 'transformer', patch },
      ...{ imageLayers: layers, imageHeads: heads },
      ...{ textWidth: width, textLayers: layers, textHeads: heads },
    };
  }
  const [given] = sizes;
  if (given === undefined) return shared;
  throw new InputError(`--${given[0]} is of transformers: it does not go with --towers small`);
}

/** Names of retrieval's shares, picture to text and back. */
function recalls(model: CLIP, pictures: ImageDataset): Metrics {
  const { imageToText, textToImage } = clipRetrieval(model, pictures);
  const named = (name: string, shares: Record<number, number>): [string, number][] =>
    Object.entries(shares).map(([k, share]) => [`${name}${k}`, share]);
  return Object.fromEntries([
    ...named('recallAt', imageToText),
    ...named('textRecallAt', textToImage),
  ]);
}

function metricsOf(model: CLIP, pictures: ImageDataset): Metrics {
  const { labels, labelNames = [] } = pictures;
  const named = labels !== undefined && labelNames.length > 1;
  return {
    valLoss: model.evaluate(pictures),
    ...recalls(model, pictures),
    ...(named ? { zeroShotAccuracy: zeroShotAccuracy(model, pictures) } : {}),
  };
}

/** What some pictures are called, and which of all those names the model gives them. */
function guesses(model: CLIP, pictures: ImageDataset): string {
  const { names } = indexLabels(model.captionsOf('clip', pictures));
  const shown = firstImages(pictures, SHOWN);
  const { indices } = topK(model.encode(shown), model.encodeTexts(names), 1);
  const own = model.captionsOf('clip', shown);
  return Array.from(
    indices,
    (index, i) => `${indexLabels([own[i] as string]).names[0]} → ${names[index]}`,
  ).join(', ');
}

function openClip(model: CLIP): OpenedModel {
  const { imageSize: side, channels } = model.config;
  const options = { side, channels, onSkip: reportSkipped() };
  return {
    evaluate: async (path) => metricsOf(model, await openImages(path, options)),
    async encode(path) {
      if (TEXTS.includes(extname(path)))
        return model.encodeTexts(readTexts(path).map(({ text }) => text));
      return model.encode(await openImages(path, options));
    },
  };
}

export const clip: ModelDeclaration<ImageSplit> = {
  name: 'clip',
  modelType: CLIP_TYPE,
  summary: 'pictures and their captions: learns which belong together',
  data: 'a folder of PNG and JPEG with a metadata.jsonl of file_name and text',
  options: [
    ...TRAINING,
    choiceOption('loss', 'what is made small', ['clip', 'siglip']),
    ...[TOWERS, TEMPERATURE, SIZE, LAYERS, HEADS, WIDTH, PATCH],
  ],
  async read(path, { size }) {
    const side = size as number | undefined;
    const data = await openImageSplit(path, { side, onSkip: reportSkipped() });
    if (data.all.captions !== undefined) return data;
    throw new InputError(`${path}: every picture needs a text in metadata.jsonl`);
  },
  create(data, settings) {
    const { training, validation } = data;
    const model = new CLIP(training.captions as readonly string[], configOf(data, settings));
    return {
      model,
      training,
      samples: training.count,
      unit: { name: 'pictures', perStep: (batch) => batch },
      evaluate: () => metricsOf(model, firstImages(validation, SAMPLE)),
      sample: () => guesses(model, validation),
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
