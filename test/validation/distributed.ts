/** Rows of `nearfar/distributed` for the test that goes through all exports. */

import * as distributed from 'nearfar/distributed';
import { imagesFrom, SimCLR } from 'nearfar/models';
import type { ExportRows } from './exports.js';

const shape = { height: 8, width: 8, channels: 1 };
const share = () => distributed.shareRanks(1);

/** A connection to nothing. */
const connection = {
  publish: () => undefined,
  subscribe: () => ({ unsubscribe: () => undefined }),
  flush: async () => undefined,
  async *status() {},
  isClosed: () => false,
};

export const DISTRIBUTED: ExportRows = {
  RankLostError: {},
  connectRanks: {
    args: () => [connection],
    options: () => ({
      ...{
        job: 'a',
        ranks: 1,
        step: 0,
        timeoutMs: 100,
        name: 'b',
        maxBytes: 9,
        secret: 's',
        onWait: () => undefined,
      },
    }),
    free: ['job', 'name', 'secret'],
  },
  defaultShards: { args: () => [64] },
  failRank: { args: () => [share(), 0] },
  joinRanks: { args: () => [share(), 0], options: () => ({ timeoutMs: 100 }) },
  shareRanks: { args: () => [1], options: () => ({ boxBytes: 4096 }) },
  trainRanks: {
    args: () => [
      new SimCLR({ ...shape, widths: [2] }),
      imagesFrom(new Uint8Array(4 * 64).fill(9), shape),
    ],
    options: () => ({
      ...{
        communicator: distributed.joinRanks(share(), 0),
        shards: 2,
        gradients: 'f32',
        onLost: () => undefined,
      },
      ...{ steps: 1, batchSize: 4, learningRate: 0.1, warmup: 0, weightDecay: 0, gradClip: 1 },
      ...{ betas: [0.9, 0.99], eps: 1e-8, schedule: 'linear', seed: 1 },
      ...{ evalEvery: 9, signal: new AbortController().signal },
    }),
  },
};
