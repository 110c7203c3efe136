/**
 * Principal components: a rotation that loses nothing, its variances those of the data along it
 * and the eigenvalues of the covariance, at every shape of data and whatever its rank.
 */

import fc from 'fast-check';
import * as nearfar from 'nearfar';
import { check, close, same, sameBits, suite } from '../harness.js';
import {
  FEW,
  labels,
  largest,
  type Matrix,
  matrix,
  permutation,
  pick,
  row,
  SEED,
  scale,
} from './draw.js';

const test = suite('pca');

const ROWS = fc.oneof(FEW, fc.constantFrom(31, 32, 33, 64, 100));
const COLS = fc.oneof(FEW, fc.constantFrom(15, 16, 17, 63, 64, 65));

function fitAll(x: Matrix) {
  return nearfar.pca(x, { components: Math.min(x.rows, x.cols) });
}

function columnMeans(x: Matrix): Float64Array {
  const means = new Float64Array(x.cols);
  x.data.forEach((value, i) => {
    means[i % x.cols] = (means[i % x.cols] as number) + value / x.rows;
  });
  return means;
}

function covariance(x: Matrix): number[][] {
  const means = columnMeans(x);
  const of = (a: number, b: number): number => {
    let sum = 0;
    for (let r = 0; r < x.rows; r++) {
      const values = row(x, r);
      sum +=
        ((values[a] as number) - (means[a] as number)) *
        ((values[b] as number) - (means[b] as number));
    }
    return sum / Math.max(x.rows - 1, 1);
  };
  return Array.from({ length: x.cols }, (_, a) =>
    Array.from({ length: x.cols }, (_, b) => of(a, b)),
  );
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** Data of every rank: rows drawn from few, all the same, or stretched along the columns. */
const DATA = fc.tuple(ROWS, COLS, SEED, fc.nat(3)).map(([n, cols, seed, kind]) => {
  const x = matrix(n, cols, seed);
  if (kind === 1) return pick(matrix(3, cols, seed), labels(n, 3, seed));
  if (kind === 2) return { ...x, data: x.data.map((value, i) => value / 2 ** (i % cols)) };
  if (kind === 3) return { ...x, data: x.data.map((value) => value + 1000) };
  return x;
});

function everyMatrix(numRuns: number, examine: (x: Matrix) => void): void {
  fc.assert(fc.property(DATA, examine), { numRuns });
}

test('components are orthonormal and their largest loadings positive', () => {
  everyMatrix(150, (x) => {
    const { components } = fitAll(x);
    for (let i = 0; i < components.rows; i++) {
      const one = row(components, i);
      check(Math.max(...one) === largest(one), `component ${i} points down`);
      for (let j = 0; j <= i; j++) {
        const what = `component ${i} times ${j}`;
        close(dot(one, row(components, j)), i === j ? 1 : 0, { what, atol: 1e-6 });
      }
    }
  });
});

test('variances fall, are those of the covariance along the components, and add up', () => {
  everyMatrix(60, (x) => {
    const { components, explainedVariance, explainedVarianceRatio } = fitAll(x);
    const c = covariance(x);
    const total = c.reduce((sum, values, i) => sum + (values[i] as number), 0);
    const atol = 1e-6 * Math.max(total, 1e-30);
    explainedVariance.forEach((variance: number, k: number) => {
      check(variance >= 0, `variance ${variance}`);
      if (k > 0) check(variance <= (explainedVariance[k - 1] as number), `variance ${k} is larger`);
      // An eigenvector: the covariance times the component is the variance times it.
      const v = row(components, k);
      const image = c.map((values) => dot(values, v));
      close(
        image,
        v.map((value) => variance * value),
        { what: `component ${k}`, atol },
      );
    });
    const sum = explainedVariance.reduce((all: number, value: number) => all + value, 0);
    close(sum, total, { what: 'sum of variances', atol });
    const shares = explainedVarianceRatio.reduce((all: number, value: number) => all + value, 0);
    close(shares, total === 0 ? 0 : 1, { what: 'sum of ratios', atol: 1e-6 });
  });
});

test('all components together give the rows back', () => {
  everyMatrix(100, (x) => {
    const { projected, components, mean } = fitAll(x);
    close(mean, columnMeans(x), { what: 'mean', rtol: 1e-6, atol: 1e-6 });
    const back = nearfar.matmul(projected, components);
    const restored = back.data.map(
      (value: number, i: number) => value + (mean[i % x.cols] as number),
    );
    close(restored, x.data, { what: 'restored', atol: 2e-6 * largest(x.data) });
  });
});

test('what is projected is centered, uncorrelated, and spreads as the variances say', () => {
  everyMatrix(60, (x) => {
    const { projected, explainedVariance } = fitAll(x);
    const c = covariance(projected);
    const atol = 3e-6 * Math.max(explainedVariance[0] as number, 1e-6 * largest(x.data) ** 2);
    close(columnMeans(projected), new Float64Array(projected.cols), {
      what: 'mean',
      atol: 1e-6 * Math.max(largest(x.data), largest(projected.data)),
    });
    c.forEach((values, i) => {
      values.forEach((value, j) => {
        const expected = i === j ? (explainedVariance[i] as number) : 0;
        close(value, expected, { what: `covariance of ${i} and ${j}`, atol });
      });
    });
  });
});

test('transforming the rows that were fitted gives the bits that the fit gave', () => {
  everyMatrix(150, (x) => {
    const fitted = fitAll(x);
    sameBits(nearfar.pcaTransform(x, fitted).data, fitted.projected.data);
    const one = nearfar.pcaTransform(row(x, x.rows - 1), fitted);
    sameBits(one.data, row(fitted.projected, x.rows - 1));
  });
});

test('fewer components are the first of all', () => {
  fc.assert(
    fc.property(DATA, fc.nat(), (x, draw) => {
      const all = fitAll(x);
      const components = 1 + (draw % Math.min(x.rows, x.cols));
      const few = nearfar.pca(x, { components });
      sameBits(few.components.data, all.components.data.slice(0, components * x.cols));
      sameBits(few.explainedVariance, all.explainedVariance.slice(0, components));
      sameBits(few.explainedVarianceRatio, all.explainedVarianceRatio.slice(0, components));
      const columns = Array.from({ length: x.rows }, (_, r) => [
        ...row(all.projected, r).subarray(0, components),
      ]);
      sameBits(few.projected.data, Float32Array.from(columns.flat()));
    }),
  );
});

test('two components unless there are fewer', () => {
  same(nearfar.pca(matrix(5, 4, 1)).components.rows, 2);
  same(nearfar.pca(matrix(5, 1, 1)).components.rows, 1);
  const { components, explainedVariance, projected } = nearfar.pca(matrix(1, 4, 1));
  same([components.rows, [...explainedVariance], [...projected.data]], [1, [0], [0]]);
});

test('the order of rows, a shift and a scale change nothing but what they say', () => {
  fc.assert(
    fc.property(ROWS, COLS, SEED, (n, cols, seed) => {
      // Columns of very different spread, so that no two components are exchanged.
      const x = matrix(n, cols, seed);
      x.data.forEach((value, i) => {
        x.data[i] = value / 1.5 ** (i % cols);
      });
      const { explainedVariance: expected } = nearfar.pca(x);
      const first = expected[0] as number;
      const variances = (y: Matrix) => nearfar.pca(y).explainedVariance;
      const order = permutation(n, seed);
      close(variances(pick(x, order)), expected, { what: 'reordered', atol: 1e-6 * first });
      const shifted = { ...x, data: x.data.map((value, i) => value + (i % cols)) };
      close(variances(shifted), expected, { what: 'shifted', atol: 1e-5 * first + 1e-9 });
      const doubled = variances(scale(x, 2));
      sameBits(
        doubled,
        expected.map((value: number) => 4 * value),
      );
    }),
  );
});
