/** Static sentence encoders that learn from graded pairs: what the defaults reach on held-out pairs. */

import { cosineSimilarity, spearman } from 'nearfar';
import { SentenceEncoder, train } from 'nearfar/models';
import { Random } from '../../src/core/random.js';
import { check, same, suite } from '../harness.js';

const test = suite('graded training');

type Pair = [string, string];

const MOODS = 'joy fear rage calm love hate hope doubt'.split(' ');
const WIDTH = 64;

/** Texts of two moods of eight and four of three hundred other words, which tell nothing. */
function makePairs(count: number, stream: number): Pair[] {
  const random = new Random(1, stream, 0);
  const text = (): string => {
    const first = random.integer(8);
    const second = (first + 1 + random.integer(7)) % 8;
    const others = Array.from({ length: 4 }, () => `w${random.integer(300)}`);
    return [MOODS[first], MOODS[second], ...others].join(' ');
  };
  return Array.from({ length: count }, () => [text(), text()]);
}

/** Number of moods that both texts have. */
const commonMoods = ([a, b]: Pair): number =>
  MOODS.filter((mood) => a.includes(mood) && b.includes(mood)).length;

const PAIRS = makePairs(600, 0);

test('frequent words that tell how near two texts are count on held-out pairs', async () => {
  const encoder = new SentenceEncoder(PAIRS.flat(), { width: WIDTH });
  for await (const _ of train(encoder, { pairs: PAIRS, scores: PAIRS.map(commonMoods) }));
  const heldOut = makePairs(300, 1);
  const [a, b] = [0, 1].map((side) => encoder.encode(heldOut.map((pair) => pair[side] as string)));
  const row = (rows: typeof a, i: number) => rows?.data.subarray(i * WIDTH, (i + 1) * WIDTH);
  const cosines = heldOut.map((_, i) =>
    cosineSimilarity(row(a, i) as Float32Array, row(b, i) as Float32Array),
  );
  const value = spearman(cosines, heldOut.map(commonMoods));
  // 0.61 where frequent words begin with small rows, as for search.
  check(value > 0.75, `Spearman's correlation ${value}`);
  encoder.dispose();
});

test('thousands of graded pairs are seen for more epochs than pairs', async () => {
  const texts = PAIRS.flat();
  for (const [count, graded, alone] of [
    [300, 100, 100],
    [4500, 720, 300],
    [8000, 1200, 300],
  ] as const) {
    const pairs = Array.from({ length: count }, (_, i) => PAIRS[i % PAIRS.length] as Pair);
    const scores = pairs.map(commonMoods);
    for (const [data, expected] of [
      [{ pairs, scores }, graded],
      [{ pairs }, alone],
    ] as const) {
      const encoder = new SentenceEncoder(texts, { width: 16 });
      for await (const { steps } of train(encoder, data)) {
        same(steps, expected, `steps of ${count} ${Object.keys(data).join(' and ')}`);
        break;
      }
      encoder.dispose();
    }
  }
});

test('only the order of scores counts: grades, fractions, percentages, signed numbers', async () => {
  const grades = PAIRS.map(commonMoods);
  const scales = [
    grades,
    grades.map((grade) => grade / 2),
    grades.map((grade) => 50 * grade),
    grades.map((grade) => grade - 1),
    Float64Array.from(grades, (grade) => 10 ** grade),
  ];
  const losses: number[][] = [];
  for (const scores of scales) {
    const encoder = new SentenceEncoder(PAIRS.flat(), { width: 16 });
    const run: number[] = [];
    for await (const { loss } of train(encoder, { pairs: PAIRS, scores }, { steps: 4 })) {
      run.push(loss);
    }
    losses.push(run);
    encoder.dispose();
  }
  for (const run of losses) same(run, losses[0]);
});
