/** Rows of the table: products, similarities, search, PCA. */

import {
  integers,
  type Numbers,
  normal,
  type Operation,
  operation,
  type Sizes,
} from './operation.js';
import { cosine, distance, dot, norm, pairwise, toRows, unit } from './reference.js';

const PRODUCTS: readonly Sizes[] = [
  { N: 1, M: 1, K: 1 },
  { N: 5, M: 9, K: 3 },
  { N: 4, M: 8, K: 256 },
  { N: 13, M: 7, K: 257 },
  { N: 130, M: 33, K: 31 },
];
const LARGE_PRODUCTS: readonly Sizes[] = [
  { N: 64, M: 64, K: 64 },
  { N: 256, M: 256, K: 256 },
  { N: 1024, M: 768, K: 768 },
  { N: 1024, M: 1024, K: 1024 },
];
const productFlops = ({ N = 1, M = 1, K = 1 }: Sizes): number => 2 * N * M * K;

function product(name: string, transposeA: boolean, transposeB: boolean): Operation {
  return operation({
    name,
    sizes: PRODUCTS,
    large: LARGE_PRODUCTS,
    inputs: ({ N = 1, M = 1, K = 1 }, random) => ({
      a: transposeA ? normal(random, K, N) : normal(random, N, K),
      b: transposeB ? normal(random, M, K) : normal(random, K, M),
    }),
    run: (api, { a, b }) => ({ product: api.matmul(a, b, { transposeA, transposeB }).data }),
    reference({ a, b }) {
      const turn = (x: number[][]): number[][] =>
        (x[0] ?? []).map((_, c) => x.map((row) => row[c] as number));
      const left = transposeA ? turn(toRows(a)) : toRows(a);
      const right = transposeB ? toRows(b) : turn(toRows(b));
      return { product: pairwise(left, right, dot) };
    },
    flops: productFlops,
  });
}

function matrix(
  name: 'cosineSimilarityMatrix' | 'dotMatrix' | 'euclideanDistanceMatrix',
  f: (x: readonly number[], y: readonly number[]) => number,
  scale = 1,
): Operation {
  return operation({
    name: scale === 1 ? name : `${name} of huge numbers`,
    sizes: PRODUCTS,
    large: [
      { N: 64, M: 64, K: 64 },
      { N: 1024, M: 1024, K: 128 },
    ],
    inputs: ({ N = 1, M = 1, K = 1 }, random) => ({
      a: normal(random, N, K, scale),
      b: normal(random, M, K, scale),
    }),
    run: (api, { a, b }) => ({ matrix: api[name](a, b).data }),
    reference: ({ a, b }) => ({ matrix: pairwise(toRows(a), toRows(b), f) }),
    flops: productFlops,
  });
}

function search(metric: 'cosine' | 'dot' | 'euclidean'): Operation {
  const near = {
    cosine,
    dot,
    euclidean: (x: readonly number[], y: readonly number[]) => -distance(x, y),
  };
  return operation({
    name: `topK ${metric}`,
    sizes: [
      { N: 1, M: 1, C: 1, k: 1 },
      { N: 3, M: 10, C: 7, k: 10 },
      { N: 35, M: 300, C: 16, k: 5 },
    ],
    large: [
      { N: 1, M: 20000, C: 384, k: 10 },
      { N: 64, M: 20000, C: 384, k: 10 },
      { N: 1, M: 100000, C: 384, k: 10 },
    ],
    inputs: ({ N = 1, M = 1, C = 1, k = 1 }, random) => ({
      queries: normal(random, N, C),
      corpus: normal(random, M, C),
      k: { data: Float32Array.of(k), rows: 1, cols: 1 },
    }),
    run(api, { queries, corpus, k }) {
      const { indices, scores } = api.topK(queries, corpus, k.data[0] as number, { metric });
      return { indices, scores };
    },
    reference({ queries, corpus, k }) {
      const candidates = toRows(corpus);
      const best = toRows(queries).map((query) =>
        candidates
          .map((row, index) => ({ index, score: near[metric](query, row) }))
          .sort((x, y) => y.score - x.score || x.index - y.index)
          .slice(0, k.data[0]),
      );
      return {
        indices: best.flat().map(({ index }) => index),
        scores: best.flat().map(({ score }) => score),
      };
    },
    flops: ({ N = 1, M = 1, C = 1 }) => 2 * N * M * C,
  });
}

/** Two positives of each query, which may be one. */
function positivesOf({ data }: Numbers): number[][] {
  return Array.from({ length: data.length / 2 }, (_, q) => [...data.slice(2 * q, 2 * q + 2)]);
}

