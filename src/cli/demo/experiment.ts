/**
 * The reference experiment: 24 random points of three classes, 200 triplets that each move an
 * anchor, and what NumPy recorded of it. Then the same start trained by full gradients, of the
 * triplet loss and of NT-Xent.
 */

import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
import {
  cosineSimilarityMatrix,
  type Matrix,
  ntXent,
  ntXentGrad,
  type Pca,
  pca,
  tripletUpdate,
} from '../../index.js';
import { Adam } from './adam.js';
import recorded from './experiment.json' with { type: 'json' };

export { recorded };

const { classes, perClass, dimensions, learningRate, margin, temperature } = recorded;
const ROWS = classes * perClass;

/** The recorded embeddings before training, (24, 32). */
export function start(): Matrix {
  return { data: Float32Array.from(recorded.initial), rows: ROWS, cols: dimensions };
}

/** Results of the recorded experiment, computed here. */
export interface Repeated {
  losses: Float32Array;
  final: Matrix;
  ntXentBefore: number;
  ntXentAfter: number;
  pca: Pca;
}

/** The experiment with the anchor rule, on the recorded triplets. */
export function repeat(): Repeated {
  const embeddings = start();
  const ntXentBefore = ntXent(embeddings, { temperature });
  const losses = tripletUpdate(embeddings, recorded.triplets, { learningRate, margin });
  const ntXentAfter = ntXent(embeddings, { temperature });
  return { losses, final: embeddings, ntXentBefore, ntXentAfter, pca: pca(embeddings) };
}

/** Results of a training run. */
export interface Trained {
  losses: number[];
  final: Matrix;
}

/** Triplets drawn as there, but never of a point with itself, by the whole gradient. */
export function trainTriplets(seed: number, count: number): Trained {
  const random = new Random(seed, STREAMS.experimentTriplets);
  const triplets: number[] = [];
  for (let i = 0; i < count; i++) {
    const own = random.integer(classes);
    const other = (own + 1 + random.integer(classes - 1)) % classes;
    const anchor = random.integer(perClass);
    const positive = (anchor + 1 + random.integer(perClass - 1)) % perClass;
    const negative = random.integer(perClass);
    triplets.push(own * perClass + anchor, own * perClass + positive, other * perClass + negative);
  }
  const final = start();
  const losses = tripletUpdate(final, triplets, { learningRate, margin, rule: 'gradient' });
  return { losses: [...losses], final };
}

/** Rows in an order where the second half holds a class-mate of each row of the first. */
function pairOrder(members: (own: number) => number[]): number[] {
  const first: number[] = [];
  const second: number[] = [];
  for (let own = 0; own < classes; own++) {
    const rows = members(own);
    first.push(...rows.slice(0, perClass / 2));
    second.push(...rows.slice(perClass / 2));
  }
  return [...first, ...second];
}

function members(own: number): number[] {
  return Array.from({ length: perClass }, (_, i) => own * perClass + i);
}

function gather(x: Matrix, order: readonly number[]): Matrix {
  const data = new Float32Array(order.length * x.cols);
  order.forEach((row, i) => {
    data.set(x.data.subarray(row * x.cols, (row + 1) * x.cols), i * x.cols);
  });
  return { data, rows: order.length, cols: x.cols };
}

/** NT-Xent by Adam; each step pairs every point with another of its class, drawn again. */
export function trainNtXent(seed: number, count: number, rate: number): Trained {
  const final = start();
  const adam = new Adam([final.data]);
  const losses: number[] = [];
  for (let step = 0; step < count; step++) {
    const random = new Random(seed, STREAMS.experimentPairs, step);
    const order = pairOrder((own) => random.shuffle(members(own)));
    const { loss, grad } = ntXentGrad(gather(final, order), { temperature });
    const gradient = new Float32Array(final.data.length);
    order.forEach((row, i) => {
      gradient.set(grad.data.subarray(i * dimensions, (i + 1) * dimensions), row * dimensions);
    });
    adam.step([gradient], rate);
    losses.push(loss);
  }
  return { losses, final };
}

/** NT-Xent where each class is one point and classes are as far apart as three can be. */
export function bestNtXent(): number {
  const corners = [
    [1, 0],
    [-0.5, Math.sqrt(3) / 2],
    [-0.5, -Math.sqrt(3) / 2],
  ];
  const rows = Array.from({ length: ROWS }, (_, row) => corners[row % classes] as number[]);
  return ntXent(rows, { temperature });
}

/** Measures of how well classes are separated. */
export interface Separation {
  /** Fraction of points whose nearest other point is of their class. */
  neighbors: number;
  /** Mean cosine of two points of one class. */
  within: number;
  /** Mean cosine of two points of different classes. */
  between: number;
  /** NT-Xent with class-mates as pairs. */
  classPairs: number;
  /** NT-Xent with rows that are 12 apart as pairs: row i and row i + 12. */
  offsetPairs: number;
}

/** Measures how far apart the classes are. */
export function separation(x: Matrix): Separation {
  const similarity = cosineSimilarityMatrix(x).data;
  const sums = { within: 0, between: 0 };
  const counts = { within: 0, between: 0 };
  let hits = 0;
  for (let i = 0; i < ROWS; i++) {
    let nearest = -1;
    for (let j = 0; j < ROWS; j++) {
      if (j === i) continue;
      const cosine = similarity[i * ROWS + j] as number;
      if (nearest < 0 || cosine > (similarity[i * ROWS + nearest] as number)) nearest = j;
      const which = classOf(i) === classOf(j) ? 'within' : 'between';
      sums[which] += cosine;
      counts[which]++;
    }
    if (classOf(nearest) === classOf(i)) hits++;
  }
  return {
    neighbors: hits / ROWS,
    within: sums.within / counts.within,
    between: sums.between / counts.between,
    classPairs: ntXent(gather(x, pairOrder(members)), { temperature }),
    offsetPairs: ntXent(x, { temperature }),
  };
}

/** Returns the class of a row. */
export function classOf(row: number): number {
  return Math.floor(row / perClass);
}
