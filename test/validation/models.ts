/** Rows of `nearfar/models` and `nearfar/threads` for the test that goes through all exports. */

import * as models from 'nearfar/models';
import { concat, manualSeed, ones, sum, type Tensor } from 'nearfar/nn';
import { fixtureFolder } from '../models/sentence-folders.js';
import type { ExportRow, ExportRows } from './exports.js';

const encoder = models.loadSentenceEncoder(fixtureFolder('bert-v6'));
const encodeOptions = { dimensions: 2, prompt: 'near' };

const TEXTS = ['near and far', 'far and near'];
const SHAPE = { height: 8, width: 8, channels: 1 };
const MAE = { ...SHAPE, patch: 4, hidden: 8, layers: 1, heads: 1, decoderLayers: 1 };
const CAPTIONS = ['red', 'blue'];

const pixels = (): Uint8Array => new Uint8Array(2 * 64).fill(7);
const images = (): models.ImageDataset => ({
  ...models.imagesFrom(pixels(), SHAPE, [0, 1]),
  captions: CAPTIONS,
  labelNames: CAPTIONS,
});
const gpt = (): models.GPT =>
  new models.GPT('abcabc', { layers: 1, heads: 1, width: 4, context: 4 });
const bert = (): models.BERT =>
  new models.BERT(TEXTS, { layers: 1, heads: 1, width: 4, context: 8, tokenizer: 'char' });
const clip = (): models.CLIP =>
  new models.CLIP(CAPTIONS, {
    imageSize: 8,
    channels: 1,
    imageWidth: 8,
    textWidth: 4,
    projection: 4,
  });
const mae = (): models.MAE => new models.MAE(MAE);
const simclr = (): models.SimCLR =>
  new models.SimCLR({ ...SHAPE, widths: [4], features: 4, hidden: 4, projection: 4 });

/** A function of one thing. */
const of = (make: () => unknown, allowed: ExportRow['allowed'] = {}): ExportRow => {
  return { args: () => [make()], allowed };
};
const position = { seed: 0, step: 0, view: 0 };

