/**
 * What embeddings are worth where labels are few: a linear probe and the nearest neighbors, on so
 * many labeled rows a class, judged on rows held out.
 */

import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
import { knnClassify, linearProbe, type Matrix } from '../../index.js';

/** Embeddings and labels to learn from, and to be judged by. */
export interface LabeledEmbeddings {
  train: Matrix;
  trainLabels: ArrayLike<number>;
  test: Matrix;
  testLabels: ArrayLike<number>;
}

export interface FewShotAccuracy {
  /** Labeled rows of each class, as many as there are where a class has fewer. */
  perClass: number;
  /** Mean accuracy over the draws of the labeled rows. */
  probe: number;
  knn: number;
  /** Accuracy of the probe in each draw. */
  draws: number[];
}

/** Neighbours that vote. */
const NEIGHBORS = 20;

/** Rows of a matrix. */
export function selectRows({ data, cols }: Matrix, rows: readonly number[]): Matrix {
  const chosen = new Float32Array(rows.length * cols);
  rows.forEach((row, i) => {
    chosen.set(data.subarray(row * cols, (row + 1) * cols), i * cols);
  });
  return { data: chosen, rows: rows.length, cols };
}

/**
 * Rows that carry a label: `perClass` of each class, drawn at random; the same ones for all
 * embeddings of the same images.
 */
export function sampleLabeled(
  labels: ArrayLike<number>,
  perClass: number,
  seed: number,
  draw = 0,
): number[] {
  const classes = new Map<number, number[]>();
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row] as number;
    const rows = classes.get(label) ?? [];
    rows.push(row);
    classes.set(label, rows);
  }
  const random = new Random(seed, STREAMS.labelled, draw);
  return [...classes.keys()]
    .sort((a, b) => a - b)
    .flatMap((label) => random.shuffle(classes.get(label) as number[]).slice(0, perClass));
}

/** Share of rows whose label is what was predicted. */
function accuracyOf(predicted: ArrayLike<number>, labels: ArrayLike<number>): number {
  let hits = 0;
  for (let i = 0; i < labels.length; i++) if (predicted[i] === labels[i]) hits++;
  return hits / labels.length;
}

/**
 * Accuracies by the number of labels a class.
 * @param counts numbers of labels; Infinity is all there are
 */
export function fewShotAccuracy(
  { train, trainLabels, test, testLabels }: LabeledEmbeddings,
  counts: readonly number[],
  { seed = 0, draws = 5 }: { seed?: number; draws?: number } = {},
): FewShotAccuracy[] {
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
    const mean = (what: 'probe' | 'knn'): number =>
      results.reduce((sum, result) => sum + result[what], 0) / times;
    return { perClass, probe: mean('probe'), knn: mean('knn'), draws: results.map((r) => r.probe) };
  });
}
