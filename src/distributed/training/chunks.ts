/** Cuts shards into chunks. */

import { type Block, partStart } from '../tree.js';

/** Samples of a shard in the whole batch. */
export function samplesOfShard(batchSize: number, shards: number, shard: number): Block {
  const first = partStart(batchSize, shards, shard);
  return { first, count: partStart(batchSize, shards, shard + 1) - first };
}

/** Ranges of at most so many of some samples, in order. */
export function chunksOf(count: number, chunkSize: number): Block[] {
  const chunks: Block[] = [];
  for (let first = 0; first < count; first += chunkSize) {
    chunks.push({ first, count: Math.min(chunkSize, count - first) });
  }
  return chunks;
}
