/**
 * The loss of pairs over all columns and first ones at once, against f64 and finite differences:
 * each text is one token, so that the rows of a table are those of the texts.
 */

import { loadSentenceEncoder, train } from 'nearfar/models';
import { Random } from '../../src/core/random.js';
import { check, close, sameBits, suite } from '../harness.js';
import { folderOf, tableOf } from './static-folder.js';

const test = suite('loss of prefixes');

interface Case {
  pairs: number;
  negatives: number;
  cols: number;
  dimensions: readonly number[];
  ids: readonly number[];
  temperature: number;
  /** (2 pairs + negatives, cols) */
  rows: Float32Array;
}

function draw(
  seed: number,
  [pairs, negatives, cols]: readonly [number, number, number],
  dimensions: readonly number[],
): Case {
  const random = new Random(seed, 0);
  const count = (2 * pairs + negatives) * cols;
  const rows = Float32Array.from({ length: count }, () => random.uniform(-2, 2));
  // Some pairs share an id, a row is zeros, and another one begins with zeros.
  const ids = Array.from({ length: pairs }, (_, i) => (i % 5 === 4 ? i - 2 : i));
  if (pairs > 3) rows.fill(0, cols, 2 * cols).fill(0, 2 * cols, 2 * cols + (dimensions[0] ?? 0));
  return { pairs, negatives, cols, dimensions, ids, temperature: 0.05, rows };
}

/** The mean loss in f64. */
function reference(given: Case, rows: ArrayLike<number>): number {
  const { pairs, negatives, cols, dimensions, ids, temperature } = given;
  const below = pairs + negatives;
  const at = (r: number, c: number): number => rows[r * cols + c] as number;
  const lossOf = (width: number): number => {
    const dot = (i: number, j: number): number => {
      let sum = 0;
      for (let c = 0; c < width; c++) sum += at(i, c) * at(j, c);
      return sum;
    };
    const lengths = Array.from({ length: pairs + below }, (_, r) => Math.sqrt(dot(r, r)));
    const logit = (i: number, j: number): number => {
      const product = (lengths[i] as number) * (lengths[pairs + j] as number);
      return product === 0 ? 0 : dot(i, pairs + j) / product / temperature;
    };
    const isNegative = (i: number, j: number): boolean => j >= pairs || ids[i] !== ids[j];
    let total = 0;
    for (let i = 0; i < pairs; i++) {
      const own = logit(i, i);
      let [across, down] = [0, 0];
      for (let j = 0; j < below; j++) if (isNegative(i, j)) across += Math.exp(logit(i, j) - own);
      for (let j = 0; j < pairs; j++) if (isNegative(j, i)) down += Math.exp(logit(j, i) - own);
      total += Math.log1p(across) + Math.log1p(down);
    }
    return total / (2 * pairs);
  };
  const widths = [cols, ...dimensions];
  return widths.reduce((sum, width) => sum + lossOf(width), 0) / widths.length;
}

/** Adam's eps so large that a step is the gradient times the learning rate over eps. */
const EPS = 1e6;

/** Takes one step of all pairs: the loss before it, and the gradient of the table. */
async function step(given: Case): Promise<{ loss: number; grad: Float32Array }> {
  const { pairs, negatives, cols, dimensions, ids, temperature, rows } = given;
  const words = Array.from({ length: 2 * pairs + negatives }, (_, r) => `w${r}`);
  const table = words.map((_, r) => Array.from(rows.subarray(r * cols, (r + 1) * cols)));
  const encoder = loadSentenceEncoder(folderOf(words, table));
  const data = {
    pairs: ids.map((_, i) => [`w${i}`, `w${pairs + i}`] as const),
    negatives: ids.map((_, i) => (i === 0 ? words.slice(2 * pairs) : [])),
    ids,
  };
  let loss = Number.NaN;
  for await (const done of train(encoder, data, {
    ...{ steps: 1, warmup: 0, batchSize: pairs, dimensions, temperature },
    ...{ learningRate: EPS, eps: EPS },
  })) {
    loss = done.loss;
  }
  const grad = tableOf(encoder).map((weight, i) => (rows[i] as number) - weight);
  encoder.dispose();
  return { loss, grad };
}

const SIZES = [
  [2, 0, 8],
  [5, 3, 12],
  [7, 0, 33],
  [20, 9, 40],
  [131, 0, 24],
  [129, 140, 16],
] as const;

for (const [i, size] of SIZES.entries()) {
  const [pairs, negatives, cols] = size;
  const half = Math.floor(cols / 2);
  for (const dimensions of [[half], [5, 1, cols - 1], [half, 3, 7]]) {
    const given = draw(i + 1, size, dimensions);
    test(`${pairs} pairs, ${negatives} negatives, ${cols} and ${dimensions} columns`, async () => {
      const { loss, grad } = await step(given);
      close([loss], [reference(given, given.rows)], { rtol: 2e-6 });
      const moved = Float64Array.from(given.rows);
      // Of large batches a few numbers; a row of zeros has a corner there, and no gradient.
      const stride = pairs > 100 ? 997 : pairs > 7 ? 37 : 1;
      const chosen = Array.from(moved.keys()).filter((k) => k % stride === 0 && moved[k] !== 0);
      const numeric = chosen.map((k) => {
        const x = moved[k] as number;
        const lossAt = (by: number): number => {
          moved[k] = x + by;
          return reference(given, moved);
        };
        const difference = lossAt(1e-4) - lossAt(-1e-4);
        moved[k] = x;
        return difference / 2e-4;
      });
      const own = Float32Array.from(chosen, (k) => grad[k] as number);
      close(own, Float32Array.from(numeric), { rtol: 1e-4, atol: 1e-5 });
      check(
        grad.every((g, k) => g === 0 || given.rows[k] !== 0 || k >= 2 * cols),
        'a row of zeros has a gradient',
      );
    });
  }
}

test('large scales and short prefixes have the losses of single prefixes', async () => {
  const given = draw(10, [8, 3, 16], [8]);
  const short = given.rows.map((x, i) => (i % 16 < 8 && i >= 64 && i < 80 ? 1e-8 * x : x));
  for (const each of [
    { ...given, temperature: 0.02 },
    { ...given, rows: short },
  ]) {
    close([(await step(each)).loss], [reference(each, each.rows)], { rtol: 2e-6 });
  }
});

test('equal steps have equal bits', async () => {
  const given = draw(11, [130, 7, 48], [24, 12]);
  const [first, second] = [await step(given), await step(given)];
  sameBits(first.grad, second.grad);
});
