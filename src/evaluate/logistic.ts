/**
 * The fit of a multinomial logistic regression by Newton's method: each step's direction by
 * conjugate gradients, its length by halving. Columns are centred, which only moves the bias, and
 * directions are weighed by a bound of each column's curvature, so neither an offset nor a scale
 * makes it slow.
 */

import analysisCode from '#wasm/analysis';
import searchCode from '#wasm/search';
import { kernels } from '../core/kernels.js';
import type { Classes } from '../core/labels.js';
import { copyFloatsOut, copyIn, copyOut, type Matrix, type MatrixInput } from '../core/matrix.js';
import { f32, f64, type Pointer, type Scope, scoped } from '../core/memory.js';
import {
  checkNonNegative,
  checkPositive,
  rangeError,
  show,
  typeError,
} from '../core/validation.js';
import { METRICS, packRows } from '../linalg/similarity.js';

/** What a row counts, by its label: weights, or those that make all classes count the same. */
export type ClassWeight = 'balanced' | Readonly<Record<number, number>>;

export interface LogisticOptions {
  /** Strength of the pull of the weights to 0 (default 1): scikit-learn's 1 / C. */
  l2?: number | undefined;
  /**
   * `'balanced'`: a row counts n / (classes · rows of its label). Or a weight by label; a label
   * without one counts 1 (default: all count 1).
   */
  classWeight?: ClassWeight | undefined;
}

interface Settings {
  l2: number;
  /** One weight a class. */
  weights: number[];
}

export function readLogistic(
  name: string,
  { classes, indices: numbers }: Classes,
  options: LogisticOptions | undefined,
): Settings {
  const l2 = checkNonNegative(name, 'l2', options?.l2, 1);
  const given: unknown = options?.classWeight;
  if (given === undefined) return { l2, weights: Array.from(classes, () => 1) };
  if (given === 'balanced') {
    const counts = new Array<number>(classes.length).fill(0);
    for (const place of numbers) counts[place] = (counts[place] as number) + 1;
    return { l2, weights: counts.map((count) => numbers.length / (classes.length * count)) };
  }
  if (typeof given === 'string') rangeError(name, 'classWeight', "'balanced'", given);
  if (Object.prototype.toString.call(given) !== '[object Object]') {
    typeError(name, 'classWeight', "'balanced' or an object of weights by label", given);
  }
  for (const label of Object.keys(given as object)) {
    if (classes.includes(Number(label)) && String(Number(label)) === label) continue;
    throw new RangeError(`${name}: classWeight has ${show(label)}, which is none of the labels`);
  }
  const weights = given as Record<string, unknown>;
  return {
    l2,
    weights: Array.from(classes, (label) =>
      checkPositive(name, `classWeight[${label}]`, weights[label], 1),
    ),
  };
}

const MOST_STEPS = 100;
const MOST_DIRECTIONS = 500;

/**
 * A matrix (rows, width) that is multiplied again and again, from either side, by a few vectors:
 * packed once for each.
 */
class Design {
  readonly #rows: number;
  readonly #width: number;
  readonly #left: Pointer;
  readonly #right: Pointer;
  readonly #scratch: Pointer;

  constructor(scope: Scope, at: Pointer, rows: number, width: number) {
    const core = kernels();
    const nr = core.NR.value;
    this.#rows = rows;
    this.#width = width;
    this.#left = packRows(scope, at, rows, width, core.MR.value);
    this.#right = scope.f32(core.packedLength(width, rows, nr));
    core.packBlocks(this.#right, at, width, rows, 1, width, nr, 0, width);
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
      kernels(searchCode).scoreRows(y, this.#left, packed, ...sizes, dot, 1, this.#scratch);
    });
  }

