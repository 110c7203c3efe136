/**
 * Type of a row of the table of operations. Tests compare `run` with `reference` on awkward sizes
 * and `gradient` with finite differences of the reference, the hash takes the bits of both, and
 * benchmarks time both on large sizes: a new operation appears in all of them by its one row.
 */

import type * as adapt from '../../src/adapt/index.js';
import type { Random } from '../../src/core/random.js';
import type * as nearfar from '../../src/index.js';
import type * as models from '../../src/models/index.js';
import type * as nn from '../../src/nn/index.js';

/** The public functions of `nearfar`, and the other entries, wherever imported from. */
export type Api = typeof nearfar & {
  nn: typeof nn;
  models: typeof models;
  adapt: typeof adapt;
};

/** A row-major matrix of the seeded numbers that an operation is run on; f64 for references. */
export interface Numbers {
  data: Float32Array | Float64Array;
  rows: number;
  cols: number;
  /** Shape of a tensor with other axes than these two. */
  shape?: readonly number[];
  /** Set for labels, indices and lengths, which have no gradient. */
  constant?: true;
}

/** Sizes by letter: N rows, M other rows, C width, K reduction. */
export type Sizes = Readonly<Record<string, number>>;

/** Outputs of an operation by name, which tests compare and the hash covers. */
export type Outputs = Record<string, number | ArrayLike<number>>;

export interface Operation<I extends Record<string, Numbers> = Record<string, Numbers>> {
  name: string;
  /** Sizes for tests: 1, odd, around multiples of the tiles. */
  sizes: readonly Sizes[];
  /** Sizes for benchmarks. */
  large: readonly Sizes[];
  inputs(sizes: Sizes, random: Random): I;
  run(api: Api, inputs: I): Outputs;
  /** Computes the outputs in f64, written to be read. */
  reference(inputs: I): Outputs;
  /** Allowed error, as a fraction of the value plus that fraction of the output's largest value. */
  rtol?: number;
  gradient?: {
    /** `loss`, and the gradient of each input by that input's name. */
    run(api: Api, inputs: I): Outputs & { loss: number };
    /** Step of the finite differences, where the default is too coarse (default 1e-4). */
    step?: number;
  };
  /** Makes the tensors of an operation on tensors once, so that benchmarks time the operation alone. */
  prepared?(api: Api, inputs: I): PreparedOperation;
  /** Floating-point operations of `run`, for rates. */
  flops?(sizes: Sizes): number;
}

/** An operation on tensors that have been made. */
export interface PreparedOperation {
  value(): void;
  gradient(): void;
}

/** Keeps the types of a row's inputs together, and forgets them for the table. */
export function operation<I extends Record<string, Numbers>>(row: Operation<I>): Operation {
  return row as unknown as Operation;
}

/** Numbers about as if normally distributed: the sum of four uniform ones, less its mean. */
export function normal(random: Random, rows: number, cols: number, scale = 1): Numbers {
  const data = new Float32Array(rows * cols);
  for (let i = 0; i < data.length; i++) {
    let sum = -2;
    for (let k = 0; k < 4; k++) sum += random.uniform();
    data[i] = sum * 1.7320508 * scale;
  }
  return { data, rows, cols };
}

/** Rows of probabilities, none of them 0: multiples of a power of two divided by their sum. */
export function probabilities(random: Random, rows: number, cols: number): Numbers {
  const data = new Float32Array(rows * cols);
  for (let r = 0; r < rows; r++) {
    const row = Array.from({ length: cols }, () => random.uniform() + 0.01);
    const sum = row.reduce((total, value) => total + value, 0);
    row.forEach((value, c) => {
      data[r * cols + c] = value / sum;
    });
  }
  return { data, rows, cols };
}

/** Whole numbers from 0 to `below` - 1, as a matrix of one column. */
export function integers(random: Random, rows: number, below: number): Numbers {
  const data = Float32Array.from({ length: rows }, () => Math.floor(random.uniform() * below));
  return { data, rows, cols: 1, constant: true };
}
