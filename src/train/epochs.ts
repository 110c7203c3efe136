/**
 * Order of the samples: each epoch goes through the data in an order of its own, which follows from
 * the run's seed and the epoch alone.
 */

import { Random } from '../core/random.js';
import { STREAMS } from '../core/streams.js';

/**
 * Shuffles the samples of each epoch.
 *
 * @param count number of samples
 * @returns samples of an epoch in order; the last one asked for is kept
 */
function epochOrder(count: number, seed: number): (epoch: number) => Int32Array {
  let order = new Int32Array(0);
  let last = -1;
  return (epoch) => {
    if (epoch !== last) {
      const samples = Int32Array.from({ length: count }, (_, sample) => sample);
      order = new Random(seed, STREAMS.order, epoch).shuffle(samples);
      last = epoch;
    }
    return order;
  };
}

/**
 * Lists samples in shuffled order, epoch after epoch without a gap, as windows of a text are read.
 *
 * @param count number of samples
 * @param seed seed of the run
 * @returns `length` samples from position `from` of that order
 */
export function shuffledOrder(
  count: number,
  seed: number,
): (from: number, length: number) => number[] {
  const order = epochOrder(count, seed);
  return (from, length) =>
    Array.from({ length }, (_, i) => {
      const position = from + i;
      return order(Math.floor(position / count))[position % count] as number;
    });
}

/**
 * Lists shuffled batches that lie within one epoch, like `DataLoader` with `drop_last`, so that no sample is twice in a batch: samples that
 * do not fill a batch at the end of an epoch are left out of it.
 *
 * @param count number of samples
 * @param batchSize samples of a step's whole batch
 * @param seed seed of the run
 * @returns `length` samples of a step from index `first` of its whole batch; no more than there are
 */
export function fullBatches(
  count: number,
  batchSize: number,
  seed: number,
): (step: number, first?: number, length?: number) => readonly number[] {
  const order = epochOrder(count, seed);
  const batchAt = (size: number, batch: number): number[] => {
    const perEpoch = Math.floor(count / size);
    const from = (batch % perEpoch) * size;
    return Array.from(order(Math.floor(batch / perEpoch)).subarray(from, from + size));
  };
  return (step, first = 0, length = batchSize) => {
    if (batchSize <= count) return batchAt(batchSize, step).slice(first, first + length);
    // A whole batch larger than the data: no sample is twice in any of its parts.
    const parts = Math.ceil(batchSize / length);
    return batchAt(Math.min(length, count), step * parts + Math.floor(first / length));
  };
}
