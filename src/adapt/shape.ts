/** Shape of an adapter: which matrices it has, and how they are named in its file. */

import type { ShapedArray } from '../core/safetensors.js';

/** Sides of a pair that an adapter changes: queries and documents alike, or queries alone. */
export const SIDES = ['both', 'query'] as const;
export type Side = (typeof SIDES)[number];

/** Sizes and form of an adapter. */
export interface AdapterShape {
  readonly inputWidth: number;
  readonly outputWidth: number;
  /** Columns between the two narrow matrices of a low-rank adapter. */
  readonly rank: number | undefined;
  /** Hidden units of a two-layer adapter. */
  readonly hidden: number | undefined;
  readonly side: Side;
  readonly bias: boolean;
}

/** Largest width, rank and number of hidden units. */
export const MAX_WIDTH = 65536;

/** Matrices and vectors of an adapter by name. */
export type Weights = ReadonlyMap<string, ShapedArray>;

/**
 * Lists what an adapter of a shape is made of. All matrices are (in, out): y = x W.
 *
 * - full: `weight`
 * - low rank: `down`, `up`: y = base(x) + x down up
 * - hidden: `hidden.weight`, `hidden.bias`, `output.weight`: y = base(x) + relu(x W + b) V
 *
 * base(x) is x, or x `projection` where the widths differ. `bias` is added at the end.
 */
export function parameterShapes(shape: AdapterShape): Map<string, readonly number[]> {
  const { inputWidth, outputWidth, rank, hidden, bias } = shape;
  const list = new Map<string, readonly number[]>();
  if (rank !== undefined) {
    list.set('down', [inputWidth, rank]).set('up', [rank, outputWidth]);
  } else if (hidden !== undefined) {
    list.set('hidden.weight', [inputWidth, hidden]).set('hidden.bias', [hidden]);
    list.set('output.weight', [hidden, outputWidth]);
  } else {
    list.set('weight', [inputWidth, outputWidth]);
  }
  if (bias) list.set('bias', [outputWidth]);
  return list;
}

/** Tells whether an adapter of a shape adds to a projection that is not trained. */
export function hasProjection({ inputWidth, outputWidth, rank, hidden }: AdapterShape): boolean {
  return inputWidth !== outputWidth && (rank !== undefined || hidden !== undefined);
}

/** The first columns of the identity, padded with zeros where the output is wider. */
export function identityMatrix(rows: number, cols: number): ShapedArray {
  const data = new Float32Array(rows * cols);
  for (let i = 0; i < Math.min(rows, cols); i++) data[i * cols + i] = 1;
  return { data, shape: [rows, cols] };
}
