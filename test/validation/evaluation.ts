/** Bad arguments of evaluation: rankings, neighbors, classifiers, alignment. */

import {
  type Bad,
  bad,
  choice,
  count,
  NON_NEGATIVE,
  optional,
  POSITIVE,
  TEMPERATURE,
  wholeNumbers,
  wrongKinds,
} from './bad.js';
import { MATRIX_ONLY, MATRIX_OR_VECTOR } from './bad-matrix.js';
import { matrix, pairs, type Signature } from './signature.js';

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
    'a row too large': () => [[0], [6], [], [1]],
    'half a row': () => [[0], [0.5], [], [1]],
    'a NaN': () => [[0], [Number.NaN], [], [1]],
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
      valid: () => ({ ks: [1, 3], metric: 'dot' }),
      fields: { ks: KS, metric: choice('cosine') },
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
