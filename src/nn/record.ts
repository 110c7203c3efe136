/**
 * Records operations in the graph: the inputs of a forward, and a closure that turns the gradient
 * of its output into those of its inputs.
 */

import { allocate, type Pointer } from '../core/memory.js';
import { checkFinite } from './debug.js';
import { isGradEnabled, noGrad } from './grad-mode.js';
import { Storage } from './storage.js';
import { type GradFn, Internals, Tensor } from './tensor.js';
import { type Shape, sizeOf } from './tensor-data.js';

/** Tensors that a backward reads: PyTorch's `save_for_backward`. */
export interface SavedTensors {
  /** Tensors whose numbers it reads (default: all inputs). */
  saved?: readonly Tensor[];
  /** True if it reads the output (default false). */
  output?: boolean;
  /** Tensors that the forward wrote for it alone; the output frees them with itself. */
  owned?: readonly Tensor[];
}

/** Makes the node of the graph; undefined where no gradient is wanted. */
function makeGradFn(
  name: string,
  inputs: readonly Tensor[],
  backward: GradFn['backward'],
  saved: readonly Tensor[],
): GradFn | undefined {
  if (!isGradEnabled() || !inputs.some((input) => input.requiresGrad)) return undefined;
  const versions = saved.map((tensor) => ({ tensor, version: tensor.version }));
  return { name, inputs, backward, saved: versions };
}

/**
 * Runs an operation and records it in the graph.
 *
 * @param forward writes the output at an address
 * @param backward returns new tensors, the gradients of the inputs; kept only if one is wanted
 * @param saves tensors that the backward reads: it throws if they were overwritten since
 */
export function record(
  name: string,
  inputs: readonly Tensor[],
  shape: Shape,
  forward: (y: Pointer) => void,
  backward: GradFn['backward'],
  { saved = inputs, output: savesOutput = false, owned = [] }: SavedTensors = {},
): Tensor {
  const gradFn = makeGradFn(name, inputs, backward, saved);
  const storage = new Storage(allocate(4 * sizeOf(shape)));
  const output = new Tensor(shape, new Internals(storage, gradFn));
  forward(storage.at);
  if (gradFn === undefined) for (const tensor of owned) tensor.dispose();
  else {
    if (savesOutput) gradFn.saved = [...gradFn.saved, { tensor: output, version: storage.version }];
    if (owned.length > 0) output.own(owned);
  }
  checkFinite(name, output);
  return output;
}

/**
 * Gives a tensor a backward of its own: what `make` returns, run without a graph, becomes the output
 * of an operation with this backward.
 */
export function withBackward(
  name: string,
  inputs: readonly Tensor[],
  make: () => Tensor,
  backward: (dy: Tensor, output: Tensor) => readonly (Tensor | undefined)[],
): Tensor {
  const result = noGrad(make);
  const gradFn = makeGradFn(name, inputs, (dy) => backward(dy, output), inputs);
  const output: Tensor = result.withHistory(gradFn);
  if (!inputs.includes(result)) result.dispose();
  checkFinite(name, output);
  return output;
}
