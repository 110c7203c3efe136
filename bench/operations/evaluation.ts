/** Rows of the table: evaluation of embeddings: neighbors, rankings, classifiers, their spread. */

import { Random } from '../../src/core/random.js';
import { STREAMS } from '../../src/core/streams.js';
import {
  integers,
  type Numbers,
  normal,
  type Operation,
  operation,
  type Sizes,
} from './operation.js';
import { cosine, distance, dot, mean, toRows, unit } from './reference.js';
import { bm25, logistic, ranking, ranksOf, singularValues } from './reference-evaluation.js';

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

/** Six words to a text, some of them twice. */
function sentencesOf({ data }: Numbers): string[] {
  return Array.from({ length: data.length / 6 }, (_, i) => {
    return Array.from(data.slice(6 * i, 6 * i + 6), (word) => `w${Math.min(word, 17)}`).join(' ');
  });
}

/** Three rows with grades for each of five queries; at least one row has a grade above 0. */
function gradedLists(rows: Numbers, grades: Numbers): Map<number, number>[] {
  return [0, 1, 2, 3, 4].map((query) => {
    const at = [0, 1, 2].map((i) => 3 * query + i);
    return new Map(
      at.map((i) => {
        const row = (rows.data[i] as number) + ((rows.data[i] as number) >= query ? 1 : 0);
        return [row, (grades.data[i] as number) + (i % 3 === 0 ? 1 : 0)];
      }),
    );
  });
}

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
    name: 'evaluateRetrieval graded, rows left out',
    sizes: [{ N: 4, C: 2 }, ...SETS.slice(1)],
    large: [{ N: 5000, C: 128 }],
    inputs: ({ N = 1, C = 1 }, random) => ({
      corpus: normal(random, N, C),
      rows: integers(random, 5 * 3, N - 1),
      grades: integers(random, 5 * 3, 3),
    }),
    run(api, { corpus, rows, grades }) {
      const { ndcg, mrrAt, mapAt, accuracyAt } = api.evaluateRetrieval(
        toRows(corpus).slice(0, 5),
        corpus,
        gradedLists(rows, grades).slice(0, corpus.rows),
        { ks: [1, 3], leaveOut: [0, 1, 2, 3, 4].slice(0, corpus.rows) },
      );
      return {
        atK: [ndcg, mrrAt, mapAt, accuracyAt].flatMap((v) => [v[1], v[3]] as number[]),
      };
    },
    reference({ corpus, rows, grades }) {
      const all = toRows(corpus);
      const queries = gradedLists(rows, grades).slice(0, all.length);
      const found = queries.flatMap((graded, q) => {
        const gains = new Map([...graded].filter(([row, grade]) => row !== q && grade > 0));
        if (gains.size === 0) return [];
        const order = ranking(all[q] as number[], all, cosine).filter((row) => row !== q);
        return [order.map((row) => gains.get(row) ?? 0)];
      });
      const sum = (list: readonly number[]): number => list.reduce((total, v) => total + v, 0);
      const dcg = (gains: readonly number[]): number =>
        sum(gains.map((gain, rank) => gain / Math.log2(rank + 2)));
      const first = (gains: readonly number[]): number => gains.findIndex((gain) => gain > 0);
      const count = (gains: readonly number[]): number => gains.filter((gain) => gain > 0).length;
      const metrics = [
        (gains: readonly number[], k: number) =>
          dcg(gains.slice(0, k)) / dcg([...gains].sort((a, b) => b - a).slice(0, k)),
        (gains: readonly number[], k: number) => (first(gains) < k ? 1 / (first(gains) + 1) : 0),
        (gains: readonly number[], k: number) =>
          sum(
            gains.slice(0, k).map((g, i) => (g > 0 ? count(gains.slice(0, i + 1)) / (i + 1) : 0)),
          ) / Math.min(k, count(gains)),
        (gains: readonly number[], k: number) => (first(gains) < k ? 1 : 0),
      ];
      return {
        atK: metrics.flatMap((of) => [1, 3].map((k) => mean(found.map((gains) => of(gains, k))))),
      };
    },
  }),
  operation({
    name: 'hybridSearch',
    sizes: [
      { N: 1, C: 2 },
      { N: 13, C: 5 },
      { N: 67, C: 9 },
    ],
    large: [{ N: 5000, C: 128 }],
    inputs: ({ N = 1, C = 1 }, random) => ({
      queries: normal(random, 3, C),
      corpus: normal(random, N, C),
      words: integers(random, 6 * (N + 3), 20),
    }),
    run(api, { queries, corpus, words }) {
      const texts = sentencesOf(words);
      const { indices, scores } = api.hybridSearch(
        { texts: texts.slice(0, 3), embeddings: queries },
        { texts: texts.slice(3), embeddings: corpus },
        4,
      );
      return { indices, scores };
    },
    reference({ queries, corpus, words }) {
      const [texts, rows] = [sentencesOf(words), toRows(corpus)];
      const documents = texts.slice(3).map((text) => text.split(' '));
      const fused = toRows(queries).map((query, q) => {
        const weights = bm25((texts[q] as string).split(' '), documents);
        const byWords = weights
          .flatMap((weight, index) =>
            weight > 0 ? [{ index, weight: Number(weight.toFixed(9)) }] : [],
          )
          .sort((a, b) => b.weight - a.weight || a.index - b.index)
          .map(({ index }) => index);
        const scores = rows.map(() => 0);
        for (const list of [byWords.slice(0, 100), ranking(query, rows, cosine).slice(0, 100)]) {
          list.forEach((index, rank) => {
            scores[index] = (scores[index] as number) + 1 / (61 + rank);
          });
        }
        const order = scores
          .map((score, index) => ({ index, score: Number(score.toFixed(12)) }))
          .sort((a, b) => b.score - a.score || a.index - b.index)
          .slice(0, 4);
        return order;
      });
      return {
        indices: fused.flatMap((list) => list.map(({ index }) => index)),
        scores: fused.flatMap((list) => list.map(({ score }) => score)),
      };
    },
  }),
  operation({
    name: 'compareRankings',
    sizes: [{ N: 1 }, { N: 7 }, { N: 33 }],
    large: [{ N: 10000 }],
    inputs: ({ N = 1 }, random) => ({ before: normal(random, 1, N), after: normal(random, 1, N) }),
    run(api, { before, after }) {
      const { difference, interval } = api.compareRankings(before.data, after.data, { seed: 3 });
      return { difference, interval };
    },
    reference({ before, after }) {
      const differences = Array.from(after.data, (v, i) => v - (before.data[i] as number));
      const means = Array.from({ length: 2000 }, (_, s) => {
        const random = new Random(3, STREAMS.bootstrap, s);
        return mean(
          differences.map(() => differences[random.integer(differences.length)] as number),
        );
      }).sort((a, b) => a - b);
      const at = (fraction: number): number => {
        const [index, part] = [Math.floor(fraction * 1999), (fraction * 1999) % 1];
        return (means[index] as number) * (1 - part) + (means[index + 1] as number) * part;
      };
      return { difference: mean(differences), interval: [at(0.025), at(0.975)] };
    },
  }),
  operation({
    name: 'spearman',
    sizes: [{ N: 2 }, { N: 7 }, { N: 33 }],
    large: [{ N: 100000 }],
    inputs: ({ N = 1 }, random) => ({ a: normal(random, 1, N), b: integers(random, N, 5) }),
    run: (api, { a, b }) => ({ rho: api.spearman(a.data, b.data) }),
    reference({ a, b }) {
      const ranks = (x: ArrayLike<number>): number[] =>
        Array.from(x, (v) => mean(Array.from(x, (w) => (w < v ? 2 : w === v ? 1 : 0))));
      const centered = (x: number[]): number[] => x.map((v) => v - mean(x));
      const [x, y] = [centered(ranks(a.data)), centered(ranks(b.data))];
      const norms = Math.sqrt(dot(x, x)) * Math.sqrt(dot(y, y));
      return { rho: norms === 0 ? 0 : dot(x, y) / norms };
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
