/**
 * Properties of the losses that go row by row: cross-entropy, divergence and triplets, and of
 * log-sum-exp and softmax, which the first is made of.
 */

import fc from 'fast-check';
import * as nearfar from 'nearfar';
import { check, close, same, sameBits, suite } from '../harness.js';
import {
  COLS,
  FEW,
  labels,
  type Matrix,
  matrix,
  permutation,
  pick,
  ROWS,
  row,
  SEED,
  scale,
} from './draw.js';

const test = suite('row losses');

function shifted(x: Matrix, by: (row: number) => number): Matrix {
  return { ...x, data: x.data.map((value, i) => value + by(Math.floor(i / x.cols))) };
}

test('the rows of a softmax are distributions', () => {
  const spread = fc.constantFrom(0.01, 1, 30, 1000);
  fc.assert(
    fc.property(ROWS, COLS, spread, SEED, (n, cols, by, seed) => {
      const x = scale(matrix(n, cols, seed), by);
      const shares = nearfar.softmax(x);
      const logs = nearfar.logSumExp(x);
      for (let i = 0; i < n; i++) {
        const logits = [...row(x, i)];
        const max = Math.max(...logits);
        const sum = logits.reduce((total, value) => total + Math.exp(value - max), 0);
        close(logs[i] as number, max + Math.log(sum), {
          what: 'log-sum-exp',
          rtol: 3e-7,
          atol: 3e-7,
        });
        const expected = logits.map((value) => Math.exp(value - max) / sum);
        close(row(shares, i), expected, { what: 'softmax', rtol: 1e-6 + 2e-7 * by, atol: 1e-44 });
        const total = row(shares, i).reduce((all, value) => all + value, 0);
        close(total, 1, { what: 'sum of a row', atol: 1e-6 });
      }
    }),
    { numRuns: 40 },
  );
});

test('a shift of the logits of a row does not change its softmax', () => {
  fc.assert(
    fc.property(ROWS, COLS, SEED, (n, cols, seed) => {
      // Multiples of 1/256 below 2 and shifts below 2^10, so that no sum is rounded.
      const x = scale(matrix(n, cols, seed), 1);
      x.data.forEach((value, i) => {
        x.data[i] = Math.round(256 * value) / 256;
      });
      const shift = (r: number) => ((r * 37) % 2048) - 1024;
      const moved = shifted(x, shift);
      sameBits(nearfar.softmax(moved).data, nearfar.softmax(x).data);
      const targets = labels(n, cols, seed);
      same(
        nearfar.crossEntropyGrad(moved, targets).grad,
        nearfar.crossEntropyGrad(x, targets).grad,
      );
      const expected = nearfar.logSumExp(x).map((value: number, i: number) => value + shift(i));
      close(nearfar.logSumExp(moved), expected, { rtol: 1e-6, atol: 1e-6 });
    }),
    { numRuns: 30 },
  );
});

test('cross-entropy is the mean of -log of the softmax, however rows are ordered', () => {
  fc.assert(
    fc.property(ROWS, COLS, SEED, (n, cols, seed) => {
      const x = scale(matrix(n, cols, seed), 5);
      const targets = labels(n, cols, seed);
      const shares = nearfar.softmax(x);
      const logs = targets.map((target, i) => -Math.log(row(shares, i)[target] as number));
      const expected = logs.reduce((sum, value) => sum + value, 0) / n;
      const loss = nearfar.crossEntropy(x, targets);
      close(loss, expected, { rtol: 1e-6, atol: 1e-6 });
      const order = permutation(n, seed);
      const moved = nearfar.crossEntropy(
        pick(x, order),
        order.map((i) => targets[i] as number),
      );
      close(moved, loss, { what: 'reordered', rtol: 1e-12 });
    }),
    { numRuns: 40 },
  );
});

test('an ignored row is as good as none, and its gradient is 0', () => {
  fc.assert(
    fc.property(FEW, COLS, SEED, (n, cols, seed) => {
      const x = matrix(2 * n, cols, seed);
      const targets = labels(2 * n, cols, seed).map((target, i) => (i % 2 === 0 ? target : -100));
      const kept = Array.from({ length: n }, (_, i) => 2 * i);
      const all = nearfar.crossEntropyGrad(x, targets, { labelSmoothing: 0.1 });
      const few = nearfar.crossEntropyGrad(
        pick(x, kept),
        kept.map((i) => targets[i] as number),
        {
          labelSmoothing: 0.1,
        },
      );
      same(all.loss, few.loss, 'loss');
      same(pick(all.grad, kept), few.grad, 'gradient');
      const ignored = pick(
        all.grad,
        kept.map((i) => i + 1),
      );
      check(
        ignored.data.every((value) => value === 0),
        'the gradient of an ignored row is not 0',
      );
    }),
    { numRuns: 40 },
  );
});

test('equal logits cost the logarithm of the number of classes, smoothed or not', () => {
  fc.assert(
    fc.property(
      FEW,
      COLS,
      fc.double({ min: 0, max: 1, noNaN: true }),
      (n, cols, labelSmoothing) => {
        const x = { data: new Float32Array(n * cols).fill(3), rows: n, cols };
        const loss = nearfar.crossEntropy(x, labels(n, cols, 1), { labelSmoothing });
        close(loss, Math.log(cols), { rtol: 1e-6, atol: 1e-7 });
      },
    ),
  );
});

