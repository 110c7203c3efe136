/** Optimizers: AdamW, Adam, SGD, with parameter groups. */

import nnCode from '#wasm/nn';
import { kernels } from '../core/kernels.js';
import { scoped } from '../core/memory.js';
import { checkNoOptions, readOptions } from '../core/options.js';
import {
  checkFlag,
  checkFraction,
  checkNonNegative,
  checkPositive,
  isMap,
  isNumberArray,
  type NoOptions,
  rangeError,
  typeError,
} from '../core/validation.js';
import { checkIndex, checkTensor } from './check.js';
import { namedParameters, type Parameters } from './parameters.js';
import { addRowGrad, type RowGrad } from './row-grad.js';
import { empty, filled, type Tensor } from './tensor.js';
import { sameShape, showShape } from './tensor-data.js';
import { untrack } from './tidy.js';

/** Parameters with settings of their own. */
export interface ParameterGroup {
  /** The parameters of the group. */
  params: Parameters;
  /**
   * Weight decay, at least 0.
   * @default the optimizer's
   */
  weightDecay?: number | undefined;
  /**
   * Factor of the learning rate, at least 0.
   * @default 1
   */
  lrScale?: number | undefined;
}

interface Entry {
  name: string;
  param: Tensor;
  weightDecay: number;
  lrScale: number;
}

function isGroup(value: unknown): value is ParameterGroup {
  return typeof value === 'object' && value !== null && 'params' in value;
}

/** Reads all parameters, each once, with the settings of their groups; without names they get numbers. */
function readEntries(name: string, params: unknown, weightDecay: number): Entry[] {
  const groups: unknown[] =
    Array.isArray(params) && params.length > 0 && params.every(isGroup) ? params : [{ params }];
  const entries = new Map<string, Entry>();
  const seen = new Set<Tensor>();
  for (const group of groups) {
    const read = readOptions(name, group);
    const named = read.read('params', (_, __, list) => namedParameters(name, list, entries.size));
    const settings = {
      weightDecay: read.read('weightDecay', checkNonNegative, weightDecay),
      lrScale: read.read('lrScale', checkNonNegative, 1),
    };
    read.done();
    for (const [key, param] of named) {
      if (!param.requiresGrad || param.parents.length > 0) {
        rangeError(name, `params ${key}`, 'a parameter', 'a tensor that is not one');
      }
      if (seen.has(param) || entries.has(key)) {
        rangeError(name, `params ${key}`, 'in one group, once', 'a second one');
      }
      seen.add(param);
      entries.set(key, { name: key, param, ...settings });
    }
  }
  if (entries.size === 0) rangeError(name, 'params', 'at least one parameter', params);
  return [...entries.values()];
}

/** Base class of the optimizers: parameters, and moments that live as long as the optimizer. */
export abstract class Optimizer {
  readonly #name: string;
  #learningRate: number;
  protected readonly entries: readonly Entry[];
  protected steps = 0;
  /** Names of the moments of each parameter. */
  protected abstract readonly slots: readonly string[];
  readonly #moments = new Map<string, Tensor>();
  #disposed = false;

  protected constructor(name: string, params: unknown, learningRate: number, weightDecay: number) {
    this.#name = name;
    this.entries = readEntries(name, params, weightDecay);
    this.#learningRate = learningRate;
  }

  /** Learning rate of the next step, at least 0; set it from a schedule. */
  get learningRate(): number {
    return this.#learningRate;
  }

  /** @throws {TypeError | RangeError} if it is not a finite number of at least 0 */
  set learningRate(value: number) {
    this.#learningRate = checkNonNegative(this.#name, 'learningRate', value);
  }

  /** Returns a moment of a parameter; zeros at first. */
  protected moment(slot: string, { name, param }: Entry): Tensor {
    const key = `${slot}.${name}`;
    let found = this.#moments.get(key);
    if (found === undefined) {
      found = filled(param.shape, 0);
      untrack(found);
      this.#moments.set(key, found);
    }
    return found;
  }

  /** Updates one parameter from its gradient. */
  protected abstract update(entry: Entry, grad: Tensor): void;

  /** Updates the rows of a table that have a gradient; by default the table as a whole. */
  protected updateRows(entry: Entry, rowGrad: RowGrad): void {
    const grad = filled(entry.param.shape, 0);
    addRowGrad(grad, rowGrad);
    this.update(entry, grad);
    grad.dispose();
  }

