/** The batches of CLIP, in shards. */

import { type CLIP, type ClipBatch, MAX_LOGIT_SCALE } from '../../models/clip/clip.js';
import { normalizeImages } from '../../models/images/normalization.js';
import { concat, exp, slice, type Tensor, tidy } from '../../nn/index.js';
import { chunksOf, samplesOfShard } from './chunks.js';
import type { Batches, Contrastive, ShardWork } from './work.js';

/** Pairs that are embedded at once. */
const CHUNK_SIZE = 256;

function shardOf(model: CLIP, batch: ClipBatch): ShardWork {
  const { imageSize, channels } = model.config;
  const size = imageSize * imageSize * channels;
  const { pixels, captions, ids, samples, seed, step } = batch;
  return {
    chunks: chunksOf(samples.length, CHUNK_SIZE).map(({ first, count }) => {
      const own = samples.slice(first, first + count);
      const bytes = pixels.subarray(first * size, (first + count) * size);
      const texts = captions.slice(first, first + count);
      return {
        samples: own,
        embed() {
          const position = { seed, step, samples: own, view: 0 };
          const views = model.augmentation.views(bytes, position);
          const image = model.image.forward(normalizeImages(views, model.config));
          const text = model.text.forward(texts.map((caption) => model.tokenizer.encode(caption)));
          return concat([image, text], 0);
        },
      };
    }),
    groups(chunks) {
      const half = (rows: Tensor, index: number): Tensor => {
        const pairs = (rows.shape[0] as number) / 2;
        return slice(rows, 0, index * pairs, (index + 1) * pairs);
      };
      return [0, 1].map((index) => {
        const parts = chunks.map((rows) => half(rows, index));
        return parts.length === 1 ? parts[0] : concat(parts, 0);
      });
    },
    labels: Int32Array.from(ids),
  };
}

export function clipWork(model: CLIP, batches: Batches<ClipBatch>): Contrastive {
  return {
    chunkSize: CHUNK_SIZE,
    sparse: new Set(),
    async step({ step, shards, batchSize }) {
      const { logitBias } = model;
      const { data } = model.logitScale;
      data[0] = Math.min(data[0] as number, MAX_LOGIT_SCALE);
      const logitScale = tidy(() => exp(model.logitScale).item());
      return {
        losses: [
          {
            loss:
              logitBias === undefined
                ? { name: 'clipLoss', logitScale, ids: true }
                : { name: 'sigLipLoss', logitScale, logitBias: logitBias.item(), ids: true },
            weight: 1,
          },
        ],
        scalars: () => [exp(model.logitScale), ...(logitBias === undefined ? [] : [logitBias])],
        async shard(shard) {
          const { first, count } = samplesOfShard(batchSize, shards, shard);
          return shardOf(model, await batches(step, first, count));
        },
      };
    },
  };
}
