/** Bad arguments of evaluation: rankings, neighbors, classifiers, alignment. */

import {
  type Bad,
  bad,
  choice,
  count,
  FLAG,
  NON_NEGATIVE,
  optional,
  POSITIVE,
  REAL,
  realNumbers,
  TEMPERATURE,
  WHOLE_NUMBER,
  wholeNumbers,
  wrongKinds,
} from './bad.js';
import { MATRIX_ONLY, MATRIX_OR_VECTOR } from './bad-matrix.js';
import { matrix, pairs, type Signature } from './signature.js';

/** A whole number from 0, of any size. */
const SEED: Bad[] = [
  ...WHOLE_NUMBER.filter(({ what }) => what !== '2^31'),
  ...bad(RangeError, { '-1': () => -1 }),
];

/** Lists of row numbers from 0 to 5, one for each of four queries. */
const RELEVANT: Bad[] = [
  ...wrongKinds('an array of strings', 'an array of null', 'an array of bigints'),
  ...bad(TypeError, {
    'a flat array': () => [0, 1, 2, 3],
    'a typed array': () => Int32Array.of(0, 1, 2, 3),
    'a null list': () => [[0], null, [], [1]],
    'a list as a string': () => [[0], '12', [], [1]],
    'a set as a list': () => [[0], new Set([1]), [], [1]],
    'a string in a list': () => [[0], ['1'], [], [1]],
    'a hole in a list': () => [[0], new Array(1), [], [1]],
    'a hole among the lists': () => {
      const lists = [[0], [1], [], [1]];
      delete lists[1];
      return lists;
    },
  }),
  ...bad(RangeError, {
    'a list too few': () => [[0], [1], [2]],
    'a list too many': () => [[0], [1], [2], [3], [4]],
    'a row below 0': () => [[0], [-1], [], [1]],
    'a row below 0 in a Map': () => [[0], new Map([[-1, 1]]), [], [1]],
    'a grade below 0': () => [[0], new Map([[1, -1]]), [], [1]],
    'a grade of NaN': () => [[0], new Map([[1, Number.NaN]]), [], [1]],
    'a row too large': () => [[0], [6], [], [1]],
    'half a row': () => [[0], [0.5], [], [1]],
    'a NaN': () => [[0], [Number.NaN], [], [1]],
  }),
];

/** Lists of indices, -1 at the end. */
const RANKINGS: Bad[] = [
  ...wrongKinds('an array of strings', 'an array of null', 'an array of bigints'),
  ...bad(TypeError, {
    'a flat array': () => [0, 1],
    'a null list': () => [[0], null],
    'a list as a string': () => [[0], '12'],
    'a string in a list': () => [[0], ['1']],
  }),
  ...bad(RangeError, {
    'an index below -1': () => [[0], [-2]],
    'half an index': () => [[0], [0.5]],
    'a NaN': () => [[0], [Number.NaN]],
  }),
];

/** Four numbers, or as many as the argument after them has. */
const ANY_NUMBERS = realNumbers(4).filter(({ what }) => !what.startsWith('one too'));

/** Weights of two rankings. */
const WEIGHTS: Bad[] = [
  ...optional(realNumbers(2)),
  ...bad(RangeError, { 'a weight below 0': () => [1, -1] }),
];

/** Texts with their embeddings. */
const SIDES: Bad[] = [
  ...wrongKinds(),
  ...bad(TypeError, {
    'texts alone': () => ({ texts: ['a'] }),
    'embeddings alone': () => ({ embeddings: matrix(1, 6) }),
    'null texts': () => ({ texts: null, embeddings: matrix(1, 6) }),
    'a number among the texts': () => ({ texts: ['a', 1], embeddings: matrix(2, 6) }),
    'embeddings as a string': () => ({ texts: ['a'], embeddings: 'a' }),
  }),
  ...bad(RangeError, {
    'no text': () => ({ texts: [], embeddings: matrix(1, 6) }),
    'a row too few': () => ({ texts: ['a', 'b'], embeddings: matrix(1, 6) }),
    'a row too many': () => ({ texts: ['a', 'b'], embeddings: matrix(3, 6) }),
  }),
];

/** Lengths of rankings' beginnings, of a corpus of six rows. */
const KS: Bad[] = [
  ...optional(wrongKinds('an array of strings', 'an array of null', 'an array of bigints')),
  ...bad(TypeError, {
    strings: () => ['1', '2'],
    'a null among them': () => [1, null],
    'a boxed number': () => [Object(1)],
  }),
  ...bad(RangeError, {
    none: () => [],
    '0': () => [0],
    '-1': () => [1, -1],
    '1.5': () => [1.5],
    NaN: () => [1, Number.NaN],
    'half a row, as f32': () => Float32Array.of(1, 2.5),
  }),
];

