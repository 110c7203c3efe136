/** Keys and values of the tokens so far, layer by layer, so that a new token costs one row. */

import {
  cachedAttention,
  type MultiHeadAttention,
  slice,
  type Tensor,
  tensor,
} from '../../nn/index.js';

/** One layer's cache: (context, C) each. */
export class LayerCache {
  readonly keys: Tensor;
  readonly values: Tensor;

  constructor(context: number, width: number) {
    this.keys = tensor(new Float32Array(context * width), [context, width]);
    this.values = tensor(new Float32Array(context * width), [context, width]);
  }

  /**
   * Attention of new tokens to themselves and to the `past` before them, whose keys and values
   * join the cache.
   * @param x (T, C), normalized
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

export interface Cache {
  /** Tokens that it holds. */
  filled: number;
  layers: LayerCache[];
}

/** Makes the layers' caches at first use. */
export function extendCache(cache: Cache, layers: number, context: number, width: number): void {
  while (cache.layers.length < layers) cache.layers.push(new LayerCache(context, width));
}