const miner = operation({
  name: 'mineHardNegatives',
  sizes: [
    { N: 1, M: 2, C: 2 },
    { N: 7, M: 40, C: 5 },
    { N: 35, M: 300, C: 16 },
  ],
  large: [{ N: 4096, M: 4096, C: 384 }],
  inputs: ({ N = 1, M = 1, C = 1 }, random) => ({
    queries: normal(random, N, C),
    corpus: normal(random, M, C),
    positives: integers(random, 2 * N, M),
  }),
  run: (api, { queries, corpus, positives }) => ({
    rows: api.mineHardNegatives(queries, corpus, positivesOf(positives), {
      k: 3,
      margin: 0.05,
      rangeMin: 1,
    }),
  }),
  reference({ queries, corpus, positives }) {
    const documents = toRows(corpus);
    const lists = positivesOf(positives);
    const rows = toRows(queries).flatMap((query, q) => {
      const own = lists[q] as number[];
      const scores = documents.map((document) => cosine(query, document));
      const nearest = Math.max(...own.map((row) => scores[row] as number));
      const found = scores
        .flatMap((score, row) => (own.includes(row) || score > nearest - 0.05 ? [] : [row]))
        .sort((a, b) => (scores[b] as number) - (scores[a] as number))
        // Among the nearest 33 rows and two for the positives.
        .filter((row) => scores.filter((score) => score > (scores[row] as number)).length < 35);
      return [0, 1, 2].map((i) => found[i + 1] ?? -1);
    });
    return { rows };
  },
  flops: ({ N = 1, M = 1, C = 1 }) => 2 * N * M * C,
});

export const similarity: readonly Operation[] = [
  product('matmul', false, false),
  product('matmul transposeA', true, false),
  product('matmul transposeB', false, true),
  product('matmul transposeA transposeB', true, true),
  operation({
    name: 'normalize',
    sizes: [
      { N: 1, C: 1 },
      { N: 9, C: 13 },
      { N: 31, C: 64 },
    ],
    large: [{ N: 8192, C: 128 }],
    inputs: ({ N = 1, C = 1 }, random) => ({ x: normal(random, N, C) }),
    run: (api, { x }) => ({ unit: api.normalize(x).data }),
    reference: ({ x }) => ({ unit: toRows(x).flatMap(unit) }),
    flops: ({ N = 1, C = 1 }) => 3 * N * C,
  }),
  operation({
    name: 'cosineSimilarity',
    sizes: [{ C: 1 }, { C: 5 }, { C: 129 }],
    large: [{ C: 384 }],
    inputs: ({ C = 1 }, random) => ({ a: normal(random, 1, C), b: normal(random, 1, C) }),
    run: (api, { a, b }) => ({ cosine: api.cosineSimilarity(a, b) }),
    reference: ({ a, b }) => ({ cosine: cosine(toRows(a)[0] ?? [], toRows(b)[0] ?? []) }),
  }),
  matrix('cosineSimilarityMatrix', cosine),
  matrix('dotMatrix', dot),
  matrix('euclideanDistanceMatrix', distance),
  // Whose squares f32 can't hold.
  matrix('euclideanDistanceMatrix', distance, 2 ** 70),
  miner,
  search('cosine'),
  search('dot'),
  search('euclidean'),
  operation({
    name: 'pca',
    sizes: [
      { N: 1, C: 1, k: 1 },
      { N: 40, C: 7, k: 7 },
      { N: 6, C: 33, k: 6 },
    ],
    large: [{ N: 2000, C: 128, k: 2 }],
    inputs: ({ N = 1, C = 1, k = 1 }, random) => ({
      x: normal(random, N, C),
      k: { data: Float32Array.of(k), rows: 1, cols: 1 },
    }),
    // Components have no sign of their own and any basis will do where nothing varies, so what is
    // compared is what they explain and how far the rows come back.
    run(api, { x, k }) {
      const fitted = api.pca(x, { components: k.data[0] as number });
      const again = api.matmul(fitted.projected, fitted.components);
      const restored = Array.from(again.data, (v, i) => v + (fitted.mean[i % x.cols] as number));
      const total = fitted.explainedVariance.reduce((sum, value) => sum + value, 0);
      return { restored, mean: fitted.mean, total, transformed: api.pcaTransform(x, fitted).data };
    },
    reference({ x }) {
      const rows = toRows(x);
      const mean = Array.from(
        { length: x.cols },
        (_, c) => rows.reduce((sum, row) => sum + (row[c] as number), 0) / x.rows,
      );
      const centered = rows.map((row) => row.map((value, c) => value - (mean[c] as number)));
      const total =
        centered.reduce((sum, row) => sum + norm(row) ** 2, 0) / Math.max(1, x.rows - 1);
      return { restored: x.data, mean, total };
    },
  }),
];
