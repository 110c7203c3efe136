/** Multinomial logistic regression on embeddings, as an object that predicts and can be saved. */

import analysisCode from '#wasm/analysis';
import { kernels } from '../core/kernels.js';
import { indexLabels } from '../core/labels.js';
import {
  copyIn,
  copyOut,
  type Matrix,
  type MatrixInput,
  type MatrixLike,
  type NumberArray,
  readMatrix,
} from '../core/matrix.js';
import { i32, type Pointer, type Scope, scoped } from '../core/memory.js';
import { multiply } from '../core/products.js';
import { readSafetensors, writeSafetensors } from '../core/safetensors.js';
import {
  checkIntegers,
  checkOptions,
  isNumberArray,
  rangeError,
  typeError,
} from '../core/validation.js';
import { type ClassWeight, fitLogistic, type LogisticOptions, readLogistic } from './logistic.js';

export type { ClassWeight, LogisticOptions };

/** A linear layer and softmax: what {@link fitClassifier} finds. */
export class LinearClassifier {
  /** (classes, d) */
  readonly weight: Matrix;
  /** One number a class. */
  readonly bias: Float32Array;
  /** The label of each class, in rising order. */
  readonly classes: Int32Array;

  /**
   * @param weight (classes, d)
   * @param bias one number a class
   * @param classes the label of each class, in rising order
   */
  constructor(weight: MatrixLike, bias: NumberArray, classes: ArrayLike<number>) {
    const name = 'LinearClassifier';
    const source = readMatrix(name, 'weight', weight);
    const { rows } = source;
    if (!isNumberArray(bias)) typeError(name, 'bias', 'an array of numbers', bias);
    const row = readMatrix(name, 'bias', bias, true);
    if (row.rows !== 1 || row.cols !== rows) {
      rangeError(name, 'bias', `${rows} long (the rows of weight)`, bias.length);
    }
    checkIntegers(name, 'classes', classes, { of: rows, what: 'the rows of weight' });
    for (let i = 1; i < rows; i++) {
      if ((classes[i] as number) > (classes[i - 1] as number)) continue;
      rangeError(name, `classes[${i}]`, `greater than the one before it`, classes[i]);
    }
    this.weight = copyOf(source);
    this.bias = copyOf(row).data;
    this.classes = Int32Array.from(classes);
  }

  /**
   * The likeliest label of each row; of equally likely ones the lower.
   *
   * @param x (n, d), or one vector
   * @returns n labels
   */
  predict(x: MatrixLike | NumberArray): Int32Array {
    const source = readInput('predict', this, x);
    return scoped((scope) => {
      const places = scope.i32(source.rows);
      kernels(analysisCode).argmaxRows(
        places,
        logitsOf(scope, this, source),
        source.rows,
        this.classes.length,
      );
      const found = i32().subarray(places / 4, places / 4 + source.rows);
      return Int32Array.from(found, (place) => this.classes[place] as number);
    });
  }

  /**
   * Probabilities of the classes.
   *
   * @param x (n, d), or one vector
   * @returns (n, classes), columns in the order of `classes`
   */
  predictProba(x: MatrixLike | NumberArray): Matrix {
    const source = readInput('predictProba', this, x);
    const count = this.classes.length;
    return scoped((scope) => {
      const logits = logitsOf(scope, this, source);
      kernels().softmaxRows(logits, logits, source.rows, count);
      return copyOut('predictProba', logits, source.rows, count);
    });
  }

  /** The bytes of a safetensors file: `weight`, `bias`, and the classes in its header. */
  save(): Uint8Array {
    const { weight, bias, classes } = this;
    const arrays = new Map([
      ['weight', { data: weight.data, shape: [weight.rows, weight.cols] }],
      ['bias', { data: bias, shape: [bias.length] }],
    ]);
    return writeSafetensors(arrays, { classes: JSON.stringify([...classes]) });
  }

  /**
   * The classifier of a file that {@link save} made.
   * @throws RangeError if the bytes are no sound file of one
   */
  static load(bytes: Uint8Array): LinearClassifier {
    const name = 'LinearClassifier.load';
    const { arrays, metadata } = readSafetensors(name, bytes);
    const [weight, bias] = [arrays.get('weight'), arrays.get('bias')];
    try {
      const { data, shape } = weight as NonNullable<typeof weight>;
      const classes = JSON.parse(metadata.classes as string);
      return new LinearClassifier({ data, dims: [...shape] }, bias?.data as Float32Array, classes);
    } catch (cause) {
      const what = 'the file of a classifier: weight (classes, d), bias (classes) and its classes';
      throw new RangeError(`${name}: bytes must be ${what}`, { cause });
    }
  }
}

