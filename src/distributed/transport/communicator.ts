/** The interface between training and what connects the ranks. */

import type { Block } from '../tree.js';
import type { GradientFormat } from './format.js';

/** Sum of the values of a subtree's shards. */
export interface Subtree extends Block {
  /**
   * Numbers to sum, as many in each subtree. They may lie in memory that is used again: `allReduce` has
   * to copy them before it gives the promise.
   */
  values: Float32Array;
}

/** Bytes that a rank has exchanged with others, and the time that it has waited for them. */
export interface Traffic {
  /** Bytes sent. */
  sent: number;
  /** Bytes received. */
  received: number;
  /** Milliseconds of waiting for messages of others, once its own were sent. */
  waited: number;
}

/** State of a rank when a group forms: those behind get the state of one that is ahead. */
export interface RankState {
  /** Steps done. */
  step: number;
  /**
   * Gives the state after that step, for ranks that are behind.
   *
   * @returns bytes that mean something to the ranks alone
   */
  save(): Uint8Array;
}

/**
 * Connects the ranks of a job: processes or threads that call the same methods in the same order.
 *
 * `shareRanks` and `joinRanks` give one between threads of a machine, `connectRanks` one over NATS.
 */
export interface Communicator {
  /** Number of this rank, from 0. */
  readonly rank: number;
  /** Number of ranks. */
  readonly size: number;
  /** Bytes that were exchanged so far, and time that was waited. */
  readonly traffic: Traffic;
  /**
   * Gives every rank the bytes of all of them.
   *
   * @param bytes of this rank, of any length
   * @returns bytes of each rank, in the order of the ranks
   * @throws {RankLostError} if a rank is missing; it names it
   */
  allGather(bytes: Uint8Array): Promise<readonly Uint8Array[]>;
  /**
   * Sums values of all shards along the binary tree over them, whatever the number of ranks: the bits
   * of the sum do not depend on it.
   *
   * @param subtrees largest subtrees of this rank's block of shards, in order
   * @param format format of the messages, `'f32'` by default; with `'bf16'` the values of the subtrees
   *   and each sum of two of them are rounded to the nearest bf16
   * @returns sum over all shards
   * @throws {RankLostError} if a rank is missing; it names it
   */
  allReduce(subtrees: readonly Subtree[], format?: GradientFormat): Promise<Float32Array>;
  /**
   * Waits until every rank has called it.
   *
   * @throws {RankLostError} if a rank is missing; it names it
   */
  barrier(): Promise<void>;
  /**
   * Waits until all ranks are there again, and gives those that are behind the state of one that is
   * ahead. A communicator without it can't go on once a rank is lost.
   *
   * @param own how far this rank is
   * @returns how far all are, and the state of it where this rank is behind
   */
  regroup?(own: RankState): Promise<{ step: number; state: Uint8Array | undefined }>;
  /** Tells the others that this rank leaves, and frees what it holds. */
  close(): Promise<void>;
}

/** A rank that has failed, has left, or has not been heard of for too long. */
export class RankLostError extends Error {
  /** Name in consoles, which would be a minified one. */
  static override readonly name = 'RankLostError';
  override readonly name = 'RankLostError';

  /**
   * @param ranks numbers of the ranks that are missing
   * @param message what happened to them
   */
  constructor(
    readonly ranks: readonly number[],
    message: string,
  ) {
    super(message);
  }
}
