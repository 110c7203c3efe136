/** The batches of SimCLR, in shards. */

import type { SimCLR, SimClrBatch } from '../../models/simclr/simclr.js';
import { concat, slice, type Tensor } from '../../nn/index.js';
import { chunksOf, samplesOfShard } from './chunks.js';
import type { Batches, Contrastive, ShardWork } from './work.js';

/** Half of a chunk's rows: the first or the second views. */
function view(rows: Tensor, index: 0 | 1): Tensor {
  const samples = (rows.shape[0] as number) / 2;
  return slice(rows, 0, index * samples, (index + 1) * samples);
}

function shardOf(model: SimCLR, batch: SimClrBatch): ShardWork {
  const { height, width, channels, chunkSize } = model.config;
  const size = height * width * channels;
  const { pixels, samples, labels } = batch;
  return {
    chunks: chunksOf(samples.length, chunkSize).map(({ first, count }) => {
      const own = samples.slice(first, first + count);
      const bytes = pixels.subarray(first * size, (first + count) * size);
      return { samples: own, embed: () => model.project(bytes, { ...batch, samples: own }) };
    }),
    groups(chunks) {
      const [only] = chunks;
      if (chunks.length === 1) return [only];
      const views = [0, 1].flatMap((index) => chunks.map((rows) => view(rows, index as 0 | 1)));
      return [concat(views, 0)];
    },
    // Both views of an image have its label.
    labels: labels && Int32Array.from([...labels, ...labels]),
  };
}

export function simClrWork(model: SimCLR, batches: Batches<SimClrBatch>): Contrastive {
  const { loss, temperature, chunkSize } = model.config;
  const name = loss === 'ntxent' ? 'ntXent' : 'supCon';
  return {
    chunkSize,
    sparse: new Set(),
    async step({ step, shards, batchSize }) {
      return {
        losses: [{ loss: { name, temperature }, weight: 1 }],
        async shard(shard) {
          const { first, count } = samplesOfShard(batchSize, shards, shard);
          return shardOf(model, await batches(step, first, count));
        },
      };
    },
  };
}
