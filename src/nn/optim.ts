/** Optimisers, gradient clipping and learning-rate schedules. */

import nnCode from '#wasm/nn';
import { kernels } from '../core/kernels.js';
import {
  checkFlag,
  checkNonNegative,
  checkOptions,
  checkPositive,
  isNumberArray,
  rangeError,
  typeError,
} from '../core/validation.js';
import type { Module } from './module.js';
import { checkTensor } from './ops/shape.js';
import { filled, Tensor } from './tensor.js';
import { showShape } from './tensor-data.js';
import { untrack } from './tidy.js';

/** Parameters by name, as `module.parameters()` gives them, or without names. */
export type Parameters = ReadonlyMap<string, Tensor> | readonly Tensor[];

/** Parameters with settings of their own. */
export interface ParameterGroup {
  params: Parameters;
  weightDecay?: number;
  /** A factor of the learning rate (default 1). */
  lrScale?: number;
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

/** All parameters, each once, with the settings of their groups; those without names numbered. */
function entriesOf(name: string, params: unknown, weightDecay: number): Entry[] {
  const groups =
    Array.isArray(params) && params.length > 0 && params.every(isGroup)
      ? params
      : [{ params: params as Parameters }];
  const entries = new Map<string, Entry>();
  const seen = new Set<Tensor>();
  for (const group of groups as ParameterGroup[]) {
    checkOptions(name, group, ['params', 'weightDecay', 'lrScale']);
    const { params: list } = group;
    if (!(list instanceof Map) && !Array.isArray(list)) {
      typeError(name, 'params', 'a Map or an array of parameters, or of groups', list);
    }
    const settings = {
      weightDecay: checkNonNegative(name, 'weightDecay', group.weightDecay, weightDecay),
      lrScale: checkNonNegative(name, 'lrScale', group.lrScale, 1),
    };
    const first = entries.size;
    const named = list instanceof Map ? [...list] : list.map((param, i) => [`${first + i}`, param]);
    for (const [key, param] of named as [string, Tensor][]) {
      if (!(param instanceof Tensor)) typeError(name, `params ${key}`, 'a parameter', param);
      if (!param.requiresGrad || param.parents.length > 0) {
        rangeError(name, `params ${key}`, 'a parameter', 'a tensor that is none');
      }
      if (seen.has(param) || entries.has(key)) {
        rangeError(name, `params ${key}`, 'in one place only', 'a second one');
      }
      seen.add(param);
      entries.set(key, { name: key, param, ...settings });
    }
  }
  if (entries.size === 0) rangeError(name, 'params', 'at least one parameter', params);
  return [...entries.values()];
}

/** What all optimisers share: parameters, and moments that live as long as they do. */
abstract class Optimizer {
  learningRate: number;
  protected readonly entries: readonly Entry[];
  protected steps = 0;
  /** What is kept beside each parameter. */
  protected abstract readonly slots: readonly string[];
  readonly #moments = new Map<string, Tensor>();

  constructor(name: string, params: unknown, learningRate: number, weightDecay: number) {
    this.entries = entriesOf(name, params, weightDecay);
    this.learningRate = learningRate;
  }

  /** A tensor beside a parameter, 0 at first. */
  protected moment(kind: string, { name, param }: Entry): Tensor {
    const key = `${kind}.${name}`;
    let found = this.#moments.get(key);
    if (found === undefined) {
      found = filled(param.shape, 0);
      untrack(found);
      this.#moments.set(key, found);
    }
    return found;
  }

  /** Frees all gradients: the next backward begins at 0. */
  zeroGrad(): void {
    for (const { param } of this.entries) {
      param.grad?.dispose();
      param.grad = undefined;
    }
  }

