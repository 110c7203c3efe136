/** Activation functions: what stands between two layers. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { checkNoOptions, readOptions } from '../../core/options.js';
import { checkFlag, type NoOptions } from '../../core/validation.js';
import { checkTensor } from '../check.js';
import type { Tensor } from '../tensor.js';
import { applyGelu } from './gelu.js';
import { unary } from './op.js';

/**
 * Computes max(0, x) of each number.
 *
 * @param x tensor of any shape
 * @param options none
 * @returns a tensor of the same shape
 * @throws {TypeError} if x is not a tensor, or there is an option
 */
export function relu(x: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('relu', options);
  const core = kernels(nnCode);
  return unary('relu', x, {
    forward: core.reluArray,
    backward: core.reluArrayBackward,
    saves: 'output',
  });
}

/**
 * Computes the hyperbolic tangent of each number.
 *
 * @param x tensor of any shape
 * @param options none
 * @returns a tensor of the same shape, within 2 ulp
 * @throws {TypeError} if x is not a tensor, or there is an option
 */
export function tanh(x: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('tanh', options);
  const core = kernels(nnCode);
  return unary('tanh', x, {
    forward: core.tanhArray,
    backward: core.tanhArrayBackward,
    saves: 'output',
  });
}

/**
 * Computes 1 / (1 + e^−x) of each number, the logistic function.
 *
 * @param x tensor of any shape
 * @param options none
 * @returns a tensor of the same shape, numbers from 0 to 1
 * @throws {TypeError} if x is not a tensor, or there is an option
 */
export function sigmoid(x: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('sigmoid', options);
  const core = kernels(nnCode);
  return unary('sigmoid', x, {
    forward: core.sigmoidArray,
    backward: core.sigmoidArrayBackward,
    saves: 'output',
  });
}

/**
 * Computes x sigmoid(x) of each number, also called swish.
 *
 * @param x tensor of any shape
 * @param options none
 * @returns a tensor of the same shape
 * @throws {TypeError} if x is not a tensor, or there is an option
 * @see https://arxiv.org/abs/1702.03118
 */
export function silu(x: Tensor, options?: NoOptions): Tensor {
  checkNoOptions('silu', options);
  const core = kernels(nnCode);
  return unary('silu', x, {
    forward: core.siluArray,
    backward: core.siluArrayBackward,
    saves: 'input',
  });
}

/** Options of `gelu`. */
export interface GeluOptions {
  /**
   * Use the form with tanh that GPT-2 has.
   * @default false
   */
  approximate?: boolean | undefined;
}

/**
 * Computes x Φ(x) of each number, where Φ is the normal distribution's.
 *
 * @param x tensor of any shape
 * @param options approximate: use the form with tanh
 * @returns a tensor of the same shape
 * @throws {TypeError} if an option is not valid
 * @see https://arxiv.org/abs/1606.08415
 */
export function gelu(x: Tensor, options?: GeluOptions): Tensor {
  const read = readOptions('gelu', options);
  const approximate = read.read('approximate', checkFlag, false);
  read.done();
  return applyGelu(checkTensor('gelu', 'x', x), approximate, false);
}
