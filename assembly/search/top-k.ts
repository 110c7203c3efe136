/**
 * The k best of each query, kept in a heap while blocks of scores are computed: there is never a
 * matrix of all scores. The root is the worst of those kept; of equal scores the one with the
 * higher index is the worse.
 */

import { MR, NR } from '../core/gemm';
import { scoreRows } from './similarity';

/** Queries and corpus rows of one block of scores. */
const QUERIES: i32 = 32;
const CORPUS: i32 = 256;

/** Floats of scratch that `topKUpdate` needs. */
export function topKScratch(): i32 {
  return QUERIES * CORPUS + MR * NR;
}

/** Compares entries: true if (s, i) is worse than (t, j). */
@inline
function worse(s: f32, i: i32, t: f32, j: i32): bool {
  return s < t || (s == t && i > j);
}

/** Sinks entry (score, index) from position `at` of a heap of n to where it belongs. */
export function sink(scores: usize, indices: usize, n: i32, at: i32, score: f32, index: i32): void {
  for (;;) {
    let child = 2 * at + 1;
    if (child >= n) break;
    let s = load<f32>(scores + (<usize>child << 2));
    let i = load<i32>(indices + (<usize>child << 2));
    if (child + 1 < n) {
      const s1 = load<f32>(scores + (<usize>(child + 1) << 2));
      const i1 = load<i32>(indices + (<usize>(child + 1) << 2));
      if (worse(s1, i1, s, i)) {
        s = s1;
        i = i1;
        child++;
      }
    }
    if (!worse(s, i, score, index)) break;
    store<f32>(scores + (<usize>at << 2), s);
    store<i32>(indices + (<usize>at << 2), i);
    at = child;
  }
  store<f32>(scores + (<usize>at << 2), score);
  store<i32>(indices + (<usize>at << 2), index);
}

/** Empties n entries of heaps: -inf at the highest index is worse than any entry. */
export function topKStart(scores: usize, indices: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    store<f32>(scores + (<usize>i << 2), -Infinity);
    store<i32>(indices + (<usize>i << 2), i32.MAX_VALUE);
  }
}

/**
 * Takes the rows of a part of the corpus into the heaps (rows x k) of the queries from q0 to q1, q0
 * a multiple of MR. The part's first row has the index `firstIndex`; parts come in rising order.
 * Sides are packed by `packBlocks`.
 */
export function topKUpdate(
  scores: usize, indices: usize, queries: usize, corpus: usize, q0: i32, q1: i32, queryRows: i32,
  corpusRows: i32, depth: i32, k: i32, firstIndex: i32, metric: i32, distanceFactor: f32,
  scratch: usize,
): void {
  const edge = scratch + ((QUERIES * CORPUS) << 2);
  for (let j0 = 0; j0 < corpusRows; j0 += CORPUS) {
    const j1 = min(j0 + CORPUS, corpusRows);
    for (let i0 = q0; i0 < q1; i0 += QUERIES) {
      const i1 = min(i0 + QUERIES, q1);
      scoreRows(
        scratch, queries, corpus, i0, i1, j0, j1, queryRows, corpusRows, depth, CORPUS, metric,
        distanceFactor, edge,
      );
      for (let i = i0; i < i1; i++) {
        const heap = (<usize>i * <usize>k) << 2;
        const row = scratch + (<usize>((i - i0) * CORPUS) << 2);
        takeRow(scores + heap, indices + heap, k, row, j1 - j0, firstIndex + j0);
      }
    }
  }
}

/** Takes n scores of one query, four at a time: nearly all are below the worst kept. */
function takeRow(
  scores: usize, indices: usize, k: i32, row: usize, n: i32, firstIndex: i32,
): void {
  let floor = load<f32>(scores);
  for (let j = 0; j < n; j += 4) {
    if (!v128.any_true(f32x4.ge(v128.load(row + (<usize>j << 2)), f32x4.splat(floor)))) continue;
    const end = min(j + 4, n);
    for (let c = j; c < end; c++) {
      const score = load<f32>(row + (<usize>c << 2));
      if (worse(load<f32>(scores), load<i32>(indices), score, firstIndex + c)) {
        sink(scores, indices, k, 0, score, firstIndex + c);
      }
    }
    floor = load<f32>(scores);
  }
}

/** Sorts each heap (scores, indices: rows x k), best first. */
export function topKFinish(scores: usize, indices: usize, rows: i32, k: i32): void {
  for (let r = 0; r < rows; r++) {
    for (let n = k - 1; n > 0; n--) {
      const last = <usize>n << 2;
      const score = load<f32>(scores + last);
      const index = load<i32>(indices + last);
      store<f32>(scores + last, load<f32>(scores));
      store<i32>(indices + last, load<i32>(indices));
      sink(scores, indices, n, 0, score, index);
    }
    scores += <usize>k << 2;
    indices += <usize>k << 2;
  }
}
