/** The batches of a sentence encoder, in shards. */

import { cutIntoChunks } from '../../models/sentence/training/chunks.js';
import type { SentenceBatch } from '../../models/sentence/training/task.js';
import type { SentenceTrainer } from '../../models/sentence/training/trainer.js';
import { concat, slice, type Tensor } from '../../nn/index.js';
import type { SharedLoss } from '../losses/index.js';
import { type Block, partStart } from '../tree.js';
import type { Batches, Contrastive, ShardWork } from './work.js';

/** The range of each group of texts that a shard has. */
function rangesOf(groups: readonly number[], shards: number, shard: number): Block[] {
  let start = 0;
  return groups.map((size) => {
    const first = partStart(size, shards, shard);
    const range = { first: start + first, count: partStart(size, shards, shard + 1) - first };
    start += size;
    return range;
  });
}

function lossOf(batch: SentenceBatch): SharedLoss {
  const { settings, groups } = batch.comparison;
  if (settings === undefined) {
    return {
      name: 'replicated',
      compute: (rows) => batch.loss(rows.length > 1 ? concat([...rows], 0) : (rows[0] as Tensor)),
    };
  }
  return settings.name === 'supCon'
    ? settings
    : { ...settings, ids: true, negatives: groups.length > 2 };
}

export function sentenceWork(
  trainer: SentenceTrainer,
  batches: Batches<SentenceBatch>,
  sparse: ReadonlySet<Tensor>,
): Contrastive {
  const { limits, dimensions } = trainer;
  const widths = [undefined, ...dimensions];
  return {
    chunkSize: limits.texts,
    chunkTokens: limits.tokens,
    sparse,
    async step({ step, shards }) {
      // Which pairs are no negatives of each other follows from the whole batch.
      const batch = await batches(step);
      const { texts, samples, comparison } = batch;
      const loss = lossOf(batch);
      return {
        losses: widths.map((cols) => ({ loss, weight: 1 / widths.length, cols })),
        shard(shard): ShardWork {
          const ranges = rangesOf(comparison.groups, shards, shard);
          const own = ranges.flatMap(({ first, count }) =>
            Array.from({ length: count }, (_, i) => first + i),
          );
          const [{ first, count } = { first: 0, count: 0 }] = ranges;
          const lengths = trainer.lengths(own.map((i) => texts[i] as string));
          let end = 0;
          return {
            chunks: cutIntoChunks(lengths, limits).map((count) => {
              const indices = own.slice(end, end + count);
              const tokens = lengths
                .slice(end, end + count)
                .reduce((sum, length) => sum + length, 0);
              end += count;
              const chunk = indices.map((i) => texts[i] as string);
              return {
                samples: indices.map((i) => samples[i] as number),
                tokens,
                embed: () => trainer.embed(chunk),
              };
            }),
            groups(chunks) {
              const rows = chunks.length === 1 ? (chunks[0] as Tensor) : concat([...chunks], 0);
              let start = 0;
              return ranges.map(({ count }) => {
                start += count;
                return count === 0 ? undefined : slice(rows, 0, start - count, start);
              });
            },
            labels: comparison.labels?.slice(first, first + count),
          };
        },
      };
    },
  };
}
