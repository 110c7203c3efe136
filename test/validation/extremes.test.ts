/**
 * Valid input at the ends of f32's range: denormals, zeros of both signs, numbers whose squares
 * overflow or vanish, rows that are equal, and options that are as large or small as they may be.
 * No result holds a NaN; where a result is past f32's range the function says so by name, and it
 * says so nowhere else.
 */

import fc from 'fast-check';
import * as nearfar from 'nearfar';
import { check, suite } from '../harness.js';
import { firstNaN } from './bits.js';
import { DECLARED } from './losses.js';

const test = suite('extremes');

const api = nearfar as unknown as Record<string, (...args: unknown[]) => unknown>;

const SIZES = [0, 1e-45, 1e-40, 1.2e-38, 1e-30, 1e-20, 1e-7, 0.5, 1, 3, 1e7, 1e20, 1e30];
const NUMBERS = [...SIZES, 3.4e38, 3.4028234663852886e38].flatMap((size) => [size, -size]);
const SCALES = [1e-45, 1e-38, 1e-20, 1e-3, 0.5, 1, 39, 41, 1e3, 1e9, 1e20, 3.4028234663852886e38];
/** The smallest temperature: gradients may be past f32's range with it. */
const STEEPEST = 3e-39;
const TEMPERATURES = [STEEPEST, 1e-30, 1e-10, 1e-5, 0.005, 0.07, 1, 10, 1e9, 1e38];
const MARGINS = [0, 1e-45, 0.5, 1e20, 3.4028234663852886e38];

interface Rows {
  data: number[];
  rows: number;
  cols: number;
}

/** Rows of which some are the same, or the negatives of another. */
function rows(count: fc.Arbitrary<number>, cols: number, from = NUMBERS): fc.Arbitrary<Rows> {
  const row = fc.array(fc.constantFrom(...from), { minLength: cols, maxLength: cols });
  const source = fc.record({ at: fc.nat(), sign: fc.constantFrom(1, 1, -1) });
  return count.chain((n) =>
    fc
      .tuple(
        fc.array(row, { minLength: 1, maxLength: n }),
        fc.array(source, { minLength: n, maxLength: n }),
      )
      .map(([pool, sources]) => ({
        data: sources.flatMap(({ at, sign }) =>
          (pool[at % pool.length] as number[]).map((value) => sign * value),
        ),
        rows: n,
        cols,
      })),
  );
}

const COUNT = fc.integer({ min: 1, max: 9 });
const WIDTH = fc.integer({ min: 1, max: 9 });
const one = WIDTH.chain((cols) => rows(COUNT, cols));

/** Several matrices of the same shape. */
function alike(n: number): fc.Arbitrary<Rows[]> {
  return fc
    .tuple(COUNT, WIDTH)
    .chain(([r, cols]) => fc.array(rows(fc.constant(r), cols), { minLength: n, maxLength: n }));
}

function list(matrix: Rows, least: number, most: number): fc.Arbitrary<number[]> {
  const { rows: length } = matrix;
  return fc.array(fc.integer({ min: least, max: most }), { minLength: length, maxLength: length });
}

function choose<T>(...values: T[]): fc.Arbitrary<T> {
  return fc.constantFrom(...values);
}

/** Rows of probabilities, some of them as small as can be. */
const chances = fc.tuple(COUNT, WIDTH).chain(([r, c]) => {
  const share = fc.constantFrom<number>(0, 1e-45, 1e-38, 1e-9, 0.1, 1);
  const row = fc.array(share, { minLength: c, maxLength: c }).map((shares: number[]) => {
    const sum = shares.reduce((total, value) => total + value, 0);
    return sum < 0.1 ? shares.map((_, i) => (i === 0 ? 1 : 0)) : shares.map((v) => v / sum);
  });
  const matrix = fc.array(row, { minLength: r, maxLength: r });
  return fc.tuple(matrix, matrix);
});

