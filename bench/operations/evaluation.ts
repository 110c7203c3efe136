/** Rows of the table: evaluation of embeddings: neighbors, rankings, classifiers, their spread. */

import { integers, normal, type Operation, operation, type Sizes } from './operation.js';
import { cosine, distance, mean, toRows, unit } from './reference.js';
import { logistic, ranking, ranksOf, singularValues } from './reference-evaluation.js';

const SETS: readonly Sizes[] = [
  { N: 3, C: 1 },
  { N: 13, C: 5 },
  { N: 67, C: 9 },
];

const alignments = [2, 0.7].map((alpha) =>
  operation({
    name: `alignment alpha ${alpha}`,
    sizes: [{ N: 1, C: 1 }, ...SETS],
    large: [{ N: 8192, C: 128 }],
    inputs: ({ N = 1, C = 1 }, random) => ({ a: normal(random, N, C), b: normal(random, N, C) }),
    run: (api, { a, b }) => ({ mean: api.alignment(a, b, { alpha }) }),
    reference({ a, b }) {
      const others = toRows(b);
      const lengths = toRows(a).map((row, i) => distance(unit(row), unit(others[i] ?? [])));
      return { mean: mean(lengths.map((length) => length ** alpha)) };
    },
  }),
);

/** On both sides of where sums change from a fixed to a running shift. */
const uniformities = [2, 30].map((t) =>
  operation({
    name: `uniformity t ${t}`,
    sizes: SETS,
    large: [{ N: 8192, C: 128 }],
    rtol: 2e-5,
    inputs: ({ N = 1, C = 1 }, random) => ({ x: normal(random, N, C) }),
    run: (api, { x }) => ({ logarithm: api.uniformity(x, { t }) }),
    reference({ x }) {
      const rows = toRows(x).map(unit);
      const terms = rows.flatMap((a, i) =>
        rows.slice(0, i).map((b) => Math.exp(-t * distance(a, b) ** 2)),
      );
      return { logarithm: Math.log(mean(terms)) };
    },
    flops: ({ N = 1, C = 1 }) => N * N * C,
  }),
);

