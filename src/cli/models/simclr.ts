/** SimCLR on the command line. */

import { pixelRows } from '../../data/images/pixel-rows.js';
import type { Matrix } from '../../index.js';
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
import { manualSeed, randomState, setRandomState } from '../../nn/index.js';
import { pngBytes } from '../../report/png.js';
import {
  firstImages,
  type ImageSplit,
  openImageSplit,
  openImages,
  reportSkipped,
} from '../input/images.js';
import { viewsSheet } from '../output/views.js';
import { type Encode, encoderAccuracies, evaluateEncoders, hasLabels } from './embeddings.js';
import { finetuneImageModel, openClassifier } from './image-finetune.js';
import type { Metrics, ModelDeclaration, OpenedModel } from './model.js';
import {
  choiceOption,
  numberOption,
  type Settings,
  SIZE,
  TEMPERATURE,
  TRAINING,
  WIDTH,
} from './options.js';

const VIEWS = choiceOption(
  'views',
  'how pictures vary: a glyph is turned, sheared and partly cut out; a photo is cropped, mirrored and lit ' +
    '(gray pictures with hardly a shade between black and white are glyphs unless told otherwise)',
  IMAGE_KINDS,
);
const FLIP = numberOption('flip', 'chance that a view is mirrored (photo 0.5, glyph 0)', 0, 1);

/** Pictures that stand for all that validate, while training goes on. */
const SAMPLE = 1024;
/** Pictures and views of each on the sheet that shows what the model sees. */
const SHEET_ROWS = 8;
const SHEET_VIEWS = 8;
/** Labels a class that probes are tried with. */
const COUNTS = [10, 100, Number.POSITIVE_INFINITY];

function configOf({ all, training }: ImageSplit, settings: Settings): SimClrConfig {
  const { width, temperature, flip } = settings as Record<string, number | undefined>;
  const { loss, views } = settings as { loss?: SimClrLoss; views?: ImageKind };
  const augmentation = augmentationFor(training, views);
  return {
    ...all.shape,
    ...(width === undefined ? {} : { features: width }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(loss === undefined ? {} : { loss }),
    augmentation: flip === undefined ? augmentation : { ...augmentation, horizontalFlip: flip },
  };
}

/** Loss, how the embedding fares, and what is made of labels if there are any. */
function metricsOf(model: SimCLR, data: ImageSplit, sample: boolean): Metrics {
  const validation = sample ? firstImages(data.validation, SAMPLE) : data.validation;
  const { first: one, second: other } = model.views(validation);
  const encode: Encode = (pictures) => model.encode(pictures);
  return {
    valLoss: model.evaluate(validation),
    ...embeddingDiagnostics(one, other),
    ...encoderAccuracies(encode, data, sample),
  };
}

/** The same network before any training, by the same seed on every machine. */
function untrained(model: SimCLR): SimCLR {
  const state = randomState();
  manualSeed(0);
  const made = new SimCLR(model.config).eval();
  setRandomState(state);
  return made;
}

/** Accuracies with few labels, beside raw pixels and the network before training. */
function comparison(model: SimCLR, data: ImageSplit): Metrics {
  if (!hasLabels(data)) return {};
  const before = untrained(model);
  const judged = evaluateEncoders(
    {
      '': (pictures) => model.encode(pictures),
      untrained: (pictures) => before.encode(pictures),
      pixels: pixelRows,
    },
    data,
    COUNTS,
  );
  before.dispose();
  const rows = Object.entries(judged).flatMap(([name, list]) =>
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
  const classifier = openClassifier(files, model, model.augmentation);
  const { height, width, channels } = model.config;
  if (height !== width) throw new RangeError('config.json: height and width must be the same');
  const options = { side: height, channels, onSkip: reportSkipped() };
  return {
    async evaluate(path) {
      if (classifier !== undefined) {
        return { accuracy: classifier.accuracy(await openImages(path, options)) };
      }
      const data = await openImageSplit(path, options);
      return { ...metricsOf(model, data, false), ...comparison(model, data) };
    },
    async encode(path): Promise<Matrix> {
      return model.encode(await openImages(path, options));
    },
    async finetune(finetuning) {
      const tuned = loadSimClr(files);
      const tunable = {
        copy: () => tuned,
        fresh: () => new SimCLR(model.config),
        width: model.width,
        augmentation: model.augmentation,
        files: () => saveSimClr(tuned),
      };
      return finetuneImageModel(
        tunable,
        await openImageSplit(finetuning.path, options),
        finetuning,
      );
    },
  };
}

export const simclr: ModelDeclaration<ImageSplit> = {
  name: 'simclr',
  modelType: SIMCLR_TYPE,
  summary: 'an encoder of pictures: learns which views were made from the same one',
  data: 'IDX files, or a folder of PNG and JPEG',
  options: [
    ...TRAINING,
    choiceOption('loss', 'what is made small', SIMCLR_LOSSES),
    ...[TEMPERATURE, SIZE, WIDTH, VIEWS, FLIP],
  ],
  read(path, { size }) {
    return openImageSplit(path, { side: size as number | undefined, onSkip: reportSkipped() });
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
      unit: { name: 'pictures', perStep: (batch) => batch },
      evaluate: () => metricsOf(model, data, true),
      sample() {
        const { first: one, second: other } = model.views(data.validation);
        return formatEmbeddingDiagnostics(embeddingDiagnostics(one, other));
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
