/**
 * The systems of `nearfar/models`, each small enough to be trained for fifty steps on every
 * runtime, an emulated one too. The hash takes the losses and the weights.
 */

import { Random } from '../../src/core/random.js';
import type { TrainOptions } from '../../src/models/index.js';
import { type Api, type Numbers, normal } from './operation.js';

/** Members of a trained model that go into its hash: the state of a Module, or rows of an encoder. */
export interface SystemModel {
  stateDict(): ReadonlyMap<string, { readonly data: Float32Array }>;
  dispose(): void;
}

export interface System {
  name: string;
  /** A small model from a seed, and its training. */
  start(api: Api): {
    model: SystemModel;
    train(
      options: Pick<TrainOptions, 'steps' | 'seed' | 'signal'>,
    ): AsyncGenerator<{ readonly step: number; readonly loss: number }, void, void>;
  };
}

const TEXT = 'near and far, far and near, nearer and farther. '.repeat(8);

export const systems: readonly System[] = [
  {
    name: 'GPT',
    start({ nn, models }) {
      nn.manualSeed(1);
      const config = { layers: 2, heads: 2, width: 12, context: 9, dropout: 0.1 };
      const model = new models.GPT(TEXT, config);
      return { model, train: (options) => models.train(model, TEXT, { batchSize: 3, ...options }) };
    },
  },
  ...(['clip', 'siglip'] as const).map(
    (loss): System => ({
      name: loss === 'clip' ? 'CLIP' : 'CLIP of transformers by SigLIP',
      start({ nn, models }) {
        nn.manualSeed(1);
        const shape = { height: 8, width: 8, channels: 3 };
        const sizes = { imageSize: 8, imageWidth: 8, textWidth: 8, projection: 8, context: 6 };
        const blocks = { imageLayers: 1, imageHeads: 2, textLayers: 1, textHeads: 2 };
        const captions = ['red apple; fruit', 'green apple; fruit', 'blue sea; water; cold'];
        const theirs = { image: 'vit', text: 'transformer' } as const;
        const config = { ...sizes, ...blocks, loss, ...(loss === 'siglip' ? theirs : {}) };
        const model = new models.CLIP(captions, config);
        const pixels = Uint8Array.from({ length: 6 * 8 * 8 * 3 }, (_, i) => (i * i * 7) % 251);
        const images = {
          ...models.imagesFrom(pixels, shape),
          captions: [...captions, ...captions],
        };
        return {
          model,
          train: (options) => models.train(model, images, { batchSize: 4, ...options }),
        };
      },
    }),
  ),
  {
    name: 'BERT',
    start({ nn, models }) {
      nn.manualSeed(1);
      const config = { layers: 2, heads: 3, width: 12, context: 9 };
      const model = new models.BERT(TEXT, config);
      return { model, train: (options) => models.train(model, TEXT, { batchSize: 3, ...options }) };
    },
  },
  {
    name: 'BERT classifier',
    start({ nn, models }) {
      nn.manualSeed(1);
      const bert = new models.BERT(TEXT, { layers: 1, heads: 3, width: 12, context: 9 });
      const model = new models.BertClassifier(bert, ['far', 'near']);
      const data = {
        texts: ['near', 'far and far', 'nearer', 'farther.'],
        labels: ['near', 'far', 'near', 'far'],
      };
      return { model, train: (options) => models.train(model, data, { batchSize: 3, ...options }) };
    },
  },
  {
    name: 'MAE',
    start({ nn, models }) {
      nn.manualSeed(1);
      const shape = { height: 12, width: 9, channels: 3 };
      const sizes = {
        patch: 3,
        hidden: 12,
        layers: 2,
        heads: 2,
        decoderLayers: 1,
        decoderHeads: 1,
      };
      const model = new models.MAE({ ...shape, ...sizes });
      const pixels = Uint8Array.from({ length: 6 * 12 * 9 * 3 }, (_, i) => (i * i * 7) % 251);
      const images = models.imagesFrom(pixels, shape);
      return {
        model,
        train: (options) => models.train(model, images, { batchSize: 4, ...options }),
      };
    },
  },
  {
    name: 'SimCLR',
    start({ nn, models }) {
      nn.manualSeed(1);
      const shape = { height: 13, width: 11, channels: 3 };
      // In parts, so that gradient caching is in the hash.
      const sizes = { widths: [4], features: 8, hidden: 8, projection: 4, chunkSize: 3 };
      const model = new models.SimCLR({ ...shape, ...sizes });
      const pixels = Uint8Array.from({ length: 6 * 13 * 11 * 3 }, (_, i) => (i * i * 7) % 251);
      const images = models.imagesFrom(pixels, shape);
      return {
        model,
        train: (options) => models.train(model, images, { batchSize: 5, ...options }),
      };
    },
  },
  ...(
    [
      ['adapter', {}],
      ['adapter of low rank, narrower', { rank: 5, outputWidth: 19 }],
      ['adapter with hidden units, of queries', { hidden: 9, side: 'query', bias: true }],
    ] as const
  ).map(
    ([name, shape]): System => ({
      name,
      start({ adapt }) {
        const adapter = new adapt.Adapter({ inputWidth: 27, ...shape });
        const numbers = (seed: number): Numbers => normal(new Random(seed), 60, 27);
        const [queries, documents] = [numbers(1), numbers(2)];
        const pairs = Array.from({ length: 60 }, (_, i): [number, number] => [i, (i * 7) % 60]);
        const data = { queries, documents, pairs };
        const run = { batchSize: 16, patience: 100, hardNegatives: 2, matryoshka: [8] };
        return {
          model: {
            stateDict: () =>
              new Map([
                ['rows', adapter.apply(queries)],
                ['row', adapter.apply(queries.data.subarray(0, 27))],
              ]),
            dispose: () => adapter.dispose(),
          },
          train: (options) => adapt.fitAdapter(adapter, data, { ...run, ...options }),
        };
      },
    }),
  ),
  ...(['static', 'bert'] as const).map(
    (kind): System => ({
      name: kind === 'static' ? 'sentence encoder' : 'sentence encoder of a transformer',
      start({ models }) {
        const texts = TEXT.split(/[,.]/).map((text, i) => `${text} ${i % 5}`);
        const blocks = { layers: 1, heads: 2, context: 24 };
        const config = kind === 'static' ? { width: 64 } : { kind, width: 12, ...blocks };
        const encoder = new models.SentenceEncoder(texts, { ...config, seed: 1 });
        const pairs = texts.map((text, i) => [text, `${i % 7} ${text.slice(0, 9)}`] as const);
        const data = { pairs, negatives: texts.map((text) => `${text} nearest`) };
        return {
          model: {
            stateDict: () => new Map([['rows', encoder.encode(texts)]]),
            dispose: () => encoder.dispose(),
          },
          train: (options) => models.train(encoder, data, { batchSize: 6, ...options }),
        };
      },
    }),
  ),
];
