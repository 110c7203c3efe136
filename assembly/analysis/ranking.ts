/** Rankings: ranks of the relevant rows, metrics of them, and votes of the nearest rows. */

import { expScalar, logScalar } from '../core/math';
import { sink, topKFinish, topKStart } from '../search/top-k';

/**
 * A step of a search through sorted rows: `low` of them are known to stand before (score, index);
 * `step` more if the last of these does.
 */
@inline
function advance(
  best: usize, bestIndices: usize, low: i32, step: i32, score: f32, index: i32,
): i32 {
  const at = <usize>(low + step - 1) << 2;
  const other = load<f32>(best + at);
  const before = i32(other > score) | (i32(other == score) & i32(load<i32>(bestIndices + at) <= index));
  return low + step * before;
}

/** Counts a row that `low` of the `count` relevant ones stand before. */
@inline
function countAt(ranks: usize, low: i32, count: i32, skipped: bool): void {
  if (low >= count || skipped) return;
  const at = ranks + (<usize>low << 2);
  store<i32>(at, load<i32>(at) + 1);
}

/**
 * ranks[i] (i32) = how many of n rows stand before the i-th best of the relevant ones, by their
 * scores and, of equal scores, the lower index. Row `self` (-1: none) is not in the ranking, even
 * if it is among the `capacity` relevant ones (i32); returns how many of them remain. `best` (f32)
 * and `bestIndices` (i32) have room for 2 `capacity` each; `bestIndices` begins with those, best
 * first.
 *
 * Only the relevant rows are sorted; each of the others finds its position among them, four at a
 * time so that none waits for another's steps.
 */
export function relevantRanks(
  ranks: usize, scores: usize, n: i32, relevant: usize, capacity: i32, self: i32,
  best: usize, bestIndices: usize,
): i32 {
  // Past the relevant ones stands what every row is before.
  topKStart(best, bestIndices, 2 * capacity);
  let count = 0;
  for (let i = 0; i < capacity; i++) {
    const index = load<i32>(relevant + (<usize>i << 2));
    if (index == self) continue;
    sink(best, bestIndices, capacity, 0, load<f32>(scores + (<usize>index << 2)), index);
    count++;
  }
  if (count == 0) return 0;
  topKFinish(best, bestIndices, 1, capacity);
  memory.fill(ranks, 0, <usize>count << 2);
  const floor = load<f32>(best + (<usize>(count - 1) << 2));
  const first = 1 << (31 - clz(count));
  for (let j = 0; j < n; j += 4) {
    // Nearly all rows are farther than the farthest relevant one. What is read past the last row is not
    // used.
    const four = v128.load(scores + (<usize>j << 2));
    if (!v128.any_true(f32x4.ge(four, f32x4.splat(floor)))) continue;
    const s0 = f32x4.extract_lane(four, 0), s1 = f32x4.extract_lane(four, 1);
    const s2 = f32x4.extract_lane(four, 2), s3 = f32x4.extract_lane(four, 3);
    let l0 = 0, l1 = 0, l2 = 0, l3 = 0;
    for (let step = first; step > 0; step >>= 1) {
      l0 = advance(best, bestIndices, l0, step, s0, j);
      l1 = advance(best, bestIndices, l1, step, s1, j + 1);
      l2 = advance(best, bestIndices, l2, step, s2, j + 2);
      l3 = advance(best, bestIndices, l3, step, s3, j + 3);
    }
    countAt(ranks, l0, count, j == self);
    countAt(ranks, l1, count, j + 1 == self || j + 1 >= n);
    countAt(ranks, l2, count, j + 2 == self || j + 2 >= n);
    countAt(ranks, l3, count, j + 3 == self || j + 3 >= n);
  }
  for (let i = 1; i < count; i++) {
    const at = ranks + (<usize>i << 2);
    store<i32>(at, load<i32>(at) + load<i32>(at - 4));
  }
  return count;
}

/** Number of `count` rising ranks (i32) that are among the first k. */
export function hitsWithin(ranks: usize, count: i32, k: i32): i32 {
  let hits = 0;
  while (hits < count && load<i32>(ranks + (<usize>hits << 2)) < k) hits++;
  return hits;
}

/** Sum of the precisions at each of the first `hits` ranks. */
export function precisionSum(ranks: usize, hits: i32): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < hits; i++) {
    sum += <f64>(i + 1) / <f64>(load<i32>(ranks + (<usize>i << 2)) + 1);
  }
  return sum;
}

/** 1 / log2(rank + 2): the discount of a hit at a rank. */
@inline
function discount(rank: i32): f64 {
  return 0.6931471805599453 / logScalar(<f64>(rank + 2));
}

/**
 * DCG: the sum over `hits` relevant rows of gain times discount. `ranks` (i32) are theirs, or the
 * first ones where it is 0; `gains` (f64) are theirs in the same order, or all 1 where it is 0.
 */
export function dcg(ranks: usize, gains: usize, hits: i32): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < hits; i++) {
    const rank = ranks == 0 ? i : load<i32>(ranks + (<usize>i << 2));
    const gain = gains == 0 ? 1 : load<f64>(gains + (<usize>i << 3));
    sum += gain * discount(rank);
  }
  return sum;
}

/**
 * y[r] = the class (0 to `classes` - 1) with the largest sum of votes among the k neighbors of
 * query r, each worth exp(score times scale); of equal votes the lower class. Scores and indices
 * (rows x k) are as the search leaves them, best first; labels[i] is the class of row i. `votes`
 * has room for `classes` doubles.
 */
export function knnVoteRows(
  y: usize, scores: usize, indices: usize, labels: usize, rows: i32, k: i32, classes: i32,
  scale: f64, votes: usize,
): void {
  for (let r = 0; r < rows; r++) {
    memory.fill(votes, 0, <usize>classes << 3);
    const first = <f64>load<f32>(scores);
    for (let i = 0; i < k; i++) {
      const index = load<i32>(indices + (<usize>i << 2));
      const at = votes + (<usize>load<i32>(labels + (<usize>index << 2)) << 3);
      const score = <f64>load<f32>(scores + (<usize>i << 2));
      store<f64>(at, load<f64>(at) + expScalar((score - first) * scale));
    }
    let best = 0;
    for (let c = 1; c < classes; c++) {
      if (load<f64>(votes + (<usize>c << 3)) > load<f64>(votes + (<usize>best << 3))) best = c;
    }
    store<i32>(y + (<usize>r << 2), best);
    scores += <usize>k << 2;
    indices += <usize>k << 2;
  }
}
