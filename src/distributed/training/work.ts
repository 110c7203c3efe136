/**
 * A model's part in a batch that ranks share: the chunks of a shard and how they are
 * embedded, which of the rows are compared, and by what loss; or, where the loss is a mean over
 * samples, that alone.
 */

import type { Tensor } from '../../nn/index.js';
import type { SharedLoss } from '../losses/index.js';

/** Samples that are embedded at once. */
export interface Chunk {
  /** Index of each sample in the whole batch of the step, which random numbers are keyed by. */
  samples: ArrayLike<number>;
  /** Number of their tokens, where these count. */
  tokens?: number;
  /** Embeds them; called once more for the gradient where it is cached. */
  embed(): Tensor;
}

/** A shard of a batch. */
export interface ShardWork {
  /** Chunks in order; how a shard is cut depends on the shard alone. */
  chunks: readonly Chunk[];
  /**
   * Arranges the rows of the chunks by what they are, with a graph.
   *
   * @returns (rows, d) for each group of the loss; undefined for a group without rows
   */
  groups(chunks: readonly Tensor[]): readonly (Tensor | undefined)[];
  /** Label of each row, or id of each pair. */
  labels?: Int32Array | undefined;
}

/** A loss of a step, which compares the rows of all shards. */
export interface StepLoss {
  loss: SharedLoss;
  /** Factor of the loss. */
  weight: number;
  /** First columns of the rows that it sees; all by default. */
  cols?: number | undefined;
}

/** A step whose loss compares the samples of the whole batch. */
export interface StepWork {
  losses: readonly StepLoss[];
  /** Makes the learned factor and offset of the cosines, with a graph. */
  scalars?(): readonly Tensor[];
  /** Prepares a shard. */
  shard(shard: number): ShardWork | Promise<ShardWork>;
}

/** Position of a step's work. */
export interface StepPosition {
  /** Number of the step, from 0. */
  step: number;
  /** Number of shards that the batch is cut into. */
  shards: number;
  /** Samples of the whole batch. */
  batchSize: number;
  seed: number;
}

/** A model whose batches are shared. */
export interface Contrastive {
  /** Samples of a rank whose graphs fit memory at once: the gradients of more are cached. */
  chunkSize: number;
  /** Their tokens at most. @default any number */
  chunkTokens?: number;
  /** Prepares a step. */
  step(position: StepPosition): Promise<StepWork>;
  /** Parameters whose gradients are those of a few rows. */
  sparse: ReadonlySet<Tensor>;
}

/** Batches of a run, as the model gives them. */
export type Batches<Batch> = (
  step: number,
  first?: number,
  count?: number,
) => Batch | Promise<Batch>;
