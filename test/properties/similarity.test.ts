/**
 * Products and similarities: equal to the sum as it is written, the same bits for the same rows
 * wherever they stand, symmetric where the formula is, and exact where it can be.
 */

import fc from 'fast-check';
import * as nearfar from 'nearfar';
import { check, close, sameBits, suite } from '../harness.js';
import {
  COLS,
  FEW,
  type Matrix,
  matrix,
  permutation,
  pick,
  ROWS,
  row,
  SEED,
  scale,
  transpose,
  wholeMatrix,
} from './draw.js';

const test = suite('similarity');

/** The inner size of a product, across the blocks that it is taken in. */
const DEPTH = fc.oneof(COLS, fc.constantFrom(255, 256, 257, 511, 512, 513));

function product(a: Matrix, b: Matrix): { sums: Float64Array; sizes: Float64Array } {
  const sums = new Float64Array(a.rows * b.cols);
  const sizes = new Float64Array(a.rows * b.cols);
  for (let i = 0; i < a.rows; i++) {
    for (let k = 0; k < a.cols; k++) {
      const value = a.data[i * a.cols + k] as number;
      for (let j = 0; j < b.cols; j++) {
        const term = value * (b.data[k * b.cols + j] as number);
        const at = i * b.cols + j;
        sums[at] = (sums[at] as number) + term;
        sizes[at] = (sizes[at] as number) + Math.abs(term);
      }
    }
  }
  return { sums, sizes };
}

/** Fails unless each f32 is within the rounding of a sum of so many terms of this size. */
function closeSums(actual: Float32Array, { sums, sizes }: ReturnType<typeof product>): void {
  check(actual.length === sums.length, `length ${actual.length}, not ${sums.length}`);
  actual.forEach((value, i) => {
    const error = Math.abs(value - (sums[i] as number));
    check(error <= 2e-6 * (sizes[i] as number), `${value} at ${i}, not ${sums[i]}`);
  });
}

test('matmul is the sum over the inner size, with either side transposed', () => {
  fc.assert(
    fc.property(ROWS, DEPTH, COLS, SEED, (m, k, n, seed) => {
      const a = matrix(m, k, seed);
      const b = matrix(k, n, seed + 1);
      const c = nearfar.matmul(a, b);
      check(c.rows === m && c.cols === n, `${c.rows} × ${c.cols}`);
      closeSums(c.data, product(a, b));
      const [aT, bT] = [transpose(a), transpose(b)];
      sameBits(nearfar.matmul(aT, b, { transposeA: true }).data, c.data);
      sameBits(nearfar.matmul(a, bT, { transposeB: true }).data, c.data);
      sameBits(nearfar.matmul(aT, bT, { transposeA: true, transposeB: true }).data, c.data);
    }),
    { numRuns: 15 },
  );
});

test('whole numbers are multiplied exactly, and a matrix by its own transpose', () => {
  fc.assert(
    fc.property(ROWS, DEPTH, SEED, (m, k, seed) => {
      const a = wholeMatrix(m, k, seed, 9);
      const { sums } = product(a, transpose(a));
      sameBits(nearfar.matmul(a, a, { transposeB: true }).data, Float32Array.from(sums));
      sameBits(nearfar.dotMatrix(a).data, Float32Array.from(sums));
      const square = nearfar.matmul(a, a, { transposeA: true });
      sameBits(square.data, Float32Array.from(product(transpose(a), a).sums));
    }),
    { numRuns: 10 },
  );
});

test('the identity changes nothing', () => {
  fc.assert(
    fc.property(ROWS, COLS, SEED, (m, n, seed) => {
      const x = matrix(m, n, seed);
      const one = { data: new Float32Array(n * n), rows: n, cols: n };
      for (let i = 0; i < n; i++) one.data[i * n + i] = 1;
      sameBits(nearfar.matmul(x, one).data, x.data);
    }),
    { numRuns: 15 },
  );
});

test('normalized rows have length 1 and the direction that they had', () => {
  fc.assert(
    fc.property(ROWS, COLS, SEED, (n, cols, seed) => {
      const x = matrix(n, cols, seed);
      x.data.fill(0, 0, cols);
      const unit = nearfar.normalize(x);
      sameBits(row(unit, 0), new Float32Array(cols));
      for (let i = 1; i < n; i++) {
        const length = Math.hypot(...row(x, i));
        const expected = row(x, i).map((value) => value / length);
        close(row(unit, i), expected, { what: `row ${i}`, rtol: 1.3e-7 });
        close(Math.hypot(...row(unit, i)), 1, { what: 'length', atol: 2e-7 });
      }
      const again = nearfar.normalize(unit);
      close(again.data, unit.data, { what: 'normalized again', rtol: 2e-7 });
      sameBits(nearfar.normalize(scale(x, (i) => 2 ** ((i % 60) - 30))).data, unit.data);
    }),
    { numRuns: 40 },
  );
});

