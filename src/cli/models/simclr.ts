/** SimCLR on the command line. */

import { pixelRows } from '../../data/images/pixel-rows.js';
import {
  augmentationFor,
  embeddingDiagnostics,
  type Files,
  formatEmbeddingDiagnostics,
  IMAGE_KINDS,
  type ImageKind,
  loadSimClr,
  SIMCLR_LOSSES,
  SIMCLR_TYPE,
  SimCLR,
  type SimClrConfig,
  type SimClrLoss,
  saveSimClr,
} from '../../models/index.js';
import { withSeed } from '../../nn/random.js';
import { pngBytes } from '../../report/png.js';
import {
  firstImages,
  type ImageSplit,
  openImageSplit,
  reportSkippedImages,
} from '../input/images.js';
import { viewsSheet } from '../output/views.js';
import { type Encode, encoderAccuracies, evaluateEncoders, hasLabels } from './embeddings.js';
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
  numberOption,
  pickSettings,
  type Settings,
  SIZE,
  TEMPERATURE,
  TRAINING,
  WIDTH,
} from './options.js';

const VIEWS = choiceOption(
  'views',
  'how images are augmented: a glyph is turned, sheared and partly cut out; a photo is cropped, ' +
    'mirrored and lit (default: glyph for gray images with hardly a shade between black and white)',
  IMAGE_KINDS,
);
const FLIP = numberOption(
  'flip',
  'chance of a horizontal flip (default: photo 0.5, glyph 0)',
  0,
  1,
);

/** Images that stand for all validation images while training goes on. */
const SAMPLE = 1024;
/** Images, and views of each, on the sheet of augmented views. */
const SHEET_ROWS = 8;
const SHEET_VIEWS = 8;
/** Labels per class that probes are fitted on. */
const COUNTS = [10, 100, Number.POSITIVE_INFINITY];

function configOf({ all, training }: ImageSplit, settings: Settings): SimClrConfig {
  const { width, flip } = settings as Record<string, number | undefined>;
  const { loss, views } = settings as { loss?: SimClrLoss; views?: ImageKind };
  const augmentation = augmentationFor(training, views);
  return {
    ...all.shape,
    ...pickSettings(settings, ['temperature']),
    ...(width === undefined ? {} : { features: width }),
    ...(loss === undefined ? {} : { loss }),
    augmentation: flip === undefined ? augmentation : { ...augmentation, horizontalFlip: flip },
  };
}

/** Computes the loss, diagnostics of the embedding, and accuracies if there are labels. */
function metricsOf(model: SimCLR, data: ImageSplit, sample: boolean): Metrics {
  const validation = sample ? firstImages(data.validation, SAMPLE) : data.validation;
  const { first, second } = model.views(validation);
  const encode: Encode = (images) => model.encode(images);
  return {
    valLoss: model.evaluate(validation),
    ...embeddingDiagnostics(first, second),
    ...encoderAccuracies(encode, data, sample),
    ...(sample ? {} : { ...unlabeledCount(data.all), samples: validation.count }),
  };
}

/** Makes the same network before any training, by the same seed on every machine. */
function untrained(model: SimCLR): SimCLR {
  return withSeed(0, () => new SimCLR(model.config).eval());
}

/** Computes accuracies with few labels, next to raw pixels and the network before training. */
function comparison(model: SimCLR, data: ImageSplit): Metrics {
  if (!hasLabels(data)) return {};
  const before = untrained(model);
  const { results } = evaluateEncoders(
    {
      '': (images) => model.encode(images),
      untrained: (images) => before.encode(images),
      pixels: pixelRows,
    },
    data,
    COUNTS,
  );
  before.dispose();
  const rows = Object.entries(results).flatMap(([name, list]) =>
    list.flatMap(({ perClass, probe, knn }) => {
      const named = (what: string): string => {
        const start = name === '' ? what : `${name}${what[0]?.toUpperCase()}${what.slice(1)}`;
        return Number.isFinite(perClass) ? `${start}${perClass}` : start;
      };
      return [
        [named('probeAccuracy'), probe],
        [named('knnAccuracy'), knn],
      ] as const;
    }),
  );
  return Object.fromEntries(rows);
}

function openSimClr(files: Files): OpenedModel {
  const model = loadSimClr(files);
  const { height, width, channels } = model.config;
  if (height !== width) throw new RangeError('config.json: height and width must be the same');
  const options = { side: height, channels };
  const openSplit = (path: string): Promise<ImageSplit> =>
    openImageSplit(path, { ...options, onSkip: reportSkippedImages() });
  const opened: OpenedModel = {
    async evaluate(path) {
      const data = await openSplit(path);
      return { ...metricsOf(model, data, false), ...comparison(model, data) };
    },
    encode: imageRows(options, (images) => model.encode(images)),
    async finetune(request) {
      const tuned = loadSimClr(files);
      const target = {
        copy: () => tuned,
        fresh: () => new SimCLR(model.config),
        width: model.width,
        augmentation: model.augmentation,
        files: () => saveSimClr(tuned),
      };
      return finetuneImageModel(target, await openSplit(request.path), request);
    },
  };
  const classifier = openClassifier(files, model, model.augmentation);
  if (classifier === undefined) return opened;
  return {
    ...opened,
    evaluate: (path) => classifier.evaluate(path, options),
    predict: (path) => classifier.predict(path, options),
  };
}

/** The contrastive encoder of images. */
export const simclr: ModelDeclaration<ImageSplit> = {
  ...IMAGE_DATA,
  name: 'simclr',
  modelTypes: [SIMCLR_TYPE],
  summary: 'an image encoder: finds the other view of the same image',
  examples: [
    'nearfar train simclr --data photos/ --out encoder --steps 500 --views photo',
    'nearfar train simclr --data photos/ --out encoder --batch-size 1024 --ranks 4',
  ],
  options: [
    ...TRAINING,
    choiceOption('loss', 'what is minimized', SIMCLR_LOSSES),
    ...[TEMPERATURE, SIZE, WIDTH, VIEWS, FLIP],
  ],
  defaults() {
    const { config, defaults } = new SimCLR();
    return defaultsOf(config, defaults, { width: config.features });
  },
  create(data, settings) {
    const model = new SimCLR(configOf(data, settings));
    const { training } = data;
    const rows = Array.from({ length: Math.min(SHEET_ROWS, training.count) }, (_, row) => row);
    const sheet = pngBytes(viewsSheet(model.augmentation, training, rows, SHEET_VIEWS));
    return {
      model,
      training,
      samples: training.count,
      unit: { name: 'images', perStep: (batchSize) => batchSize },
      evaluate: () => metricsOf(model, data, true),
      sample() {
        const { first, second } = model.views(data.validation);
        return formatEmbeddingDiagnostics(embeddingDiagnostics(first, second));
      },
      files: () => saveSimClr(model).set('views.png', sheet),
      metricsOf(files) {
        const best = loadSimClr(files);
        const metrics = metricsOf(best, data, false);
        best.dispose();
        return metrics;
      },
    };
  },
  open: openSimClr,
};
