/** The weights of an adapter while it is trained: forward, backward and AdamW in WASM memory. */

import adaptCode from '#wasm/adapt';
import { kernels } from '../core/kernels.js';
import { copyRowsIn, type MatrixInput } from '../core/matrix.js';
import { f32, type Pointer, type Scope, scoped } from '../core/memory.js';
import { OwnedMemory } from '../core/owned-memory.js';
import { gemm } from '../core/products.js';
import { Random } from '../core/random.js';
import type { ShapedArray } from '../core/safetensors.js';
import { STREAMS } from '../core/streams.js';
import { computeObjective, layOutParts, type Objective, type Part } from './objective.js';
import {
  type AdapterShape,
  hasProjection,
  identityMatrix,
  parameterShapes,
  type Weights,
} from './shape.js';

/** A matrix or vector that is trained, its gradient, and AdamW's moments. */
interface Parameter {
  readonly shape: readonly number[];
  readonly length: number;
  readonly at: Pointer;
  readonly grad: Pointer;
  readonly mean: Pointer;
  readonly meanSquare: Pointer;
}

/** Settings of AdamW: PyTorch's defaults. */
const [BETA1, BETA2, EPS] = [0.9, 0.999, 1e-8];

/** Rows of one part of a batch, and whether the adapter changes them. */
export interface BatchPart {
  readonly input: MatrixInput;
  readonly rows: ArrayLike<number>;
  readonly adapted: boolean;
}

/**
 * Initial weights of an adapter: those that make it the identity, or `base` where one is given.
 *
 * @param base matrix (in, out) to start from
 */
export function initialWeights(
  shape: AdapterShape,
  base: ShapedArray | undefined,
  seed: number,
): Map<string, ShapedArray> {
  const weights = new Map<string, ShapedArray>();
  const random = new Random(seed, STREAMS.adapter);
  const { inputWidth, outputWidth } = shape;
  for (const [name, sizes] of parameterShapes(shape)) {
    const data = new Float32Array(sizes.reduce((product, size) => product * size, 1));
    if (name === 'weight') {
      weights.set(name, base ?? identityMatrix(inputWidth, outputWidth));
      continue;
    }
    if (name === 'down' || name === 'hidden.weight') {
      // As torch.nn.Linear: uniform up to 1 / sqrt(inputs).
      const limit = 1 / Math.sqrt(inputWidth);
      for (let i = 0; i < data.length; i++) data[i] = random.uniform(-limit, limit);
    }
    weights.set(name, { data, shape: sizes });
  }
  if (hasProjection(shape)) {
    weights.set('projection', base ?? identityMatrix(inputWidth, outputWidth));
  }
  return weights;
}

/** Trains the weights of one adapter. Its memory is freed by `dispose`. */
export class Trainer {
  readonly #memory = new OwnedMemory();
  readonly #shape: AdapterShape;
  readonly #parameters = new Map<string, Parameter>();
  readonly #projection: ShapedArray | undefined;
  readonly #projectionAt: Pointer = 0;
  #steps = 0;

