/**
 * Every public function: a valid call of it, what may not be passed for each argument and option,
 * and which arguments don't go together. A function without a row here fails a test.
 */

import {
  type Bad,
  bad,
  choice,
  count,
  FLAG,
  NON_NEGATIVE,
  optional,
  POSITIVE,
  UP_TO_ONE,
  WHOLE_NUMBER,
  wholeNumbers,
  wrongKinds,
} from './bad.js';
import { MATRIX_ONLY, MATRIX_OR_VECTOR, type Matrix, toRows, VECTOR_ONLY } from './bad-matrix.js';
import { EVALUATION } from './evaluation.js';
import { lossSignatures } from './losses.js';
import { matrix, pairs, type Signature } from './signature.js';

/** Rows that are above 0 and sum to 1. */
export function probabilities(rows: number, cols: number, seed = 1): Matrix {
  const { data } = matrix(rows, cols, seed);
  const result = data.map((value) => value + 1.5);
  for (let r = 0; r < rows; r++) {
    const row = result.subarray(r * cols, (r + 1) * cols);
    const sum = row.reduce((total, value) => total + value, 0);
    row.forEach((value, i) => {
      row[i] = value / sum;
    });
  }
  return { data: result, rows, cols };
}

const IMPROPER: Bad[] = bad(RangeError, {
  'rows that sum to 2': (m) => scaled(m as Matrix, 2),
  'rows that sum to 0.9': (m) => scaled(m as Matrix, 0.9),
  'rows that sum to 1.002': (m) => scaled(m as Matrix, 1.002),
  'rows of zeros': (m) => scaled(m as Matrix, 0),
  logits: (m) => matrix((m as Matrix).rows, (m as Matrix).cols),
  'a last row that sums to 1.5': (m) => edited(m as Matrix, -1, 0.5),
  'a probability below 0': (m) => {
    const one = edited(m as Matrix, 0, -0.5);
    return { ...one, data: one.data.with(1, (one.data[1] as number) + 0.5) };
  },
  'a probability just below 0': (m) => ({
    ...(m as Matrix),
    data: (m as Matrix).data.with(0, -1e-6),
  }),
});

function scaled(m: Matrix, factor: number): Matrix {
  return { ...m, data: m.data.map((value) => value * factor) };
}

function edited(m: Matrix, at: number, by: number): Matrix {
  return { ...m, data: m.data.with(at, (m.data.at(at) as number) + by) };
}

/** Rows that can't take the changes: too narrow for f32, a copy, or frozen. */
const UNCHANGEABLE: Bad[] = bad(TypeError, {
  'i8 data': (m) => ({ ...(m as Matrix), data: new Int8Array((m as Matrix).data.length) }),
  'i32 rows': (m) => toRows(m as Matrix).map((row) => Int32Array.from(row)),
  'f16 bits': ({ data, ...m }: Matrix) => ({
    ...m,
    data: new Uint16Array(data.length),
    type: 'float16',
  }),
  'frozen rows': (m) => toRows(m as Matrix).map((row) => Object.freeze(row)),
  'a frozen last row': (m) =>
    toRows(m as Matrix).map((row, i) => (i === 3 ? Object.freeze(row) : row)),
  'frozen data': (m) => ({ ...(m as Matrix), data: Object.freeze([...(m as Matrix).data]) }),
} as Record<string, (m: unknown) => unknown>);

const ONE_MATRIX = { valid: () => [matrix(4, 6)], arguments: { x: MATRIX_OR_VECTOR } };

/** Two matrices of the same width, the second the first unless it is given. */
const SCORES: Signature = {
  valid: () => [matrix(4, 6), matrix(6, 6, 2)],
  arguments: { a: MATRIX_ONLY, b: optional(MATRIX_ONLY) },
  together: { 'b of another width': { argument: 'b', args: () => [matrix(4, 6), matrix(6, 4)] } },
};

const ODD_ROWS = {
  'an odd number of rows': { argument: 'z', args: () => [matrix(7, 4)] },
  'one row': { argument: 'z', args: () => [matrix(1, 4)] },
};

/** Rows of single losses beyond those that their declarations give. */
const EXTRA: Record<string, (row: Signature) => Signature> = {
  crossEntropy: (row) => ({
    ...row,
    valid: () => [matrix(4, 6), [0, 5, 2, 3]],
    arguments: { logits: MATRIX_ONLY, targets: wholeNumbers(4, 0, 5) },
    options: {
      valid: () => ({ ignoreIndex: -100, labelSmoothing: 0.1 }),
      fields: { ignoreIndex: WHOLE_NUMBER, labelSmoothing: UP_TO_ONE },
    },
    together: {
      'nothing but ignored targets': {
        argument: 'targets',
        args: () => [matrix(4, 6), [-100, -100, -100, -100]],
      },
      'nothing but targets ignored by choice': {
        argument: 'targets',
        args: () => [matrix(4, 6), [2, 2, 2, 2], { ignoreIndex: 2 }],
      },
      'a target that another ignoreIndex would allow': {
        argument: 'targets',
        args: () => [matrix(4, 6), [0, -100, 2, 2], { ignoreIndex: -1 }],
      },
    },
  }),
  klDivergence: (row) => ({
    ...row,
    ...pairs('p', 'q', [...MATRIX_OR_VECTOR, ...IMPROPER], probabilities),
  }),
  angleLoss: (row) => ({
    ...row,
    together: {
      ...row.together,
      'an odd width': { argument: 'a', args: () => [matrix(4, 5), matrix(4, 5), [0, 1, 0, 1]] },
    },
  }),
  contrastiveLoss: (row) => ({
    ...row,
    arguments: { ...row.arguments, similar: wholeNumbers(4, 0, 1) },
  }),
  ntXent: (row) => ({ ...row, together: ODD_ROWS }),
  decoupledNtXent: (row) => ({
    ...row,
    together: {
      ...ODD_ROWS,
      'one sample, without a negative': { argument: 'z', args: () => [matrix(2, 4)] },
    },
  }),
};

