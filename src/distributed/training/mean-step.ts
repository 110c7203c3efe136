/** A step of a loss that is a mean over samples: the gradients of the shards are averaged. */

import { mul, tidy } from '../../nn/index.js';
import { withMode } from '../../nn/inference.js';
import { withSampleKeys } from '../../nn/random.js';
import { orNaN, samplesOf, type Trainable } from '../../train/train.js';
import { NumberReader, writeNumbers } from '../bytes.js';
import { blockOf, treeSum } from '../tree.js';
import { samplesOfShard } from './chunks.js';
import { exchangeShards, type StepContext } from './contrastive-step.js';
import type { Batches } from './work.js';

/**
 * Computes the loss of a step, and fills the gradients with those of this rank's shards.
 *
 * @returns loss of the whole batch, and the factor of the sum of all gradients
 */
export async function meanStep<Data, Batch>(
  model: Trainable<Data, Batch>,
  batches: Batches<Batch>,
  batchSize: number,
  context: StepContext,
): Promise<{ loss: number; factor: number }> {
  const { communicator, shards, seed, step, gradients, turns, buffers } = context;
  const block = blockOf(communicator.rank, communicator.size, shards);
  const own: Uint8Array[] = [];
  for (let shard = block.first; shard < block.first + block.count; shard++) {
    const { first, count } = samplesOfShard(batchSize, shards, shard);
    const batch = await batches(step, first, count);
    const samples = samplesOf(batch, first, count);
    const weight = model.lossWeight?.(batch) ?? samples.length;
    buffers.reset();
    const forwardBackward = (): number => {
      const loss = model.loss(batch);
      const value = loss.item();
      if (Number.isFinite(value) && weight > 0) mul(loss, weight).backward();
      return value;
    };
    const loss = withMode(model, true, () =>
      withSampleKeys({ seed, step, samples }, () => orNaN(() => tidy(forwardBackward))),
    );
    gradients.take(shard);
    buffers.reset();
    own.push(writeNumbers(Float64Array.of(weight > 0 ? weight * loss : 0, weight)));
    await turns.take();
  }
  const all = await exchangeShards(communicator, shards)(own);
  const numbers = all.map((bytes) => new NumberReader(bytes).f64(2));
  const weight = treeSum(numbers.map(([, weight = 0]) => weight));
  const loss = treeSum(numbers.map(([loss = Number.NaN]) => loss)) / weight;
  return { loss, factor: 1 / weight };
}
