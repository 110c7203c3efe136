/** The block that transformers are made of. */

import { readOptions } from '../../core/options.js';
import { checkFlag, checkPositive, oneOf } from '../../core/validation.js';
import { checkSize, checkSizes } from '../check.js';
import { Module } from '../module.js';
import type { AttentionMask } from '../ops/attention.js';
import { add } from '../ops/elementwise.js';
import { checkDropoutRate } from '../random.js';
import type { Tensor } from '../tensor.js';
import { MultiHeadAttention } from './attention.js';
import { Dropout } from './dropout.js';
import { type Activation, checkActivation, Mlp } from './mlp.js';
import { LayerNorm } from './norm.js';

/** Options of `TransformerBlock`. */
export interface TransformerBlockOptions {
  /**
   * Let a query see only keys up to its own position.
   * @default false
   */
  causal?: boolean | undefined;
  /**
   * Give linear layers and norms a bias.
   * @default true
   */
  bias?: boolean | undefined;
  /**
   * Width of the middle of the MLP, at least 1.
   * @default 4 width
   */
  hidden?: number | undefined;
  /**
   * Fraction of what attention and MLP add that is dropped while training, from 0 to below 1.
   * @default 0
   */
  dropout?: number | undefined;
  /**
   * Fraction of the attention's probabilities that is dropped while training, from 0 to below 1.
   * @default as `dropout`
   */
  attentionDropout?: number | undefined;
  /**
   * Activation function of the MLP.
   * @default 'gelu'
   */
  activation?: Activation | undefined;
  /**
   * Added to the variance in the layer norms; greater than 0.
   * @default 1e-5
   */
  eps?: number | undefined;
  /**
   * Normalize before attention and MLP, as GPT does, or after, as BERT does.
   * @default 'pre'
   */
  norm?: 'pre' | 'post' | undefined;
}

/**
 * Transformer block: attention and an MLP, each with a residual connection and a layer norm.
 *
 * @see https://arxiv.org/abs/1706.03762
 * @example new TransformerBlock(128, 4, { causal: true, norm: 'pre' });
 */
export class TransformerBlock extends Module {
  /** Layer norm of the attention. */
  readonly norm1: LayerNorm;
  /** Self-attention. */
  readonly attention: MultiHeadAttention;
  /** Layer norm of the MLP. */
  readonly norm2: LayerNorm;
  /** Two linear layers. */
  readonly mlp: Mlp;
  /** Dropout of what attention and MLP add. */
  readonly dropout: Dropout;
  /** Position of the norms: before attention and MLP, or after. */
  readonly norm: 'pre' | 'post';

  /**
   * @param width of a vector, a multiple of heads
   * @param heads number of heads
   * @param options causal, bias, hidden, dropout, attentionDropout, activation, eps, norm
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(width: number, heads: number, options?: TransformerBlockOptions) {
    super();
    checkSizes('TransformerBlock', { width, heads });
    const read = readOptions('TransformerBlock', options);
    const causal = read.read('causal', checkFlag, false);
    const bias = read.read('bias', checkFlag, true);
    const hidden = read.read('hidden', checkSize, 4 * width);
    const dropout = read.read('dropout', checkDropoutRate, 0);
    const attentionDropout = read.read('attentionDropout', checkDropoutRate, dropout);
    const activation = read.read('activation', checkActivation, 'gelu');
    const eps = read.read('eps', checkPositive, 1e-5);
    this.norm = read.read('norm', oneOf(['pre', 'post']), 'pre');
    read.done();
    this.norm1 = new LayerNorm(width, { eps, bias });
    const ofAttention = { causal, bias, dropout: attentionDropout };
    this.attention = new MultiHeadAttention(width, heads, ofAttention);
    this.norm2 = new LayerNorm(width, { eps, bias });
    this.mlp = new Mlp(width, hidden, { activation, bias });
    this.dropout = new Dropout(dropout);
  }

  /**
   * Applies attention and MLP.
   *
   * @param x (B, T, width)
   * @param lengths number of steps of each sample, the others being padding; all if left out
   * @param mask true where a query may look, of a shape that broadcasts to (B, heads, T, T)
   * @returns (B, T, width)
   */
  forward(x: Tensor, lengths?: ArrayLike<number>, mask?: AttentionMask): Tensor {
    const attn = (y: Tensor): Tensor =>
      this.dropout.forward(this.attention.forward(y, lengths, mask));
    const mlp = (y: Tensor): Tensor => this.dropout.forward(this.mlp.forward(y));
    if (this.norm === 'pre') {
      const middle = add(x, attn(this.norm1.forward(x)));
      return add(middle, mlp(this.norm2.forward(middle)));
    }
    const middle = this.norm1.forward(add(x, attn(x)));
    return this.norm2.forward(add(middle, mlp(middle)));
  }
}
