/**
 * Few-shot evaluation of embeddings: a linear probe and k-NN on few labeled rows per class,
 * evaluated on held-out rows.
 */

import { type Matrix, readMatrix } from '../../core/matrix.js';
import { checkNoOptions, readOptions } from '../../core/options.js';
import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
import {
  checkInteger,
  checkIntegers,
  integerIn,
  type NoOptions,
  rangeError,
  tagOf,
  typeError,
} from '../../core/validation.js';
import { knnClassify } from '../../evaluate/knn.js';
import { linearProbe } from '../../evaluate/linear-probe.js';

/** Embeddings with labels, to train on and to test with. */
export interface LabeledEmbeddings {
  /** Rows to train on. */
  train: Matrix;
  /** Class of each row to train on. */
  trainLabels: ArrayLike<number>;
  /** Rows to test with. */
  test: Matrix;
  /** Class of each row to test with. */
  testLabels: ArrayLike<number>;
}

/** Options of `fewShotAccuracy`. */
export interface FewShotOptions {
  /** Seed of the random numbers. @default 0 */
  seed?: number | undefined;
  /** Number of samples of labeled rows that accuracies are means over, from 1. @default 5 */
  draws?: number | undefined;
}

/** Accuracies with one number of labels per class. */
export interface FewShotAccuracy {
  /** Labeled rows per class; a class that has fewer gives all. */
  perClass: number;
  /** Accuracy of the linear probe, the mean over the draws of the labeled rows. */
  probe: number;
  /** Accuracy of k-NN, the mean over the draws. */
  knn: number;
  /** Accuracy of the probe in each draw. */
  draws: number[];
}

/** Neighbors that vote. */
const NEIGHBORS = 20;

/**
 * Selects rows of a matrix.
 *
 * @param x matrix
 * @param rows indices of rows
 * @param options none
 * @returns matrix of these rows, in this order
 * @throws {TypeError | RangeError} if an argument is not valid, or an index is not one of a row
 */
export function selectRows(x: Matrix, rows: readonly number[], options?: NoOptions): Matrix {
  checkNoOptions('selectRows', options);
  checkPlainMatrix('selectRows', 'x', x);
  checkIntegers('selectRows', 'rows', rows, undefined, {
    valid: (row) => row >= 0 && row < x.rows,
    what: `from 0 to ${x.rows - 1}`,
  });
  const { data, cols } = x;
  const chosen = new Float32Array(rows.length * cols);
  rows.forEach((row, i) => {
    chosen.set(data.subarray(row * cols, (row + 1) * cols), i * cols);
  });
  return { data: chosen, rows: rows.length, cols };
}

/** Checks a matrix of f32 whose rows can be copied. */
function checkPlainMatrix(name: string, argument: string, x: unknown): asserts x is Matrix {
  const { data, rows, cols } = (x ?? {}) as Partial<Matrix>;
  const isPlain = tagOf(data) === 'Float32Array';
  if (!isPlain || typeof rows !== 'number' || typeof cols !== 'number') {
    typeError(name, argument, 'a matrix { data: Float32Array, rows, cols }', x);
  }
  readMatrix(name, argument, { data: data as Float32Array, rows, cols });
}

/** Checks a number of labels per class; infinitely many are all. */
function checkPerClass(name: string, argument: string, value: unknown): number {
  if (value === Number.POSITIVE_INFINITY) return value;
  return integerIn(1)(name, argument, value);
}

/**
 * Samples the rows that carry a label: `perClass` of each class, the same ones for all embeddings of
 * the same images.
 *
 * @param labels class of each row
 * @param perClass rows per class; Infinity is all
 * @param seed seed of the random numbers
 * @param draw index of the draw: each is another sample
 * @param options none
 * @returns indices of rows, class by class
 * @throws {TypeError | RangeError} if an argument is not valid
 */
export function sampleLabeled(
  labels: ArrayLike<number>,
  perClass: number,
  seed = 0,
  draw = 0,
  options?: NoOptions,
): number[] {
  checkNoOptions('sampleLabeled', options);
  checkIntegers('sampleLabeled', 'labels', labels);
  checkPerClass('sampleLabeled', 'perClass', perClass);
  checkInteger('sampleLabeled', 'seed', seed);
  checkInteger('sampleLabeled', 'draw', draw);
  const classes = new Map<number, number[]>();
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row] as number;
    const rows = classes.get(label) ?? [];
    rows.push(row);
    classes.set(label, rows);
  }
  const random = new Random(seed, STREAMS.labeled, draw);
  return [...classes.keys()]
    .sort((a, b) => a - b)
    .flatMap((label) => random.shuffle(classes.get(label) as number[]).slice(0, perClass));
}

/** Fraction of rows whose label is the predicted one. */
function accuracyOf(predicted: ArrayLike<number>, labels: ArrayLike<number>): number {
  let hits = 0;
  for (let i = 0; i < labels.length; i++) if (predicted[i] === labels[i]) hits++;
  return hits / labels.length;
}

/**
 * Evaluates embeddings with few labels.
 *
 * @param data embeddings with labels, to train on and to test with
 * @param counts numbers of labels per class; Infinity is all
 * @param options seed, draws
 * @returns accuracies for each of the counts
 * @throws {TypeError | RangeError} if an argument is not valid
 * @example const [few] = fewShotAccuracy({ train, trainLabels, test, testLabels }, [10]);
 */
export function fewShotAccuracy(
  data: LabeledEmbeddings,
  counts: readonly number[],
  options?: FewShotOptions,
): FewShotAccuracy[] {
  const reader = readOptions('fewShotAccuracy', options);
  const seed = reader.read('seed', checkInteger, 0);
  const draws = reader.read('draws', integerIn(1), 5);
  reader.done();
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    typeError('fewShotAccuracy', 'data', 'embeddings with labels', data);
  }
  checkPlainMatrix('fewShotAccuracy', 'train', data.train);
  if (!Array.isArray(counts)) typeError('fewShotAccuracy', 'counts', 'an array', counts);
  for (const [i, count] of counts.entries())
    checkPerClass('fewShotAccuracy', `counts[${i}]`, count);
  const { train, trainLabels, test, testLabels } = data;
  if (trainLabels?.length !== train?.rows) {
    rangeError('fewShotAccuracy', 'trainLabels', 'one per row of train', trainLabels?.length);
  }
  return counts.map((perClass) => {
    const first = sampleLabeled(trainLabels, perClass, seed);
    // Where all rows are labeled, every draw is the same one.
    const times = first.length === trainLabels.length ? 1 : draws;
    const results = Array.from({ length: times }, (_, draw) => {
      const rows = draw === 0 ? first : sampleLabeled(trainLabels, perClass, seed, draw);
      const known = selectRows(train, rows);
      const labels = rows.map((row) => trainLabels[row] as number);
      const k = Math.min(NEIGHBORS, Number.isFinite(perClass) ? perClass : NEIGHBORS, rows.length);
      return {
        probe: linearProbe(known, labels, test, testLabels).accuracy,
        knn: accuracyOf(knnClassify(known, labels, test, { k }), testLabels),
      };
    });
    const mean = (key: 'probe' | 'knn'): number =>
      results.reduce((sum, result) => sum + result[key], 0) / times;
    return { perClass, probe: mean('probe'), knn: mean('knn'), draws: results.map((r) => r.probe) };
  });
}
