/**
 * Metrics of rankings against sentence-transformers, scikit-learn and SciPy (golden/retrieval.py),
 * and what must hold of every ranking.
 */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import {
  compareRankings,
  evaluateRankings,
  evaluateRetrieval,
  type RetrievalMetrics,
  spearman,
  topK,
} from 'nearfar';
import { bytesInUse } from 'nearfar/nn';
import { Random } from '../../src/core/random.js';
import { STREAMS } from '../../src/core/streams.js';
import { check, close, same, suite, throws } from '../harness.js';
import { matrix, SEED } from '../properties/draw.js';

const test = suite('rankings');

interface Peers {
  ks: number[];
  retrieval: {
    queries: number[][];
    corpus: number[][];
    relevant: number[][];
    grades: [number, number][][];
    expected: Record<string, Record<string, number>>;
    graded: Record<string, number>;
  }[];
  spearman: { a: number[]; b: number[]; expected: number }[];
  intervals: {
    before: number[];
    after: number[];
    level: number;
    difference: number;
    interval: [number, number];
    standardError: number;
  }[];
}

const file = new URL('../golden/fixtures/retrieval/peers.json', import.meta.url);
const peers: Peers = JSON.parse(readFileSync(file, 'utf8'));
const { ks } = peers;

/** Names of sentence-transformers. */
const NAMES: Record<string, keyof RetrievalMetrics> = {
  'accuracy@k': 'accuracyAt',
  'precision@k': 'precision',
  'recall@k': 'recall',
  'ndcg@k': 'ndcg',
  'mrr@k': 'mrrAt',
  'map@k': 'mapAt',
};

test('metrics at k are those of sentence-transformers', () => {
  for (const { queries, corpus, relevant, expected } of peers.retrieval) {
    const found = evaluateRetrieval(queries, corpus, relevant, { ks });
    same(Object.keys(expected).sort(), Object.keys(NAMES).sort());
    for (const [theirs, ours] of Object.entries(NAMES)) {
      const byK = found[ours] as Record<number, number>;
      for (const k of ks) {
        const wanted = expected[theirs]?.[k] as number;
        close(byK[k] as number, wanted, { atol: 1e-12, what: `${ours} at ${k}` });
      }
    }
  }
});

test('graded NDCG is that of scikit-learn', () => {
  for (const { queries, corpus, grades, graded } of peers.retrieval) {
    const relevant = grades.map((of) => new Map(of));
    const { ndcg } = evaluateRetrieval(queries, corpus, relevant, { ks });
    for (const k of ks) close(ndcg[k] as number, graded[k] as number, { atol: 1e-12 });
  }
});

test('a Map of ones is a list, and rows of grade 0 are not relevant', () => {
  for (const { queries, corpus, relevant } of peers.retrieval) {
    const ones = relevant.map((rows) => new Map(rows.map((row) => [row, 1])));
    for (const map of ones) for (const row of [0, 1, 2]) if (!map.has(row)) map.set(row, 0);
    const options = { ks, perQuery: true } as const;
    same(
      evaluateRetrieval(queries, corpus, ones, options),
      evaluateRetrieval(queries, corpus, relevant, options),
    );
  }
});

test('metrics of rankings are those of the embeddings that gave them', () => {
  for (const { queries, corpus, relevant, grades } of peers.retrieval) {
    const n = corpus.length;
    const { indices } = topK(queries, corpus, n);
    const rankings = queries.map((_, i) => indices.subarray(i * n, (i + 1) * n));
    for (const of of [relevant, grades.map((list) => new Map(list))]) {
      const options = { ks, perQuery: true } as const;
      same(
        evaluateRankings(rankings, of, options),
        evaluateRetrieval(queries, corpus, of, options),
      );
    }
  }
});

test('a relevant document that a ranking does not have counts as not found', () => {
  const { recall, mrr, map, ndcg } = evaluateRankings([[4, 2, -1, 7]], [[2, 7]], { ks: [3] });
  same([recall[3], mrr, map], [0.5, 0.5, 0.25]);
  close(ndcg[3] as number, 1 / Math.log2(3) / (1 + 1 / Math.log2(3)), { atol: 1e-12 });
  same(evaluateRankings([[], [3]], [[1], [3]]).mrr, 0.5);
});