  constructor(shape: AdapterShape, weights: Weights) {
    this.#shape = shape;
    for (const [name, sizes] of parameterShapes(shape)) {
      const { data } = weights.get(name) as ShapedArray;
      const { length } = data;
      const [at, grad] = [this.#zeros(length), this.#zeros(length)];
      f32().set(data, at / 4);
      const [mean, meanSquare] = [this.#zeros(length), this.#zeros(length)];
      this.#parameters.set(name, { shape: sizes, length, at, grad, mean, meanSquare });
    }
    this.#projection = weights.get('projection');
    if (this.#projection !== undefined) {
      this.#projectionAt = this.#zeros(this.#projection.data.length);
      f32().set(this.#projection.data, this.#projectionAt / 4);
    }
  }

  #zeros(length: number): Pointer {
    // Whole vectors: AdamW writes four numbers at a time.
    const padded = Math.ceil(length / 4) * 4;
    const at = this.#memory.allocate(4 * padded);
    f32().fill(0, at / 4, at / 4 + padded);
    return at;
  }

  /** Steps of AdamW so far. */
  get steps(): number {
    return this.#steps;
  }

  dispose(): void {
    this.#memory.dispose();
  }

  /** A copy of the weights. */
  weights(): Map<string, ShapedArray> {
    const copies = this.#copies('at');
    if (this.#projection !== undefined) copies.set('projection', this.#projection);
    return copies;
  }

  #copies(field: 'at' | 'grad' | 'mean' | 'meanSquare'): Map<string, ShapedArray> {
    return new Map(
      Array.from(this.#parameters, ([name, parameter]) => {
        const start = parameter[field] / 4;
        const data = f32().slice(start, start + parameter.length);
        return [name, { data, shape: parameter.shape }];
      }),
    );
  }

  /** A copy of the gradients of the last step. */
  gradients(): Map<string, ShapedArray> {
    return this.#copies('grad');
  }

  /** A copy of AdamW's moments. */
  moments(): { mean: Map<string, ShapedArray>; meanSquare: Map<string, ShapedArray> } {
    return { mean: this.#copies('mean'), meanSquare: this.#copies('meanSquare') };
  }

  /** Continues from moments and a number of steps. */
  restore(moments: ReturnType<Trainer['moments']>, steps: number): void {
    for (const field of ['mean', 'meanSquare'] as const) {
      for (const [name, parameter] of this.#parameters) {
        f32().set((moments[field].get(name) as ShapedArray).data, parameter[field] / 4);
      }
    }
    this.#steps = steps;
  }

  /**
   * Computes the loss of a batch, and the gradients of the weights.
   *
   * @param values scores of the pairs, or labels of the rows
   */
  backward(objective: Objective, batch: readonly BatchPart[], values: readonly number[]): number {
    const { inputWidth, outputWidth } = this.#shape;
    const adapted = batch.filter((part) => part.adapted);
    const fixed = batch.filter((part) => !part.adapted);
    const counts = (parts: readonly BatchPart[]): number[] => parts.map(({ rows }) => rows.length);
    const rows = counts(adapted).reduce((sum, count) => sum + count, 0);
    return scoped((scope) => {
      const x = scope.f32(rows * inputWidth);
      copyParts(adapted, x);
      const y = layOutParts(scope, counts(adapted), outputWidth);
      const inner = this.#forward(scope, y.at, x, rows);
      const others = layOutParts(scope, counts(fixed), outputWidth);
      copyParts(fixed, others.at);
      const [front, back] = [[...y.parts], [...others.parts]];
      const parts = batch.map((part) => (part.adapted ? front : back).shift() as Part);
      const loss = computeObjective(objective, parts, outputWidth, values);
      this.#backward(scope, y.grad, x, inner, rows);
      return loss;
    });
  }

  /** y (rows, out) = the adapted rows of x; returns the inputs of the second matrix, if there is one. */
  #forward(scope: Scope, y: Pointer, x: Pointer, rows: number): Pointer {
    const { inputWidth, outputWidth } = this.#shape;
    const adapt = kernels(adaptCode);
    const product = (c: Pointer, a: Pointer, name: string, inputs: number, outputs: number): void =>
      gemm(c, a, this.#at(name), rows, outputs, inputs, false, false, true);
    const base = this.#at('weight') || this.#projectionAt;
    if (base === 0) f32().copyWithin(y / 4, x / 4, x / 4 + rows * inputWidth);
    else gemm(y, x, base, rows, outputWidth, inputWidth, false, false, false);
    const { first, second, width } = this.#middle();
    const inner = width === 0 ? 0 : scope.zeros(rows * width + 4);
    if (width > 0) {
      product(inner, x, first, inputWidth, width);
      const bias = this.#at('hidden.bias');
      if (bias !== 0) {
        adapt.addRows(inner, inner, bias, rows, width);
        adapt.reluArray(inner, inner, rows * width);
      }
      product(y, inner, second, width, outputWidth);
    }
    const bias = this.#at('bias');
    if (bias !== 0) adapt.addRows(y, y, bias, rows, outputWidth);
    return inner;
  }

  /** Names of the two matrices of a low-rank or two-layer adapter, and the columns between them. */
  #middle(): { first: string; second: string; width: number } {
    const { rank, hidden } = this.#shape;
    return hidden === undefined
      ? { first: 'down', second: 'up', width: rank ?? 0 }
      : { first: 'hidden.weight', second: 'output.weight', width: hidden };
  }

  #at(name: string): Pointer {
    return this.#parameters.get(name)?.at ?? 0;
  }

  #backward(scope: Scope, dy: Pointer, x: Pointer, inner: Pointer, rows: number): void {
    const { inputWidth, outputWidth } = this.#shape;
    const adapt = kernels(adaptCode);
    const grad = (name: string): Pointer => this.#parameters.get(name)?.grad ?? 0;
    const outer = (name: string, a: Pointer, d: Pointer, inputs: number, outputs: number): void =>
      gemm(grad(name), a, d, inputs, outputs, rows, true, false, false);
    if (grad('bias') !== 0) {
      adapt.columnSums(grad('bias'), dy, rows, outputWidth, outputWidth, false);
    }
    if (grad('weight') !== 0) outer('weight', x, dy, inputWidth, outputWidth);
    const { first, second, width } = this.#middle();
    if (width === 0) return;
    outer(second, inner, dy, width, outputWidth);
    const dInner = scope.f32(rows * width + 4);
    gemm(dInner, dy, this.#at(second), rows, width, outputWidth, false, true, false);
    if (grad('hidden.bias') !== 0) {
      adapt.reluArrayBackward(dInner, dInner, inner, rows * width);
      adapt.columnSums(grad('hidden.bias'), dInner, rows, width, width, false);
    }
    outer(first, x, dInner, inputWidth, width);
  }

  /** A step of AdamW along the gradients, without weight decay, which would pull the identity to zero. */
  step(learningRate: number): void {
    this.#steps++;
    const [correction1, correction2] = [
      1 - power(BETA1, this.#steps),
      1 - power(BETA2, this.#steps),
    ];
    for (const { at, grad, mean, meanSquare, length } of this.#parameters.values()) {
      const moments = [BETA1, BETA2, EPS, 0, correction1, correction2] as const;
      kernels(adaptCode).adamWStep(at, grad, mean, meanSquare, length, learningRate, ...moments);
    }
  }
}

/** base to a whole power, by products. */
function power(base: number, exponent: number): number {
  let [result, square] = [1, base];
  for (let e = exponent; e > 0; e = Math.floor(e / 2)) {
    if (e % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}

/** Copies the rows of parts one after the other. */
function copyParts(parts: readonly BatchPart[], to: Pointer): void {
  let at = to;
  for (const { input, rows } of parts) {
    for (let i = 0; i < rows.length; i++, at += 4 * input.cols) {
      copyRowsIn(input, at, rows[i] as number, (rows[i] as number) + 1);
    }
  }
}