const even = fc.tuple(COUNT, WIDTH).chain(([n, cols]) => rows(fc.constant(2 * n), cols));
const labeled = one.chain((x) => fc.tuple(fc.constant(x), list(x, 0, 3)));

function numbers(length: number): fc.Arbitrary<number[]> {
  const value = choose(-3.4e38, -1, 0, 1e-45, 0.5, 1, 3.4e38);
  return fc.array(value, { minLength: length, maxLength: length });
}

/** Pairs of an even width and their scores. */
const scored = fc
  .tuple(COUNT, WIDTH)
  .chain(([n, half]) =>
    fc.tuple(
      rows(fc.constant(n), 2 * half),
      rows(fc.constant(n), 2 * half),
      fc.array(choose(-3.4e38, -1, 0, 1e-45, 0.5, 1), { minLength: n, maxLength: n }),
      fc.record({ scale: choose(...SCALES) }),
    ),
  );

const twoLabels = even.chain((x) =>
  fc.tuple(
    fc.constant(x),
    list(x, 0, 2).map((labels) => labels.map((label, i) => (i < 2 ? i : label))),
  ),
);
/** With no pull at all, rows of 1e-38 want weights of 1e38. */
const regression = fc.record({ l2: choose(1e-9, 1, 1e20, 3.4e38) });

/** Arguments for a function, the options last. */
const CALLS: Record<string, fc.Arbitrary<unknown[]>> = {
  normalize: one.map((x) => [x]),
  logSumExp: one.map((x) => [x]),
  softmax: one.map((x) => [x]),
  toMatrix: one.map((x) => [x]),
  cosineSimilarity: WIDTH.chain((cols) =>
    fc.tuple(rows(fc.constant(1), cols), rows(fc.constant(1), cols)),
  ),
  cosineSimilarityMatrix: WIDTH.chain((cols) => fc.tuple(rows(COUNT, cols), rows(COUNT, cols))),
  crossEntropy: one.chain((x) =>
    fc.tuple(
      fc.constant(x),
      list(x, 0, x.cols - 1),
      fc.record({ labelSmoothing: choose(0, 1e-45, 0.5, 1) }),
    ),
  ),
  klDivergence: chances,
  ntXent: fc.tuple(even, fc.record({ temperature: choose(...TEMPERATURES) })),
  infoNce: alike(3).chain(([queries, keys, negatives]) =>
    fc.tuple(
      fc.constant(queries),
      fc.constant(keys),
      fc.record(
        {
          temperature: choose(...TEMPERATURES),
          negatives: fc.constant(negatives),
          ids: list(queries as Rows, 0, 2),
          symmetric: fc.boolean(),
        },
        { requiredKeys: ['temperature', 'symmetric'] },
      ),
    ),
  ),
  clipLoss: alike(2).chain(([image, text]) =>
    fc.tuple(fc.constant(image), fc.constant(text), fc.record({ logitScale: choose(...SCALES) })),
  ),
  sigLipLoss: alike(2).chain(([image, text]) =>
    fc.tuple(
      fc.constant(image),
      fc.constant(text),
      fc.record({
        logitScale: choose(...SCALES.slice(0, -1)),
        logitBias: choose(-1e20, -10, 0, 7),
      }),
    ),
  ),
  mineHardNegatives: alike(2).chain(([queries, corpus]) =>
    fc.tuple(
      fc.constant(queries),
      fc.constant(corpus),
      list(queries as Rows, 0, (corpus as Rows).rows - 1).map((positives) =>
        positives.map((row) => [row]),
      ),
      fc.record({ k: choose(1, 3), margin: choose(0, 1e-45, 0.5) }),
    ),
  ),
  coSentLoss: scored,
  angleLoss: scored,
  contrastiveLoss: alike(2).chain(([a, b]) =>
    fc.tuple(
      fc.constant(a),
      fc.constant(b),
      list(a as Rows, 0, 1),
      fc.record({ margin: choose(...MARGINS) }),
    ),
  ),
  supCon: labeled.chain(([x, labels]) =>
    fc.tuple(
      fc.constant(x),
      fc.constant(labels),
      fc.record({ temperature: choose(...TEMPERATURES) }),
    ),
  ),
  tripletLoss: alike(3).chain((three) => {
    const options = fc.record({
      margin: choose(...MARGINS),
      distance: choose('cosine', 'euclidean'),
    });
    return options.map((chosen) => [...three, chosen]);
  }),
  uniformity: even.chain((x) =>
    fc.tuple(fc.constant(x), fc.record({ t: choose(1e-45, 0.5, 2, 25, 1e9, 1e37) })),
  ),
  effectiveRank: one.map((x) => [x]),
  knnClassify: labeled.chain(([x, labels]) =>
    fc.tuple(
      fc.constant(x),
      fc.constant(labels),
      rows(COUNT, x.cols),
      fc.record({ temperature: choose(...TEMPERATURES) }),
    ),
  ),
  evaluateEmbeddings: even.map((x) => [x, Array.from({ length: x.rows }, (_, i) => i >> 1)]),
  tripletUpdate: one.chain((x) =>
    fc.tuple(
      fc.constant(x),
      fc.array(fc.nat(x.rows - 1), { maxLength: 12 }).map((t) => t.slice(t.length % 3)),
      fc.record({
        learningRate: choose(...SCALES),
        margin: choose(...MARGINS),
        rule: choose('anchor', 'gradient'),
      }),
    ),
  ),
};
// Losses without calls of their own: matrices of one shape, labels, a temperature if there is one.
for (const { name, inputs, target, options } of DECLARED) {
  CALLS[name] ??= fc.tuple(COUNT, WIDTH).chain(([n, cols]) => {
    const given = inputs.map(() => rows(fc.constant(2 * n + 2), cols));
    const temperature = fc.record({ temperature: choose(...TEMPERATURES) });
    return fc.tuple(
      ...given,
      ...(target ? [fc.constant(Array.from({ length: 2 * n + 2 }, (_, i) => i % 2))] : []),
      'temperature' in options ? temperature : fc.constant({}),
    );
  });
}
for (const name of Object.keys(CALLS)) {
  const gradName = `${name}Grad`;
  if (gradName in api) CALLS[gradName] = CALLS[name] as fc.Arbitrary<unknown[]>;
}

