/** Parameters as optimizers take them, and clipping of their gradients. */

import nnCode from '#wasm/nn';
import { kernels } from '../core/kernels.js';
import { checkNoOptions } from '../core/options.js';
import { checkPositive, isMap, type NoOptions, typeError } from '../core/validation.js';
import { checkTensor } from './check.js';
import type { Tensor } from './tensor.js';

/** Parameters by name, as `module.parameters()` gives them, or without names. */
export type Parameters = ReadonlyMap<string, Tensor> | readonly Tensor[];

/** Reads parameters, by name where they have names. */
export function namedParameters(name: string, params: unknown, first = 0): [string, Tensor][] {
  if (!isMap(params) && !Array.isArray(params)) {
    typeError(name, 'params', 'a Map or an array of parameters, or of groups', params);
  }
  const named: [unknown, unknown][] = isMap(params)
    ? [...params]
    : params.map((param, i) => [first + i, param]);
  return named.map(([key, param]) => [`${key}`, checkTensor(name, `params ${key}`, param)]);
}

/**
 * Scales all gradients down so that the norm of all of them together is at most `max`.
 *
 * @param params parameters whose gradients are clipped
 * @param max greatest norm, greater than 0
 * @param options none
 * @returns the norm before
 * @throws {TypeError | RangeError} if an argument is not valid
 */
export function clipGradNorm(params: Parameters, max: number, options?: NoOptions): number {
  checkNoOptions('clipGradNorm', options);
  checkPositive('clipGradNorm', 'max', max);
  const named = namedParameters('clipGradNorm', params);
  const grads = named.flatMap(([, param]) => gradsOf(param));
  const core = kernels(nnCode);
  const squares = grads.reduce((sum, { at, size }) => sum + core.sumOfSquares(at, size), 0);
  const norm = Math.sqrt(squares);
  if (norm > max) {
    for (const grad of grads) {
      core.scaleTo(grad.at, grad.at, grad.size, max / (norm + 1e-6));
      grad.markChanged();
    }
  }
  return norm;
}

/** Gradients of a parameter: of its shape, of some of its rows, or both. */
export function gradsOf({ grad, rowGrad }: Tensor): Tensor[] {
  return [grad, rowGrad?.values].filter((each) => each !== undefined);
}
