/**
 * Diagnostics of a contrastive model, in numbers that a loss does not show: whether views of one
 * image agree, whether different images are told apart, and whether the embedding has collapsed.
 */

import { type Matrix, readMatrix } from '../../core/matrix.js';
import { checkNoOptions } from '../../core/options.js';
import { type NoOptions, typeError } from '../../core/validation.js';
import { alignment, effectiveRank, uniformity } from '../../evaluate/embedding-space.js';
import { normalize } from '../../linalg/similarity.js';

/** Numbers that tell a useful embedding from a collapsed one. */
export interface EmbeddingDiagnostics {
  /** Mean squared distance of two views of an image, on the unit sphere: 0 where they agree. */
  alignment: number;
  /** Log of the mean exp(−2 d²) over all pairs: 0 where all are one point, lower the more even. */
  uniformity: number;
  /** Number of directions that the embedding makes use of. */
  effectiveRank: number;
  /** Mean cosine of two views of an image. */
  positiveSimilarity: number;
  /** Mean cosine of two different images. */
  negativeSimilarity: number;
  /** 1 where all images have become alike, or nearly all of one direction; else 0. */
  collapsed: number;
}

/** Above this cosine of different images, or below this many directions, it has collapsed. */
const COLLAPSED_COSINE = 0.95;
const COLLAPSED_RANK = 1.5;

/**
 * Computes diagnostics of an embedding from two views of each image.
 *
 * @param first one view of each image, (n, d)
 * @param second another view of each, (n, d)
 * @param options none
 * @returns the diagnostics
 * @throws {TypeError | RangeError} if they are not two matrices of one shape
 * @see https://arxiv.org/abs/2005.10242
 */
export function embeddingDiagnostics(
  first: Matrix,
  second: Matrix,
  options?: NoOptions,
): EmbeddingDiagnostics {
  checkNoOptions('embeddingDiagnostics', options);
  readMatrix('embeddingDiagnostics', 'first', first);
  readMatrix('embeddingDiagnostics', 'second', second);
  const distance = alignment(first, second);
  const rank = effectiveRank(first);
  const negativeSimilarity = meanCosine(first);
  return {
    alignment: distance,
    uniformity: uniformity(first),
    effectiveRank: rank,
    positiveSimilarity: 1 - distance / 2,
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

/**
 * Formats diagnostics as a line of text.
 *
 * @param diagnostics result of `embeddingDiagnostics`
 * @param options none
 * @returns the line, which says so if the embedding has collapsed
 * @throws {TypeError} if it is not a result of `embeddingDiagnostics`
 */
export function formatEmbeddingDiagnostics(
  diagnostics: EmbeddingDiagnostics,
  options?: NoOptions,
): string {
  checkNoOptions('formatEmbeddingDiagnostics', options);
  if (typeof diagnostics?.effectiveRank !== 'number') {
    const what = 'a result of embeddingDiagnostics';
    typeError('formatEmbeddingDiagnostics', 'diagnostics', what, diagnostics);
  }
  const { positiveSimilarity, negativeSimilarity } = diagnostics;
  const line = [
    `alignment ${diagnostics.alignment.toFixed(3)}`,
    `uniformity ${diagnostics.uniformity.toFixed(2)}`,
    `effective rank ${diagnostics.effectiveRank.toFixed(1)}`,
    `cosine of views ${positiveSimilarity.toFixed(2)}, of images ${negativeSimilarity.toFixed(2)}`,
  ].join(', ');
  return diagnostics.collapsed === 0
    ? line
    : `COLLAPSED: all images have become alike; try a lower --lr or a larger --batch-size (${line})`;
}