  /** y (count, width) = the transpose of u (rows, count) times this. */
  transposedTimes(y: Pointer, u: Pointer, count: number): void {
    const [n, w] = [this.#rows, this.#width];
    kernels().gemmRows(y, u, this.#right, count, w, n, 1, count, false, this.#scratch, 0, w);
  }
}

/** The regression's objective, with what a step needs of the last point that it was taken at. */
class Objective {
  /** Weights of all classes, the bias last in each row; and the gradient there. */
  readonly at: Pointer;
  readonly gradient: Pointer;
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

  constructor(
    scope: Scope,
    source: MatrixInput,
    { classes, indices: numbers }: Classes,
    settings: Settings,
  ) {
    const analysis = kernels(analysisCode);
    const { rows, cols } = source;
    const width = cols + 1;
    const count = classes.length;
    this.width = width;
    this.length = count * width;
    this.#rows = rows;
    this.#classes = count;
    this.#l2 = settings.l2;
    this.mean = scope.f32(cols);
    this.#labels = scope.i32From(numbers);
    this.#weights = scope.f64(count);
    f64().set(settings.weights, this.#weights / 8);
    this.#bound = scope.zeros(2 * width);
    this.#design = scoped((inner) => {
      const design = inner.f32(rows * width);
      this.#centre(design, source);
      analysis.hessianDiagonalBound(this.#bound, design, this.#labels, this.#weights, rows, width);
      return new Design(scope, design, rows, width);
    });
    const bound = f64().subarray(this.#bound / 8, this.#bound / 8 + width);
    for (let c = 0; c < width; c++) {
      bound[c] = (bound[c] as number) + (c < cols ? settings.l2 : 0) || 1;
    }
    this.at = scope.zeros(this.length);
    this.gradient = scope.f32(this.length);
    this.#probabilities = scope.f32(rows * count);
    this.#residual = scope.f32(rows * count);
  }

  /** Finds the means of the columns, and the rows of the design. */
  #centre(design: Pointer, source: MatrixInput): void {
    scoped((scope) => {
      const analysis = kernels(analysisCode);
      const { rows, cols } = source;
      const x = copyIn(scope, source);
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

  /** The value at the weights; the gradient and the curvature follow from what it leaves. */
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

  /** Sets the gradient and returns its length. */
  slope(): number {
    this.#backward(this.gradient, this.#residual, this.at);
    return Math.sqrt(kernels(analysisCode).dotRow(this.gradient, this.gradient, this.length));
  }

  /** y = the second derivative times v. */
  curvature(y: Pointer, v: Pointer): void {
    const [n, c] = [this.#rows, this.#classes];
    // The residual has gone into the gradient: its place is free.
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

  /** y = x weighed by the bound of each column's curvature. */
  precondition(y: Pointer, x: Pointer): void {
    kernels(analysisCode).divideByRow(y, x, this.#bound, this.#classes, this.width);
  }
}

/**
 * The step against the gradient by conjugate gradients, until what is left of the gradient is
 * `tolerance` of it.
 */
function newtonStep(scope: Scope, objective: Objective, tolerance: number): Pointer {
  const analysis = kernels(analysisCode);
  const { length, gradient } = objective;
  const step = scope.zeros(length);
  const residual = scope.zeros(length);
  const weighed = scope.f32(length);
  const direction = scope.zeros(length);
  const image = scope.f32(length);
  analysis.axpy(residual, gradient, length, -1);
  objective.precondition(weighed, residual);
  analysis.axpy(direction, weighed, length, 1);
  let left = analysis.dotRow(residual, weighed, length);
  const enough = left * tolerance * tolerance;
  for (let i = 0; i < MOST_DIRECTIONS && left > enough; i++) {
    objective.curvature(image, direction);
    const bend = analysis.dotRow(direction, image, length);
    // No curvature left that f32 can tell from none.
    if (!(bend > 0)) break;
    analysis.axpy(step, direction, length, left / bend);
    analysis.axpy(residual, image, length, -left / bend);
    objective.precondition(weighed, residual);
    const next = analysis.dotRow(residual, weighed, length);
    kernels(searchCode).scaleArray(direction, length, next / left);
    analysis.axpy(direction, weighed, length, 1);
    left = next;
  }
  return step;
}

/**
 * Moves the weights along the step, half as far each time until the value falls enough.
 * @returns the value there, or undefined if it doesn't fall
 */
function moveAlong(
  objective: Objective,
  step: Pointer,
  value: number,
  fall: number,
): number | undefined {
  const analysis = kernels(analysisCode);
  const { at, length } = objective;
  analysis.axpy(at, step, length, 1);
  for (let moved = 1; moved > 1e-9; moved /= 2) {
    const found = objective.value();
    if (found <= value - 1e-4 * moved * fall) return found;
    analysis.axpy(at, step, length, -moved / 2);
  }
  return undefined;
}

export function fitLogistic(
  name: string,
  source: MatrixInput,
  classes: Classes,
  settings: Settings,
): { weight: Matrix; bias: Float32Array } {
  return scoped((scope) => {
    const objective = new Objective(scope, source, classes, settings);
    let first = 0;
    let value: number | undefined = objective.value();
    for (let i = 0; i < MOST_STEPS && value !== undefined; i++) {
      const steepness = objective.slope();
      if (i === 0) first = steepness;
      if (steepness === 0) break;
      value = improve(objective, value, Math.min(0.1, Math.sqrt(steepness / first)));
    }
    return takeWeights(name, scope, objective, classes.classes.length);
  });
}

/** One step of Newton's; returns the value after it, or undefined if it was the last one. */
function improve(objective: Objective, value: number, tolerance: number): number | undefined {
  return scoped((scope) => {
    const analysis = kernels(analysisCode);
    const { at, gradient, length } = objective;
    const step = newtonStep(scope, objective, tolerance);
    // Twice as much as the value can still fall, where it is as good as quadratic.
    const fall = -analysis.dotRow(gradient, step, length);
    if (!(fall > 0)) return undefined;
    if (fall > 1e-7 * value) return moveAlong(objective, step, value, fall);
    // Less than the value's own rounding: the step is taken on the slope's word.
    analysis.axpy(at, step, length, 1);
    return undefined;
  });
}

/** The weights apart from the bias, and the bias that columns as given have. */
function takeWeights(
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
