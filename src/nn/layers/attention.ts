/** Self-attention with many heads as a layer. */

import { readOptions } from '../../core/options.js';
import { checkFlag, rangeError } from '../../core/validation.js';
import { checkSizes } from '../check.js';
import { Module } from '../module.js';
import { type AttentionMask, attention } from '../ops/attention.js';
import { checkDropoutRate } from '../random.js';
import type { Tensor } from '../tensor.js';
import { Linear } from './linear.js';

/** Options of `MultiHeadAttention`. */
export interface MultiHeadAttentionOptions {
  /**
   * Let a query see only keys up to its own position.
   * @default false
   */
  causal?: boolean | undefined;
  /**
   * Give the projections a bias.
   * @default true
   */
  bias?: boolean | undefined;
  /**
   * Fraction of the attention's probabilities that is dropped while training, from 0 to below 1.
   * @default 0
   */
  dropout?: number | undefined;
}

/**
 * Multi-head self-attention: one projection to queries, keys and values, one back.
 *
 * @see https://arxiv.org/abs/1706.03762
 */
export class MultiHeadAttention extends Module {
  /** Number of heads. */
  readonly heads: number;
  /** True if a query sees only keys up to its own position. */
  readonly causal: boolean;
  /** Fraction of the probabilities that is dropped while training. */
  readonly dropout: number;
  /** (3 width, width): queries, keys, values. */
  readonly qkv: Linear;
  /** (width, width) */
  readonly output: Linear;

  /**
   * @param width of a vector, a multiple of heads
   * @param heads number of heads
   * @param options causal, bias, dropout
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(width: number, heads: number, options?: MultiHeadAttentionOptions) {
    super();
    checkSizes('MultiHeadAttention', { width, heads });
    const read = readOptions('MultiHeadAttention', options);
    this.causal = read.read('causal', checkFlag, false);
    const bias = read.read('bias', checkFlag, true);
    this.dropout = read.read('dropout', checkDropoutRate, 0);
    read.done();
    if (width % heads !== 0) {
      rangeError('MultiHeadAttention', 'width', `a multiple of ${heads} heads`, width);
    }
    this.heads = heads;
    this.qkv = new Linear(width, 3 * width, { bias });
    this.output = new Linear(width, width, { bias });
  }

  /**
   * Lets every step attend to the others.
   *
   * @param x (B, T, width)
   * @param lengths number of steps of each sample, the others being padding; all if left out
   * @param mask true where a query may look, of a shape that broadcasts to (B, heads, T, T)
   * @returns (B, T, width)
   */
  forward(x: Tensor, lengths?: ArrayLike<number>, mask?: AttentionMask): Tensor {
    const { heads, causal } = this;
    const dropout = this.training ? this.dropout : 0;
    const options = { heads, causal, lengths, mask, dropout };
    return this.output.forward(attention(this.qkv.forward(x), options));
  }
}
