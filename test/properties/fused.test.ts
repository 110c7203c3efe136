/**
 * The fused losses never write the matrix of cosines; here it is written, in f64, and both have to
 * agree: at any shape, on and around the tiles, and at any temperature.
 */

import fc from 'fast-check';
import { clipLossGrad, infoNceGrad, ntXentGrad, supConGrad } from 'nearfar';
import { type Rows, toRows } from '../../bench/operations/reference.js';
import {
  infoNceGrad as infoNce,
  ntXentGrad as ntXent,
  supConGrad as supCon,
} from '../../bench/operations/reference-losses.js';
import { check, close, suite } from '../harness.js';
import {
  COLS,
  labels,
  largest,
  type Matrix,
  matrix,
  pick,
  ROWS,
  row,
  SEED,
  TEMPERATURE,
} from './draw.js';

const test = suite('fused');

/** Compares losses within the rounding of f32: cosines are off by some 1e-7, times the scale. */
function closeLoss(actual: number, expected: number, scale: number): void {
  close(actual, expected, { what: 'loss', rtol: 1e-6, atol: 1e-6 + 2e-7 * scale });
}

/**
 * Gradients: what is added up is as large as the scale over what the mean is taken of, and is then
 * divided by a row's length, however much of it cancels.
 */
function closeGrad(actual: Matrix, grad: Rows, x: Matrix, scale: number, mean: number) {
  const expected = grad.flat();
  const lengths = Array.from({ length: x.rows }, (_, i) => Math.hypot(...row(x, i)));
  const shortest = Math.min(...lengths.filter((length) => length > 0));
  const relative = 3e-6 * (1 + 0.1 * scale) * largest(expected);
  close(actual.data, expected, {
    what: 'gradient',
    atol: relative + (3e-7 * scale) / Math.max(mean, 1) / shortest,
  });
}

/** As many samples as half the rows drawn, so that two views of them reach as far. */
const HALF = ROWS.map((rows) => Math.max(1, Math.floor(rows / 2)));

test('ntXent', () => {
  fc.assert(
    fc.property(HALF, COLS, TEMPERATURE, SEED, (n, cols, temperature, seed) => {
      const z = matrix(2 * n, cols, seed);
      const { loss, grad } = ntXentGrad(z, { temperature });
      const expected = ntXent(toRows(z), temperature);
      closeLoss(loss, expected.loss, 1 / temperature);
      closeGrad(grad, expected.grad, z, 1 / temperature, z.rows);
    }),
    { numRuns: 25 },
  );
});

test('supCon', () => {
  const classes = fc.constantFrom(1, 2, 5, 50, 1000);
  fc.assert(
    fc.property(ROWS, COLS, TEMPERATURE, classes, SEED, (n, cols, temperature, below, seed) => {
      const z = matrix(n, cols, seed);
      const of = labels(n, below, seed);
      const { loss, grad } = supConGrad(z, of, { temperature });
      const expected = supCon(toRows(z), of, temperature);
      closeLoss(loss, expected.loss, 1 / temperature);
      closeGrad(grad, expected.grad, z, 1 / temperature, expected.anchors);
    }),
    { numRuns: 15 },
  );
});

const WITH = fc.record({
  negatives: fc.option(ROWS, { nil: undefined }),
  ids: fc.option(fc.constantFrom(1, 3, 100), { nil: undefined }),
  symmetric: fc.boolean(),
});

test('infoNce', () => {
  fc.assert(
    fc.property(ROWS, COLS, TEMPERATURE, WITH, SEED, (n, cols, temperature, options, seed) => {
      const queries = matrix(n, cols, seed);
      const keys = matrix(n, cols, seed + 1);
      const { symmetric } = options;
      const further = options.negatives;
      const given: { negatives?: Matrix; ids?: number[]; symmetric: boolean } = { symmetric };
      if (further !== undefined) given.negatives = matrix(further, cols, seed + 2);
      if (options.ids !== undefined) given.ids = labels(n, options.ids, seed);
      const actual = infoNceGrad(queries, keys, { ...given, temperature });
      const scale = 1 / temperature;
      const expected = infoNce(toRows(queries), toRows(keys), {
        ...given,
        negatives: given.negatives && toRows(given.negatives),
        scale,
      });
      closeLoss(actual.loss, expected.loss, scale);
      closeGrad(actual.gradQueries, expected.gradQueries, queries, scale, n);
      closeGrad(actual.gradKeys, expected.gradKeys, keys, scale, n);
      const { gradNegatives } = actual;
      check((gradNegatives === undefined) === (further === undefined), 'gradNegatives');
      if (gradNegatives === undefined || given.negatives === undefined) return;
      closeGrad(gradNegatives, expected.gradNegatives, given.negatives, scale, n);
    }),
    { numRuns: 25 },
  );
});

test('clipLoss', () => {
  fc.assert(
    fc.property(ROWS, COLS, TEMPERATURE, SEED, (n, cols, temperature, seed) => {
      const image = matrix(n, cols, seed);
      // Texts near their images, so that the loss is small at small temperatures.
      const noise = matrix(n, cols, seed + 1);
      const text = { ...image, data: image.data.map((v, i) => v + (noise.data[i] as number) / 2) };
      const scale = 1 / temperature;
      const actual = clipLossGrad(image, text, { logitScale: scale });
      const expected = infoNce(toRows(image), toRows(text), { scale, symmetric: true });
      closeLoss(actual.loss, expected.loss, scale);
      closeGrad(actual.gradImage, expected.gradQueries, image, scale, n);
      closeGrad(actual.gradText, expected.gradKeys, text, scale, n);
      close(actual.gradLogitScale, expected.gradScale, {
        what: 'logitScale',
        rtol: 1e-5,
        atol: 2e-6,
      });
    }),
    { numRuns: 15 },
  );
});

test('rows that repeat, and rows of zeros', () => {
  fc.assert(
    fc.property(HALF, COLS, TEMPERATURE, SEED, (n, cols, temperature, seed) => {
      const few = matrix(3, cols, seed);
      few.data.fill(0, 0, cols);
      const z = pick(few, labels(2 * n, 3, seed));
      const { loss, grad } = ntXentGrad(z, { temperature });
      const expected = ntXent(toRows(z), temperature);
      closeLoss(loss, expected.loss, 1 / temperature);
      closeGrad(grad, expected.grad, z, 1 / temperature, z.rows);
    }),
    { numRuns: 15 },
  );
});
