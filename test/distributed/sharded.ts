/** Runs a loss of rows that are spread over shards, with all ranks in one thread. */

import { f32, Scope } from '../../src/core/memory.js';
import { lossSteps, type SharedLoss } from '../../src/distributed/losses/index.js';
import type { LossOfShards, LossSteps } from '../../src/distributed/losses/steps.js';
import { blockOf, partStart } from '../../src/distributed/tree.js';

export { bytesInUse } from '../../src/core/memory.js';

export interface Group {
  data: Float32Array;
  rows: number;
  cols: number;
}

/** Rows of a group that a shard has: a range, or with two views a range of each half. */
function rowsOfShard(rows: number, shards: number, shard: number, views: boolean): number[] {
  const samples = views ? rows / 2 : rows;
  const first = partStart(samples, shards, shard);
  const count = partStart(samples, shards, shard + 1) - first;
  const own = Array.from({ length: count }, (_, i) => first + i);
  return views ? [...own, ...own.map((row) => row + samples)] : own;
}

export interface Sharded {
  loss: number;
  /** Gradient of each group, its rows in the order of the group. */
  grads: Float32Array[];
  /** Sums of the gradients of scale and bias over the shards. */
  scalars: number[];
}

/**
 * Computes a loss and its gradients on so many ranks.
 *
 * @param labels label or id of each row of the first group
 */
export function runSharded(
  loss: SharedLoss,
  groups: readonly Group[],
  labels: readonly number[] | undefined,
  shards: number,
  ranks: number,
): Sharded {
  const views = loss.name === 'ntXent';
  const rowsIn = (group: number, shard: number): number[] =>
    rowsOfShard((groups[group] as Group).rows, shards, shard, views);
  const scope = new Scope();
  try {
    const steps = Array.from({ length: ranks }, (_, rank): LossSteps => {
      const { first, count } = blockOf(rank, ranks, shards);
      const own = Array.from({ length: count }, (_, i) => {
        const shard = first + i;
        return {
          shard,
          groups: groups.map(({ data, cols }, group) => {
            const rows = rowsIn(group, shard);
            const at = scope.f32(rows.length * cols);
            rows.forEach((row, i) => {
              f32().set(data.subarray(row * cols, (row + 1) * cols), at / 4 + i * cols);
            });
            return { at, rows: rows.length, cols };
          }),
          labels: labels && Int32Array.from(rowsIn(0, shard), (row) => labels[row] as number),
        };
      });
      return lossSteps(scope, loss, own);
    });
    let results = steps.map((own) => own.next());
    while (results[0]?.done !== true) {
      const messages = results.flatMap(({ value }) => value as Uint8Array[]);
      results = steps.map((own) => own.next(messages));
    }
    const values = results.map(({ value }) => value as LossOfShards);
    const all = values.flatMap((own) => own.grads());
    const grads = groups.map(({ rows, cols }) => new Float32Array(rows * cols));
    const scalars: number[] = [];
    for (const { shard, grads: own, scalars: parts } of all) {
      for (const [group, at] of own.entries()) {
        const { cols } = groups[group] as Group;
        rowsIn(group, shard).forEach((row, i) => {
          const from = at / 4 + i * cols;
          (grads[group] as Float32Array).set(f32().subarray(from, from + cols), row * cols);
        });
      }
      parts.forEach((part, i) => {
        scalars[i] = (scalars[i] ?? 0) + part;
      });
    }
    const losses = values.map((own) => own.loss);
    if (losses.some((own) => own !== losses[0])) throw new Error(`losses differ: ${losses}`);
    return { loss: losses[0] as number, grads, scalars };
  } finally {
    scope.release();
  }
}
