/** Rows of the table of bad arguments, and the valid arguments that rows share. */

import { Random } from '../../src/core/random.js';
import type { Bad } from './bad.js';
import type { Matrix } from './bad-matrix.js';

export interface Signature {
  /** Fresh valid arguments, without the options. */
  valid(): unknown[];
  /** Bad values of each argument, in order. */
  arguments: Record<string, Bad[]>;
  /** Valid options, and what each may not be. */
  options?: { valid(): Record<string, unknown>; fields: Record<string, Bad[]> };
  /** Arguments that are sound one by one, and the one that is refused together with the others. */
  together?: Record<string, { argument: string; args(): unknown[] }>;
}

/** Numbers in [-1, 1]. */
export function matrix(rows: number, cols: number, seed = 1): Matrix {
  const random = new Random(seed);
  const data = Float32Array.from({ length: rows * cols }, () => random.uniform(-1, 1));
  return { data, rows, cols };
}

/** Two matrices of the same shape that have to be alike. */
export function pairs(a: string, b: string, kind: Bad[], draw = matrix): Signature {
  return {
    valid: () => [draw(4, 6), draw(4, 6, 2)],
    arguments: { [a]: kind, [b]: kind },
    together: {
      [`${b} of more rows`]: { argument: b, args: () => [draw(4, 6), draw(6, 6)] },
      [`${b} of another width`]: { argument: b, args: () => [draw(4, 6), draw(4, 5)] },
      [`${b} transposed`]: { argument: b, args: () => [draw(4, 6), draw(6, 4)] },
    },
  };
}
