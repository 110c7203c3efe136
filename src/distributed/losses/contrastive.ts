/** NT-Xent, InfoNCE, CLIP and SupCon of rows that are spread over shards. */

import { kernels } from '../../core/kernels.js';
import { indexLabels } from '../../core/labels.js';
import { f32, type Pointer, type Scope } from '../../core/memory.js';
import type { UnitRows } from '../../linalg/similarity.js';
import {
  type NegativeSums,
  normalizeBackward,
  PositivePairs,
  type UnitGrad,
} from '../../losses/contrastive.js';
import { treeSum } from '../tree.js';
import {
  Comparison,
  makeSides,
  readRows,
  readSums,
  type Side,
  startGrads,
  startSums,
  writeRows,
  writeSums,
} from './logits.js';
import type { LossSteps, ShardInput, ShardResult } from './steps.js';

/** Checks that pairs have rows of equal number and width. */
function checkGroups(name: string, own: readonly ShardInput[], pairs: number): void {
  for (const { shard, groups } of own) {
    const [{ rows, cols } = { rows: 0, cols: 1 }] = groups;
    const fits = groups.every(
      (group, i) => group.cols === cols && (i >= pairs || group.rows === rows),
    );
    if (!fits) throw new RangeError(`${name}: the rows of shard ${shard} do not fit each other`);
  }
}

/** Turns the gradients of a side's unit rows into those of the rows as given; their dots with them. */
function finishGrads(grads: readonly UnitGrad[]): number[] {
  return grads.map((grad) => (grad.of.rows === 0 ? 0 : normalizeBackward(grad)));
}

/**
 * NT-Xent of two views of each sample.
 *
 * @param own for each shard one group of (2n, d): the first views above the second ones
 */
export function* ntXentSteps(
  scope: Scope,
  own: readonly ShardInput[],
  temperature: number,
): LossSteps {
  const scale = 1 / temperature;
  const [side] = makeSides(scope, own, 1) as [Side];
  readRows([side], yield writeRows([side], own));
  const mask = { pairs: true, views: true };
  const shards = own.map(({ shard }) => shard);
  const comparison = new Comparison(side, side, shards, scale, mask);
  startSums(side, scale);
  comparison.addSums();
  const weight = 1 / side.rows;
  const pairs = side.own.map(({ unit, rows, cols }) => {
    const samples = rows / 2;
    return new PositivePairs(scope, unit, unit + 4 * samples * cols, samples, cols);
  });
  const losses = pairs.map((positives, i) => {
    const sums = side.sums[i] as NegativeSums;
    const samples = (side.own[i] as UnitRows).rows / 2;
    return (
      positives.loss(sums, 0, weight, scale, false) +
      positives.loss(sums, samples, weight, scale, false)
    );
  });
  const loss = treeSum(readSums([side], yield writeSums(losses, [side])));
  return {
    loss,
    grads() {
      const grads = startGrads(scope, side);
      comparison.addGrads(grads);
      for (const [i, { at, ld, of }] of grads.entries()) {
        pairs[i]?.addGrads(at, at + 4 * (of.rows / 2) * ld, ld);
      }
      finishGrads(grads);
      return grads.map(({ at }, i) => ({ shard: shards[i] as number, grads: [at], scalars: [] }));
    },
  };
}

/**
 * SupCon.
 *
 * @param own for each shard one group of (n, d), and a label for each row
 */
export function* supConSteps(
  scope: Scope,
  own: readonly ShardInput[],
  temperature: number,
): LossSteps {
  const scale = 1 / temperature;
  const core = kernels();
  const [side] = makeSides(scope, own, 1) as [Side];
  const labels = readRows([side], yield writeRows([side], own));
  for (const [shard, { length }] of labels.entries()) {
    if (length !== side.rowCount(shard)) throw new RangeError('supCon: each row must have a label');
  }
  const shards = own.map(({ shard }) => shard);
  const comparison = new Comparison(side, side, shards, scale, { pairs: true });
  startSums(side, scale);
  comparison.addSums();
  const { rows, cols } = side;
  const { classes, indices } = indexLabels(labels.flatMap((own) => Array.from(own)));
  const classSums = scope.f64(classes.length * cols);
  const classCounts = scope.i32(classes.length);
  const classOf = scope.i32From(indices);
  const firsts = side.all.map((_, shard) => sumRows(side, shard));
  const all = scope.f32(rows * cols);
  for (const [shard, unit] of side.all.entries()) {
    f32().set(unit, all / 4 + (firsts[shard] as number) * cols);
  }
  core.sumByLabel(classSums, classCounts, all, classOf, rows, cols, classes.length);
  const anchors = core.countAnchors(classCounts, classes.length);
  const addPositives = (i: number, grad: Pointer, ld: number): number => {
    const { unit, rows: ownRows } = side.own[i] as UnitRows;
    const { coefficients, sums, shifts } = side.sums[i] as NegativeSums;
    const ownClasses = classOf + 4 * (firsts[shards[i] as number] as number);
    const at = [
      coefficients,
      grad,
      sums,
      shifts,
      unit,
      ownClasses,
      classSums,
      classCounts,
    ] as const;
    return core.supConRows(...at, ownRows, cols, ld, scale, anchors);
  };
  const losses = own.map((_, i) => addPositives(i, 0, 0));
  const loss = treeSum(readSums([side], yield writeSums(losses, [side])));
  return {
    loss,
    grads() {
      const grads = startGrads(scope, side);
      comparison.addGrads(grads);
      for (const [i, { at, ld }] of grads.entries()) addPositives(i, at, ld);
      finishGrads(grads);
      return grads.map(({ at }, i) => ({ shard: shards[i] as number, grads: [at], scalars: [] }));
    },
  };
}

