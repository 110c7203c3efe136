/** MAE on the command line. */

import {
  Augmentation,
  type Files,
  loadMae,
  MAE,
  MAE_TYPE,
  type MaeConfig,
  PatchMean,
  RECTANGULAR_MAE_TYPE,
  reconstructionErrors,
  saveMae,
} from '../../models/index.js';
import { pngBytes } from '../../report/png.js';
import {
  firstImages,
  type ImageSplit,
  openImageSplit,
  reportSkippedImages,
} from '../input/images.js';
import { reconstructionSheet } from '../output/reconstructions.js';
import { encoderAccuracies } from './embeddings.js';
import {
  finetuneImageModel,
  IMAGE_DATA,
  imageRows,
  openClassifier,
  unlabeledCount,
} from './image-model.js';
import type { Metrics, ModelDeclaration, OpenedModel } from './model.js';
import {
  choiceOption,
  defaultsOf,
  HEADS,
  LAYERS,
  numberOption,
  PATCH,
  pickSettings,
  type Settings,
  SIZE,
  TRAINING,
  WIDTH,
} from './options.js';

const MASK_RATIO = numberOption('mask-ratio', 'fraction of the patches that is masked', 0.01, 0.99);
const LOSSES = ['mse', 'normalized-mse'] as const;

/** Images that stand for all validation images while training goes on. */
const SAMPLE = 512;
/** Largest number of images that are interpolated to compare with: it takes a while. */
const MAX_COMPARED = 1024;
/** Images on the sheet of reconstructions. */
const SHEET = 10;
const SHEET_FILE = 'reconstructions.png';

function configOf({ all }: ImageSplit, settings: Settings): MaeConfig {
  const { width, loss } = settings as { width?: number; loss?: string };
  return {
    ...all.shape,
    ...pickSettings(settings, ['layers', 'heads', 'patch', 'maskRatio']),
    ...(width === undefined ? {} : { hidden: width }),
    normalizePixels: loss === LOSSES[1],
  };
}

/** Evaluates reconstructions next to simple baselines, and the encoder by labels. */
function metricsOf(model: MAE, data: ImageSplit): Metrics {
  const valLoss = model.evaluate(data.validation);
  const errors = reconstructionErrors(model, firstImages(data.validation, MAX_COMPARED));
  return {
    valLoss,
    reconstructionLoss: model.config.normalizePixels ? errors.reconstruction : valLoss,
    meanFillLoss: errors.meanFill,
    interpolationLoss: errors.interpolation,
    ...encoderAccuracies((images) => model.encode(images), data, false),
    ...unlabeledCount(data.all),
    samples: data.validation.count,
  };
}

/** Makes a light augmentation for fine-tuning: crops, and for gray images turns and shears. */
function lightAugmentation({ height, width, channels }: MAE['config']): Augmentation {
  const gray = { rotation: 10, shear: 0.2, jitter: 0 };
  return new Augmentation(
    { height, width, channels },
    { scale: [0.7, 1], ...(channels === 1 ? gray : {}) },
  );
}

function openMae(files: Files): OpenedModel {
  const model = loadMae(files);
  const { config } = model;
  const { height, width, channels, hidden } = config;
  if (height !== width) throw new RangeError('config.json: image_size must be one number');
  const options = { side: height, channels };
  const openSplit = (path: string): Promise<ImageSplit> =>
    openImageSplit(path, { ...options, onSkip: reportSkippedImages() });
  const opened: OpenedModel = {
    evaluate: async (path) => metricsOf(model, await openSplit(path)),
    encode: imageRows(options, (images) => model.encode(images)),
    async finetune(request) {
      const tuned = loadMae(saveMae(model));
      const target = {
        copy: () => new PatchMean(tuned.encoder, tuned.config),
        fresh: () => new PatchMean(new MAE(config).encoder, config),
        width: hidden,
        augmentation: lightAugmentation(config),
        files: () => saveMae(tuned),
      };
      return finetuneImageModel(target, await openSplit(request.path), request);
    },
  };
  const encoder = new PatchMean(model.encoder, model.config);
  const classifier = openClassifier(files, encoder, lightAugmentation(config));
  if (classifier === undefined) return opened;
  return {
    ...opened,
    evaluate: (path) => classifier.evaluate(path, options),
    predict: (path) => classifier.predict(path, options),
  };
}

/** The masked autoencoder. */
export const mae: ModelDeclaration<ImageSplit> = {
  ...IMAGE_DATA,
  name: 'mae',
  modelTypes: [MAE_TYPE, RECTANGULAR_MAE_TYPE],
  summary: 'an image encoder: reconstructs masked patches',
  examples: ['nearfar train mae --data photos/ --out mae'],
  options: [
    ...TRAINING,
    choiceOption('loss', 'what is minimized', LOSSES),
    ...[SIZE, PATCH, MASK_RATIO, LAYERS, HEADS, WIDTH],
  ],
  defaults() {
    const { config, defaults } = new MAE({ height: 28, width: 28, channels: 1 });
    const { patch: _, ...others } = config;
    return defaultsOf(others, defaults, { loss: LOSSES[0], width: config.hidden });
  },
  create(data, settings) {
    const model = new MAE(configOf(data, settings));
    const { training, validation } = data;
    return {
      model,
      training,
      samples: training.count,
      unit: { name: 'images', perStep: (batchSize) => batchSize },
      evaluate: () => ({ valLoss: model.evaluate(firstImages(validation, SAMPLE)) }),
      sample() {
        const errors = reconstructionErrors(model, firstImages(validation, SAMPLE / 4));
        const { reconstruction, interpolation, meanFill } = errors;
        const [own, interpolated, mean] = [reconstruction, interpolation, meanFill].map((error) =>
          error.toFixed(4),
        );
        return `squared error of the model ${own}, of interpolation ${interpolated}, of the mean ${mean}`;
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