/** Those whose result may be past f32's range. */
const UNBOUNDED: Record<string, fc.Arbitrary<unknown[]>> = {
  matmul: fc
    .tuple(COUNT, WIDTH, COUNT)
    .chain(([m, k, n]) => fc.tuple(rows(fc.constant(m), k), rows(fc.constant(k), n))),
  dotMatrix: WIDTH.chain((cols) => fc.tuple(rows(COUNT, cols), rows(COUNT, cols))),
  euclideanDistanceMatrix: WIDTH.chain((cols) => fc.tuple(rows(COUNT, cols), rows(COUNT, cols))),
  topK: WIDTH.chain((cols) => fc.tuple(rows(COUNT, cols), rows(COUNT, cols))).chain(([q, c]) =>
    fc.tuple(
      fc.constant(q),
      fc.constant(c),
      fc.integer({ min: 1, max: c.rows }),
      fc.record({ metric: choose('cosine', 'dot', 'euclidean') }),
    ),
  ),
  alignment: alike(2).chain((two) =>
    fc.record({ alpha: choose(1e-45, 0.5, 2, 1e3, 3.4e38) }).map((options) => [...two, options]),
  ),
  evaluateRetrieval: WIDTH.chain((cols) => fc.tuple(rows(COUNT, cols), rows(COUNT, cols))).chain(
    ([q, c]) =>
      fc.tuple(
        fc.constant(q),
        fc.constant(c),
        fc.array(fc.array(fc.nat(c.rows - 1), { minLength: 1 }), {
          minLength: q.rows,
          maxLength: q.rows,
        }),
        fc.record({ metric: choose('cosine', 'dot', 'euclidean') }),
      ),
  ),
  evaluateRankings: fc.tuple(
    fc.uniqueArray(fc.nat(20), { minLength: 1 }).map((ranking) => [ranking]),
    fc
      .dictionary(fc.nat(20).map(String), choose(1e-45, 1, 3.4e38), { minKeys: 1 })
      .map((grades) => [
        new Map(Object.entries(grades).map(([row, grade]) => [Number(row), grade])),
      ]),
  ),
  compareRankings: COUNT.chain((n) => fc.tuple(numbers(n), numbers(n))),
  spearman: COUNT.chain((n) => fc.tuple(numbers(n + 1), numbers(n + 1))),
  reciprocalRankFusion: fc.tuple(
    fc.array(fc.uniqueArray(fc.nat(2 ** 31 - 1)), { minLength: 1 }),
    fc.integer({ min: 1, max: 9 }),
    fc.record({ rrfK: choose(1e-45, 1, 60, 3.4e38) }),
  ),
  hybridSearch: WIDTH.chain((cols) => fc.tuple(rows(COUNT, cols), rows(COUNT, cols))).chain(
    ([q, c]) =>
      fc.tuple(
        fc.constant({ texts: Array.from({ length: q.rows }, () => 'a b'), embeddings: q }),
        fc.constant({
          texts: Array.from({ length: c.rows }, (_, i) => 'abc'[i % 3]),
          embeddings: c,
        }),
        fc.integer({ min: 1, max: 9 }),
        fc.record({ rrfK: choose(1e-45, 1, 60, 3.4e38), weights: choose([0, 0], [1e-45, 3.4e38]) }),
      ),
  ),
  fitClassifier: twoLabels.chain(([x, labels]) =>
    regression.map((options) => [x, labels, options]),
  ),
  linearProbe: twoLabels.chain(([x, labels]) =>
    regression.map((options) => [x, labels, x, labels, options]),
  ),
  pca: one.map((x) => [x, { components: Math.min(x.rows, x.cols) }]),
  pcaTransform: one.chain((x) =>
    fc
      .tuple(rows(COUNT, x.cols), rows(fc.constant(1), x.cols))
      .map(([components, mean]) => [x, { components, mean: mean.data }]),
  ),
};

