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
import { initNormal } from '../../nn/initialization.js';
import { topK } from '../../search/top-k.js';
import { matrixOf } from './batches.js';

/** A token that may stand in place of a `[MASK]`. */
export interface TokenPrediction {
  /** Token as the vocabulary writes it. */
  token: string;
  /** Id of the token. */
  id: number;
  /** Probability, from 0 to 1. */
  probability: number;
}

/** Masked language modeling head: logits = norm(gelu(x W + b)) words' + bias. */
export class MlmHead extends Module {
  /** Linear layer before the token table, (C, C). */
  readonly transform: Linear;
  /** Normalization after it. */
  readonly norm: LayerNorm;
  /** Bias of each token, (V). */
  readonly bias: Tensor;
  /** Form of GELU. */
  readonly activation: 'gelu' | 'gelu_new';

  /**
   * @param vocabSize V
   * @param config width, eps, activation and initStd of the BERT
   */
  constructor(
    vocabSize: number,
    config: { width: number; eps: number; activation: 'gelu' | 'gelu_new'; initStd: number },
  ) {
    super();
    const { width, eps, activation, initStd } = config;
    this.transform = new Linear(width, width);
    this.norm = new LayerNorm(width, { eps });
    this.bias = asParameter(tensor(new Float32Array(vocabSize)));
    this.activation = activation;
    initNormal(this.transform, initStd);
  }

  /** Computes the vectors that the table is compared with, (…, C). */
  #transformed(x: Tensor): Tensor {
    const approximate = this.activation === 'gelu_new';
    return this.norm.forward(gelu(this.transform.forward(x), { approximate }));
  }

  /**
   * Computes logits.
   * @param x hidden states, (…, C)
   * @param words token table, (V, C)
   * @returns (…, V)
   */
  forward(x: Tensor, words: Tensor): Tensor {
    return linear(this.#transformed(x), words, this.bias);
  }

  /**
   * Finds the k most probable tokens, best first: a search in the table with the bias as one more
   * column.
   *
   * @param x hidden states, (n, C)
   * @param words token table, (V, C)
   * @param k number of tokens
   * @returns n × k ids and probabilities
   */
  best(x: Tensor, words: Tensor, k: number): { ids: Int32Array; probabilities: Float32Array } {
    const rows = x.shape[0] as number;
    const ones = tensor(new Float32Array(rows).fill(1), [rows, 1]);
    const table = concat([words, reshape(this.bias, [this.bias.size, 1])], 1);
    const queries = matrixOf(concat([this.#transformed(x), ones], 1));
    const { indices, scores } = topK(queries, matrixOf(table), k, { metric: 'dot' });
    const totals = logSumExp(this.forward(x, words));
    return { ids: indices, probabilities: exp(sub(tensor(scores, [rows, k]), totals)).toArray() };
  }
}
