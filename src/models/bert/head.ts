/** BERT's head: hidden states to tokens, by way of the token table that words go in through. */

import {
  asParameter,
  concat,
  exp,
  gelu,
  LayerNorm,
  Linear,
  linear,
  logSumExp,
  Module,
  reshape,
  sub,
  type Tensor,
  tensor,
} from '../../nn/index.js';
import { topK } from '../../search/top-k.js';
import { initNormal } from '../initialization.js';
import type { BertConfig } from './bert.js';
import { toMatrixOf } from './segments.js';

/** A token for a `[MASK]`. */
export interface TokenPrediction {
  /** As the vocabulary writes it. */
  token: string;
  id: number;
  probability: number;
}

export class MaskHead extends Module {
  readonly transform: Linear;
  readonly norm: LayerNorm;
  /** (V) */
  readonly bias: Tensor;
  readonly activation: 'gelu' | 'gelu_new';

  /** @param size V */
  constructor(size: number, config: Required<BertConfig>) {
    super();
    const { width, eps, activation, initStd: deviation } = config;
    this.transform = new Linear(width, width);
    this.norm = new LayerNorm(width, { eps });
    this.bias = asParameter(tensor(new Float32Array(size)));
    this.activation = activation;
    initNormal(this.transform, deviation);
  }

  /** What the table is compared with, (…, C). */
  #transformed(x: Tensor): Tensor {
    const approximate = this.activation === 'gelu_new';
    return this.norm.forward(gelu(this.transform.forward(x), { approximate }));
  }

  /**
   * Logits, (…, V).
   * @param words (V, C)
   */
  forward(x: Tensor, words: Tensor): Tensor {
    return linear(this.#transformed(x), words, this.bias);
  }

  /**
   * The k likeliest tokens, best first: a search in the table, whose bias is one column more.
   * @param x (n, C)
   * @returns n × k
   */
  best(x: Tensor, words: Tensor, k: number): { ids: Int32Array; probabilities: Float32Array } {
    const rows = x.shape[0] as number;
    const ones = tensor(new Float32Array(rows).fill(1), [rows, 1]);
    const table = concat([words, reshape(this.bias, [this.bias.size, 1])], 1);
    const queries = toMatrixOf(concat([this.#transformed(x), ones], 1));
    const { indices, scores } = topK(queries, toMatrixOf(table), k, { metric: 'dot' });
    const totals = logSumExp(this.forward(x, words));
    return { ids: indices, probabilities: exp(sub(tensor(scores, [rows, k]), totals)).toArray() };
  }
}
