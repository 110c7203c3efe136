/**
 * Properties of the losses, whatever the numbers are: the order of samples doesn't matter, nor
 * the length of rows where cosines are taken; what is symmetric is; and the limits are known.
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
  SEED,
  scale,
  stack,
  TEMPERATURE,
} from './draw.js';

const test = suite('losses');

const SAMPLES = fc.oneof(FEW, fc.constantFrom(16, 31, 64, 65, 129));
const NORMAL = fc.constantFrom(0.07, 0.2, 0.5, 1);

/** A loss and its gradients by each of its matrices. */
interface Result {
  loss: number;
  grads: Matrix[];
}
type Loss = (inputs: Matrix[], temperature: number, order: number[]) => Result;

/** Losses of `n` samples by what they are called with, some with more than rows to reorder. */
const OF_SAMPLES: Record<string, { inputs: number; run: Loss }> = {
  ntXent: {
    inputs: 2,
    run: ([a, b], temperature) => {
      const { loss, grad } = nearfar.ntXentGrad(stack(a as Matrix, b as Matrix), { temperature });
      const n = grad.rows / 2;
      const half = (from: number) =>
        pick(
          grad,
          Array.from({ length: n }, (_, i) => from + i),
        );
      return { loss, grads: [half(0), half(n)] };
    },
  },
  'infoNce with ids': {
    inputs: 2,
    run: ([q, k], temperature, order) => {
      const all = labels(order.length, 4, 1);
      const ids = order.map((i) => all[i] as number);
      const result = nearfar.infoNceGrad(q as Matrix, k as Matrix, { temperature, ids });
      return { loss: result.loss, grads: [result.gradQueries, result.gradKeys] };
    },
  },
  'infoNce, symmetric': {
    inputs: 2,
    run: ([q, k], temperature) => {
      const options = { temperature, symmetric: true };
      const result = nearfar.infoNceGrad(q as Matrix, k as Matrix, options);
      return { loss: result.loss, grads: [result.gradQueries, result.gradKeys] };
    },
  },
  clipLoss: {
    inputs: 2,
    run: ([a, b], temperature) => {
      const options = { logitScale: 1 / temperature };
      const result = nearfar.clipLossGrad(a as Matrix, b as Matrix, options);
      return { loss: result.loss, grads: [result.gradImage, result.gradText] };
    },
  },
  supCon: {
    inputs: 1,
    run: ([z], temperature, order) => {
      const all = labels(order.length, 3, 2);
      const of = order.map((i) => all[i] as number);
      const { loss, grad } = nearfar.supConGrad(z as Matrix, of, { temperature });
      return { loss, grads: [grad] };
    },
  },
  'tripletLoss of cosines': {
    inputs: 3,
    run: ([a, p, n]) => {
      const result = nearfar.tripletLossGrad(a as Matrix, p as Matrix, n as Matrix);
      return {
        loss: result.loss,
        grads: [result.gradAnchors, result.gradPositives, result.gradNegatives],
      };
    },
  },
};

function draw(count: number, n: number, cols: number, seed: number): Matrix[] {
  return Array.from({ length: count }, (_, i) => matrix(n, cols, seed + i));
}