/** The largest number anywhere in some arguments. */
function largest(value: unknown): number {
  if (typeof value === 'number') return Math.abs(value);
  if (typeof value !== 'object' || value === null) return 0;
  return Math.max(0, ...Object.values(value).map(largest));
}

function examine(name: string, args: unknown[], mayOverflow: boolean): void {
  let result: unknown;
  try {
    result = (api[name] as (...args: unknown[]) => unknown)(...args);
  } catch (error) {
    const { message } = error as Error;
    const infinite = name === 'klDivergenceGrad' && message.includes('divergence is infinite');
    const past = message.startsWith(`${name}: the result`) && message.includes("f32's range");
    const steep = name.endsWith('Grad') && JSON.stringify(args).includes(`:${STEEPEST}`);
    const fits = infinite || (past && (steep || (mayOverflow && largest(args) > 1e15)));
    check(error instanceof RangeError && fits, `${name}: ${error}`);
    return;
  }
  const found = firstNaN(result);
  check(found === undefined, `${name}: ${found}`);
}

test('every function is called at the extremes', () => {
  const named = { ...CALLS, ...UNBOUNDED };
  for (const [name, value] of Object.entries(api)) {
    // Names with a capital are classes, whose methods are called by their own tests.
    check(
      typeof value !== 'function' || /^[A-Z]/.test(name) || name in named,
      `${name} has no extreme calls`,
    );
  }
});

for (const [group, mayOverflow] of [
  [CALLS, false],
  [UNBOUNDED, true],
] as const) {
  for (const [name, args] of Object.entries(group)) {
    test(name, () => {
      const property = fc.property(args, (list) => examine(name, list, mayOverflow));
      fc.assert(property, { numRuns: 500 });
    });
  }
}