/** A matrix as f32 of its own. */
function copyOf(source: MatrixInput): Matrix {
  return scoped((scope) => copyOut(source.name, copyIn(scope, source), source.rows, source.cols));
}

function readInput(name: string, { weight }: LinearClassifier, x: unknown): MatrixInput {
  const source = readMatrix(name, 'x', x, true);
  if (source.cols !== weight.cols) {
    rangeError(name, 'x', `${weight.cols} wide like weight`, source.cols);
  }
  return source;
}

/** (n, classes) */
function logitsOf(scope: Scope, { weight, bias }: LinearClassifier, source: MatrixInput): Pointer {
  const { rows: count, cols } = weight;
  const { rows } = source;
  const x = copyIn(scope, source);
  const w = copyIn(scope, readMatrix('LinearClassifier', 'weight', weight));
  const b = copyIn(scope, readMatrix('LinearClassifier', 'bias', bias, true));
  const logits = scope.f32(rows * count);
  kernels(analysisCode).fillRows(logits, b, rows, count);
  multiply(logits, x, w, rows, count, cols, false, true, true);
  return logits;
}

/**
 * Multinomial logistic regression, to its optimum: the smallest sum of the rows' cross-entropies
 * plus l2 / 2 times the sum of the squares of the weights, those of the bias left out. It is
 * scikit-learn's `LogisticRegression(multi_class='multinomial', C=1 / l2)`.
 *
 * @param x (n, d)
 * @param labels n whole numbers, of at least two kinds
 */
export function fitClassifier(
  x: MatrixLike,
  labels: ArrayLike<number>,
  options?: LogisticOptions,
): LinearClassifier {
  return fit('fitClassifier', ['x', 'labels'], x, labels, options);
}

function fit(
  name: string,
  [first, second]: readonly [string, string],
  x: unknown,
  labels: ArrayLike<number>,
  options: LogisticOptions | undefined,
): LinearClassifier {
  const source = readMatrix(name, first, x);
  checkIntegers(name, second, labels, { of: source.rows, what: `the rows of ${first}` });
  const found = indexLabels(labels);
  checkOptions(name, options, ['l2', 'classWeight']);
  const settings = readLogistic(name, found, options);
  if (found.classes.length < 2) {
    throw new RangeError(`${name}: ${second} must be of at least two kinds`);
  }
  const { weight, bias } = fitLogistic(name, source, found, settings);
  return new LinearClassifier(weight, bias, found.classes);
}

export interface LinearProbe {
  /** Share of the test rows that are predicted right. */
  accuracy: number;
  /** A label for each test row. */
  predictions: Int32Array;
  classifier: LinearClassifier;
}

/**
 * A linear probe: a classifier fitted to the rows and labels of one part, tried on another.
 *
 * @param train (n, d)
 * @param labels n whole numbers, of at least two kinds
 * @param test (m, d), or one vector
 * @param testLabels m whole numbers; one that `labels` doesn't have is never predicted
 */
export function linearProbe(
  train: MatrixLike,
  labels: ArrayLike<number>,
  test: MatrixLike | NumberArray,
  testLabels: ArrayLike<number>,
  options?: LogisticOptions,
): LinearProbe {
  const name = 'linearProbe';
  const trainSource = readMatrix(name, 'train', train);
  const testSource = readMatrix(name, 'test', test, true);
  const { rows, cols } = testSource;
  if (cols !== trainSource.cols) {
    rangeError(name, 'test', `${trainSource.cols} wide like train`, cols);
  }
  checkIntegers(name, 'testLabels', testLabels, { of: rows, what: 'the rows of test' });
  // Numbers that no prediction can be made of are found before the work, not after it.
  scoped((scope) => copyIn(scope, testSource));
  const classifier = fit(name, ['train', 'labels'], train, labels, options);
  const predictions = classifier.predict(test);
  const right = predictions.reduce((sum, label, i) => sum + (label === testLabels[i] ? 1 : 0), 0);
  return { accuracy: right / rows, predictions, classifier };
}