/** Settings of InfoNCE and CLIP. */
export interface InfoNceSettings {
  /** Factor of the cosines. */
  scale: number;
  /** Have each key find its query too. */
  symmetric: boolean;
  /** Pairs have ids: those with equal ones are never each other's negatives. */
  ids: boolean;
  /** There is a third group, of further negatives. */
  negatives: boolean;
}

/**
 * InfoNCE and CLIP.
 *
 * @param own for each shard the groups queries and keys, (n, d) each, and (m, d) further negatives
 */
export function* infoNceSteps(
  scope: Scope,
  own: readonly ShardInput[],
  { scale, symmetric, ids, negatives }: InfoNceSettings,
): LossSteps {
  checkGroups('infoNce', own, 2);
  const sides = makeSides(scope, own, negatives ? 3 : 2);
  const [queries, keys, further] = sides as [Side, Side, Side | undefined];
  const labels = readRows(sides, yield writeRows(sides, own));
  if (ids) {
    for (const [shard, { length }] of labels.entries()) {
      if (length !== queries.rowCount(shard))
        throw new RangeError('infoNce: each pair must have an id');
    }
    queries.ids.push(...labels);
    keys.ids.push(...labels);
  }
  const shards = own.map(({ shard }) => shard);
  const compare = (
    rows: Side,
    columns: Side,
    mask: { pairs: boolean; ids?: boolean },
  ): Comparison => new Comparison(rows, columns, shards, scale, mask);
  const pairMask = { pairs: true, ids };
  const toKeys = compare(queries, keys, pairMask);
  const toQueries = compare(keys, queries, pairMask);
  const toNegatives = further && compare(queries, further, { pairs: false });
  startSums(queries, scale);
  toKeys.addSums();
  toNegatives?.addSums();
  if (symmetric) {
    startSums(keys, scale);
    toQueries.addSums();
  }
  const weight = 1 / (symmetric ? 2 * queries.rows : queries.rows);
  const pairs = queries.own.map(({ unit, rows, cols }, i) => {
    return new PositivePairs(scope, unit, (keys.own[i] as UnitRows).unit, rows, cols);
  });
  const losses = pairs.map((positives, i) => {
    const rows = positives.loss(queries.sums[i] as NegativeSums, 0, weight, scale, false);
    if (!symmetric) return rows;
    return rows + positives.loss(keys.sums[i] as NegativeSums, 0, weight, scale, false);
  });
  const finding = symmetric ? [queries, keys] : [queries];
  const loss = treeSum(readSums(finding, yield writeSums(losses, finding)));
  return {
    loss,
    grads() {
      const [gradQueries, gradKeys] = [startGrads(scope, queries), startGrads(scope, keys)];
      toKeys.addGrads(gradQueries);
      toNegatives?.addGrads(gradQueries);
      toQueries.addGrads(gradKeys);
      for (const [i, { at, ld }] of gradQueries.entries()) {
        pairs[i]?.addGrads(at, (gradKeys[i] as UnitGrad).at, ld);
      }
      const dots = finishGrads(gradQueries);
      finishGrads(gradKeys);
      const gradNegatives = further && startGrads(scope, further);
      if (further !== undefined && gradNegatives !== undefined) {
        compare(further, queries, { pairs: false }).addGrads(gradNegatives);
        finishGrads(gradNegatives);
      }
      return shards.map((shard, i): ShardResult => {
        const all = [gradQueries, gradKeys, ...(gradNegatives ? [gradNegatives] : [])];
        const grads = all.map((side) => (side[i] as UnitGrad).at);
        return { shard, grads, scalars: [(dots[i] as number) / scale] };
      });
    },
  };
}

/** Number of rows of the shards before one. */
function sumRows(side: Side, shard: number): number {
  let rows = 0;
  for (let before = 0; before < shard; before++) rows += side.rowCount(before);
  return rows;
}
