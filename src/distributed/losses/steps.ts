/**
 * A loss of rows that are spread over shards, in steps. Between steps the ranks exchange bytes: each
 * step gives bytes of every shard that this rank has, and goes on with those of all shards. What a
 * shard gives depends on the shard alone, and what comes of all shards has their order, so that the
 * bits do not depend on which rank has which shard.
 */

import type { Pointer } from '../../core/memory.js';

/** Rows of a shard, as the network gave them: not normalized, in WASM memory. */
export interface ShardMatrix {
  /** Address of the first number. */
  at: Pointer;
  rows: number;
  cols: number;
}

/** One of the shards of a rank. */
export interface ShardInput {
  /** Number of the shard. */
  shard: number;
  /** Rows by what they are: views, or queries, keys and negatives, or images and texts. */
  groups: readonly ShardMatrix[];
  /** Label of each row, or id of each pair. */
  labels?: Int32Array | undefined;
}

/** Loss, and the gradients of one of this rank's shards. */
export interface ShardResult {
  shard: number;
  /** For each group the gradient of its rows, (rows, cols), dense. */
  grads: readonly Pointer[];
  /** Gradients of the factor and the offset of the cosines, as far as this shard's rows go. */
  scalars: readonly number[];
}

/** The loss of the whole batch, and what computes the gradients once it is known to be finite. */
export interface LossOfShards {
  loss: number;
  grads(): readonly ShardResult[];
}

/** Steps of a loss: yields bytes of each own shard, and is given those of all shards. */
export type LossSteps = Generator<readonly Uint8Array[], LossOfShards, readonly Uint8Array[]>;

/** Runs the steps of a loss with an exchange between them. */
export async function runSteps(
  steps: LossSteps,
  exchange: (own: readonly Uint8Array[]) => Promise<readonly Uint8Array[]>,
): Promise<LossOfShards> {
  let next = steps.next();
  while (next.done !== true) next = steps.next(await exchange(next.value));
  return next.value;
}
