/** Rows of `nearfar/models` and `nearfar/threads` for the test that goes through all exports. */

import { loadSentenceEncoder } from 'nearfar/models';
import { fixtureFolder } from '../models/sentence-folders.js';
import type { ExportRows } from './exports.js';

const encoder = loadSentenceEncoder(fixtureFolder('bert-v6'));
const encodeOptions = { dimensions: 2, prompt: 'near', promptName: 'query' };

export const MODELS: ExportRows = {
  GPT: {
    args: () => ['abcabcabc'],
    options: () => ({ layers: 1, heads: 1, width: 4, context: 4, dropout: 0 }),
    methods: {
      generate: {
        args: () => ['a'],
        options: () => ({ maxNewTokens: 1, temperature: 1, seed: 1 }),
      },
    },
  },
  loadSentenceEncoder: {
    args: () => [fixtureFolder('bert-v6')],
    options: () => ({ precision: 'float32' }),
  },
  saveSentenceEncoder: {
    args: () => [encoder],
    options: () => ({ dtype: 'float32' }),
  },
  SentenceEncoder: {
    args: () => [encoder.parts],
    methods: {
      encode: {
        args: () => ['near'],
        options: () => encodeOptions,
        allowed: { 0: ['array'] },
      },
      encodeStream: {
        args: () => ['near'],
        options: () => ({
          ...encodeOptions,
          batchSize: 1,
          signal: new AbortController().signal,
        }),
        allowed: { 0: ['array'] },
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