const MATRICES = {
  cosine: nearfar.cosineSimilarityMatrix,
  dot: nearfar.dotMatrix,
  euclidean: nearfar.euclideanDistanceMatrix,
};

for (const [metric, scores] of Object.entries(MATRICES)) {
  test(`${metric}: from b to a it is the transpose, from a to a symmetric`, () => {
    fc.assert(
      fc.property(ROWS, ROWS, DEPTH, SEED, (m, n, cols, seed) => {
        const a = matrix(m, cols, seed);
        const b = matrix(n, cols, seed + 1);
        sameBits(scores(b, a).data, transpose(scores(a, b)).data);
        const own = scores(a);
        sameBits(own.data, scores(a, a).data);
        sameBits(own.data, transpose(own).data);
      }),
      { numRuns: 8 },
    );
  });

  test(`${metric}: the same bits for the same two rows wherever they stand`, () => {
    fc.assert(
      fc.property(ROWS, ROWS, DEPTH, SEED, (m, n, cols, seed) => {
        const a = matrix(m, cols, seed);
        const b = matrix(n, cols, seed + 1);
        const all = scores(a, b);
        const rows = permutation(m, seed);
        const columns = permutation(n, seed).slice(0, 1 + (seed % n));
        const moved = scores(pick(a, rows), pick(b, columns));
        const expected = rows.flatMap((i) => columns.map((j) => all.data[i * n + j] as number));
        sameBits(moved.data, Float32Array.from(expected));
      }),
      { numRuns: 8 },
    );
  });
}

test('a row is at 0 from itself and from a copy, and at a cosine of 1', () => {
  fc.assert(
    fc.property(ROWS, DEPTH, SEED, (n, cols, seed) => {
      const x = scale(matrix(n, cols, seed), 1e4);
      const twice = pick(x, [...permutation(n, seed), ...permutation(n, seed)]);
      const distances = nearfar.euclideanDistanceMatrix(twice);
      const cosines = nearfar.cosineSimilarityMatrix(twice);
      for (let i = 0; i < n; i++) {
        for (const j of [i, i + n]) {
          check(Object.is(distances.data[2 * n * i + j], 0), `${distances.data[2 * n * i + j]}`);
          close(cosines.data[2 * n * i + j] as number, 1, { what: 'cosine', atol: 2e-6 });
        }
      }
      check(
        cosines.data.every((value) => Math.abs(value) <= 1),
        'a cosine above 1',
      );
    }),
    { numRuns: 8 },
  );
});

test('scores are those of the formula', () => {
  fc.assert(
    fc.property(FEW, ROWS, DEPTH, SEED, (m, n, cols, seed) => {
      const a = matrix(m, cols, seed);
      const b = matrix(n, cols, seed + 1);
      const cosines = nearfar.cosineSimilarityMatrix(a, b);
      const distances = nearfar.euclideanDistanceMatrix(a, b);
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          const [x, y] = [row(a, i), row(b, j)];
          const dot = x.reduce((sum, value, c) => sum + value * (y[c] as number), 0);
          const cosine = dot / Math.hypot(...x) / Math.hypot(...y);
          close(cosines.data[i * n + j] as number, cosine, { what: 'cosine', atol: 1e-6 });
          close(nearfar.cosineSimilarity(x, y), cosine, {
            what: 'of two',
            atol: 1e-15,
            rtol: 1e-12,
          });
          const distance = Math.hypot(...x.map((value, c) => value - (y[c] as number)));
          close(distances.data[i * n + j] as number, distance, { what: 'distance', rtol: 2e-6 });
        }
      }
    }),
    { numRuns: 15 },
  );
});

test('rows of logits have the same bits wherever they stand', () => {
  fc.assert(
    fc.property(ROWS, COLS, SEED, (n, cols, seed) => {
      const x = matrix(n, cols, seed);
      const order = permutation(n, seed);
      for (const each of [nearfar.normalize, nearfar.softmax]) {
        sameBits(each(pick(x, order)).data, pick(each(x), order).data);
      }
      const sums = nearfar.logSumExp(x);
      const expected = Float32Array.from(order, (i) => sums[i] as number);
      sameBits(nearfar.logSumExp(pick(x, order)), expected);
    }),
    { numRuns: 40 },
  );
});
