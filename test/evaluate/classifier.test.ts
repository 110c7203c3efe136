/**
 * Classifiers and measures of embeddings beyond their fixtures: what must hold of every set of
 * rows, what a saved classifier is, and what it refuses.
 */

import fc from 'fast-check';
import {
  alignment,
  effectiveRank,
  evaluateEmbeddings,
  evaluateRetrieval,
  fitClassifier,
  knnClassify,
  LinearClassifier,
  linearProbe,
  normalize,
  topK,
  uniformity,
} from 'nearfar';
import { loadSafetensors, tidy } from 'nearfar/nn';
import { check, close, same, sameBits, suite, throws } from '../harness.js';
import {
  labels as drawLabels,
  type Matrix,
  matrix,
  permutation,
  pick,
  SEED,
  stack,
} from '../properties/draw.js';

const test = suite('classifier');
const runs = { numRuns: 40 };

/** Rows and labels of 0 to 2, each of them there. */
function draw(rows: number, cols: number, seed: number): { x: Matrix; labels: number[] } {
  const labels = drawLabels(rows, 3, seed).map((label, i) => (i < 3 ? i : label));
  return { x: matrix(rows, cols, seed), labels };
}

test('the gradient of the regression vanishes at what is found, in f64', () => {
  fc.assert(
    fc.property(SEED, fc.constantFrom(0.1, 1, 30), (seed, l2) => {
      const { x, labels } = draw(40, 5, seed);
      const { weight, bias, classes } = fitClassifier(x, labels, { l2 });
      const p = new LinearClassifier(weight, bias, classes).predictProba(x);
      const grads = Array.from(weight.data, (w) => l2 * w);
      for (let i = 0; i < x.rows; i++) {
        for (let c = 0; c < 3; c++) {
          const miss = (p.data[3 * i + c] as number) - (labels[i] === c ? 1 : 0);
          for (let k = 0; k < 5; k++) {
            grads[5 * c + k] = (grads[5 * c + k] as number) + miss * (x.data[5 * i + k] as number);
          }
        }
      }
      close(grads, new Array(15).fill(0), { atol: 1e-4, what: 'gradient' });
    }),
    runs,
  );
});

test('the order of the rows changes nothing but rounding; labels are only names', () => {
  fc.assert(
    fc.property(SEED, (seed) => {
      const { x, labels } = draw(30, 4, seed);
      const order = permutation(30, seed);
      const one = fitClassifier(x, labels);
      const other = fitClassifier(
        pick(x, order),
        order.map((i) => 7 - 4 * (labels[i] as number)),
      );
      same([...other.classes], [-1, 3, 7], 'classes');
      const [a, b] = [one.predictProba(x).data, other.predictProba(x).data];
      const turned = a.map((_, i) => b[i - (i % 3) + 2 - (i % 3)] as number);
      close(a, turned, { atol: 1e-4, what: 'probabilities' });
    }),
    runs,
  );
});

test('a balanced fit is that of rows repeated until labels are equally many', () => {
  const x = matrix(9, 3, 5);
  const labels = [0, 0, 0, 0, 0, 0, 1, 1, 1];
  const twice = [...Array(9).keys(), 6, 7, 8];
  const balanced = fitClassifier(x, labels, { l2: 3, classWeight: 'balanced' });
  // Weights are 9 / 12 and 9 / 6: three quarters of those of the repeated rows.
  const repeated = fitClassifier(
    pick(x, twice),
    twice.map((i) => labels[i] as number),
    { l2: 4 },
  );
  close(balanced.weight.data, repeated.weight.data, { atol: 1e-5, what: 'weight' });
  const given = fitClassifier(x, labels, { l2: 4, classWeight: { 1: 2 } });
  close(given.weight.data, repeated.weight.data, { atol: 1e-5, what: 'weight by label' });
});

test('a classifier outlives its file to the bit, and Python reads it', () => {
  const { x, labels } = draw(20, 6, 3);
  const one = fitClassifier(
    x,
    labels.map((label) => label - 1),
  );
  const bytes = one.save();
  const again = LinearClassifier.load(bytes);
  same([...again.classes], [-1, 0, 1], 'classes');
  sameBits(again.predictProba(x).data, one.predictProba(x).data);
  same([...again.save()], [...bytes], 'bytes');
  tidy(() => {
    const map = loadSafetensors(bytes);
    same(map.get('weight')?.shape, [3, 6], 'shape of weight');
    same(map.get('bias')?.shape, [3], 'shape of bias');
  });
});

test('predictions are the first of the largest probabilities; a vector is a row', () => {
  const classifier = new LinearClassifier(
    [
      [1, 0],
      [1, 0],
      [0, 1],
    ],
    [0, 0, 0],
    [-4, 2, 9],
  );
  same(
    [
      ...classifier.predict([
        [1, 0],
        [0, 1],
        [0, 0],
      ]),
    ],
    [-4, 9, -4],
    'labels',
  );
  same([...classifier.predict([0, 3])], [9], 'label of a vector');
  const { data } = classifier.predictProba([0, 0]);
  close(data, [1 / 3, 1 / 3, 1 / 3], { atol: 1e-7, what: 'probabilities' });
});

