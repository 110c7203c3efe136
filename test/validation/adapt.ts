/** Rows of `nearfar/adapt` for the test that goes through all exports. */

import { Adapter } from 'nearfar/adapt';
import type { ExportRows } from './exports.js';

const data = (): object => ({
  queries: [
    [1, 2, 3],
    [3, 1, 2],
  ],
  documents: [
    [1, 2, 4],
    [3, 0, 2],
  ],
  pairs: [
    [0, 0],
    [1, 1],
  ],
});

const training = (): Record<string, unknown> => ({
  ...{ loss: 'infoNce', temperature: 0.1, learningRate: 0.01, batchSize: 2, steps: 1 },
  ...{ hardNegatives: 0, randomNegatives: 1, symmetric: true, margin: 0.1 },
  ...{ matryoshka: [2], seed: 1 },
  signal: new AbortController().signal,
});

const adapter = new Adapter({ inputWidth: 3 });

export const ADAPT: ExportRows = {
  Adapter: {
    options: () => ({ inputWidth: 3, outputWidth: 3, rank: 2, side: 'query', bias: true }),
    methods: {
      apply: {
        args: () => [[[1, 2, 3]]],
        options: () => ({ side: 'document' }),
        named: 'Adapter.apply',
      },
      fold: { named: 'Adapter.fold' },
      save: { named: 'Adapter.save' },
      toSentenceTransformers: { named: 'Adapter.toSentenceTransformers' },
    },
  },
  fitAdapter: {
    args: () => [adapter, data()],
    options: () => ({ ...training(), validation: 0.5, evalEvery: 1, patience: 1 }),
    allowed: { validation: ['object'] },
  },
  tuneAdapter: {
    args: () => [data()],
    options: () => ({ ...training(), side: 'query', level: 0.9, minGain: 0, onProgress: () => 1 }),
  },
};
