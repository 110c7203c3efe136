/** Mining of hard negatives: sentence-transformers' results, equal rows, many queries. */

import { readFileSync } from 'node:fs';
import { type MineHardNegativesOptions, mineHardNegatives } from 'nearfar';
import { bytesInUse } from 'nearfar/nn';
import { check, same, suite } from '../harness.js';

const test = suite('hard negatives');

interface Golden {
  queries: number[][];
  corpus: number[][];
  positives: number[][];
  cases: { options: MineHardNegativesOptions; negatives: number[][] }[];
}

const golden: Golden = JSON.parse(
  readFileSync(new URL('../golden/fixtures/adapt/hard-negatives.json', import.meta.url), 'utf8'),
);
const { queries, corpus, positives } = golden;

for (const { options, negatives } of golden.cases) {
  test(`${JSON.stringify(options)}: the rows of mine_hard_negatives`, () => {
    const found = mineHardNegatives(queries, corpus, positives, options);
    same(Array.from(found), negatives.flat(), 'rows');
  });
}

test('rows with the numbers of a positive or of the query are no negatives', () => {
  const [a = [], b = [], c = []] = corpus;
  const rows = [a, a, b, c, b, c];
  const found = mineHardNegatives([a, b], rows, [[2], [0]], { k: 3 });
  same(Array.from(found), [3, -1, -1, 3, -1, -1]);
});

test('random sampling is seeded, takes valid rows alone, nearest first', () => {
  const options = { k: 3, sampling: 'random', rangeMax: 20, seed: 5 } as const;
  const found = mineHardNegatives(queries, corpus, positives, options);
  same(Array.from(mineHardNegatives(queries, corpus, positives, options)), Array.from(found));
  const top = mineHardNegatives(queries, corpus, positives, { k: 20, rangeMax: 20 });
  queries.forEach((_, q) => {
    const ranks = [0, 1, 2].map((i) => top.indexOf(found[3 * q + i] as number, 20 * q) - 20 * q);
    check(
      ranks.every((rank) => rank >= 0 && rank < 20),
      'among the first 20',
    );
    check(
      (ranks[0] as number) < (ranks[1] as number) && (ranks[1] as number) < (ranks[2] as number),
      'in order',
    );
  });
  const other = mineHardNegatives(queries, corpus, positives, { ...options, seed: 6 });
  check(
    other.some((row, i) => row !== found[i]),
    'another seed draws others',
  );
});

test('a query without positives, and blocks of queries, which change no result', () => {
  const cols = 2048;
  const many = Array.from({ length: 2100 }, (_, i) => {
    return Float32Array.from({ length: cols }, (_, j) => (((i + 1) * (j + 3) * 7919) % 101) - 50);
  });
  const before = bytesInUse();
  const none = many.map((): number[] => []);
  const found = mineHardNegatives(many, many.slice(0, 50), none, { k: 2 });
  same(bytesInUse(), before, 'bytes in use');
  const late = mineHardNegatives(many.slice(2050), many.slice(0, 50), none.slice(2050), { k: 2 });
  same(Array.from(found.subarray(4100)), Array.from(late), 'rows of the last queries');
});