const FITTED = () => ({ components: matrix(2, 6, 4), mean: matrix(1, 6, 5).data });

/** Bad parts of what `pca` returns, each in an otherwise good one. */
function badParts(key: 'components' | 'mean', list: Bad[]): Bad[] {
  return list.map(({ what, error, make }) => ({
    what: `${key}: ${what}`,
    error,
    make: () => {
      const fitted = FITTED();
      return { ...fitted, [key]: make(fitted[key]) };
    },
  }));
}

const OTHERS: Record<string, Signature> = {
  matmul: {
    valid: () => [matrix(4, 6), matrix(6, 3)],
    arguments: { a: MATRIX_ONLY, b: MATRIX_ONLY },
    options: {
      valid: () => ({ transposeA: false, transposeB: false }),
      fields: { transposeA: FLAG, transposeB: FLAG },
    },
    together: {
      'inner sizes that differ': { argument: 'b', args: () => [matrix(4, 6), matrix(5, 3)] },
      'inner sizes that differ once transposed': {
        argument: 'b',
        args: () => [matrix(4, 6), matrix(6, 3), { transposeA: true }],
      },
      'both transposed for nothing': {
        argument: 'b',
        args: () => [matrix(4, 6), matrix(6, 3), { transposeA: true, transposeB: true }],
      },
    },
  },
  normalize: ONE_MATRIX,
  logSumExp: ONE_MATRIX,
  softmax: ONE_MATRIX,
  cosineSimilarity: {
    valid: () => [matrix(1, 6), matrix(1, 6, 2)],
    arguments: { a: VECTOR_ONLY, b: VECTOR_ONLY },
  },
  cosineSimilarityMatrix: SCORES,
  dotMatrix: SCORES,
  euclideanDistanceMatrix: SCORES,
  topK: {
    valid: () => [matrix(4, 6), matrix(6, 6, 2), 3],
    arguments: {
      queries: MATRIX_OR_VECTOR,
      corpus: MATRIX_ONLY,
      k: [...count(), ...wrongKinds('a number', 'NaN for another kind')],
    },
    options: { valid: () => ({ metric: 'dot' }), fields: { metric: choice('cosine') } },
    together: {
      'a corpus of another width': {
        argument: 'corpus',
        args: () => [matrix(4, 6), matrix(6, 4), 3],
      },
      'a vector of another width': {
        argument: 'corpus',
        args: () => [new Float32Array(5), matrix(6, 6), 3],
      },
    },
  },
  tripletUpdate: {
    valid: () => [matrix(4, 6), [0, 1, 2, 3, 2, 1]],
    arguments: {
      embeddings: [...MATRIX_ONLY.filter(({ what }) => !what.includes('f16')), ...UNCHANGEABLE],
      triplets: wholeNumbers(6, 0, 3, false),
    },
    options: {
      valid: () => ({ learningRate: 0.1, margin: 0.2, rule: 'gradient' }),
      fields: { learningRate: POSITIVE, margin: NON_NEGATIVE, rule: choice('anchor') },
    },
  },
  pca: {
    valid: () => [matrix(4, 6)],
    arguments: { x: MATRIX_ONLY },
    options: { valid: () => ({ components: 3 }), fields: { components: count(4) } },
  },
  pcaTransform: {
    valid: () => [matrix(4, 6), FITTED()],
    arguments: {
      x: MATRIX_OR_VECTOR,
      fitted: [
        ...wrongKinds(),
        ...bad(TypeError, {
          'a matrix': (fitted) => (fitted as { components: Matrix }).components,
        }),
        ...badParts('components', MATRIX_ONLY),
        ...badParts(
          'mean',
          wrongKinds('an array of strings', 'an array of null', 'an array of bigints'),
        ),
        ...badParts('mean', [
          ...bad(TypeError, {
            'a row in an array': (mean) => [mean],
            strings: (mean) => [...(mean as Float32Array)].map(String),
          }),
          ...bad(RangeError, {
            'too short': (mean) => (mean as Float32Array).slice(1),
            'too long': (mean) => [...(mean as Float32Array), 0],
            empty: () => [],
            'not finite': (mean) => (mean as Float32Array).with(3, Number.NaN),
            'past f32': (mean) => Float64Array.from(mean as Float32Array).with(5, -1e39),
          }),
        ]),
      ],
    },
    together: {
      'components of another width': {
        argument: 'fitted',
        args: () => [matrix(4, 6), { components: matrix(2, 5), mean: new Float32Array(5) }],
      },
      'mean and components of different widths': {
        argument: 'fitted',
        args: () => [matrix(4, 6), { components: matrix(2, 6), mean: new Float32Array(5) }],
      },
    },
  },
  toMatrix: ONE_MATRIX,
  ...EVALUATION,
};

export const SIGNATURES: Record<string, Signature> = { ...OTHERS, ...lossSignatures(EXTRA) };
