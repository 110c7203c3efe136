/**
 * How good embeddings are, by the simplest classifier there is: a picture gets the label of its
 * nearest labelled neighbour. With few labels this is what good embeddings are for.
 */

import { cosineSimilarityMatrix, type Matrix } from '../../index.js';
import { Random } from '../../random.js';
import { mean } from './numbers.js';

const DRAWS = 10;
const STREAM = 4;

export interface Embedded {
  /** Embeddings whose labels may be asked for, and those to be classified. */
  known: Matrix;
  heldOut: Matrix;
}

export interface Accuracy {
  labelsPerClass: number;
  /** Mean over draws of the labelled pictures. */
  mean: number;
  /** The lowest and the highest of the draws. */
  range: [number, number];
}

/**
 * Accuracy on held-out rows by the number of labels a class. Which rows are labelled is drawn ten
 * times, the same ones for all embeddings with the same seed.
 */
export function accuracyByLabels(
  { known, heldOut }: Embedded,
  knownLabels: ArrayLike<number>,
  heldOutLabels: ArrayLike<number>,
  counts: readonly number[],
  seed: number,
): Accuracy[] {
  const similarity = cosineSimilarityMatrix(heldOut, known);
  const classes = rowsByLabel(knownLabels);
  const most = Math.min(...classes.map((rows) => rows.length));
  return counts
    .filter((count) => count <= most)
    .map((labelsPerClass) => {
      const accuracies = Array.from({ length: DRAWS }, (_, draw) => {
        const random = new Random(seed, STREAM, labelsPerClass, draw);
        const labelled = classes.flatMap((rows) =>
          random.shuffle([...rows]).slice(0, labelsPerClass),
        );
        return share(similarity, labelled, knownLabels, heldOutLabels);
      });
      const range: [number, number] = [Math.min(...accuracies), Math.max(...accuracies)];
      return { labelsPerClass, mean: mean(accuracies), range };
    });
}

function rowsByLabel(labels: ArrayLike<number>): number[][] {
  const classes: number[][] = [];
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row] as number;
    const rows = classes[label] ?? [];
    rows.push(row);
    classes[label] = rows;
  }
  return classes;
}

/** Share of the rows of `similarity` whose best labelled column has their label. */
function share(
  similarity: Matrix,
  labelled: readonly number[],
  columnLabels: ArrayLike<number>,
  rowLabels: ArrayLike<number>,
): number {
  let hits = 0;
  for (let row = 0; row < similarity.rows; row++) {
    const start = row * similarity.cols;
    let best = labelled[0] as number;
    for (const column of labelled) {
      const nearer =
        (similarity.data[start + column] as number) - (similarity.data[start + best] as number);
      if (nearer > 0) best = column;
    }
    if (columnLabels[best] === rowLabels[row]) hits++;
  }
  return hits / similarity.rows;
}