  /** The moments and the number of steps, for going on later with the same bits. */
  stateDict(): Map<string, Tensor> {
    const steps = filled([1], this.steps);
    return new Map([['steps', steps], ...this.#moments]);
  }

  /**
   * Goes on from what `stateDict` gave; moments that it lacks begin at 0.
   * @throws RangeError before anything is written, if a name or a shape does not fit
   */
  loadStateDict(state: ReadonlyMap<string, Tensor>): void {
    if (!(state instanceof Map)) typeError('loadStateDict', 'state', 'a Map of tensors', state);
    const steps = checkTensor('loadStateDict', 'steps', state.get('steps')).item();
    const found = [...state]
      .filter(([key]) => key !== 'steps')
      .map(([key, value]) => {
        const { shape } = checkTensor('loadStateDict', key, value);
        const [kind = '', name = ''] = key.split(/\.(.*)/s);
        const entry = this.entries.find((own) => own.name === name);
        const known = entry !== undefined && this.slots.includes(kind);
        if (!known || String(entry.param.shape) !== String(shape)) {
          rangeError('loadStateDict', key, 'the moment of a parameter', showShape(shape));
        }
        return { kind, entry, numbers: value.toArray() };
      });
    this.dispose();
    this.steps = steps;
    for (const { kind, entry, numbers } of found) this.moment(kind, entry).data.set(numbers);
  }

  /** Frees the moments. */
  dispose(): void {
    for (const moment of this.#moments.values()) moment.dispose();
    this.#moments.clear();
  }
}

export interface AdamWOptions {
  /** Default 1e-3. */
  learningRate?: number;
  /** Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Default 1e-8. */
  eps?: number;
  /** Default 0.01. */
  weightDecay?: number;
}

/** Adam with decoupled weight decay (https://arxiv.org/abs/1711.05101), as PyTorch computes it. */
export class AdamW extends Optimizer {
  protected readonly slots = ['m', 'v'];
  readonly betas: readonly [number, number];
  readonly eps: number;

  constructor(params: Parameters | readonly ParameterGroup[], options?: AdamWOptions) {
    checkOptions('AdamW', options, ['learningRate', 'betas', 'eps', 'weightDecay']);
    super(
      'AdamW',
      params,
      checkPositive('AdamW', 'learningRate', options?.learningRate, 1e-3),
      checkNonNegative('AdamW', 'weightDecay', options?.weightDecay, 0.01),
    );
    this.betas = options?.betas === undefined ? [0.9, 0.999] : options.betas;
    if (!isNumberArray(this.betas) || this.betas.length !== 2) {
      typeError('AdamW', 'betas', 'a pair of numbers', this.betas);
    }
    this.eps = checkPositive('AdamW', 'eps', options?.eps, 1e-8);
    for (const beta of this.betas) {
      if (!(beta >= 0 && beta < 1)) rangeError('AdamW', 'betas', 'at least 0 and below 1', beta);
    }
  }

  /** One step; parameters without a gradient stay. */
  step(): void {
    this.steps++;
    const [beta1, beta2] = this.betas;
    const core = kernels(nnCode);
    for (const entry of this.entries) {
      const { param, weightDecay, lrScale } = entry;
      if (param.grad === undefined) continue;
      core.adamWStep(
        param.at,
        param.grad.at,
        this.moment('m', entry).at,
        this.moment('v', entry).at,
        param.size,
        this.learningRate * lrScale,
        beta1,
        beta2,
        this.eps,
        weightDecay,
        1 - power(beta1, this.steps),
        1 - power(beta2, this.steps),
      );
    }
  }
}

/** base^n for a whole n, by repeated squaring: `**` differs from engine to engine. */
function power(base: number, n: number): number {
  let result = 1;
  for (let square = base, rest = n; rest > 0; square *= square, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square;
  }
  return result;
}

export interface SgdOptions {
  /** Default 0.01. */
  learningRate?: number;
  /** Default 0. */
  momentum?: number;
  /** Default 0. */
  weightDecay?: number;
  /** Default false. */
  nesterov?: boolean;
}

/** Gradient descent with momentum, as PyTorch computes it. */
export class Sgd extends Optimizer {
  protected readonly slots = ['velocity'];
  readonly momentum: number;
  readonly nesterov: boolean;

  constructor(params: Parameters | readonly ParameterGroup[], options?: SgdOptions) {
    checkOptions('Sgd', options, ['learningRate', 'momentum', 'weightDecay', 'nesterov']);
    super(
      'Sgd',
      params,
      checkPositive('Sgd', 'learningRate', options?.learningRate, 0.01),
      checkNonNegative('Sgd', 'weightDecay', options?.weightDecay, 0),
    );
    this.momentum = checkNonNegative('Sgd', 'momentum', options?.momentum, 0);
    this.nesterov = checkFlag('Sgd', 'nesterov', options?.nesterov, false);
    if (this.nesterov && this.momentum === 0) {
      rangeError('Sgd', 'momentum', 'above 0 with nesterov', this.momentum);
    }
  }

  step(): void {
    this.steps++;
    for (const entry of this.entries) {
      const { param, weightDecay, lrScale } = entry;
      if (param.grad === undefined) continue;
      const velocity = this.moment('velocity', entry);
      kernels(nnCode).sgdStep(
        param.at,
        param.grad.at,
        velocity.at,
        param.size,
        this.learningRate * lrScale,
        this.momentum,
        weightDecay,
        this.nesterov,
      );
    }
  }
}

/**
 * Two groups of a module's parameters: with weight decay those of at least two axes, without it
 * biases and norms, as GPT's and MAE's training has it.
 * @param exempt names that stay without decay besides
 */
export function decayGroups(
  params: ReadonlyMap<string, Tensor>,
  weightDecay: number,
  exempt: (name: string) => boolean = () => false,
): ParameterGroup[] {
  const decays = ([name, { shape }]: [string, Tensor]): boolean =>
    shape.length > 1 && !exempt(name);
  const all = [...params];
  return [
    { params: new Map(all.filter(decays)), weightDecay },
    { params: new Map(all.filter((entry) => !decays(entry))), weightDecay: 0 },
  ].filter(({ params }) => params.size > 0);
}

/**
 * Scales all gradients down so that their common length is at most `max`.
 * @returns the length before
 */
export function clipGradNorm(params: Parameters, max: number): number {
  const limit = checkPositive('clipGradNorm', 'max', max, Number.NaN);
  const grads = [...params.values()].flatMap(({ grad }) => (grad === undefined ? [] : [grad]));
  const core = kernels(nnCode);
  const squares = grads.reduce((sum, { at, size }) => sum + core.sumOfSquares(at, size), 0);
  const norm = Math.sqrt(squares);
  if (norm > limit) {
    for (const { at, size } of grads) core.scaleTo(at, at, size, limit / (norm + 1e-6));
  }
  return norm;
}

/** target = decay target + (1 - decay) online, parameter by parameter, as momentum encoders do. */
export function emaUpdate(target: Module, online: Module, decay = 0.996): void {
  if (typeof decay !== 'number' || !(decay >= 0 && decay <= 1)) {
    rangeError('emaUpdate', 'decay', 'from 0 to 1', decay);
  }
  const from = online.stateDict();
  const core = kernels(nnCode);
  for (const [name, to] of target.stateDict()) {
    const source = from.get(name);
    if (source === undefined || source.size !== to.size) {
      rangeError('emaUpdate', 'online', `a module with ${name} like target's`, source?.shape);
    }
    core.scaleTo(to.at, to.at, to.size, decay);
    core.addScaled(to.at, source.at, to.size, 1 - decay);
  }
}