  /**
   * Takes one step. Parameters without a gradient stay as they are.
   *
   * @throws {Error} before anything changes, if the optimizer or a parameter was disposed of
   */
  step(): void {
    if (this.#disposed) throw new Error(`${this.#name}.step: the optimizer was disposed of`);
    for (const { name, param } of this.entries) {
      if (param.disposed) throw new Error(`${this.#name}.step: parameter ${name} was disposed of`);
    }
    this.steps++;
    for (const entry of this.entries) {
      const { param } = entry;
      const { grad, rowGrad } = param;
      if (grad === undefined && rowGrad === undefined) continue;
      if (grad === undefined) this.updateRows(entry, rowGrad as RowGrad);
      else {
        if (rowGrad !== undefined) addRowGrad(grad, rowGrad);
        this.update(entry, grad);
      }
      param.markChanged();
    }
  }

  /** Frees all gradients: the next backward begins at 0. */
  zeroGrad(): void {
    for (const { param } of this.entries) {
      param.grad?.dispose();
      param.grad = undefined;
      param.rowGrad?.dispose();
      param.rowGrad = undefined;
    }
  }

  /**
   * Gives the moments and the number of steps, to continue later with the same bits.
   *
   * @returns tensors by name: `steps`, and one for each moment of a parameter
   */
  stateDict(): Map<string, Tensor> {
    return new Map([['steps', filled([1], this.steps)], ...this.#moments]);
  }

  /**
   * Continues from what `stateDict` gave; moments that it lacks begin at 0.
   *
   * @param state tensors by name
   * @throws {TypeError | RangeError} before anything is written, if a name or a shape does not fit
   */
  loadStateDict(state: ReadonlyMap<string, Tensor>): void {
    if (!isMap(state)) typeError('loadStateDict', 'state', 'a Map of tensors', state);
    const given = checkTensor('loadStateDict', 'steps', state.get('steps')).item();
    const steps = checkIndex('loadStateDict', 'steps', given);
    const found = [...state]
      .filter(([key]) => key !== 'steps')
      .map(([key, value]) => {
        const { shape } = checkTensor('loadStateDict', key, value);
        const [slot = '', name = ''] = key.split(/\.(.*)/s);
        const entry = this.entries.find((own) => own.name === name);
        if (!entry || !this.slots.includes(slot) || !sameShape(entry.param.shape, shape)) {
          rangeError('loadStateDict', key, 'the moment of a parameter', showShape(shape));
        }
        return { slot, entry, numbers: value.toArray() };
      });
    this.#freeMoments();
    this.steps = steps;
    for (const { slot, entry, numbers } of found) this.moment(slot, entry).data.set(numbers);
  }

  /** Frees the moments. The optimizer can take no further step. */
  dispose(): void {
    this.#disposed = true;
    this.#freeMoments();
  }

  #freeMoments(): void {
    for (const moment of this.#moments.values()) moment.dispose();
    this.#moments.clear();
  }
}

/** Options of `Adam`. */
export interface AdamOptions {
  /**
   * Learning rate, greater than 0.
   * @default 1e-3
   */
  learningRate?: number | undefined;
  /**
   * Decay rates of the mean and of the square of gradients, from 0 to below 1.
   * @default [0.9, 0.999]
   */
  betas?: readonly [number, number] | undefined;
  /**
   * Added to the root of the mean square, greater than 0.
   * @default 1e-8
   */
  eps?: number | undefined;
  /**
   * Weight decay, at least 0: times the weights, it is added to the gradient (L2).
   * @default 0
   */
  weightDecay?: number | undefined;
}

/** Options of `AdamW`. */
export interface AdamWOptions extends Omit<AdamOptions, 'weightDecay'> {
  /**
   * Weight decay, at least 0: times learning rate and weights, it is subtracted from the weights.
   * @default 0.01
   */
  weightDecay?: number | undefined;
}

/** Checks a pair of decay rates. */
function checkBetas(name: string, argument: string, value: unknown): readonly [number, number] {
  if (!isNumberArray(value) || value.length !== 2) {
    typeError(name, argument, 'a pair of numbers', value);
  }
  return [checkFraction(name, argument, value[0]), checkFraction(name, argument, value[1])];
}

/** Base class of Adam and AdamW. */
abstract class AdamBase extends Optimizer {
  protected readonly slots = ['m', 'v'];
  /** Decay rates of the mean and of the square of gradients. */
  readonly betas: readonly [number, number];
  /** Added to the root of the mean square. */
  readonly eps: number;

  protected constructor(name: string, params: unknown, options: unknown, weightDecay: number) {
    const read = readOptions(name, options);
    const learningRate = read.read('learningRate', checkPositive, 1e-3);
    const betas = read.read('betas', checkBetas, [0.9, 0.999]);
    const eps = read.read('eps', checkPositive, 1e-8);
    const decay = read.read('weightDecay', checkNonNegative, weightDecay);
    read.done();
    super(name, params, learningRate, decay);
    this.betas = betas;
    this.eps = eps;
  }

  /** Settings of a step of one parameter, in the order of the kernels' arguments. */
  #settings({ lrScale }: Entry, weightDecay: number) {
    const [beta1, beta2] = this.betas;
    const corrections = [1 - power(beta1, this.steps), 1 - power(beta2, this.steps)] as const;
    const learningRate = this.learningRate * lrScale;
    return [learningRate, beta1, beta2, this.eps, weightDecay, ...corrections] as const;
  }

  /** Takes Adam's step of one parameter, with decoupled weight decay. */
  protected adamStep(entry: Entry, grad: Tensor, weightDecay: number): void {
    const { param } = entry;
    const [m, v] = [this.moment('m', entry), this.moment('v', entry)];
    const settings = this.#settings(entry, weightDecay);
    kernels(nnCode).adamWStep(param.at, grad.at, m.at, v.at, param.size, ...settings);
  }

  /**
   * Takes Adam's step of the rows that have a gradient: the others keep weights and moments, as in
   * PyTorch's `SparseAdam`.
   */
  protected adamRows(entry: Entry, rowGrad: RowGrad, weightDecay: number): void {
    const { rows, values } = rowGrad;
    const { param } = entry;
    const [m, v] = [this.moment('m', entry), this.moment('v', entry)];
    const settings = this.#settings(entry, weightDecay);
    const cols = values.shape[1] as number;
    scoped((scope) => {
      const at = scope.i32From(rows);
      const matrices = [param.at, values.at, m.at, v.at] as const;
      const core = kernels(nnCode);
      rowGrad.isStepFinite = core.adamWRows(...matrices, at, rows.length, cols, ...settings) === 1;
    });
  }
}

/**
 * AdamW: Adam with decoupled weight decay, as PyTorch computes it.
 *
 * @see https://arxiv.org/abs/1711.05101
 * @example const optimizer = new AdamW(model.parameters(), { learningRate: 1e-3 }); optimizer.step();
 */
export class AdamW extends AdamBase {
  /**
   * @param params parameters, or groups with settings of their own
   * @param options learningRate, betas, eps, weightDecay
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(params: Parameters | readonly ParameterGroup[], options?: AdamWOptions) {
    super('AdamW', params, options, 0.01);
  }

  protected update(entry: Entry, grad: Tensor): void {
    this.adamStep(entry, grad, entry.weightDecay);
  }

  protected override updateRows(entry: Entry, rowGrad: RowGrad): void {
    this.adamRows(entry, rowGrad, entry.weightDecay);
  }
}

/**
 * Adam, as PyTorch computes it: weight decay is part of the gradient.
 *
 * @see https://arxiv.org/abs/1412.6980
 * @example const optimizer = new Adam(model.parameters(), { learningRate: 1e-3 }); optimizer.step();
 */
export class Adam extends AdamBase {
  /**
   * @param params parameters, or groups with settings of their own
   * @param options learningRate, betas, eps, weightDecay
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(params: Parameters | readonly ParameterGroup[], options?: AdamOptions) {
    super('Adam', params, options, 0);
  }

  protected update(entry: Entry, grad: Tensor): void {
    const { param, weightDecay } = entry;
    if (weightDecay === 0) {
      this.adamStep(entry, grad, 0);
      return;
    }
    const core = kernels(nnCode);
    const decayed = empty(param.shape);
    core.scaleTo(decayed.at, grad.at, param.size, 1);
    core.addScaled(decayed.at, param.at, param.size, weightDecay);
    this.adamStep(entry, decayed, 0);
    decayed.dispose();
  }

  protected override updateRows(entry: Entry, rowGrad: RowGrad): void {
    // Decay is part of the gradient of every row.
    if (entry.weightDecay > 0) super.updateRows(entry, rowGrad);
    else this.adamRows(entry, rowGrad, 0);
  }
}

/** Computes base^n for a whole n by repeated squaring: `**` differs from engine to engine. */
function power(base: number, n: number): number {
  let result = 1;
  for (let square = base, k = n; k > 0; square *= square, k = Math.floor(k / 2)) {
    if (k % 2 === 1) result *= square;
  }
  return result;
}

/** Options of `Sgd`. */
export interface SgdOptions {
  /**
   * Learning rate, greater than 0.
   * @default 0.01
   */
  learningRate?: number | undefined;
  /**
   * Factor of the velocity of the step before, at least 0.
   * @default 0
   */
  momentum?: number | undefined;
  /**
   * Weight decay, at least 0: times the weights, it is added to the gradient (L2).
   * @default 0
   */
  weightDecay?: number | undefined;
  /**
   * Use Nesterov's momentum, which has to be above 0.
   * @default false
   */
  nesterov?: boolean | undefined;
}

/**
 * Stochastic gradient descent with momentum, as PyTorch computes it.
 *
 * @example new Sgd(model.parameters(), { learningRate: 0.1, momentum: 0.9 });
 */
export class Sgd extends Optimizer {
  protected readonly slots = ['velocity'];
  /** Factor of the velocity of the step before. */
  readonly momentum: number;
  /** True if the momentum is Nesterov's. */
  readonly nesterov: boolean;

  /**
   * @param params parameters, or groups with settings of their own
   * @param options learningRate, momentum, weightDecay, nesterov
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(params: Parameters | readonly ParameterGroup[], options?: SgdOptions) {
    const read = readOptions('Sgd', options);
    const learningRate = read.read('learningRate', checkPositive, 0.01);
    const momentum = read.read('momentum', checkNonNegative, 0);
    const weightDecay = read.read('weightDecay', checkNonNegative, 0);
    const nesterov = read.read('nesterov', checkFlag, false);
    read.done();
    if (nesterov && momentum === 0) {
      rangeError('Sgd', 'momentum', 'above 0 with nesterov', momentum);
    }
    super('Sgd', params, learningRate, weightDecay);
    this.momentum = momentum;
    this.nesterov = nesterov;
  }

  protected update(entry: Entry, grad: Tensor): void {
    const { param, weightDecay, lrScale } = entry;
    kernels(nnCode).sgdStep(
      param.at,
      grad.at,
      this.moment('velocity', entry).at,
      param.size,
      this.learningRate * lrScale,
      this.momentum,
      weightDecay,
      this.nesterov,
    );
  }
}

/**
 * Splits a module's parameters into two groups: with weight decay those of at least two axes,
 * without it biases and norms, as the training of GPT and MAE has it.
 *
 * @param params parameters by name
 * @param weightDecay of the first group, at least 0
 * @param exempt tells by name which parameters stay without decay besides
 * @param options none
 * @returns the groups that have parameters
 * @throws {TypeError | RangeError} if an argument is not valid
 * @example new AdamW(decayGroups(model.parameters(), 0.1));
 */
export function decayGroups(
  params: ReadonlyMap<string, Tensor>,
  weightDecay: number,
  exempt: (name: string) => boolean = () => false,
  options?: NoOptions,
): ParameterGroup[] {
  checkNoOptions('decayGroups', options);
  if (!isMap(params)) typeError('decayGroups', 'params', 'a Map of parameters', params);
  checkNonNegative('decayGroups', 'weightDecay', weightDecay);
  if (typeof exempt !== 'function') typeError('decayGroups', 'exempt', 'a function', exempt);
  const decays = ([name, { shape }]: [string, Tensor]): boolean =>
    shape.length > 1 && !exempt(name);
  const all = namedParameters('decayGroups', params);
  return [
    { params: new Map(all.filter(decays)), weightDecay },
    { params: new Map(all.filter((entry) => !decays(entry))), weightDecay: 0 },
  ].filter(({ params }) => params.size > 0);
}
