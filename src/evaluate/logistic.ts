/**
 * Fits a multinomial logistic regression by Newton's method: conjugate gradients give each step's
 * direction, backtracking its length. Columns are centered, which only moves the bias, and the
 * preconditioner is a bound of the Hessian's diagonal, so neither an offset nor a scale makes it
 * slow.
 */

import analysisCode from '#wasm/analysis';
import searchCode from '#wasm/search';
import { kernels } from '../core/kernels.js';
import type { Classes } from '../core/labels.js';
import { copyFloatsOut, copyIn, copyOut, type Matrix, type MatrixInput } from '../core/matrix.js';
import { f32, f64, type Pointer, type Scope, scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import {
  checkNonNegative,
  checkPositive,
  rangeError,
  show,
  tagOf,
  typeError,
} from '../core/validation.js';
import { METRICS, packRows } from '../linalg/similarity.js';

/** Weights of rows by their label: `'balanced'`, or an object of weights. */
export type ClassWeight = 'balanced' | Readonly<Record<number, number>>;

/** Options of {@link fitClassifier} and {@link linearProbe}. */
export interface LogisticOptions {
  /**
   * Strength of the L2 penalty of the weights, at least 0: scikit-learn's 1 / C.
   * @default 1
   */
  l2?: number | undefined;
  /**
   * `'balanced'`: a row weighs n / (classes · rows of its label). Or weights by label; a label
   * without one weighs 1.
   * @default all rows weigh 1
   */
  classWeight?: ClassWeight | undefined;
}

interface Settings {
  l2: number;
  /** One weight per class. */
  weights: number[];
}

/** Reads the options of a fit. */
export function readLogisticOptions(name: string, classes: Classes, options: unknown): Settings {
  const reader = readOptions(name, options);
  const l2 = reader.read('l2', checkNonNegative, 1);
  const weights = reader.optional('classWeight', (_, argument, value) =>
    readClassWeight(name, argument, value, classes),
  );
  reader.done();
  return { l2, weights: weights ?? Array.from(classes.classes, () => 1) };
}

function readClassWeight(
  name: string,
  argument: string,
  given: unknown,
  { classes, indices }: Classes,
): number[] {
  if (given === 'balanced') {
    const counts = new Array<number>(classes.length).fill(0);
    for (const index of indices) counts[index] = (counts[index] as number) + 1;
    return counts.map((count) => indices.length / (classes.length * count));
  }
  if (typeof given === 'string') rangeError(name, argument, "'balanced'", given);
  if (tagOf(given) !== 'Object') {
    typeError(name, argument, "'balanced' or an object of weights by label", given);
  }
  for (const label of Object.keys(given as object)) {
    if (classes.includes(Number(label)) && String(Number(label)) === label) continue;
    throw new RangeError(`${name}: ${argument} has ${show(label)}, which is none of the labels`);
  }
  const weights = given as Record<string, unknown>;
  return Array.from(classes, (label) =>
    weights[label] === undefined ? 1 : checkPositive(name, `${argument}[${label}]`, weights[label]),
  );
}

const MAX_NEWTON_STEPS = 100;
const MAX_CG_STEPS = 500;

/**
 * The design matrix (rows, width), which is multiplied again and again, from either side, by a few
 * vectors: packed once for each side.
 */
class Design {
  readonly #rows: number;
  readonly #width: number;
  readonly #rowSlivers: Pointer;
  readonly #columnSlivers: Pointer;
  readonly #scratch: Pointer;

  constructor(scope: Scope, at: Pointer, rows: number, width: number) {
    const core = kernels();
    const nr = core.NR.value;
    this.#rows = rows;
    this.#width = width;
    this.#rowSlivers = packRows(scope, at, rows, width, core.MR.value);
    this.#columnSlivers = scope.f32(core.packedLength(width, rows, nr));
    core.packBlocks(this.#columnSlivers, at, width, rows, 1, width, nr, 0, width);
    this.#scratch = scope.bytes(core.gemmScratch());
  }

  /** y (rows, count) = this times the transpose of v (count, width). */
  times(y: Pointer, v: Pointer, count: number): void {
    scoped((scope) => {
      const core = kernels();
      const [n, w] = [this.#rows, this.#width];
      const packed = packRows(scope, v, count, w, core.NR.value);
      const dot = METRICS.indexOf('dot');
      const sizes = [0, n, 0, count, n, count, w, count] as const;
      kernels(searchCode).scoreRows(y, this.#rowSlivers, packed, ...sizes, dot, 1, this.#scratch);
    });
  }

  /** y (count, width) = the transpose of u (rows, count) times this. */
  transposedTimes(y: Pointer, u: Pointer, count: number): void {
    const [n, w] = [this.#rows, this.#width];
    kernels().gemmRows(
      y,
      u,
      this.#columnSlivers,
      count,
      w,
      n,
      1,
      count,
      false,
      0,
      this.#scratch,
      0,
      w,
    );
  }
}

/** The objective of the regression: its value, gradient and Hessian at the current weights. */
class Objective {
  /** Weights of all classes, the bias last in each row. */
  readonly at: Pointer;
  /** Gradient with respect to them. */
  readonly grad: Pointer;
  readonly width: number;
  readonly length: number;
  readonly mean: Pointer;
  readonly #rows: number;
  readonly #classes: number;
  readonly #l2: number;
  readonly #design: Design;
  readonly #labels: Pointer;
  readonly #weights: Pointer;
  readonly #probabilities: Pointer;
  readonly #residual: Pointer;
  readonly #bound: Pointer;

  constructor(scope: Scope, input: MatrixInput, { classes, indices }: Classes, settings: Settings) {
    const analysis = kernels(analysisCode);
    const { rows, cols } = input;
    const width = cols + 1;
    const count = classes.length;
    this.width = width;
    this.length = count * width;
    this.#rows = rows;
    this.#classes = count;
    this.#l2 = settings.l2;
    this.mean = scope.f32(cols);
    this.#labels = scope.i32From(indices);
    this.#weights = scope.f64(count);
    f64().set(settings.weights, this.#weights / 8);
    this.#bound = scope.zeros(2 * width);
    this.#design = scoped((inner) => {
      const design = inner.f32(rows * width);
      this.#center(design, input);
      analysis.hessianDiagonalBound(this.#bound, design, this.#labels, this.#weights, rows, width);
      return new Design(scope, design, rows, width);
    });
    const bound = f64().subarray(this.#bound / 8, this.#bound / 8 + width);
    for (let c = 0; c < width; c++) {
      bound[c] = (bound[c] as number) + (c < cols ? settings.l2 : 0) || 1;
    }
    this.at = scope.zeros(this.length);
    this.grad = scope.f32(this.length);
    this.#probabilities = scope.f32(rows * count);
    this.#residual = scope.f32(rows * count);
  }

  /** Computes the means of the columns, and the rows of the design. */
  #center(design: Pointer, input: MatrixInput): void {
    scoped((scope) => {
      const analysis = kernels(analysisCode);
      const { rows, cols } = input;
      const x = copyIn(scope, input);
      const mean64 = scope.f64(cols);
      analysis.columnMeans(mean64, x, rows, cols);
      analysis.demote(this.mean, mean64, cols);
      analysis.designRows(design, x, this.mean, rows, cols);
    });
  }

  /** y (classes, width) = the transpose of u (rows, classes) times the design, plus l2 v. */
  #backward(y: Pointer, u: Pointer, v: Pointer): void {
    const analysis = kernels(analysisCode);
    const [c, w] = [this.#classes, this.width];
    this.#design.transposedTimes(y, u, c);
    for (let i = 0; i < c; i++) analysis.axpy(y + 4 * i * w, v + 4 * i * w, w - 1, this.#l2);
    // What all classes share changes no probability; rounding must not let it grow.
    analysis.centerColumns(y, c, w);
  }

  /** Computes the value, and the residual that the gradient and the Hessian follow from. */
  value(): number {
    const analysis = kernels(analysisCode);
    const [n, c, w] = [this.#rows, this.#classes, this.width];
    this.#design.times(this.#probabilities, this.at, c);
    let value = analysis.logisticRows(
      this.#probabilities,
      this.#residual,
      this.#labels,
      this.#weights,
      n,
      c,
    );
    for (let i = 0; i < c; i++) {
      const row = this.at + 4 * i * w;
      value += (this.#l2 / 2) * analysis.dotRow(row, row, w - 1);
    }
    return value;
  }

  /** Computes the gradient and returns its norm. */
  gradNorm(): number {
    this.#backward(this.grad, this.#residual, this.at);
    return Math.sqrt(kernels(analysisCode).dotRow(this.grad, this.grad, this.length));
  }

  /** y = the Hessian times v. */
  hessianTimes(y: Pointer, v: Pointer): void {
    const [n, c] = [this.#rows, this.#classes];
    // The residual has gone into the gradient, so its memory is free.
    this.#design.times(this.#residual, v, c);
    kernels(analysisCode).logisticHessianProduct(
      this.#residual,
      this.#probabilities,
      this.#labels,
      this.#weights,
      n,
      c,
    );
    this.#backward(y, this.#residual, v);
  }

  /** y = the inverse of the preconditioner, a bound of the Hessian's diagonal, times x. */
  precondition(y: Pointer, x: Pointer): void {
    kernels(analysisCode).divideByRow(y, x, this.#bound, this.#classes, this.width);
  }
}

/**
 * Solves Hessian · step = −gradient by preconditioned conjugate gradients, in the letters of
 * Golub and Van Loan: r the residual, z the preconditioned one, p the direction.
 *
 * @param tolerance fraction of the gradient that may remain as the residual
 */
function newtonStep(scope: Scope, objective: Objective, tolerance: number): Pointer {
  const analysis = kernels(analysisCode);
  const { length, grad } = objective;
  const step = scope.zeros(length);
  const r = scope.zeros(length);
  const z = scope.f32(length);
  const p = scope.zeros(length);
  const Ap = scope.f32(length);
  analysis.axpy(r, grad, length, -1);
  objective.precondition(z, r);
  analysis.axpy(p, z, length, 1);
  let rz = analysis.dotRow(r, z, length);
  const enough = rz * tolerance * tolerance;
  for (let i = 0; i < MAX_CG_STEPS && rz > enough; i++) {
    objective.hessianTimes(Ap, p);
    const pAp = analysis.dotRow(p, Ap, length);
    // No curvature remains that f32 can tell from none.
    if (!(pAp > 0)) break;
    analysis.axpy(step, p, length, rz / pAp);
    analysis.axpy(r, Ap, length, -rz / pAp);
    objective.precondition(z, r);
    const next = analysis.dotRow(r, z, length);
    kernels(searchCode).scaleArray(p, length, next / rz);
    analysis.axpy(p, z, length, 1);
    rz = next;
  }
  return step;
}

/**
 * Moves the weights along the step, half as far each time until the value decreases enough
 * (Armijo's rule).
 *
 * @param expectedDecrease −gradient · step
 * @returns the value there, or undefined if it doesn't decrease
 */
function lineSearch(
  objective: Objective,
  step: Pointer,
  value: number,
  expectedDecrease: number,
): number | undefined {
  const analysis = kernels(analysisCode);
  const { at, length } = objective;
  analysis.axpy(at, step, length, 1);
  for (let stepSize = 1; stepSize > 1e-9; stepSize /= 2) {
    const found = objective.value();
    if (found <= value - 1e-4 * stepSize * expectedDecrease) return found;
    analysis.axpy(at, step, length, -stepSize / 2);
  }
  return undefined;
}

/** Fits the weights and biases of all classes. */
export function fitLogistic(
  name: string,
  input: MatrixInput,
  classes: Classes,
  settings: Settings,
): { weight: Matrix; bias: Float32Array } {
  return scoped((scope) => {
    const objective = new Objective(scope, input, classes, settings);
    let firstNorm = 0;
    let value: number | undefined = objective.value();
    for (let i = 0; i < MAX_NEWTON_STEPS && value !== undefined; i++) {
      const gradNorm = objective.gradNorm();
      if (i === 0) firstNorm = gradNorm;
      if (gradNorm === 0) break;
      value = improve(objective, value, Math.min(0.1, Math.sqrt(gradNorm / firstNorm)));
    }
    return copyOutWeights(name, scope, objective, classes.classes.length);
  });
}

/** Takes one Newton step; returns the value after it, or undefined if it was the last one. */
function improve(objective: Objective, value: number, tolerance: number): number | undefined {
  return scoped((scope) => {
    const analysis = kernels(analysisCode);
    const { at, grad, length } = objective;
    const step = newtonStep(scope, objective, tolerance);
    // Twice as much as the value can still decrease, where it is nearly quadratic.
    const expectedDecrease = -analysis.dotRow(grad, step, length);
    if (!(expectedDecrease > 0)) return undefined;
    if (expectedDecrease > 1e-7 * value)
      return lineSearch(objective, step, value, expectedDecrease);
    // Less than the rounding of the value, which says nothing about the step: the gradient is trusted.
    analysis.axpy(at, step, length, 1);
    return undefined;
  });
}

/** Copies out the weights, and the biases for columns that are not centered. */
function copyOutWeights(
  name: string,
  scope: Scope,
  { at, mean, width }: Objective,
  count: number,
): { weight: Matrix; bias: Float32Array } {
  const analysis = kernels(analysisCode);
  const cols = width - 1;
  const weight = scope.f32(count * cols);
  const bias = scope.f32(count);
  for (let i = 0; i < count; i++) {
    const row = at + 4 * i * width;
    analysis.fillRows(weight + 4 * i * cols, row, 1, cols);
    const heap = f32();
    heap[bias / 4 + i] = (heap[row / 4 + cols] as number) - analysis.dotRow(row, mean, cols);
  }
  return { weight: copyOut(name, weight, count, cols), bias: copyFloatsOut(name, bias, count) };
}
