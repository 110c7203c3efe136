/** GELU with its derivative, which costs little next to the value and makes the backward a product. */

import nnCode from '#wasm/nn';
import { kernels } from '../../core/kernels.js';
import { isGradEnabled } from '../grad-mode.js';
import { record } from '../record.js';
import { empty, type Tensor } from '../tensor.js';
import { gradInPlace } from './op.js';

/**
 * Computes GELU.
 *
 * @param x tensor of any shape
 * @param approximate use the form with tanh
 * @param overwrite x is fresh from an operation that does not save its output, and nothing else reads
 *   it: where a gradient is wanted its numbers give way to the derivative, which otherwise takes
 *   memory of its own
 * @returns a tensor of the same shape
 */
export function applyGelu(x: Tensor, approximate: boolean, overwrite: boolean): Tensor {
  const core = kernels(nnCode);
  if (!isGradEnabled() || !x.requiresGrad) {
    const forward = (y: number): void => core.geluArray(y, x.at, x.size, approximate);
    return record('gelu', [x], x.shape, forward, () => [], { saved: [] });
  }
  // A leaf keeps its numbers, and so does memory that a view shares.
  const inPlace = overwrite && x.parents.length > 0 && x.ownsMemory;
  const grad = inPlace ? x : empty(x.shape);
  const y = record(
    'gelu',
    [x],
    x.shape,
    (at) => core.geluArrayWithGrad(at, grad.at, x.at, x.size, approximate),
    (dy) => [gradInPlace(dy, (dx) => core.mulArray(dx, dy.at, grad.at, dy.size))],
    { saved: [], owned: inPlace ? [] : [grad] },
  );
  if (inPlace) x.markChanged();
  return y;
}