test('bad classifiers and files are refused', () => {
  throws(() => new LinearClassifier([[1, 0]], [0, 0], [1]), RangeError, /bias must be 1 long/);
  throws(
    () => new LinearClassifier([[1, 0]], [Number.NaN], [1]),
    RangeError,
    /bias must be finite/,
  );
  throws(() => new LinearClassifier([[1], [0]], [0, 0], [2, 1]), RangeError, /classes\[1\]/);
  const { x, labels } = draw(9, 3, 1);
  const classifier = fitClassifier(x, labels);
  throws(() => classifier.predict([[1, 2]]), RangeError, /^predict: x must be 3 wide/);
  throws(() => classifier.predictProba([[1, 2, Number.NaN]]), RangeError, /x must be finite/);
  const bytes = classifier.save();
  throws(
    () => LinearClassifier.load(bytes.slice(0, -4)),
    RangeError,
    /^LinearClassifier\.load: bytes/,
  );
  throws(() => LinearClassifier.load('weight' as never), TypeError, /bytes must be a Uint8Array/);
  const nameless = bytes.map((byte, i) => (bytes[i] === 0x77 && i < 300 ? 0x78 : byte));
  throws(() => LinearClassifier.load(nameless), RangeError, /file of a classifier/);
});

test('a linear probe is the fit of one part, tried on another', () => {
  const { x, labels } = draw(30, 4, 9);
  const { accuracy, predictions, classifier } = linearProbe(x, labels, x, labels, { l2: 2 });
  sameBits(classifier.weight.data, fitClassifier(x, labels, { l2: 2 }).weight.data);
  same([...predictions], [...classifier.predict(x)], 'predictions');
  same(accuracy, predictions.filter((label, i) => label === labels[i]).length / 30, 'accuracy');
  same(
    linearProbe(
      x,
      labels,
      x,
      labels.map(() => 8),
    ).accuracy,
    0,
    'accuracy of labels not seen',
  );
});

test('one neighbor decides as the search does; all of them vote for what there is most of', () => {
  fc.assert(
    fc.property(SEED, (seed) => {
      const { x, labels } = draw(25, 4, seed);
      const queries = matrix(7, 4, seed + 1);
      const { indices } = topK(queries, x, 1);
      const nearest = Array.from(indices, (index) => labels[index]);
      same([...knnClassify(x, labels, queries, { k: 1 })], nearest, 'labels');
      const sizes = [0, 1, 2].map((label) => labels.filter((l) => l === label).length);
      const flat = knnClassify(x, labels, queries, { k: 25, temperature: 1e9 });
      same(
        Array.from(flat, (l) => sizes[l]),
        new Array(7).fill(Math.max(...sizes)),
        'votes',
      );
    }),
    runs,
  );
});

test('measures of rankings: between 0 and 1, 1 where all is well, whatever the blocks', () => {
  fc.assert(
    fc.property(SEED, (seed) => {
      const { x, labels } = draw(30, 4, seed);
      const found = Object.values(evaluateEmbeddings(x, labels));
      check(
        found.every((value) => value >= 0 && value <= 1),
        `${found}`,
      );
      const own = Array.from({ length: 30 }, (_, i) => [i]);
      const { recall, ndcg, mrr, map } = evaluateRetrieval(x, copy(x), own);
      same(
        [recall[1], recall[10], ndcg[1], ndcg[10], mrr, map],
        [1, 1, 1, 1, 1, 1],
        'itself first',
      );
    }),
    runs,
  );
  // So many columns of scores that a block holds the fewest rows there may be.
  const corpus = matrix(70_000, 2, 1);
  const queries = pick(corpus, [
    5,
    69_999,
    123,
    40_000,
    ...Array.from({ length: 20 }, (_, i) => i),
  ]);
  const rows = [5, 69_999, 123, 40_000, ...Array.from({ length: 20 }, (_, i) => i)];
  const { mrr } = evaluateRetrieval(
    queries,
    corpus,
    rows.map((row) => [row]),
  );
  check(mrr > 0.8, `nearly every row finds itself first in two dimensions: ${mrr}`);
});

function copy(x: Matrix): Matrix {
  return { ...x, data: x.data.slice() };
}

test('alignment, uniformity and effective rank know neither scale nor order', () => {
  fc.assert(
    fc.property(SEED, (seed) => {
      const [a, b] = [matrix(20, 6, seed), matrix(20, 6, seed + 1)];
      const order = permutation(20, seed);
      const moved = { ...a, data: a.data.map((value) => 8 * value) };
      close(alignment(moved, b), alignment(a, b), { rtol: 1e-6, what: 'alignment' });
      const turned = alignment(pick(b, order), pick(a, order));
      close(turned, alignment(a, b), { rtol: 1e-12, what: 'alignment the other way round' });
      close(uniformity(pick(moved, order)), uniformity(a), { rtol: 1e-5, what: 'uniformity' });
      close(effectiveRank(pick(moved, order)), effectiveRank(a), { rtol: 1e-9, what: 'rank' });
      check(uniformity(a) <= 0 && alignment(a, a) === 0, 'bounds');
      const twice = effectiveRank(stack(a, a));
      close(twice, effectiveRank(a), { rtol: 1e-6, what: 'rank of rows given twice' });
      const rank = effectiveRank(normalize(a));
      check(rank >= 1 && rank <= 6, `${rank}`);
    }),
    runs,
  );
});