/** Weights by label, of labels -1, 0 and 3. */
const CLASS_WEIGHTS: Bad[] = [
  ...optional(
    wrongKinds(
      'a string',
      'an empty string',
      'a number as a string',
      'a list as a string',
      'a plain object',
      'an object without a prototype',
      'an array-like object',
    ),
  ),
  ...bad(TypeError, {
    'an array of weights': () => [1, 1, 1],
    'a weight as a string': () => ({ 0: '1' }),
    'a null weight': () => ({ 3: null }),
  }),
  ...bad(RangeError, {
    'another name': () => 'even',
    'no name': () => '',
    'a label that is not there': () => ({ 7: 1 }),
    'a label in words': () => ({ three: 1 }),
    'a label with a zero before it': () => ({ '03': 1 }),
    'a weight of 0': () => ({ 0: 0 }),
    'a weight below 0': () => ({ '-1': -1 }),
    'a NaN': () => ({ 0: Number.NaN }),
    'a weight past f32': () => ({ 0: 1e39 }),
  }),
];

const LABELS = [3, -1, 3, 0];
const CLASSIFIER_OPTIONS = {
  valid: () => ({ l2: 0.5, classWeight: { '-1': 2 } }),
  fields: { l2: NON_NEGATIVE, classWeight: CLASS_WEIGHTS },
};

