/** Whitening: the map under which rows vary alike in all directions, which needs no training. */

import { f32, scoped } from '../core/memory.js';
import { gemm } from '../core/products.js';
import type { ShapedArray } from '../core/safetensors.js';
import { principalComponents } from '../linalg/pca.js';
import type { Task } from './data.js';
import { selectRows } from './evaluate.js';

/** Rows that whitening is fitted on at most. */
const MAX_ROWS = 2048;
/** Columns at most: the work grows with their third power. */
export const MAX_WHITENING_WIDTH = 1024;
/** Fraction of the mean variance that is added to each, so that no direction of noise becomes large. */
const SHRINKAGE = 0.1;

/** Directions in which rows vary, and by how much. */
export interface Spectrum {
  /** (k, d) */
  readonly components: Float32Array;
  readonly variances: Float32Array;
  readonly width: number;
}

/** Finds the directions of the rows that are searched. */
export function spectrumOf(task: Task): Spectrum {
  const { rows, cols } = task.documents;
  const count = Math.min(rows, MAX_ROWS);
  const kept = Array.from({ length: count }, (_, i) => Math.floor((i * rows) / count));
  const rowsOf = selectRows(task.documents, kept);
  const { components, variances } = principalComponents(rowsOf, Math.min(count, cols));
  return { components: components.data, variances, width: cols };
}

/**
 * The symmetric matrix that divides each direction by a power of its variance: 1/2 whitens, 1/4 goes
 * half of the way. Scaled so that the direction of the mean variance stays.
 *
 * @param half whether the power is 1/4 instead of 1/2
 */
export function whiteningMatrix(spectrum: Spectrum, half: boolean): ShapedArray {
  const { components, variances, width } = spectrum;
  const count = variances.length;
  let mean = 0;
  for (const variance of variances) mean += variance / width;
  const scaleOf = (variance: number): number => {
    const root = Math.sqrt(((1 + SHRINKAGE) * mean) / (variance + SHRINKAGE * mean));
    return half ? Math.sqrt(root) : root;
  };
  const remaining = mean === 0 ? 1 : scaleOf(0);
  // Directions without any variance are scaled alike: r I + V' (D - r) V.
  const scaled = new Float32Array(count * width);
  for (let c = 0; c < count; c++) {
    const factor = (mean === 0 ? 1 : scaleOf(variances[c] as number)) - remaining;
    for (let i = 0; i < width; i++) {
      scaled[c * width + i] = factor * (components[c * width + i] as number);
    }
  }
  const data = scoped((scope) => {
    const [a, b, c] = [
      scope.f32(count * width),
      scope.f32(count * width),
      scope.zeros(width * width),
    ];
    f32().set(components, a / 4);
    f32().set(scaled, b / 4);
    for (let i = 0; i < width; i++) f32()[c / 4 + i * (width + 1)] = remaining;
    gemm(c, a, b, width, width, count, true, false, true);
    return f32().slice(c / 4, c / 4 + width * width);
  });
  return { data, shape: [width, width] };
}
