/** The masked autoencoder on the command line. */

import {
  Augmentation,
  type Files,
  loadMae,
  MAE,
  type MaeConfig,
  PatchMean,
  reconstructionErrors,
  saveMae,
} from '../../models/index.js';
import { pngBytes } from '../../report/png.js';
import {
  firstImages,
  type ImageSplit,
  openImageSplit,
  openImages,
  reportSkipped,
} from '../input/images.js';
import { reconstructionSheet } from '../output/reconstructions.js';
import { encoderAccuracies } from './embeddings.js';
import { finetuneImageModel, openClassifier } from './image-finetune.js';
import type { Metrics, ModelDeclaration, OpenedModel } from './model.js';
import {
  choiceOption,
  HEADS,
  LAYERS,
  numberOption,
  PATCH,
  type Settings,
  SIZE,
  TRAINING,
  WIDTH,
} from './options.js';

const MASK_RATIO = numberOption('mask-ratio', 'share of the patches that is hidden', 0.01, 0.99);
const LOSS = 'normalized-mse';

/** Pictures that stand for all that validate, while training goes on. */
const SAMPLE = 512;
/** Pictures that are interpolated to compare with, at most: it takes a while. */
const COMPARED = 1024;
/** Pictures on the sheet that shows what is made up. */
const SHEET = 10;
const SHEET_FILE = 'reconstructions.png';

function configOf({ all }: ImageSplit, settings: Settings): MaeConfig {
  const { width, layers, heads, patch, maskRatio } = settings as Record<string, number | undefined>;
  return {
    ...all.shape,
    ...{ hidden: width, layers, heads, patch, maskRatio },
    normalizePixels: settings.loss === LOSS,
  };
}

/** How well hidden patches are made up, beside a mean and an interpolation, and what labels say. */
function metricsOf(model: MAE, data: ImageSplit): Metrics {
  const valLoss = model.evaluate(data.validation);
  const errors = reconstructionErrors(model, firstImages(data.validation, COMPARED));
  return {
    valLoss,
    reconstructionLoss: model.config.normalizePixels ? errors.reconstruction : valLoss,
    meanFillLoss: errors.meanFill,
    interpolationLoss: errors.interpolation,
    ...encoderAccuracies((pictures) => model.encode(pictures), data, false),
  };
}

/** A light variation for fine-tuning: a little nearer, turned, mirrored if in colour. */
function variation({ height, width, channels }: MAE['config']): Augmentation {
  const grey = { rotation: 10, shear: 0.2, jitter: 0 };
  return new Augmentation(
    { height, width, channels },
    { scale: [0.7, 1], ...(channels === 1 ? grey : {}) },
  );
}

function openMae(files: Files): OpenedModel {
  const model = loadMae(files);
  const { config } = model;
  const { height, width, channels, hidden } = config;
  if (height !== width) throw new RangeError('config.json: image_size must be one number');
  const options = { side: height, channels, onSkip: reportSkipped() };
  const classifier = openClassifier(files, new PatchMean(model.encoder), variation(config));
  return {
    async evaluate(path) {
      if (classifier !== undefined) {
        return { accuracy: classifier.accuracy(await openImages(path, options)) };
      }
      return metricsOf(model, await openImageSplit(path, options));
    },
    encode: async (path) => model.encode(await openImages(path, options)),
    async finetune(finetuning) {
      const tuned = loadMae(saveMae(model));
      const tunable = {
        copy: () => new PatchMean(tuned.encoder),
        fresh: () => new PatchMean(new MAE(config).encoder),
        width: hidden,
        augmentation: variation(config),
        files: () => saveMae(tuned),
      };
      return finetuneImageModel(
        tunable,
        await openImageSplit(finetuning.path, options),
        finetuning,
      );
    },
  };
}

export const mae: ModelDeclaration<ImageSplit> = {
  name: 'mae',
  modelType: 'vit_mae',
  summary: 'an encoder of pictures: makes up what is hidden from it',
  data: 'IDX files, or a folder of PNG and JPEG',
  options: [
    ...TRAINING,
    choiceOption('loss', 'what is made small', ['mse', LOSS]),
    ...[SIZE, PATCH, MASK_RATIO, LAYERS, HEADS, WIDTH],
  ],
  read(path, { size }) {
    return openImageSplit(path, { side: size as number | undefined, onSkip: reportSkipped() });
  },
  create(data, settings) {
    const model = new MAE(configOf(data, settings));
    const { training, validation } = data;
    return {
      model,
      training,
      samples: training.count,
      unit: { name: 'pictures', perStep: (batch) => batch },
      evaluate: () => ({ valLoss: model.evaluate(firstImages(validation, SAMPLE)) }),
      sample() {
        const errors = reconstructionErrors(model, firstImages(validation, SAMPLE / 4));
        const { reconstruction, interpolation, meanFill } = errors;
        const [made, between, mean] = [reconstruction, interpolation, meanFill].map((error) =>
          error.toFixed(4),
        );
        return `squared error made up ${made}, interpolated ${between}, mean ${mean}`;
      },
      files: () =>
        saveMae(model).set(SHEET_FILE, pngBytes(reconstructionSheet(model, validation, SHEET))),
      metricsOf(files) {
        const best = loadMae(files);
        const metrics = metricsOf(best, data);
        best.dispose();
        return metrics;
      },
    };
  },
  open: openMae,
};
