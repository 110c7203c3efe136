/** Losses that every rank computes of the rows of all shards. */

import { f32, type Pointer, type Scope } from '../../core/memory.js';
import { type Tensor, tidy } from '../../nn/index.js';
import { toLeaf } from '../../nn/leaf.js';
import { empty } from '../../nn/tensor.js';
import { NumberReader, writeNumbers } from '../bytes.js';
import { copyFloats } from './logits.js';
import type { LossSteps, ShardInput, ShardMatrix } from './steps.js';

/** Rows of all shards, each group as a tensor, with what of it each shard has. */
function joinGroups(messages: readonly Uint8Array[], groups: number, cols: number) {
  const rows = messages.map((message) => {
    const reader = new NumberReader(message);
    const counts = Array.from(reader.i32(groups));
    const numbers = counts.map((count) => reader.f32(count * cols));
    reader.done();
    return numbers;
  });
  return Array.from({ length: groups }, (_, group) => {
    const parts = rows.map((numbers) => numbers[group] as Float32Array);
    const total = parts.reduce((sum, { length }) => sum + length, 0);
    const joined = empty([total / cols, cols]);
    const firsts: number[] = [];
    let at = 0;
    for (const part of parts) {
      firsts.push(at);
      joined.data.set(part, at);
      at += part.length;
    }
    return { leaf: toLeaf(joined), firsts };
  });
}

/**
 * Any loss of rows.
 *
 * @param own for each shard its groups; no group is empty in all shards
 * @param compute loss of the rows of each group, in the order of the shards
 */
export function* replicatedSteps(
  scope: Scope,
  own: readonly ShardInput[],
  compute: (groups: readonly Tensor[]) => Tensor,
): LossSteps {
  const [{ groups } = { groups: [] }] = own;
  const cols = groups[0]?.cols ?? 1;
  const messages = yield own.map(({ groups }) =>
    writeNumbers(
      Int32Array.from(groups, ({ rows }) => rows),
      ...groups.map(({ at, rows }) => copyFloats(at, rows * cols)),
    ),
  );
  const { loss, grads } = tidy(() => {
    const joined = joinGroups(messages, groups.length, cols);
    const result = compute(joined.map(({ leaf }) => leaf));
    const value = result.item();
    if (!Number.isFinite(value)) return { loss: value, grads: [] };
    result.backward();
    return {
      loss: value,
      grads: own.map(({ shard, groups }) =>
        groups.map(({ rows }: ShardMatrix, group): Pointer => {
          const at = scope.zeros(rows * cols);
          const { leaf, firsts } = joined[group] as (typeof joined)[number];
          const { grad } = leaf;
          const first = firsts[shard] as number;
          if (grad !== undefined) {
            f32().set(grad.data.subarray(first, first + rows * cols), at / 4);
          }
          return at;
        }),
      ),
    };
  });
  return {
    loss,
    grads: () => own.map(({ shard }, i) => ({ shard, grads: grads[i] as Pointer[], scalars: [] })),
  };
}
