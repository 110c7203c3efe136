/** Layers one after the other. */

import { rangeError, typeError } from '../../core/validation.js';
import { Module } from '../module.js';
import type { Tensor } from '../tensor.js';

/** A layer of `Sequential`: a module, or a function of a tensor such as `relu`. */
export type SequentialLayer = (Module & { forward(x: Tensor): Tensor }) | ((x: Tensor) => Tensor);

/**
 * Layers one after the other, each applied to what the one before it gives. Their state has their
 * numbers as names, as PyTorch's `nn.Sequential`: `0.weight`, `2.bias`.
 *
 * @example new Sequential(new Linear(4, 8), relu, new Linear(8, 2));
 */
export class Sequential extends Module {
  readonly #layers: readonly SequentialLayer[];

  /**
   * @param layers at least one module with a `forward` of one tensor, or function
   * @throws {TypeError | RangeError} if there is none, or something else among them
   */
  constructor(...layers: SequentialLayer[]) {
    super();
    if (layers.length === 0) rangeError('Sequential', 'layers', 'at least one layer', layers);
    const members: Record<string, Module> = {};
    for (const [i, layer] of layers.entries()) {
      if (layer instanceof Module) {
        const { forward } = layer as { forward?: unknown };
        if (typeof forward === 'function') members[i] = layer;
        else typeError('Sequential', `layers[${i}]`, 'a module with a forward', layer);
      } else if (typeof layer !== 'function') {
        typeError('Sequential', `layers[${i}]`, 'a module or a function', layer);
      }
    }
    this.#layers = layers;
    Object.assign(this, members);
  }

  /** Number of layers. */
  get length(): number {
    return this.#layers.length;
  }

  /**
   * Applies all layers.
   *
   * @param x input of the first layer
   * @returns output of the last layer
   */
  forward(x: Tensor): Tensor {
    let y = x;
    for (const layer of this.#layers) y = layer instanceof Module ? layer.forward(y) : layer(y);
    return y;
  }
}