test('rows that are left out are in no ranking, even where they are relevant', () => {
  fc.assert(
    fc.property(SEED, fc.integer({ min: 3, max: 9 }), (seed, n) => {
      const x = matrix(n, 4, seed);
      const rows = Array.from({ length: n }, (_, i) => i);
      // Each row is relevant to itself and to the next one.
      const relevant = rows.map((i) => [i, (i + 1) % n]);
      const options = { ks: [1, 2], perQuery: true } as const;
      const left = evaluateRetrieval(x, x, relevant, { ...options, leaveOut: rows });
      const { indices } = topK(x, x, n);
      const rankings = rows.map((i) =>
        [...indices.subarray(i * n, (i + 1) * n)].filter((j) => j !== i),
      );
      same(
        left,
        evaluateRankings(
          rankings,
          relevant.map(([, next]) => [next as number]),
          options,
        ),
      );
      same(
        evaluateRetrieval(x, x, relevant, { ...options, leaveOut: rows.map(() => -1) }),
        evaluateRetrieval(x, x, relevant, options),
      );
    }),
    { numRuns: 30 },
  );
});

test('grades that are left out are not in the best possible gain', () => {
  const corpus = [
    [1, 0],
    [0.9, 0.1],
    [0, 1],
  ];
  const relevant = [
    new Map([
      [0, 3],
      [1, 2],
      [2, 1],
    ]),
  ];
  same(evaluateRetrieval([[1, 0]], corpus, relevant, { leaveOut: [0] }).ndcg[10], 1);
});

test('figures per query average to the means, and queries without a relevant row have none', () => {
  const { queries, corpus, relevant } = peers.retrieval[1] as Peers['retrieval'][number];
  const some = relevant.map((rows, i) => (i % 3 === 1 ? [] : rows));
  const { perQuery, ...means } = evaluateRetrieval(queries, corpus, some, { ks, perQuery: true });
  same(
    [...perQuery.queries],
    some.flatMap((rows, i) => (rows.length > 0 ? [i] : [])),
  );
  const mean = (x: Float32Array): number => x.reduce((sum, v) => sum + v, 0) / x.length;
  close(mean(perQuery.mrr), means.mrr, { atol: 1e-6 });
  for (const k of ks)
    close(mean(perQuery.ndcg[k] as Float32Array), means.ndcg[k] as number, { atol: 1e-6 });
  check(!('perQuery' in evaluateRetrieval(queries, corpus, some)), 'without the option');
});

test("spearman is SciPy's", () => {
  for (const { a, b, expected } of peers.spearman) {
    close(spearman(a, b), expected, { atol: 1e-14 });
    close(spearman(Float32Array.from(a), b), expected, { atol: 1e-6 });
  }
  same(spearman([1, 1, 1], [1, 2, 3]), 0);
});

test("intervals are SciPy's up to the luck of the draw", () => {
  for (const { before, after, level, difference, interval, standardError } of peers.intervals) {
    const found = compareRankings(before, after, { level, samples: 100000 });
    close(found.difference, difference, { atol: 1e-12 });
    close(found.interval, interval, { atol: 0.1 * standardError });
  }
});

test('the bootstrap draws the numbers of its stream', () => {
  const [before, after] = [
    [0.5, 0, 1, 0.25, 1],
    [1, 0.5, 1, 0, 0.125],
  ];
  const differences = after.map((value, i) => value - (before[i] as number));
  for (const seed of [0, 7, 2 ** 40 + 3]) {
    const samples = 101;
    const means = Array.from({ length: samples }, (_, s) => {
      const random = new Random(seed, STREAMS.bootstrap, s);
      let sum = 0;
      for (let i = 0; i < 5; i++) sum += differences[random.integer(5)] as number;
      return sum / 5;
    }).sort((a, b) => a - b);
    const { interval } = compareRankings(before, after, { samples, level: 0.9, seed });
    close(interval, [means[5] as number, means[95] as number], { atol: 1e-12 });
  }
  same(compareRankings(before, after), compareRankings(before, after, { seed: 0 }));
  same(compareRankings([1], [1.5]), { difference: 0.5, interval: [0.5, 0.5] });
});

test('nothing stays in memory', () => {
  const before = bytesInUse();
  evaluateRetrieval(
    [[1, 0]],
    [
      [1, 0],
      [0, 1],
    ],
    [new Map([[1, 2]])],
  );
  compareRankings([1, 2, 3], [2, 3, 5]);
  throws(
    () => evaluateRetrieval([[1, 0]], [[1, 0]], [[0]], { leaveOut: [0] }),
    RangeError,
    /leaveOut/,
  );
  throws(() => evaluateRankings([[1, 2, 1]], [[1]]), RangeError, /rankings\[0\]\[2\]/);
  throws(
    () => evaluateRetrieval([[1]], [[1]], [new Map([[0, -1]])]),
    RangeError,
    /relevant\[0\]\.get\(0\)/,
  );
  throws(() => evaluateRetrieval([[1]], [[1]], [new Map([[3, 1]])]), RangeError, /relevant\[0\]/);
  same(bytesInUse(), before);
});
