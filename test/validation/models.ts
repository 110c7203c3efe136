/** Rows of `nearfar/models` and `nearfar/threads` for the test that goes through all exports. */

import type { ExportRows } from './exports.js';

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
};

export const THREADS: ExportRows = {
  setThreads: { args: () => [1] },
};
