/** Operations of the caller's own. */

import { checkNoOptions } from '../../core/options.js';
import { type NoOptions, typeError } from '../../core/validation.js';
import { checkTensor } from '../check.js';
import { tensor } from '../leaf.js';
import { withBackward } from '../record.js';
import type { Tensor } from '../tensor.js';
import { sameShape, showShape } from '../tensor-data.js';
import { copy } from './broadcast.js';

/** Forward and backward of an operation of the caller's own. */
export interface CustomOp {
  /**
   * Makes the output; runs without recording a graph.
   *
   * @param inputs what the operation was called with
   * @returns the output
   */
  forward(...inputs: Tensor[]): Tensor;
  /**
   * Computes the gradients of the inputs; runs without recording a graph.
   *
   * @param dy gradient of the output
   * @param output what `forward` made
   * @param inputs what the operation was called with
   * @returns for each input a tensor of its shape, fresh or any that is at hand, or undefined
   */
  backward(dy: Tensor, output: Tensor, ...inputs: Tensor[]): readonly (Tensor | undefined)[];
}

/**
 * Makes an operation of a function of tensors and its gradient.
 *
 * @param definition functions `forward` and `backward`
 * @param options none
 * @returns a function of tensors that records itself in the graph
 * @throws {TypeError} if one of the functions is missing; the operation throws if `backward` gives
 *   something else than a tensor of each input's shape
 * @example const double = customOp({ forward: (x) => mul(x, 2), backward: (dy) => [mul(dy, 2)] });
 */
export function customOp(
  definition: CustomOp,
  options?: NoOptions,
): (...inputs: Tensor[]) => Tensor {
  checkNoOptions('customOp', options);
  if (typeof definition?.forward !== 'function' || typeof definition.backward !== 'function') {
    typeError('customOp', 'definition', 'functions forward and backward', definition);
  }
  return (...inputs) => {
    for (const [i, input] of inputs.entries()) checkTensor('customOp', `inputs[${i}]`, input);
    return withBackward(
      'customOp',
      inputs,
      () => checkTensor('customOp', 'the result of forward', definition.forward(...inputs)),
      (dy, output) => {
        const before = tensor(0);
        const given = definition.backward(dy, output, ...inputs);
        if (!Array.isArray(given) || given.length > inputs.length) {
          const expected = `an array of at most ${inputs.length} gradients`;
          typeError('customOp', 'the result of backward', expected, given);
        }
        const seen = new Set<Tensor>();
        const grads = given.map((value: unknown, i) => {
          if (value === undefined) return undefined;
          const what = `gradient ${i} of backward`;
          const grad = checkTensor('customOp', what, value);
          const { shape } = inputs[i] as Tensor;
          if (!sameShape(grad.shape, shape)) {
            throw new RangeError(
              `customOp: ${what} must be of its input's shape ${showShape(shape)}, got ${showShape(grad.shape)}`,
            );
          }
          // The caller of this function adds to gradients and frees them: they must have no other owner.
          const fresh = grad.order > before.order && grad.ownsMemory && !seen.has(grad);
          seen.add(grad);
          return fresh ? grad : copy(grad);
        });
        before.dispose();
        return grads;
      },
    );
  };
}
