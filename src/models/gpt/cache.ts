/** Key-value cache of generation: a new token costs one row per layer. */

import {
  cachedAttention,
  type MultiHeadAttention,
  slice,
  type Tensor,
  tensor,
} from '../../nn/index.js';

/** Keys and values of one layer, (context, C) each. */
export class LayerCache {
  readonly keys: Tensor;
  readonly values: Tensor;

  constructor(context: number, width: number) {
    this.keys = tensor(new Float32Array(context * width), [context, width]);
    this.values = tensor(new Float32Array(context * width), [context, width]);
  }

  /**
   * Computes attention of new tokens to themselves and to the `past` before them, and adds their
   * keys and values to the cache.
   *
   * @param x (T, C), normalized
   * @returns (T, C)
   */
  attend(attention: MultiHeadAttention, x: Tensor, past: number): Tensor {
    const width = x.shape[1] as number;
    const qkv = attention.qkv.forward(x);
    const [queries, keys, values] = [0, 1, 2].map((part) =>
      slice(qkv, 1, part * width, (part + 1) * width),
    ) as [Tensor, Tensor, Tensor];
    this.keys.data.set(keys.data, past * width);
    this.values.data.set(values.data, past * width);
    const y = cachedAttention(queries, this.keys, this.values, past, attention.heads);
    return attention.output.forward(y);
  }
}

/** Keys and values of all layers. */
export class KeyValueCache {
  /** Number of tokens that it holds. */
  length = 0;
  readonly layers: LayerCache[];

  constructor(layers: number, context: number, width: number) {
    this.layers = Array.from({ length: layers }, () => new LayerCache(context, width));
  }

  dispose(): void {
    for (const { keys, values } of this.layers) {
      keys.dispose();
      values.dispose();
    }
  }
}
