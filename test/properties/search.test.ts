/**
 * The search without a matrix of scores finds what sorting that matrix finds, to the bit: best
 * first, ties to the lower index, across blocks and chunks of the corpus.
 */

import fc from 'fast-check';
import * as nearfar from 'nearfar';
import { check, close, same, sameBits, suite } from '../harness.js';
import {
  FEW,
  type Matrix,
  matrix,
  permutation,
  pick,
  row,
  SEED,
  scale,
  wholeMatrix,
} from './draw.js';

const test = suite('search');

type Metric = 'cosine' | 'dot' | 'euclidean';
const METRIC = fc.constantFrom<Metric>('cosine', 'dot', 'euclidean');

function scoreMatrix(metric: Metric, queries: Matrix, corpus: Matrix): Float32Array {
  if (metric === 'cosine') return nearfar.cosineSimilarityMatrix(queries, corpus).data;
  if (metric === 'dot') return nearfar.dotMatrix(queries, corpus).data;
  return nearfar.euclideanDistanceMatrix(queries, corpus).data.map((distance: number) => -distance);
}

function sorted(queries: Matrix, corpus: Matrix, k: number, metric: Metric) {
  const all = scoreMatrix(metric, queries, corpus);
  const indices: number[] = [];
  const scores: number[] = [];
  for (let q = 0; q < queries.rows; q++) {
    const of = all.subarray(q * corpus.rows, (q + 1) * corpus.rows);
    const score = (i: number) => of[i] as number;
    const order = Array.from(of.keys()).sort((i, j) => score(j) - score(i) || i - j);
    for (const i of order.slice(0, k)) {
      indices.push(i);
      scores.push(score(i));
    }
  }
  return { indices: Int32Array.from(indices), scores: Float32Array.from(scores) };
}

function compare(queries: Matrix, corpus: Matrix, k: number, metric: Metric): void {
  const found = nearfar.topK(queries, corpus, k, { metric });
  const expected = sorted(queries, corpus, k, metric);
  sameBits(found.indices, expected.indices);
  sameBits(found.scores, expected.scores);
}

/** Blocks are of 32 queries and 256 rows. */
const CORPUS = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.constantFrom(255, 256, 257, 258, 511, 512, 513, 600),
);
const QUERIES = fc.constantFrom(1, 2, 3, 4, 5, 31, 32, 33, 40);
const WIDTH = fc.constantFrom(1, 2, 3, 4, 8, 17, 64, 257);

/** A count from 1 to n, often one of the ends. */
function countTo(n: number): fc.Arbitrary<number> {
  return fc.oneof(fc.constantFrom(1, n), fc.integer({ min: 1, max: n }));
}

const CALL = CORPUS.chain((n) => fc.record({ n: fc.constant(n), k: countTo(n) }));

test('topK is the head of the sorted scores', () => {
  fc.assert(
    fc.property(QUERIES, CALL, WIDTH, METRIC, SEED, (m, { n, k }, cols, metric, seed) => {
      compare(matrix(m, cols, seed), matrix(n, cols, seed + 1), k, metric);
    }),
    { numRuns: 60 },
  );
});

test('ties go to the lower index', () => {
  fc.assert(
    fc.property(
      QUERIES,
      CALL,
      fc.constantFrom(1, 2, 3),
      METRIC,
      SEED,
      (m, call, cols, metric, seed) => {
        compare(wholeMatrix(m, cols, seed), wholeMatrix(call.n, cols, seed + 1), call.k, metric);
      },
    ),
    { numRuns: 60 },
  );
});

test('where all rows are equal the first are found', () => {
  fc.assert(
    fc.property(CALL, METRIC, SEED, ({ n, k }, metric, seed) => {
      const corpus = pick(matrix(1, 5, seed), new Array(n).fill(0));
      const { indices } = nearfar.topK(matrix(1, 5, seed + 1), corpus, k, { metric });
      same(
        [...indices],
        Array.from({ length: k }, (_, i) => i),
      );
    }),
  );
});

test('a corpus of several chunks, ties across them', () => {
  // 5000 columns: 256 rows a chunk.
  for (const metric of ['cosine', 'dot', 'euclidean'] as const) {
    const distinct = matrix(40, 5000, 1);
    const order = Array.from({ length: 520 }, (_, i) => (7 * i) % 40);
    const corpus = pick(distinct, order);
    for (const k of [1, 30, 520]) compare(pick(distinct, [3, 11]), corpus, k, metric);
  }
});

test('chunks of very different magnitudes keep their digits', () => {
  const cols = 5000;
  const corpus = matrix(520, cols, 2);
  // The first chunk is so large that its squares overflow, the last so small that they vanish.
  for (let i = 0; i < 520; i++) {
    const factor = i < 256 ? 1e30 : i < 512 ? 1 : 1e-30;
    row(corpus, i).forEach((value, c) => {
      corpus.data[i * cols + c] = value * factor;
    });
  }
  for (const size of [1, 1e-30]) {
    const queries = scale(matrix(2, cols, 3), size);
    const { indices, scores } = nearfar.topK(queries, corpus, 520, { metric: 'euclidean' });
    for (const q of [0, 1]) {
      for (let r = 0; r < 520; r += 13) {
        const i = indices[q * 520 + r] as number;
        const difference = row(corpus, i).map((v, c) => v - (queries.data[q * cols + c] as number));
        let sum = 0;
        for (const value of difference) sum += value ** 2;
        close(scores[q * 520 + r] as number, -Math.sqrt(sum), { what: `row ${i}`, rtol: 2e-6 });
      }
    }
  }
});

test('the order of the corpus does not matter', () => {
  fc.assert(
    fc.property(CALL, WIDTH, METRIC, SEED, ({ n, k }, cols, metric, seed) => {
      const queries = matrix(3, cols, seed);
      const corpus = matrix(n, cols, seed + 1);
      const order = permutation(n, seed);
      const one = nearfar.topK(queries, corpus, k, { metric });
      const other = nearfar.topK(queries, pick(corpus, order), k, { metric });
      sameBits(other.scores, one.scores);
      for (let i = 0; i < 3 * k; i++) {
        const [a, b] = [one.indices[i] as number, order[other.indices[i] as number] as number];
        if (a === b) continue;
        // Equal scores stand in the order of their indices, which has changed.
        const tie = [i - 1, i + 1].some((j) => one.scores[j] === one.scores[i]);
        check(tie || (i + 1) % k === 0, `row ${b}, not ${a}`);
      }
    }),
    { numRuns: 40 },
  );
});

test('a query finds itself first, and all queries at once find what each finds alone', () => {
  fc.assert(
    fc.property(FEW, fc.constantFrom(3, 8, 65), METRIC, SEED, (m, cols, metric, seed) => {
      const corpus = matrix(300, cols, seed);
      const chosen = permutation(300, seed).slice(0, m);
      const queries = pick(corpus, chosen);
      const { indices, scores } = nearfar.topK(queries, corpus, 4, { metric });
      if (metric !== 'dot')
        same(
          chosen.map((_, q) => indices[4 * q]),
          chosen,
        );
      chosen.forEach((_, q) => {
        const alone = nearfar.topK(row(queries, q), corpus, 4, { metric });
        sameBits(indices.slice(4 * q, 4 * q + 4), alone.indices);
        sameBits(scores.slice(4 * q, 4 * q + 4), alone.scores);
      });
    }),
    { numRuns: 30 },
  );
});
