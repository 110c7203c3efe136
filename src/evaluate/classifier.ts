/** A linear classifier of embeddings, fitted by logistic regression, that predicts and can be saved. */

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
import { checkNoOptions } from '../core/options.js';
import { gemm } from '../core/products.js';
import { readSafetensors, writeSafetensors } from '../core/safetensors.js';
import {
  checkIntegers,
  isNumberArray,
  type Labels,
  type NoOptions,
  rangeError,
  typeError,
} from '../core/validation.js';
import {
  type ClassWeight,
  fitLogistic,
  type LogisticOptions,
  readLogisticOptions,
} from './logistic.js';

export type { ClassWeight, LogisticOptions };

/**
 * A linear layer and softmax over classes, as {@link fitClassifier} finds it.
 *
 * @example
 * const classifier = fitClassifier(embeddings, labels);
 * const predictions = classifier.predict(newEmbeddings);
 */
export class LinearClassifier {
  /** (classes, d) */
  readonly weight: Matrix;
  /** One number per class. */
  readonly bias: Float32Array;
  /** The label of each class, in rising order. */
  readonly classes: Int32Array;

  /**
   * @param weight (classes, d) f32
   * @param bias one number per class
   * @param classes label of each class, in rising order
   * @throws {RangeError} if the sizes differ or labels are not in rising order
   */
  constructor(weight: MatrixLike, bias: NumberArray, classes: Labels) {
    const name = 'LinearClassifier';
    const input = readMatrix(name, 'weight', weight);
    const { rows } = input;
    if (!isNumberArray(bias)) typeError(name, 'bias', 'an array of numbers', bias);
    const row = readMatrix(name, 'bias', bias, true);
    if (row.rows !== 1 || row.cols !== rows) {
      rangeError(name, 'bias', `${rows} long (the rows of weight)`, bias.length);
    }
    const labels = checkIntegers(name, 'classes', classes, {
      of: rows,
      what: 'the rows of weight',
    });
    for (let i = 1; i < rows; i++) {
      if ((labels[i] as number) > (labels[i - 1] as number)) continue;
      rangeError(name, `classes[${i}]`, `greater than the one before it`, labels[i]);
    }
    this.weight = copyOf(input);
    this.bias = copyOf(row).data;
    this.classes = Int32Array.from(labels);
  }

  /**
   * Predicts the most probable label of each row; of equally probable ones the lowest.
   *
   * @param x (n, d) f32, or one vector
   * @param options none yet
   * @returns n labels
   * @throws {RangeError} if x has another width or a value is not finite
   */
  predict(x: MatrixLike | NumberArray, options?: NoOptions): Int32Array {
    const input = readInput('predict', this, x);
    checkNoOptions('predict', options);
    const { rows } = input;
    return scoped((scope) => {
      const indices = scope.i32(rows);
      const logits = computeLogits(scope, this, input);
      kernels(analysisCode).argmaxRows(indices, logits, rows, this.classes.length);
      const found = i32().subarray(indices / 4, indices / 4 + rows);
      return Int32Array.from(found, (index) => this.classes[index] as number);
    });
  }

  /**
   * Predicts the probabilities of all classes.
   *
   * @param x (n, d) f32, or one vector
   * @param options none yet
   * @returns (n, classes), columns in the order of `classes`
   * @throws {RangeError} if x has another width or a value is not finite
   */
  predictProba(x: MatrixLike | NumberArray, options?: NoOptions): Matrix {
    const input = readInput('predictProba', this, x);
    checkNoOptions('predictProba', options);
    const count = this.classes.length;
    return scoped((scope) => {
      const logits = computeLogits(scope, this, input);
      kernels().softmaxRows(logits, logits, input.rows, count);
      return copyOut('predictProba', logits, input.rows, count);
    });
  }

  /**
   * Writes a safetensors file: `weight`, `bias`, and the classes in its header.
   *
   * @returns the bytes of the file
   */
  save(): Uint8Array {
    const { weight, bias, classes } = this;
    const arrays = new Map([
      ['weight', { data: weight.data, shape: [weight.rows, weight.cols] }],
      ['bias', { data: bias, shape: [bias.length] }],
    ]);
    return writeSafetensors(arrays, { classes: JSON.stringify([...classes]) });
  }

  /**
   * Reads a classifier that {@link save} wrote.
   *
   * @param bytes the file
   * @returns the classifier, with the same predictions
   * @throws {RangeError} if the bytes are not a valid file of one
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

/** Copies a matrix. */
function copyOf(input: MatrixInput): Matrix {
  return scoped((scope) => copyOut(input.name, copyIn(scope, input), input.rows, input.cols));
}

function readInput(name: string, { weight }: LinearClassifier, x: unknown): MatrixInput {
  const input = readMatrix(name, 'x', x, true);
  if (input.cols !== weight.cols)
    rangeError(name, 'x', `${weight.cols} wide like weight`, input.cols);
  return input;
}

/** Computes logits, (n, classes). */
function computeLogits(
  scope: Scope,
  { weight, bias }: LinearClassifier,
  input: MatrixInput,
): Pointer {
  const { rows: count, cols } = weight;
  const { rows } = input;
  const x = copyIn(scope, input);
  const w = copyIn(scope, readMatrix('LinearClassifier', 'weight', weight));
  const b = copyIn(scope, readMatrix('LinearClassifier', 'bias', bias, true));
  const logits = scope.f32(rows * count);
  kernels(analysisCode).fillRows(logits, b, rows, count);
  gemm(logits, x, w, rows, count, cols, false, true, true);
  return logits;
}

/**
 * Fits a linear classifier by multinomial logistic regression, to its optimum.
 *
 * It minimizes the sum of the rows' cross-entropies plus l2 / 2 times the sum of the squares of the
 * weights, without those of the bias: scikit-learn's
 * `LogisticRegression(multi_class='multinomial', C=1 / l2)`.
 *
 * @param x (n, d) f32
 * @param labels n whole numbers, of at least two classes
 * @param options l2, classWeight
 * @returns the classifier
 * @throws {RangeError} if there is not one label per row, or all are equal
 * @example const classifier = fitClassifier(embeddings, labels, { classWeight: 'balanced' });
 */
export function fitClassifier(
  x: MatrixLike,
  labels: Labels,
  options?: LogisticOptions,
): LinearClassifier {
  return fit('fitClassifier', ['x', 'labels'], x, labels, options);
}

/** Fits a classifier, whatever the function and its arguments are called in messages. */
export function fit(
  name: string,
  [xName, labelsName]: readonly [string, string],
  x: unknown,
  labels: unknown,
  options: unknown,
): LinearClassifier {
  const input = readMatrix(name, xName, x);
  const length = { of: input.rows, what: `the rows of ${xName}` };
  const classes = indexLabels(checkIntegers(name, labelsName, labels, length));
  const settings = readLogisticOptions(name, classes, options);
  if (classes.classes.length < 2) {
    throw new RangeError(`${name}: ${labelsName} must be of at least two classes`);
  }
  const { weight, bias } = fitLogistic(name, input, classes, settings);
  return new LinearClassifier(weight, bias, classes.classes);
}
