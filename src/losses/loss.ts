/**
 * The declaration of a loss. From it come the value, the gradient form, the form on tensors of
 * nearfar/nn, and the test cases of bad arguments.
 */

import { checkShape, type Matrix, type MatrixInput, readMatrix } from '../core/matrix.js';
import { type Scope, scoped } from '../core/memory.js';
import { readOptions } from '../core/options.js';
import type { Check } from '../core/validation.js';

/** Check and default of one option of a loss. */
export interface LossOption<T> {
  readonly check: Check<T>;
  /** Default; without one the option may be left out. */
  readonly fallback?: T;
  /** Set where the option has a gradient too: further rows, or a number that can be learned. */
  readonly grad?: 'matrix' | 'number';
}

/** The checked arguments of one call. */
export interface LossCall<Options> {
  /** Name of the called function, for messages. */
  readonly name: string;
  /** Matrices that are compared, all of one shape. */
  readonly inputs: readonly [MatrixInput, ...MatrixInput[]];
  /** Argument after the matrices, not checked yet. */
  readonly target: unknown;
  readonly options: Options;
  /** Compute gradients too. */
  readonly backward: boolean;
}

/** A loss and, if wanted, the gradients of the inputs, then of the options that have one. */
export interface LossResult {
  loss: number;
  grads?: readonly (Matrix | number)[];
}

/**
 * A loss with its options, and what its gradient form returns. Declarations call nothing and compute
 * nothing, so that bundlers drop those that are not used.
 */
export interface Loss<Options, Grads> {
  /** Name of the function; that of the gradient form ends in `Grad`. */
  readonly name: string;
  /** Names of the matrices, in the order of the arguments. */
  readonly inputs: readonly string[];
  /** Set where one vector counts as a matrix of one row. */
  readonly vectors?: true;
  /** Name of the argument after the matrices: labels or targets, one per row. */
  readonly target?: string;
  /** Set where the targets are any numbers, not whole ones. */
  readonly scores?: true;
  readonly options: { readonly [K in keyof Options]-?: LossOption<Options[K]> };
  /** Checks what the options' checks can't, then computes with memory of `scope`. */
  compute(scope: Scope, call: LossCall<Options>): LossResult;
  /** Only a type. */
  readonly grads?: Grads;
}

/**
 * Checks the arguments of a loss and computes it.
 *
 * @param name function that messages name
 * @param args matrices, the target if there is one, and the options
 * @param backward whether gradients are wanted
 */
export function runLoss<Options>(
  loss: Loss<Options, unknown>,
  name: string,
  args: readonly unknown[],
  backward: boolean,
): LossResult {
  const inputs = loss.inputs.map((argument, i) =>
    readMatrix(name, argument, args[i], loss.vectors),
  ) as [MatrixInput, ...MatrixInput[]];
  for (const input of inputs) checkShape(input, inputs[0]);
  const { length } = inputs;
  const target = loss.target && args[length];
  const reader = readOptions(name, args[loss.target ? length + 1 : length]);
  const options = {} as Options;
  for (const key in loss.options) {
    const { check, fallback } = loss.options[key];
    options[key] = (reader.optional(key, check) ?? fallback) as Options[typeof key];
  }
  reader.done();
  return scoped((scope) => loss.compute(scope, { name, inputs, target, options, backward }));
}

/** Computes a loss alone. */
export function lossValue<Options>(
  loss: Loss<Options, unknown>,
  ...args: readonly unknown[]
): number {
  return runLoss(loss, loss.name, args, false).loss;
}

/**
 * Computes a loss and its gradients: `grad` of a single input, else `gradName` of each input and of
 * each option that has a gradient.
 */
export function lossGrads<Options, Grads>(
  loss: Loss<Options, Grads>,
  ...args: readonly unknown[]
): Grads {
  const result = runLoss(loss, `${loss.name}Grad`, args, true);
  const names: string[] = [...loss.inputs];
  for (const key in loss.options) if (loss.options[key].grad) names.push(key);
  const named: Record<string, unknown> = { loss: result.loss };
  result.grads?.forEach((grad, i) => {
    const name = names[i] as string;
    named[names.length === 1 ? 'grad' : `grad${name[0]?.toUpperCase()}${name.slice(1)}`] = grad;
  });
  return named as Grads;
}
