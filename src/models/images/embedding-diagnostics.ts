/**
 * How a contrastive model fares, in numbers that a loss does not show: whether views of one image
 * agree, whether different images are told apart, and whether the embedding has collapsed.
 */

import { alignment, effectiveRank, type Matrix, normalize, uniformity } from '../../index.js';

export interface EmbeddingDiagnostics {
  /** Mean squared distance of two views of a image, on the unit sphere: 0 where they agree. */
  alignment: number;
  /** Log of the mean exp(−2 d²) over all pairs: 0 where all are one point, lower the more even. */
  uniformity: number;
  /** Directions that the embedding makes use of. */
  effectiveRank: number;
  /** Mean cosine of two views of a image, and of two images. */
  positiveSimilarity: number;
  negativeSimilarity: number;
  /** 1 where all images have become alike, or nearly all of one direction. */
  collapsed: number;
}

/** Above this cosine of different images, and below this many directions, it has collapsed. */
const COLLAPSED_COSINE = 0.95;
const COLLAPSED_RANK = 1.5;

/** @param first (n, d) one view of each image @param second (n, d) another one */
export function embeddingDiagnostics(first: Matrix, second: Matrix): EmbeddingDiagnostics {
  const apart = alignment(first, second);
  const rank = effectiveRank(first);
  const negativeSimilarity = meanCosine(first);
  return {
    alignment: apart,
    uniformity: uniformity(first),
    effectiveRank: rank,
    positiveSimilarity: 1 - apart / 2,
    negativeSimilarity,
    collapsed: negativeSimilarity > COLLAPSED_COSINE || rank < COLLAPSED_RANK ? 1 : 0,
  };
}

/** Mean cosine of two different rows: the sum of all rows, squared, less each row's own square. */
function meanCosine(x: Matrix): number {
  const { data, rows, cols } = normalize(x);
  const sums = new Float64Array(cols);
  for (let i = 0; i < data.length; i++)
    sums[i % cols] = (sums[i % cols] as number) + (data[i] as number);
  const all = sums.reduce((total, sum) => total + sum * sum, 0);
  const own = data.reduce((total, value) => total + value * value, 0);
  return (all - own) / (rows * (rows - 1));
}

/** The same in a line. */
export function formatEmbeddingDiagnostics(health: EmbeddingDiagnostics): string {
  const { alignment: apart, uniformity: spread, effectiveRank: rank, collapsed } = health;
  const line = [
    `alignment ${apart.toFixed(3)}`,
    `uniformity ${spread.toFixed(2)}`,
    `effective rank ${rank.toFixed(1)}`,
    `cosine of views ${health.positiveSimilarity.toFixed(2)}, of images ${health.negativeSimilarity.toFixed(2)}`,
  ].join(', ');
  return collapsed === 0
    ? line
    : `COLLAPSED: all images have become alike; try a lower --lr or a larger --batch-size (${line})`;
}