export const evaluation: readonly Operation[] = [
  ...alignments,
  ...uniformities,
  operation({
    name: 'effectiveRank',
    sizes: [{ N: 1, C: 1 }, ...SETS, { N: 9, C: 33 }],
    large: [{ N: 4096, C: 128 }],
    inputs: ({ N = 1, C = 1 }, random) => ({ x: normal(random, N, C) }),
    run: (api, { x }) => ({ rank: api.effectiveRank(x) }),
    reference({ x }) {
      const values = singularValues(toRows(x));
      const sum = values.reduce((total, value) => total + value, 0);
      const entropy = values
        .map((value) => value / sum)
        .reduce((total, share) => total - (share > 0 ? share * Math.log(share) : 0), 0);
      return { rank: Math.exp(entropy) };
    },
  }),
  operation({
    name: 'knnClassify',
    sizes: SETS,
    large: [{ N: 10000, C: 128 }],
    inputs: ({ N = 1, C = 1 }, random) => ({
      train: normal(random, N, C),
      labels: integers(random, N, 4),
      queries: normal(random, 7, C),
    }),
    run: (api, { train, labels, queries }) => ({
      labels: api.knnClassify(train, labels.data, queries),
    }),
    reference({ train, labels, queries }) {
      const rows = toRows(train);
      const winners = toRows(queries).map((query) => {
        const votes = [0, 0, 0, 0];
        for (const index of ranking(query, rows, cosine).slice(0, 20)) {
          const label = labels.data[index] as number;
          const vote = Math.exp(cosine(query, rows[index] as number[]) / 0.07);
          votes[label] = (votes[label] as number) + vote;
        }
        return votes.indexOf(Math.max(...votes));
      });
      return { labels: winners };
    },
  }),
  operation({
    name: 'evaluateRetrieval',
    sizes: SETS,
    large: [{ N: 5000, C: 128 }],
    inputs: ({ N = 1, C = 1 }, random) => ({
      queries: normal(random, 5, C),
      corpus: normal(random, N, C),
      relevant: integers(random, 5 * 3, N),
    }),
    run(api, { queries, corpus, relevant }) {
      const lists = toRows({ ...relevant, rows: 5, cols: 3 });
      const { recall, precision, ndcg, mrr, map } = api.evaluateRetrieval(queries, corpus, lists, {
        ks: [1, 3],
      });
      const atK = [recall, precision, ndcg].flatMap((values) => [values[1], values[3]] as number[]);
      return { atK, mrr, map };
    },
    reference({ queries, corpus, relevant }) {
      const rows = toRows(corpus);
      const lists = toRows({ ...relevant, rows: 5, cols: 3 });
      const ranks = toRows(queries).map((query, i) =>
        ranksOf(ranking(query, rows, cosine), new Set(lists[i])),
      );
      const gain = (rank: number): number => 1 / Math.log2(rank + 2);
      const within = (list: readonly number[], k: number): number[] => list.filter((r) => r < k);
      const average = (f: (list: number[]) => number): number => mean(ranks.map(f));
      const sum = (list: readonly number[]): number => list.reduce((total, v) => total + v, 0);
      const atK = [
        ...[1, 3].map((k) => average((list) => within(list, k).length / list.length)),
        ...[1, 3].map((k) => average((list) => within(list, k).length / k)),
        ...[1, 3].map((k) =>
          average((list) => {
            const max = Array.from({ length: Math.min(k, list.length) }, (_, rank) => gain(rank));
            return sum(within(list, k).map(gain)) / sum(max);
          }),
        ),
      ];
      return {
        atK,
        mrr: average((list) => 1 / ((list[0] as number) + 1)),
        map: average((list) => mean(list.map((rank, i) => (i + 1) / (rank + 1)))),
      };
    },
  }),
  operation({
    name: 'evaluateEmbeddings',
    sizes: [{ N: 4, C: 2 }, ...SETS.slice(1)],
    large: [{ N: 5000, C: 128 }],
    inputs: ({ N = 1, C = 1 }, random) => ({
      x: normal(random, N, C),
      labels: integers(random, N, 3),
    }),
    run: (api, { x, labels }) => ({ ...api.evaluateEmbeddings(x, labels.data) }),
    reference({ x, labels }) {
      const rows = toRows(x);
      const found = rows.flatMap((row, i) => {
        const order = ranking(row, rows, cosine).filter((index) => index !== i);
        const same = order.filter((index) => labels.data[index] === labels.data[i]);
        if (same.length === 0) return [];
        const hits = ranksOf(order, new Set(same)).filter((rank) => rank < same.length);
        const precisions = hits.reduce((sum, rank, n) => sum + (n + 1) / (rank + 1), 0);
        return [[hits[0] === 0 ? 1 : 0, hits.length / same.length, precisions / same.length]];
      });
      const [precisionAt1 = 0, rPrecision = 0, mapAtR = 0] = [0, 1, 2].map((c) =>
        mean(found.map((values) => values[c] as number)),
      );
      return { precisionAt1, rPrecision, mapAtR };
    },
  }),
  operation({
    name: 'fitClassifier',
    sizes: [
      { N: 2, C: 1 },
      { N: 13, C: 5 },
      { N: 40, C: 9 },
    ],
    large: [
      { N: 2000, C: 128 },
      { N: 10000, C: 64 },
    ],
    rtol: 1e-4,
    inputs: ({ N = 1, C = 1 }, random) => ({
      x: normal(random, N, C),
      // Both of the first two labels are there, however few rows there are.
      labels: {
        ...integers(random, N, 3),
        data: integers(random, N, 3).data.with(0, 0).with(1, 1),
      },
    }),
    run(api, { x, labels }) {
      const classifier = api.fitClassifier(x, labels.data);
      return {
        weight: classifier.weight.data,
        bias: classifier.bias,
        probabilities: classifier.predictProba(x).data,
        predictions: classifier.predict(x),
      };
    },
    reference: ({ x, labels }) => logistic(toRows(x), labels.data, 1),
  }),
];
