/**
 * Label propagation (Zhou et al., 2004, "Learning with local and global consistency"): few labels
 * spread over a graph of nearest neighbors to all rows without labels, and a classifier learns from
 * all of them.
 */

import type * as nearfar from 'nearfar';
import type { LabeledEmbeddings } from 'nearfar/models';

/** Public functions, imported from wherever they are. */
type Api = Pick<typeof nearfar, 'topK' | 'linearProbe' | 'knnClassify'>;
type PcaApi = Pick<typeof nearfar, 'pca' | 'pcaTransform'>;

const NEIGHBORS = 10;
/** Fraction of a row's scores that comes from its neighbors, in each iteration. */
const ALPHA = 0.99;
const ITERATIONS = 300;
/** Principal components that rows are whitened to. */
const COMPONENTS = 64;

/** Edges of a graph: `to[e]` and `weight[e]` for e from `first[row]` to `first[row + 1]`. */
interface Graph {
  first: Int32Array;
  to: Int32Array;
  weight: Float64Array;
}

/**
 * Turns rows into principal components of the training rows, each divided by the fourth root of its
 * variance, so that few directions of large variance do not decide alone which rows are near.
 */
export function whitened(
  { pca, pcaTransform }: PcaApi,
  { train, test, ...labels }: LabeledEmbeddings,
): LabeledEmbeddings {
  const components = Math.min(COMPONENTS, train.rows, train.cols);
  const fitted = pca(train, { components });
  const factors = fitted.explainedVariance.map((variance) => Math.max(variance, 1e-12) ** -0.25);
  const whiten = (rows: nearfar.Matrix): nearfar.Matrix => {
    const projected = pcaTransform(rows, fitted);
    const data = projected.data.map((value, i) => value * (factors[i % components] as number));
    return { ...projected, data };
  };
  return { train: whiten(train), test: whiten(test), ...labels };
}

/** Connects each row with its nearest ones, both ways, normalized by the square roots of degrees. */
function neighborGraph({ topK }: Api, rows: nearfar.Matrix): Graph {
  const count = rows.rows;
  const k = Math.min(NEIGHBORS + 1, count);
  const { indices, scores } = topK(rows, rows, k);
  const edges = Array.from({ length: count }, () => new Map<number, number>());
  const add = (from: number, to: number, weight: number): void => {
    const own = edges[from] as Map<number, number>;
    own.set(to, (own.get(to) ?? 0) + weight);
  };
  for (let i = 0; i < count * k; i++) {
    const [row, other] = [Math.floor(i / k), indices[i] as number];
    const cosine = Math.max(0, scores[i] as number);
    if (other === row) continue;
    // Nearer neighbors count more.
    const weight = cosine * cosine * cosine;
    add(row, other, weight);
    add(other, row, weight);
  }
  const degrees = edges.map((own) => {
    let sum = 1e-9;
    for (const weight of own.values()) sum += weight;
    return Math.sqrt(sum);
  });
  const first = new Int32Array(count + 1);
  edges.forEach((own, row) => {
    first[row + 1] = (first[row] as number) + own.size;
  });
  const to = Int32Array.from(edges.flatMap((own) => [...own.keys()]));
  const weight = Float64Array.from(
    edges.flatMap((own, row) =>
      Array.from(own, ([other, value]) => {
        return value / (degrees[row] as number) / (degrees[other] as number);
      }),
    ),
  );
  return { first, to, weight };
}

/**
 * Spreads labels over a graph.
 *
 * @param labels class of each row, −1 where it is not known
 * @returns class of each row
 */
function spread({ first, to, weight }: Graph, labels: Int32Array, classes: number): Int32Array {
  const count = labels.length;
  let scores = new Float64Array(count * classes);
  for (let step = 0; step < ITERATIONS; step++) {
    const next = new Float64Array(count * classes);
    for (let row = 0; row < count; row++) {
      const at = row * classes;
      for (let e = first[row] as number; e < (first[row + 1] as number); e++) {
        const [from, factor] = [(to[e] as number) * classes, ALPHA * (weight[e] as number)];
        for (let c = 0; c < classes; c++) {
          next[at + c] = (next[at + c] as number) + factor * (scores[from + c] as number);
        }
      }
      const own = labels[row] as number;
      if (own >= 0) next[at + own] = (next[at + own] as number) + (1 - ALPHA);
    }
    scores = next;
  }
  // A class in a denser part of the graph would get more rows than its own.
  const totals = new Float64Array(classes).fill(1e-9);
  for (let i = 0; i < scores.length; i++) {
    totals[i % classes] = (totals[i % classes] as number) + (scores[i] as number);
  }
  return labels.map((own, row) => {
    if (own >= 0) return own;
    let best = 0;
    const score = (c: number): number =>
      (scores[row * classes + c] as number) / (totals[c] as number);
    for (let c = 1; c < classes; c++) if (score(c) > score(best)) best = c;
    return best;
  });
}

/** Classifiers of the test rows that learn from labels spread to all training rows. */
export interface Propagation {
  /** Accuracy of a linear probe, where these training rows have labels. */
  probe(labeled: readonly number[]): number;
  /** Accuracy of k-NN. */
  knn(labeled: readonly number[]): number;
}

/** Connects the training rows, so that labels of some of them can be spread. */
export function labelPropagation(
  api: Api,
  { train, trainLabels, test, testLabels }: LabeledEmbeddings,
): Propagation {
  const graph = neighborGraph(api, train);
  const classes = Math.max(...Array.from(trainLabels)) + 1;
  const spreadFrom = (labeled: readonly number[]): Int32Array => {
    const known = new Int32Array(train.rows).fill(-1);
    for (const row of labeled) known[row] = trainLabels[row] as number;
    return spread(graph, known, classes);
  };
  return {
    probe: (labeled) => api.linearProbe(train, spreadFrom(labeled), test, testLabels).accuracy,
    knn(labeled) {
      const found = api.knnClassify(train, spreadFrom(labeled), test, { k: NEIGHBORS });
      return found.filter((label, i) => label === testLabels[i]).length / test.rows;
    },
  };
}