test('the divergence of equal rows is 0, of others more, and gradients are finite', () => {
  fc.assert(
    fc.property(ROWS, COLS, SEED, (n, cols, seed) => {
      const p = nearfar.softmax(scale(matrix(n, cols, seed), 3));
      const q = nearfar.softmax(scale(matrix(n, cols, seed + 1), 3));
      same(nearfar.klDivergence(p, p), 0, 'of p and p');
      const there = nearfar.klDivergence(p, q);
      check(cols === 1 ? Math.abs(there) < 1e-6 : there > 0, `${there} is not above 0`);
      const { loss, gradP, gradQ } = nearfar.klDivergenceGrad(p, q);
      same(loss, there, 'loss');
      const ratio = p.data.map((value: number, i: number) => -value / (q.data[i] as number) / n);
      close(gradQ.data, ratio, { what: 'gradQ', rtol: 1e-6 });
      const logs = ratio.map((value: number) => (Math.log(-value * n) + 1) / n);
      close(gradP.data, logs, { what: 'gradP', rtol: 1e-6, atol: 1e-6 / n });
    }),
    { numRuns: 30 },
  );
});

const METRIC = fc.constantFrom('cosine' as const, 'euclidean' as const);

test('a triplet costs its margin where both are as far, more with a larger margin', () => {
  fc.assert(
    fc.property(FEW, COLS, METRIC, SEED, (n, cols, distance, seed) => {
      const [a, p, q] = [0, 1, 2].map((i) => matrix(n, cols, seed + i)) as [Matrix, Matrix, Matrix];
      close(nearfar.tripletLoss(a, p, p, { distance, margin: 0.3 }), 0.3, { rtol: 1e-12 });
      same(nearfar.tripletLoss(a, a, q, { distance, margin: 0 }) < 1e-7, true, 'its own positive');
      const near = nearfar.tripletLoss(a, p, q, { distance, margin: 0.1 });
      const far = nearfar.tripletLoss(a, p, q, { distance, margin: 0.2 });
      check(far >= near && far <= near + 0.1 + 1e-12, `${far} after ${near}`);
      // With a margin above any distance no triplet is at 0, and the two ways add up to it twice.
      const margin = 100;
      const sum =
        nearfar.tripletLoss(a, p, q, { distance, margin }) +
        nearfar.tripletLoss(a, q, p, { distance, margin });
      close(sum, 2 * margin, { rtol: 1e-12 });
    }),
  );
});

test('triplets one by one are triplets in one call', () => {
  const rules = fc.constantFrom('anchor' as const, 'gradient' as const);
  fc.assert(
    fc.property(FEW, COLS, rules, SEED, (n, cols, rule, seed) => {
      const triplets = labels(30, n, seed);
      const together = matrix(n, cols, seed);
      const losses = nearfar.tripletUpdate(together, triplets, { rule, margin: 1 });
      const apart = matrix(n, cols, seed);
      for (let t = 0; t < 10; t++) {
        const one = triplets.slice(3 * t, 3 * t + 3);
        same(nearfar.tripletUpdate(apart, one, { rule, margin: 1 })[0], losses[t], `loss ${t}`);
      }
      sameBits(apart.data, together.data);
    }),
  );
});

test("the anchor rule moves the anchor alone, the gradient's goes down the gradient", () => {
  fc.assert(
    fc.property(COLS, SEED, (cols, seed) => {
      const x = matrix(3, cols, seed);
      const moved = { ...x, data: x.data.slice() };
      const [loss] = nearfar.tripletUpdate(moved, [1, 2, 0], { margin: 3 });
      sameBits(row(moved, 0), row(x, 0));
      sameBits(row(moved, 2), row(x, 2));
      const length = Math.hypot(...row(x, 1));
      const step = row(x, 1).map(
        (value, i) =>
          value + (0.05 * ((row(x, 2)[i] as number) - (row(x, 0)[i] as number))) / length,
      );
      close(row(moved, 1), step, { what: 'anchor', rtol: 1e-6, atol: 1e-6 / length });

      const [a, p, q] = [1, 2, 0].map((i) => pick(x, [i])) as [Matrix, Matrix, Matrix];
      const grads = nearfar.tripletLossGrad(a, p, q, { margin: 3 });
      close(loss as number, grads.loss, { what: 'loss', rtol: 1e-6 });
      const down = { ...x, data: x.data.slice() };
      nearfar.tripletUpdate(down, [1, 2, 0], { margin: 3, learningRate: 0.25, rule: 'gradient' });
      for (const [i, grad] of [
        grads.gradNegatives,
        grads.gradAnchors,
        grads.gradPositives,
      ].entries()) {
        const expected = row(x, i).map((value, c) => value - 0.25 * (grad.data[c] as number));
        close(row(down, i), expected, { what: `row ${i}`, rtol: 1e-5, atol: 1e-6 });
      }
    }),
  );
});