export const EVALUATION: Record<string, Signature> = {
  alignment: {
    ...pairs('a', 'b', MATRIX_ONLY),
    options: { valid: () => ({ alpha: 1 }), fields: { alpha: POSITIVE } },
  },
  uniformity: {
    valid: () => [matrix(4, 6)],
    arguments: { x: MATRIX_ONLY },
    options: { valid: () => ({ t: 1 }), fields: { t: POSITIVE } },
    together: {
      'one row': { argument: 'x', args: () => [matrix(1, 6)] },
      'a t whose double leaves f32': { argument: 't', args: () => [matrix(2, 6), { t: 2e37 }] },
    },
  },
  effectiveRank: { valid: () => [matrix(4, 6)], arguments: { x: MATRIX_ONLY } },
  knnClassify: {
    valid: () => [matrix(4, 6), LABELS, matrix(3, 6, 2)],
    arguments: { train: MATRIX_ONLY, labels: wholeNumbers(4), queries: MATRIX_OR_VECTOR },
    options: {
      valid: () => ({ k: 2, temperature: 0.1 }),
      fields: { k: count(), temperature: TEMPERATURE },
    },
    together: {
      'queries of another width': {
        argument: 'queries',
        args: () => [matrix(4, 6), LABELS, matrix(3, 5)],
      },
    },
  },
  evaluateRetrieval: {
    valid: () => [matrix(4, 6), matrix(6, 6, 2), [[0], [5, 2], [], [1, 1]]],
    arguments: { queries: MATRIX_OR_VECTOR, corpus: MATRIX_ONLY, relevant: RELEVANT },
    options: {
      valid: () => ({ ks: [1, 3], metric: 'dot', leaveOut: [5, -1, 2, 0], perQuery: true }),
      fields: {
        ks: KS,
        metric: choice('cosine'),
        leaveOut: optional(wholeNumbers(4, -1, 5)),
        perQuery: FLAG,
      },
    },
    together: {
      'a corpus of another width': {
        argument: 'corpus',
        args: () => [matrix(1, 6), matrix(6, 4), [[0]]],
      },
      'no relevant row at all': {
        argument: 'relevant',
        args: () => [matrix(2, 6), matrix(6, 6), [[], []]],
      },
      'no grade above 0': {
        argument: 'relevant',
        args: () => [matrix(1, 6), matrix(6, 6), [new Map([[2, 0]])]],
      },
      'the only relevant row left out': {
        argument: 'leaveOut',
        args: () => [matrix(1, 6), matrix(6, 6), [[3]], { leaveOut: [3] }],
      },
    },
  },
  mineHardNegatives: {
    valid: () => [matrix(4, 6), matrix(6, 6, 2), [[0], [5, 2], [], [1, 1]]],
    arguments: {
      queries: MATRIX_ONLY,
      corpus: MATRIX_ONLY,
      positives: RELEVANT.filter(({ what }) => !/Map|grade/.test(what)),
    },
    options: {
      valid: () => ({
        ...{ k: 2, margin: 0.1, relativeMargin: 0.1, minScore: -1, maxScore: 1 },
        ...{ rangeMin: 1, rangeMax: 5, sampling: 'random', seed: 1 },
      }),
      fields: {
        k: count(),
        margin: NON_NEGATIVE,
        relativeMargin: optional(NON_NEGATIVE),
        minScore: optional(REAL),
        maxScore: optional(REAL),
        rangeMin: SEED,
        rangeMax: optional(count()),
        sampling: choice('random'),
        seed: SEED,
      },
    },
    together: {
      'a corpus of another width': {
        argument: 'corpus',
        args: () => [matrix(1, 6), matrix(6, 4), [[0]]],
      },
      'a range that is too short': {
        argument: 'rangeMax',
        args: () => [matrix(1, 6), matrix(6, 6), [[0]], { k: 3, rangeMin: 2, rangeMax: 4 }],
      },
    },
  },
  evaluateRankings: {
    valid: () => [
      [[0, 2], [1], [3, -1], []],
      [[0], [5, 2], [], [1, 1]],
    ],
    arguments: {
      rankings: [
        ...RANKINGS,
        ...bad(RangeError, {
          'a document twice': () => [[0], [1, 0, 1], [], []],
        }),
      ],
      relevant: RELEVANT.filter(({ what }) => what !== 'a row too large'),
    },
    options: {
      valid: () => ({ ks: [1, 3], perQuery: true }),
      fields: { ks: KS, perQuery: FLAG },
    },
  },
  compareRankings: {
    valid: () => [
      [0.5, 1, 0, 0.2],
      [1, 1, 0.1, 0],
    ],
    arguments: { before: ANY_NUMBERS, after: realNumbers(4) },
    options: {
      valid: () => ({ samples: 5, level: 0.9, seed: 3 }),
      fields: {
        samples: count(),
        level: [...POSITIVE, ...bad(RangeError, { '1': () => 1, '1.5': () => 1.5 })],
        seed: SEED,
      },
    },
  },
  spearman: {
    valid: () => [
      [0.5, 1, 0, 0.2],
      [1, 1, 0.1, 0],
    ],
    arguments: { a: ANY_NUMBERS, b: realNumbers(4) },
    together: { 'one number': { argument: 'a', args: () => [[1], [2]] } },
  },
  reciprocalRankFusion: {
    valid: () => [
      [
        [4, 0, 2],
        [0, 7, -1],
      ],
      3,
    ],
    arguments: {
      rankings: [
        ...RANKINGS,
        ...bad(RangeError, { none: () => [], 'a document twice': () => [[0], [1, 0, 1]] }),
      ],
      k: [...count(), ...wrongKinds('a number', 'NaN for another kind')],
    },
    options: {
      valid: () => ({ rrfK: 10, weights: [1, 0.5] }),
      fields: { rrfK: POSITIVE, weights: WEIGHTS },
    },
  },
  hybridSearch: {
    valid: () => [
      { texts: ['a', 'b c'], embeddings: matrix(2, 6) },
      { texts: ['a b', 'b', 'c'], embeddings: matrix(3, 6, 2) },
      2,
    ],
    arguments: {
      queries: SIDES,
      corpus: SIDES,
      k: [...count(), ...wrongKinds('a number', 'NaN for another kind')],
    },
    options: {
      valid: () => ({ rrfK: 10, weights: [1, 0.5], depth: 3, metric: 'dot' }),
      fields: { rrfK: POSITIVE, weights: WEIGHTS, depth: count(), metric: choice('cosine') },
    },
    together: {
      'a corpus of another width': {
        argument: 'corpus',
        args: () => [
          { texts: 'a', embeddings: matrix(1, 6) },
          { texts: ['a'], embeddings: matrix(1, 5) },
          1,
        ],
      },
    },
  },
  evaluateEmbeddings: {
    valid: () => [matrix(4, 6), LABELS],
    arguments: { embeddings: MATRIX_ONLY, labels: wholeNumbers(4) },
    together: {
      'no label twice': { argument: 'labels', args: () => [matrix(3, 6), [1, 2, 3]] },
      'one row': { argument: 'labels', args: () => [matrix(1, 6), [1]] },
    },
  },
  fitClassifier: {
    valid: () => [matrix(4, 6), LABELS],
    arguments: { x: MATRIX_ONLY, labels: wholeNumbers(4) },
    options: CLASSIFIER_OPTIONS,
    together: { 'one label': { argument: 'labels', args: () => [matrix(3, 6), [1, 1, 1]] } },
  },
  linearProbe: {
    valid: () => [matrix(4, 6), LABELS, matrix(3, 6, 2), [3, 0, 7]],
    arguments: {
      train: MATRIX_ONLY,
      labels: wholeNumbers(4),
      test: MATRIX_OR_VECTOR,
      testLabels: wholeNumbers(3),
    },
    options: CLASSIFIER_OPTIONS,
    together: {
      'one label': {
        argument: 'labels',
        args: () => [matrix(3, 6), [1, 1, 1], matrix(1, 6), [1]],
      },
      'a test of another width': {
        argument: 'test',
        args: () => [matrix(4, 6), LABELS, matrix(1, 5), [1]],
      },
    },
  },
};
