/** `tuneAdapter`: what helps is shipped, what doesn't is not, and rows are never on both sides of the split. */

import { type AdapterData, tuneAdapter } from 'nearfar/adapt';
import { bytesInUse } from 'nearfar/nn';
import { independentCount, studentDeviate } from '../../src/adapt/certainty.js';
import { Random } from '../../src/core/random.js';
import { check, same, suite } from '../harness.js';

const test = suite('tuning of adapters');

const COLS = 12;

/** Numbers that look random, from -0.5 to 0.5. */
function rows(n: number, seed: number, cols = COLS): number[][] {
  let state = seed;
  return Array.from({ length: n }, () =>
    Array.from({ length: cols }, () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647 - 0.5;
    }),
  );
}

/** Rows of which the first half of the columns says what they are, and the others are noise. */
function noisy(of: readonly number[][], seed: number): number[][] {
  const noise = rows(of.length, seed);
  return of.map((row, r) =>
    row.map((value, c) => (2 * c < COLS ? value : 3 * ((noise[r] as number[])[c] as number))),
  );
}

function pairsOf(n: number, shuffled = false) {
  const queries = rows(n, 7);
  const pairs = queries.map((_, i): [number, number] => [i, shuffled ? (i * 7 + 3) % n : i]);
  return { queries, documents: noisy(queries, 11), pairs };
}

const options = { steps: 60, batchSize: 64, learningRate: 0.02 };

const KINDS: Record<string, () => AdapterData> = {
  pairs: () => pairsOf(200),
  'scored pairs': () => {
    const { queries, documents, pairs } = pairsOf(200);
    const all = pairs.map(([q], i): [number, number] => [q, i % 2 === 0 ? i : (i * 7) % 200]);
    return { queries, documents, pairs: all, scores: all.map(([q, d]) => (q === d ? 1 : 0)) };
  },
  labels: () => {
    const centers = rows(8, 5);
    const labels = Array.from({ length: 240 }, (_, i) => i % 8);
    return {
      embeddings: noisy(
        labels.map((label) => centers[label] as number[]),
        13,
      ),
      labels,
    };
  },
  triplets: () => {
    const { queries, documents } = pairsOf(200);
    // Negatives of neighbors, so that few triplets hang together.
    const triplets = queries.map((_, i): [number, number, number] => [i, 200 + i, 200 + (i ^ 1)]);
    return { embeddings: [...queries, ...documents], triplets };
  },
};

for (const [kind, data] of Object.entries(KINDS)) {
  test(`${kind}: an adapter helps and is shipped, the same each time`, async () => {
    const before = bytesInUse();
    const { adapter, report } = await tuneAdapter(data(), options);
    same(bytesInUse(), before, 'bytes in use');
    same(report.verdict, 'helps', `gain ${report.gain}, ${report.interval}`);
    check(!adapter.untrained, 'a trained adapter');
    check(Math.abs(report.adapted - report.base - report.gain) < 1e-12, 'gain');
    check(report.interval[0] <= report.gain && report.gain <= report.interval[1], 'interval');
    const again = await tuneAdapter(data(), options);
    same(again.report, report, 'report');
    same(Array.from(again.adapter.save()), Array.from(adapter.save()), 'adapter');
  });
}

test('pairs and labels in random order ship the identity', async () => {
  for (let seed = 0; seed < 6; seed++) {
    const { queries, documents, pairs } = pairsOf(150, true);
    const { adapter, report } = await tuneAdapter(
      { queries, documents, pairs },
      { ...options, seed },
    );
    check(report.verdict !== 'helps', `${report.verdict}: ${report.gain}`);
    check(adapter.untrained, 'the identity');
  }
  // Two thirds of one label: gathering all rows there must not count as a gain.
  const labels = Array.from({ length: 150 }, (_, i) => ((i * 7919) % 3 === 0 ? 1 : 0));
  const { report } = await tuneAdapter({ embeddings: rows(150, 3), labels }, options);
  check(report.verdict !== 'helps', `${report.verdict}: ${report.gain}`);
});

