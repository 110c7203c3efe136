/** State of layers: parameters that are trained, and buffers that are not. */

import { asParameter } from '../leaf.js';
import { filled, type Tensor } from '../tensor.js';
import type { Shape } from '../tensor-data.js';
import { untrack } from '../tidy.js';

/** Makes a parameter whose numbers are all the same. */
export function constant(shape: Shape, value: number): Tensor {
  return asParameter(filled(shape, value));
}

/** Keeps a tensor as part of a module's state that is not trained. */
export function buffer(values: Tensor): Tensor {
  untrack(values);
  return values;
}
