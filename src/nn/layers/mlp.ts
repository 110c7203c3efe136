/** The multilayer perceptron of transformers. */

import { readOptions } from '../../core/options.js';
import { checkFlag, oneOf } from '../../core/validation.js';
import { checkSize, checkSizes } from '../check.js';
import { Module } from '../module.js';
import { relu, tanh } from '../ops/activations.js';
import { add, mul } from '../ops/elementwise.js';
import { applyGelu } from '../ops/gelu.js';
import type { Tensor } from '../tensor.js';
import { Linear } from './linear.js';

const ACTIVATIONS = ['gelu', 'gelu_new', 'quick_gelu', 'relu', 'tanh'] as const;

/**
 * Name of an activation function, as Hugging Face has it: `gelu_new` is GPT-2's form with tanh,
 * `quick_gelu` is x σ(1.702 x), OpenAI's in CLIP.
 */
export type Activation = (typeof ACTIVATIONS)[number];

/** Checks the name of an activation function. */
export const checkActivation: (name: string, argument: string, value: unknown) => Activation =
  /* @__PURE__ */ oneOf(ACTIVATIONS);

/** Applies an activation function by its name to a result that nothing else reads. */
export function activate(x: Tensor, activation: Activation): Tensor {
  if (activation === 'relu') return relu(x);
  if (activation === 'tanh') return tanh(x);
  // σ(2 y) = (1 + tanh y) / 2
  if (activation === 'quick_gelu') return mul(x, add(mul(tanh(mul(x, 0.851)), 0.5), 0.5));
  return applyGelu(x, activation === 'gelu_new', true);
}

/** Options of `Mlp`. */
export interface MlpOptions {
  /**
   * Width of the result, at least 1.
   * @default the width of the input
   */
  outputs?: number | undefined;
  /**
   * Activation function between the layers.
   * @default 'gelu'
   */
  activation?: Activation | undefined;
  /**
   * Give the layers a bias.
   * @default true
   */
  bias?: boolean | undefined;
}

/**
 * Multilayer perceptron: two linear layers with an activation between them.
 *
 * @example new Mlp(128, 512, { activation: 'relu', outputs: 64 });
 */
export class Mlp extends Module {
  /** (hidden, width) */
  readonly up: Linear;
  /** (outputs, hidden) */
  readonly down: Linear;
  /** Name of the activation function. */
  readonly activation: Activation;

  /**
   * @param width of the input
   * @param hidden width between the layers
   * @param options outputs, activation, bias
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(width: number, hidden: number, options?: MlpOptions) {
    super();
    checkSizes('Mlp', { width, hidden });
    const read = readOptions('Mlp', options);
    const outputs = read.read('outputs', checkSize, width);
    this.activation = read.read('activation', checkActivation, 'gelu');
    const bias = read.read('bias', checkFlag, true);
    read.done();
    this.up = new Linear(width, hidden, { bias });
    this.down = new Linear(hidden, outputs, { bias });
  }

  /**
   * Applies both layers.
   *
   * @param x (…, width)
   * @returns (…, outputs)
   */
  forward(x: Tensor): Tensor {
    return this.down.forward(activate(this.up.forward(x), this.activation));
  }
}