test('random labels gain nothing where an adapter gathers rows by them', async () => {
  const gains: number[] = [];
  for (let seed = 1; seed <= 6; seed++) {
    const random = new Random(seed);
    const uniform = (): number => random.uniform(-0.5, 0.5);
    const data = {
      embeddings: Array.from({ length: 80 }, () => Array.from({ length: 64 }, uniform)),
      labels: Array.from({ length: 80 }, uniform).map((x) => (x < 0.1 ? 0 : x < 0.35 ? 1 : 2)),
    };
    const { report } = await tuneAdapter(data, { ...options, seed });
    same(report.metric, 'ndcg@10');
    check(report.verdict !== 'helps', `${report.verdict}: ${report.gain}`);
    gains.push(report.gain);
  }
  const mean = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
  // It is 0.06 by MAP.
  check(Math.abs(mean) < 0.03, `the mean gain is ${mean} of ${gains}`);
});

test('the interval has the tails of Student, with the number of values that counts', () => {
  // Quantiles of t at 0.9, 0.99 and 0.999, from tables; z are those of the normal distribution.
  const quantiles: [number, number[]][] = [
    [10, [1.372, 2.764, 4.144]],
    [30, [1.31, 2.457, 3.385]],
    [100, [1.29, 2.364, 3.174]],
  ];
  for (const [freedom, expected] of quantiles) {
    [1.2815516, 2.3263479, 3.0902323].forEach((z, i) => {
      const t = studentDeviate(z, freedom);
      check(Math.abs(t - (expected[i] as number)) < 0.01, `t of ${freedom} degrees at ${z}: ${t}`);
      same(studentDeviate(-z, freedom), -t, 'symmetric');
    });
  }
  const groups = Int32Array.from({ length: 40 }, (_, i) => i);
  const equal = { groupings: [groups], weights: new Float64Array(40).fill(1) };
  same(independentCount(equal), 40, 'equal weights');
  // Four rows of rare labels that weigh as much as the other 36.
  const rare = Float64Array.from(groups, (i) => (i < 4 ? 9 : 1));
  check(Math.abs(independentCount({ ...equal, weights: rare }) - 72 ** 2 / 360) < 1e-9, 'rare');
  // Where values share rows of two kinds, the coarser grouping counts.
  const coarse = groups.map((i) => i % 7);
  check(independentCount({ ...equal, groupings: [groups, coarse] }) < 7, 'coarse');
});

test('rows that are the same are never on both sides, by numbers or by id', async () => {
  // Twelve documents, each with many copies: training on one copy would give the others away.
  const { documents } = pairsOf(12);
  const copies = Array.from({ length: 240 }, (_, i) => i % 12);
  const many = {
    queries: rows(240, 3),
    documents: copies.map((i) => documents[i] as number[]),
    pairs: copies.map((_, i): [number, number] => [i, i]),
  };
  same((await tuneAdapter(many, options)).report.verdict, 'too few', 'by numbers');
  const byId = { ...many, documents: rows(240, 5), documentIds: copies };
  same((await tuneAdapter(byId, options)).report.verdict, 'too few', 'by id');
});

test('too few pairs, queries alone, progress, and a signal', async () => {
  const { adapter, report } = await tuneAdapter(pairsOf(10), options);
  same(report.verdict, 'too few');
  check(adapter.untrained, 'the identity');
  const seen: number[] = [];
  const query = await tuneAdapter(pairsOf(200), {
    ...options,
    side: 'query',
    onProgress: ({ done, total }) => seen.push(done / total),
  });
  same(query.adapter.side, 'query');
  check(
    query.report.forms.every(({ options }) => options?.side === 'query'),
    'forms',
  );
  same(seen.at(-1), 1, 'progress at the end');
  check(
    seen.every((part, i) => i === 0 || part >= (seen[i - 1] as number)),
    'rises',
  );
  let message = '';
  try {
    await tuneAdapter(pairsOf(200), { ...options, signal: { aborted: true } });
  } catch (error) {
    message = (error as Error).message;
  }
  same(message, 'tuneAdapter: stopped by its signal');
});