for (const [name, { inputs, run }] of Object.entries(OF_SAMPLES)) {
  test(`${name}: the order of samples does not matter, and gradients go with them`, () => {
    fc.assert(
      fc.property(SAMPLES, COLS, NORMAL, SEED, (n, cols, temperature, seed) => {
        const given = draw(inputs, n, cols, seed);
        const inOrder = Array.from({ length: n }, (_, i) => i);
        const order = permutation(n, seed);
        const expected = run(given, temperature, inOrder);
        const moved = given.map((x) => pick(x, order));
        const actual = run(moved, temperature, order);
        close(actual.loss, expected.loss, { what: 'loss', rtol: 1e-6, atol: 2e-6 });
        actual.grads.forEach((grad, i) => {
          const wanted = pick(expected.grads[i] as Matrix, order);
          const atol = (3e-6 / n / temperature) * longest(given[i] as Matrix);
          close(grad.data, wanted.data, { what: `gradient ${i}`, atol });
        });
      }),
      { numRuns: 20 },
    );
  });

  test(`${name}: the length of rows does not matter`, () => {
    fc.assert(
      fc.property(SAMPLES, COLS, NORMAL, SEED, (n, cols, temperature, seed) => {
        const given = draw(inputs, n, cols, seed);
        const order = permutation(n, seed);
        const expected = run(given, temperature, order);
        // By powers of two every step is exact, and gradients are divided by them.
        const factor = (row: number) => 2 ** ((row % 9) - 4);
        const actual = run(
          given.map((x) => scale(x, factor)),
          temperature,
          order,
        );
        same(actual.loss, expected.loss, 'loss');
        actual.grads.forEach((grad, i) => {
          sameBits(scale(grad, factor).data, (expected.grads[i] as Matrix).data);
        });
        const third = run(
          given.map((x) => scale(x, 1 / 3)),
          temperature,
          order,
        );
        close(third.loss, expected.loss, { what: 'loss', rtol: 1e-6, atol: 2e-6 });
      }),
      { numRuns: 20 },
    );
  });
}

/** The longest that a gradient's numbers become when they are divided by a row's length. */
function longest(x: Matrix): number {
  const lengths = Array.from({ length: x.rows }, (_, r) =>
    Math.hypot(...x.data.subarray(r * x.cols, (r + 1) * x.cols)),
  );
  return 1 / Math.min(...lengths);
}

test('clipLoss is symmetric in images and texts', () => {
  fc.assert(
    fc.property(ROWS, COLS, TEMPERATURE, SEED, (n, cols, temperature, seed) => {
      const [a, b] = draw(2, n, cols, seed) as [Matrix, Matrix];
      const options = { logitScale: 1 / temperature };
      const there = nearfar.clipLoss(a, b, options);
      close(nearfar.clipLoss(b, a, options), there, {
        rtol: 1e-6,
        atol: 1e-6 + 1e-7 / temperature,
      });
    }),
    { numRuns: 30 },
  );
});

test('clipLoss is symmetric infoNce of the inverse temperature', () => {
  fc.assert(
    fc.property(SAMPLES, COLS, TEMPERATURE, SEED, (n, cols, temperature, seed) => {
      const [a, b] = draw(2, n, cols, seed) as [Matrix, Matrix];
      const ids = labels(n, 2 * n, seed);
      const clip = nearfar.clipLossGrad(a, b, { logitScale: 1 / temperature, ids });
      const info = nearfar.infoNceGrad(a, b, { temperature, ids, symmetric: true });
      same(
        [clip.loss, clip.gradImage, clip.gradText],
        [info.loss, info.gradQueries, info.gradKeys],
      );
    }),
    { numRuns: 20 },
  );
});

test('supCon of two views of each label is ntXent', () => {
  fc.assert(
    fc.property(SAMPLES, COLS, NORMAL, SEED, (n, cols, temperature, seed) => {
      const z = matrix(2 * n, cols, seed);
      const of = Array.from({ length: 2 * n }, (_, i) => i % n);
      const one = nearfar.supConGrad(z, of, { temperature });
      const other = nearfar.ntXentGrad(z, { temperature });
      close(one.loss, other.loss, { what: 'loss', rtol: 1e-6, atol: 1e-6 + 1e-7 / temperature });
      const atol = (1e-6 / n / temperature) * longest(z);
      close(one.grad.data, other.grad.data, { what: 'gradient', atol });
    }),
    { numRuns: 20 },
  );
});

