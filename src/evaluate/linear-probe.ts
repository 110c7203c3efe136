/** Linear probes: how well a linear classifier of embeddings does on held-out rows. */

import { copyIn, type MatrixLike, type NumberArray, readMatrix } from '../core/matrix.js';
import { scoped } from '../core/memory.js';
import { checkIntegers, type Labels, rangeError } from '../core/validation.js';
import { fit, type LinearClassifier, type LogisticOptions } from './classifier.js';

/** Result of {@link linearProbe}. */
export interface LinearProbe {
  /** Fraction of the test rows that are predicted right. */
  accuracy: number;
  /** One label per test row. */
  predictions: Int32Array;
  /** The fitted classifier. */
  classifier: LinearClassifier;
}

/**
 * Fits a linear classifier to training rows and measures its accuracy on test rows.
 *
 * @param train (n, d) f32
 * @param labels n whole numbers, of at least two classes
 * @param test (m, d) f32, or one vector
 * @param testLabels m whole numbers; one that `labels` doesn't have is never predicted
 * @param options l2, classWeight
 * @returns accuracy, predictions and the classifier
 * @throws {RangeError} if the widths differ or there is not one label per row
 * @example const { accuracy } = linearProbe(train, labels, test, testLabels);
 */
export function linearProbe(
  train: MatrixLike,
  labels: Labels,
  test: MatrixLike | NumberArray,
  testLabels: Labels,
  options?: LogisticOptions,
): LinearProbe {
  const name = 'linearProbe';
  const trainInput = readMatrix(name, 'train', train);
  const testInput = readMatrix(name, 'test', test, true);
  const { rows, cols } = testInput;
  if (cols !== trainInput.cols)
    rangeError(name, 'test', `${trainInput.cols} wide like train`, cols);
  const expected = checkIntegers(name, 'testLabels', testLabels, {
    of: rows,
    what: 'the rows of test',
  });
  // Numbers that can't be predicted from are found before the fit, not after it.
  scoped((scope) => copyIn(scope, testInput));
  const classifier = fit(name, ['train', 'labels'], train, labels, options);
  const predictions = classifier.predict(test);
  const correct = predictions.filter((label, i) => label === expected[i]).length;
  return { accuracy: correct / rows, predictions, classifier };
}
