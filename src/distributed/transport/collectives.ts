/** Gathering and summing by ranks, in terms of one exchange of messages. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { f32, type Pointer, scoped } from '../../core/memory.js';
import { joinBytes, splitBytes } from '../bytes.js';
import { type Block, blockOf, partStart, subtreesOf, TreeSum } from '../tree.js';
import type { Communicator, Subtree, Traffic } from './communicator.js';
import { type GradientFormat, readValues, roundToBfloat16, writeValues } from './format.js';

/** Messages of one exchange: the same for all ranks, or one for each of them. */
export type Messages = Uint8Array | readonly Uint8Array[];

/** A communicator over a transport that exchanges messages. */
export abstract class Collectives implements Communicator {
  abstract readonly rank: number;
  abstract readonly size: number;
  abstract readonly traffic: Traffic;

  /**
   * Sends messages to all ranks and waits for theirs.
   *
   * @returns message of each rank for this one, its own among them
   */
  protected abstract exchange(messages: Messages): Promise<readonly Uint8Array[]>;

  abstract close(): Promise<void>;

  async allGather(bytes: Uint8Array): Promise<readonly Uint8Array[]> {
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(`allGather: bytes must be a Uint8Array, got ${typeof bytes}`);
    }
    return this.size === 1 ? [bytes] : this.exchange(bytes);
  }

  async barrier(): Promise<void> {
    if (this.size > 1) await this.exchange(new Uint8Array(0));
  }

  async allReduce(
    subtrees: readonly Subtree[],
    format: GradientFormat = 'f32',
  ): Promise<Float32Array> {
    const { rank, size } = this;
    const [{ values } = { values: new Float32Array(0) }] = subtrees;
    const shards = this.#countShards(subtrees);
    const { length } = values;
    // Of two ranks each sums everything: as many bytes as with slices, in one exchange. Of more, every
    // rank sums a slice of the values of all ranks, and gives the sum to all.
    const slices = size === 2 ? 1 : size;
    const start = (slice: number): number => partStart(length, slices, slice);
    const messages = Array.from({ length: slices }, (_, slice) =>
      joinBytes(
        subtrees.map((subtree) =>
          writeValues(subtree.values.subarray(start(slice), start(slice + 1)), format),
        ),
      ),
    );
    const read = (bytes: Uint8Array, from: number, count: number): Float32Array => {
      const numbers = readValues(bytes, count, format);
      if (numbers !== undefined) return numbers;
      throw new RangeError(
        `allReduce: rank ${from} has sent ${bytes.length} bytes and not ${count} numbers`,
      );
    };
    const own = slices === 1 ? length : start(rank + 1) - start(rank);
    const received =
      size === 1
        ? messages
        : await this.exchange(slices === 1 ? (messages[0] as Uint8Array) : messages);
    const parts = received.flatMap((message, from) => {
      const blocks = subtreesOf(blockOf(from, size, shards));
      return splitBytes(message, blocks.length).map((bytes, i) => ({
        ...(blocks[i] as Block),
        values: read(bytes, from, own),
      }));
    });
    const sum = sumSubtrees(parts, format);
    if (slices === 1) return sum;
    const sums = await this.allGather(writeValues(sum, format));
    const total = new Float32Array(length);
    for (const [slice, bytes] of sums.entries()) {
      const whole = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
      total.set(read(whole, slice, start(slice + 1) - start(slice)), start(slice));
    }
    return total;
  }

  /** Number of all shards; every rank checks that its subtrees are those of its block. */
  #countShards(subtrees: readonly Subtree[]): number {
    const { rank, size } = this;
    const own = subtrees.reduce((sum, { count }) => sum + count, 0);
    // Blocks are of nearly equal size: this one tells how many shards all of them have.
    for (let shards = 1; shards <= own * size * 2; shards *= 2) {
      const expected = subtreesOf(blockOf(rank, size, shards));
      const fits =
        expected.length === subtrees.length &&
        expected.every(({ first, count }, i) => {
          const subtree = subtrees[i] as Subtree;
          return subtree.first === first && subtree.count === count;
        });
      if (fits) return shards;
    }
    throw new RangeError(
      `allReduce: subtrees must be those of the shards of rank ${rank} of ${size}`,
    );
  }
}

/** Sums subtrees of all shards, in order. */
export function sumSubtrees(
  subtrees: readonly Subtree[],
  format: GradientFormat = 'f32',
): Float32Array {
  const length = subtrees[0]?.values.length ?? 0;
  return scoped((scope) => {
    const core = kernels(nnCode);
    const sum = new TreeSum<Block & { at: Pointer }>((left, right) => {
      core.accumulate(left.at, right.at, length);
      if (format === 'bf16') roundToBfloat16(left.at, length);
      return { first: left.first, count: 2 * left.count, at: left.at };
    });
    for (const { first, count, values } of subtrees) {
      const at = scope.f32(length);
      f32().set(values, at / 4);
      sum.add({ first, count, at });
    }
    const [total, other] = sum.nodes;
    if (total === undefined || other !== undefined) {
      throw new RangeError('allReduce: subtrees must be those of all shards');
    }
    return f32().slice(total.at / 4, total.at / 4 + length);
  });
}
