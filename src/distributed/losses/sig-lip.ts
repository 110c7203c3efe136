/** SigLIP's loss of rows that are spread over shards. */

import { kernels } from '../../core/kernels.js';
import { type Pointer, type Scope, scoped } from '../../core/memory.js';
import { gemm } from '../../core/products.js';
import type { UnitRows } from '../../linalg/similarity.js';
import { normalizeBackward } from '../../losses/contrastive.js';
import { treeSum } from '../tree.js';
import {
  makeSides,
  putFloats,
  readRows,
  readSums,
  type Side,
  writeRows,
  writeSums,
} from './logits.js';
import type { LossSteps, ShardInput } from './steps.js';

/** Settings of SigLIP. */
export interface SigLipSettings {
  scale: number;
  bias: number;
  /** Pairs have ids: those with equal ones are never each other's negatives. */
  ids: boolean;
}

/** Rows of cosines that are in memory at a time. */
const BLOCK = 128;

/** Sums of a shard's rows over all columns. */
interface RowSums {
  loss: number;
  biasGrad: number;
}

/**
 * Goes through all columns for the rows of each own shard: their losses, and their gradients unless
 * `grads` is undefined.
 */
function pass(
  rows: Side,
  columns: Side,
  ids: readonly Int32Array[] | undefined,
  shards: readonly number[],
  { scale, bias }: SigLipSettings,
  grads: readonly Pointer[] | undefined,
): RowSums[] {
  const core = kernels();
  const weight = 1 / rows.rows;
  const { cols } = rows;
  const found = rows.own.map(() => ({ loss: 0, biasGrad: 0 }));
  for (const [shard, numbers] of columns.all.entries()) {
    const count = columns.rowCount(shard);
    scoped((scope) => {
      const unit = putFloats(scope, numbers);
      for (const [i, own] of rows.own.entries()) {
        const isOwn = shards[i] === shard;
        const columnIds = ids?.[shard] ?? [];
        const rowIds = isOwn ? [] : (ids?.[shards[i] as number] ?? []);
        // Rows of another shard are behind the columns, so that none is a column's own.
        const idsAt = ids && scope.i32From([...columnIds, ...rowIds]);
        const [losses, biasGrads] = [scope.f64(own.rows), scope.f64(own.rows)];
        const block = scope.f32(Math.min(BLOCK, own.rows) * count);
        for (let first = 0; first < own.rows; first += BLOCK) {
          const n = Math.min(BLOCK, own.rows - first);
          const from = own.unit + 4 * first * cols;
          gemm(block, from, unit, n, count, cols, false, true, false);
          const to = [losses + 8 * first, biasGrads + 8 * first] as const;
          const index = isOwn ? first : count + first;
          core.sigLipRows(...to, block, n, count, index, idsAt ?? 0, scale, bias, weight);
          const grad = grads?.[i];
          if (grad === undefined) continue;
          gemm(grad + 4 * first * cols, block, unit, n, cols, count, false, false, true);
        }
        const sums = found[i] as RowSums;
        sums.loss += core.sumDoubles(losses, own.rows) * weight;
        sums.biasGrad += core.sumDoubles(biasGrads, own.rows) * weight;
      }
    });
  }
  return found;
}

/**
 * SigLIP.
 *
 * @param own for each shard the groups images and texts, (n, d) each
 */
export function* sigLipSteps(
  scope: Scope,
  own: readonly ShardInput[],
  settings: SigLipSettings,
): LossSteps {
  const sides = makeSides(scope, own, 2);
  const [images, texts] = sides as [Side, Side];
  const labels = readRows(sides, yield writeRows(sides, own));
  for (const [shard, { length }] of labels.entries()) {
    const pairs = images.rowCount(shard);
    if (texts.rowCount(shard) !== pairs || (settings.ids && length !== pairs)) {
      throw new RangeError('sigLip: each image must have a text, and an id where there are ids');
    }
  }
  const ids = settings.ids ? labels : undefined;
  const shards = own.map(({ shard }) => shard);
  const gradsOf = (side: Side): Pointer[] =>
    side.own.map(({ rows, cols }) => scope.zeros(rows * cols));
  const gradImages = gradsOf(images);
  const sums = pass(images, texts, ids, shards, settings, gradImages);
  const losses = sums.map(({ loss }) => loss);
  const loss = treeSum(readSums([], yield writeSums(losses, [])));
  return {
    loss,
    grads() {
      const gradTexts = gradsOf(texts);
      pass(texts, images, ids, shards, settings, gradTexts);
      const finish = (side: Side, grads: readonly Pointer[]): number[] =>
        grads.map((at, i) => {
          const of = side.own[i] as UnitRows;
          return normalizeBackward({ of, at, ld: of.cols });
        });
      const dots = finish(images, gradImages);
      finish(texts, gradTexts);
      return shards.map((shard, i) => ({
        shard,
        grads: [gradImages[i] as Pointer, gradTexts[i] as Pointer],
        scalars: [(dots[i] as number) / settings.scale, (sums[i] as RowSums).biasGrad],
      }));
    },
  };
}