export const MODELS: ExportRows = {
  GPT: {
    args: () => ['abcabcabc'],
    options: () => ({
      ...{ layers: 1, heads: 1, width: 4, context: 4, dropout: 0, hidden: 8, bias: true },
      ...{ activation: 'gelu', eps: 1e-5, tokenizer: 'char' },
    }),
    methods: {
      generate: {
        args: () => ['a'],
        options: () => ({ maxNewTokens: 1, temperature: 1, topK: 2, topP: 0.5, seed: 1 }),
      },
      generateStream: {
        args: () => ['a'],
        options: () => ({ maxNewTokens: 1, temperature: 1, topK: 2, topP: 0.5, seed: 1 }),
        named: 'generate',
      },
      evaluate: { args: () => ['abcabc', 2], allowed: { 0: ['array', 'string'] } },
    },
  },
  BERT: {
    args: () => [TEXTS],
    allowed: { 0: ['string'] },
    options: () => ({
      ...{ layers: 1, heads: 1, width: 4, context: 8, dropout: 0, hidden: 8, typeVocabSize: 2 },
      ...{ activation: 'gelu', eps: 1e-5, initStd: 0.02, tokenizer: 'char' },
    }),
    methods: {
      fillMask: { args: () => ['near [MASK]'], options: () => ({ topK: 2 }) },
      encode: {
        args: () => [TEXTS],
        options: () => ({ pooling: 'cls' }),
        allowed: { 0: ['string'] },
      },
      evaluate: { args: () => [TEXTS, 3], allowed: { 0: ['string'] } },
    },
  },
  BertEncoder: {
    args: () => [TEXTS],
    allowed: { 0: ['string'] },
    options: () => ({ layers: 1, heads: 1, width: 4, context: 8, tokenizer: 'char' }),
    named: 'BERT',
  },
  BertClassifier: {
    args: () => [bert(), ['a', 'b']],
    methods: {
      predict: { args: () => [TEXTS], allowed: { 0: ['string'] }, named: 'predictProba' },
    },
  },
  Bigrams: of(() => new Float32Array([1, 2, 3])),
  CLIP: {
    args: () => [CAPTIONS],
    options: () => ({
      ...{ imageSize: 8, channels: 1, image: 'conv', text: 'words', loss: 'clip' },
      ...{ temperature: 0.1, projection: 4, imageWidth: 8, imageLayers: 1, imageHeads: 1 },
      ...{ patch: 4, textWidth: 4, textLayers: 1, textHeads: 1, context: 8, eps: 1e-5 },
      ...{ activation: 'gelu', startToken: 0, endToken: 1, imageMean: [0.5], imageStd: [0.5] },
    }),
    methods: {
      zeroShot: {
        args: () => [pixels(), CAPTIONS],
        options: () => ({ templates: ['a {}'] }),
        named: 'zeroShot',
        allowed: { 0: ['null', 'string', 'number', 'boolean', 'function', 'object'] },
      },
      encodeTexts: of(() => TEXTS),
      evaluate: { args: () => [images(), 2] },
    },
  },
  MAE: {
    options: () => ({
      ...MAE,
      ...{ decoderHidden: 4, decoderHeads: 1, maskRatio: 0.5, normalizePixels: true, eps: 1e-5 },
      ...{ imageMean: [0.5], imageStd: [0.5] },
    }),
    methods: {
      reconstruct: {
        args: () => [new Uint8Array(64)],
        options: () => ({ seed: 1, maskRatio: 0.5 }),
        allowed: { 0: ['null', 'string', 'number', 'boolean', 'function', 'object', 'array'] },
      },
      evaluate: of(images),
    },
  },
  SimCLR: {
    options: () => ({
      ...{ ...SHAPE, widths: [4], features: 4, hidden: 4, projection: 4, temperature: 0.5 },
      ...{ loss: 'ntxent', chunkSize: 8, augmentation: {} },
    }),
    methods: {
      evaluate: { args: () => [images(), 2] },
      views: { args: () => [images(), 2] },
    },
  },
  ImageClassifier: {
    args: () => {
      const encoder = simclr();
      return [encoder, encoder.width, 2, encoder.augmentation];
    },
    methods: { predict: of(images), accuracy: of(images) },
  },
  PatchMean: of(() => mae().encoder),
  Augmentation: {
    args: () => [SHAPE],
    options: () => ({
      ...{ scale: [0.5, 1], ratio: [0.5, 2], translate: 0.1, horizontalFlip: 0.5, rotation: 5 },
      ...{ shear: 0.1, jitter: 0.5, brightness: 0.1, contrast: 0.1, saturation: 0.1, hue: 0.1 },
      ...{ grayscale: 0.1, blur: 0.1, sigma: [0.1, 1], cutout: 0.1, cutoutScale: [0.1, 0.2] },
    }),
    methods: {
      views: { args: () => [pixels(), position], named: 'Augmentation' },
      plan: { args: () => [2, position], named: 'Augmentation' },
    },
  },
  CharacterTokenizer: { args: () => [['a', 'b']], methods: { encode: of(() => 'ab') } },
  WordTokenizer: { args: () => [['a', 'b']], methods: { encode: of(() => 'a b') } },
  JsonTokenizer: {
    args: () => [models.characterJson(TEXTS)],
    methods: { encode: of(() => 'near'), wordsOf: of(() => 'near') },
  },
  // Made by training, for callers to catch.
  DivergedError: {},
  augmentationFor: { args: () => [images(), 'photo'] },
  captionLabel: of(() => 'a; b'),
  characterJson: of(() => TEXTS),
  clipRetrieval: { args: () => [clip(), images()] },
  defaultAugmentation: { args: () => [SHAPE, 'photo'] },
  embeddingDiagnostics: {
    args: () => [
      [
        [1, 2],
        [3, 4],
      ],
      [
        [1, 2],
        [3, 5],
      ],
    ],
    named: 'embeddingDiagnostics',
  },
  fewShotAccuracy: {
    args: () => {
      const x = { data: Float32Array.of(1, 0, 0, 1), rows: 2, cols: 2 };
      return [{ train: x, trainLabels: [0, 1], test: x, testLabels: [0, 1] }, [1]];
    },
    options: () => ({ seed: 1, draws: 1 }),
  },
  finetune: {
    args: () => [bert(), { texts: TEXTS, labels: ['a', 'b'] }],
  },
  formatEmbeddingDiagnostics: of(() =>
    models.embeddingDiagnostics(
      { data: Float32Array.of(1, 0, 0, 1), rows: 2, cols: 2 },
      { data: Float32Array.of(1, 0, 0, 1), rows: 2, cols: 2 },
    ),
  ),
  gptWeights: of(gpt),
  imageKind: of(images),
  imagesFrom: { args: () => [pixels(), SHAPE, [0, 1]] },
  imagesToTensor: { args: () => [pixels(), SHAPE] },
  indexLabels: of(() => CAPTIONS),
  interpolate: { args: () => [ones([1, 1, 4, 4]), ones([1, 1, 4, 4])] },
  meanFill: { args: () => [ones([1, 1, 4, 4]), ones([1, 1, 4, 4])] },
  isBertClassifier: of(() => models.saveBert(bert())),
  loadBert: of(() => models.saveBert(bert())),
  loadBertClassifier: of(() =>
    models.saveBertClassifier(new models.BertClassifier(bert(), ['a', 'b'])),
  ),
  loadClip: of(() => models.saveClip(clip())),
  loadGpt: of(() => models.saveGpt(gpt())),
  loadMae: of(() => models.saveMae(mae())),
  loadSimClr: of(() => models.saveSimClr(simclr())),
  saveBert: of(bert),
  saveBertClassifier: of(() => new models.BertClassifier(bert(), ['a', 'b'])),
  saveClip: of(clip),
  saveGpt: of(gpt),
  saveMae: of(mae),
  saveSimClr: of(simclr),
  maskTokens: {
    args: () => [[1, 2, 3]],
    options: () => ({
      ...{ probability: 0.5, masked: 0.5, random: 0.5, seed: 1, step: 1, sample: 1 },
      ...{ maskId: 1, vocabularySize: 9, specialIds: [0] },
    }),
    allowed: { specialIds: ['string'] },
  },
  maskedBaselines: {
    args: () => [bert(), TEXTS, models.Bigrams.of([[1, 2, 3]])],
    allowed: { 1: ['string'] },
  },
  randomMask: { args: () => [2, 4, 0.5, { seed: 0, step: 0 }] },
  // Messages have the name that is given first.
  readTokenizer: {
    args: () => ['readTokenizer', models.saveBert(bert()), 30],
    allowed: { 0: ['string'] },
  },
  reconstructionErrors: { args: () => [mae(), images()] },
  sampleLabeled: { args: () => [[0, 1], 1, 0, 0] },
  selectRows: { args: () => [{ data: Float32Array.of(1, 0, 0, 1), rows: 2, cols: 2 }, [1]] },
  subset: { args: () => [images(), [1]] },
  trainWordPiece: {
    args: () => [TEXTS],
    options: () => ({ size: 20, minFrequency: 1, lowercase: true }),
  },
  wordPieceJson: {
    args: () => [models.trainWordPiece(TEXTS)],
    options: () => ({ lowercase: true, stripAccents: true, tokenizeChineseChars: true }),
    allowed: { stripAccents: ['null'] },
  },
  zeroShotAccuracy: { args: () => [clip(), images()] },
  train: {
    // As many batches as one: the step is never run, for the first wrong thing is refused.
    args: () => [gpt(), 'abcabcabc'],
    options: () => ({
      ...{ steps: 1, batchSize: 1, learningRate: 0.1, warmup: 0, weightDecay: 0, gradClip: 1 },
      ...{ betas: [0.9, 0.99], eps: 1e-8, schedule: 'linear', seed: 1, accumulate: 1 },
      ...{ evalEvery: 9, signal: new AbortController().signal },
    }),
    // Token ids are data too.
    allowed: { 1: ['array'] },
  },
  cachedLoss: {
    args: () => [[1, 1], () => ones([1, 1]), (z: Tensor[]) => sum(concat(z))],
    allowed: { 1: ['function'], 2: ['function'] },
  },
  fetchSentenceEncoder: {
    args: () => ['owner/model'],
    options: () => ({
      ...{ cache: false, revision: 'main', hub: 'http://127.0.0.1:9', headers: {}, timeout: 1 },
      ...{ retries: 0, retryDelay: 0.1, maxBytes: 1, precision: 'int8', onProgress: () => {} },
      ...{ signal: AbortSignal.abort(), fetch: () => Promise.reject(new Error('no network')) },
    }),
    allowed: { cache: ['string'] },
    free: ['revision'],
  },
  loadSentenceEncoder: {
    args: () => [fixtureFolder('bert-v6')],
    options: () => ({ precision: 'float32' }),
  },
  distill: {
    args: () => [encoder],
    options: () => ({
      ...{ width: 4, seed: 1 },
      ...{ signal: new AbortController().signal, onProgress: () => undefined },
    }),
  },
  saveSentenceEncoder: {
    args: () => [encoder],
    options: () => ({ dtype: 'float32' }),
  },
  SentenceEncoder: {
    args: () => [TEXTS],
    options: () => ({ kind: 'static', width: 4, vocabularySize: 60, lowercase: true, seed: 1 }),
    methods: {
      encode: {
        args: () => ['near'],
        options: () => encodeOptions,
        allowed: { 0: ['array'] },
        free: ['prompt'],
      },
      encodeStream: {
        args: () => ['near'],
        options: () => ({
          ...encodeOptions,
          batchSize: 1,
          signal: new AbortController().signal,
        }),
        allowed: { 0: ['array'] },
        free: ['prompt'],
      },
      similarity: {
        args: () => [[[1, 2]], [[2, 1]]],
      },
    },
  },
};

export const THREADS: ExportRows = {
  setThreads: { args: () => [1] },
};

// Networks begin with drawn weights.
manualSeed(1);