test('equal rows and high temperatures leave only the number of rows', () => {
  fc.assert(
    fc.property(ROWS, COLS, TEMPERATURE, SEED, (n, cols, temperature, seed) => {
      const one = pick(matrix(1, cols, seed), new Array(2 * n).fill(0));
      const half = pick(one, new Array(n).fill(0));
      const any = matrix(2 * n, cols, seed);
      const within = { rtol: 1e-6, atol: 1e-6 + 5e-7 / temperature };
      const others = Math.log(2 * n - 1);
      close(nearfar.ntXent(one, { temperature }), others, { ...within, what: 'ntXent' });
      close(nearfar.ntXent(any, { temperature: 1e7 }), others, { rtol: 1e-6, atol: 1e-6 });
      if (n > 1) {
        const negatives = Math.log(2 * n - 2);
        const decoupled = nearfar.decoupledNtXent(one, { temperature });
        close(decoupled, negatives, { ...within, what: 'decoupledNtXent' });
      }
      const all = new Array(2 * n).fill(3);
      close(nearfar.supCon(one, all, { temperature }), others, { ...within, what: 'supCon' });
      close(nearfar.supCon(any, all, { temperature: 1e7 }), others, { rtol: 1e-6, atol: 1e-6 });
      const logitScale = 1 / temperature;
      close(nearfar.clipLoss(half, half, { logitScale }), Math.log(n), { ...within, what: 'CLIP' });
      close(nearfar.infoNce(half, half, { temperature }), Math.log(n), {
        ...within,
        what: 'InfoNCE',
      });
      const more = { temperature, negatives: one };
      close(nearfar.infoNce(half, half, more), Math.log(3 * n), { ...within, what: 'negatives' });
    }),
    { numRuns: 25 },
  );
});

test('at low temperatures pairs that are nearest cost nothing', () => {
  fc.assert(
    fc.property(SAMPLES, SEED, (n, seed) => {
      // Rows of one-hot vectors: a pair's cosine is 1, all others' 0.
      const data = new Float32Array(n * n);
      permutation(n, seed).forEach((c, r) => {
        data[r * n + c] = 1 + r;
      });
      const x = { data, rows: n, cols: n };
      close(nearfar.ntXent(stack(x, x), { temperature: 0.005 }), 0, { atol: 1e-80 });
      close(nearfar.clipLoss(x, x, { logitScale: 200 }), 0, { atol: 1e-80 });
      const loss = nearfar.infoNce(x, x, { temperature: 1 });
      close(loss, Math.log(1 + (n - 1) / Math.E), { rtol: 1e-6, atol: 1e-7 });
    }),
    { numRuns: 20 },
  );
});

test('without negatives there is no loss and no gradient', () => {
  fc.assert(
    fc.property(SAMPLES, COLS, TEMPERATURE, SEED, (n, cols, temperature, seed) => {
      const [a, b] = draw(2, n, cols, seed) as [Matrix, Matrix];
      const ids = new Array(n).fill(5);
      const info = nearfar.infoNceGrad(a, b, { temperature, ids });
      const clip = nearfar.clipLossGrad(a, b, { logitScale: 1 / temperature, ids });
      for (const { loss } of [info, clip]) same(loss, 0, 'loss');
      for (const grad of [info.gradQueries, info.gradKeys, clip.gradImage, clip.gradText]) {
        check(
          grad.data.every((value: number) => value === 0),
          'a gradient is not 0',
        );
      }
      same(clip.gradLogitScale, 0, 'gradLogitScale');
    }),
    { numRuns: 20 },
  );
});

test('distinct ids change nothing, and further negatives only make it harder', () => {
  fc.assert(
    fc.property(SAMPLES, COLS, NORMAL, SEED, (n, cols, temperature, seed) => {
      const [a, b, negatives] = draw(3, n, cols, seed) as [Matrix, Matrix, Matrix];
      const plain = nearfar.infoNceGrad(a, b, { temperature });
      const ids = permutation(n, seed).map((id) => 7 * id - 11);
      same(nearfar.infoNceGrad(a, b, { temperature, ids }), plain, 'with distinct ids');
      const harder = nearfar.infoNce(a, b, { temperature, negatives });
      check(harder > plain.loss, `${harder} is not above ${plain.loss}`);
    }),
    { numRuns: 20 },
  );
});
