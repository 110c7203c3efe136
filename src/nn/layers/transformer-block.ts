/** The layers of transformers and of small networks. */

import { checkOptions, rangeError } from '../../core/validation.js';
import { Module } from '../module.js';
import { attention } from '../ops/attention.js';
import { add, gelu, mul, relu, tanh } from '../ops/elementwise.js';
import { gather } from '../ops/embedding.js';
import { linear } from '../ops/matmul.js';
import { layerNorm } from '../ops/softmax.js';
import { checkRate, dropout, randomNormal, randomUniform } from '../random.js';
import { filled, Tensor } from '../tensor.js';
import type { Shape } from '../tensor-data.js';
import { untrack } from '../tidy.js';

/** Turns a tensor into a parameter that its owner disposes of. */
export function asParameter(x: Tensor): Tensor {
  const made = new Tensor(x.shape, undefined, undefined, true);
  untrack(made);
  made.data.set(x.data);
  x.dispose();
  return made;
}

/** A parameter whose numbers are all the same. */
export function constant(shape: Shape, value: number): Tensor {
  return asParameter(filled(shape, value));
}

export function checkSizes(name: string, sizes: Record<string, unknown>): void {
  for (const [argument, value] of Object.entries(sizes)) {
    if (!Number.isSafeInteger(value) || (value as number) < 1) {
      rangeError(name, argument, 'a whole number of at least 1', value);
    }
  }
}

/** y = x W' + b, with PyTorch's initial weights: uniform within ±1/√in. */
export class Linear extends Module {
  /** (out, in) */
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;

  constructor(inputs: number, outputs: number, options?: { bias?: boolean }) {
    super();
    checkSizes('Linear', { in: inputs, out: outputs });
    checkOptions('Linear', options, ['bias']);
    const bound = 1 / Math.sqrt(inputs);
    this.weight = asParameter(randomUniform([outputs, inputs], { low: -bound, high: bound }));
    const wanted = options?.bias ?? true;
    this.bias = wanted
      ? asParameter(randomUniform([outputs], { low: -bound, high: bound }))
      : undefined;
  }

  /** @param x (…, in) @returns (…, out) */
  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}

/** Rows to mean 0 and variance 1, times a gain, plus a bias. */
export class LayerNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly eps: number;

  constructor(width: number, options?: { eps?: number; bias?: boolean }) {
    super();
    checkSizes('LayerNorm', { width });
    checkOptions('LayerNorm', options, ['eps', 'bias']);
    this.eps = options?.eps ?? 1e-5;
    this.weight = constant([width], 1);
    this.bias = (options?.bias ?? true) ? constant([width], 0) : undefined;
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, { eps: this.eps });
  }
}

/** A table of vectors, looked up by number; initially normal with deviation 1. */
export class Embedding extends Module {
  /** (count, width) */
  readonly weight: Tensor;

  constructor(count: number, width: number) {
    super();
    checkSizes('Embedding', { count, width });
    this.weight = asParameter(randomNormal([count, width]));
  }

  /** @returns (…shape, width), one axis of indices if no shape is given */
  forward(indices: ArrayLike<number>, shape?: Shape): Tensor {
    return gather(this.weight, indices, shape);
  }
}

/** Zeroes a share of the numbers while training. */
export class Dropout extends Module {
  readonly rate: number;

  constructor(rate = 0.5) {
    super();
    this.rate = checkRate('Dropout', 'rate', rate);
  }

  forward(x: Tensor): Tensor {
    return this.training && this.rate > 0 ? dropout(x, this.rate) : x;
  }
}

export interface MultiHeadAttentionOptions {
  /** A query sees only keys up to its own place (default false). */
  causal?: boolean;
  bias?: boolean;
  /** Share of the attention's probabilities that is dropped while training (default 0). */
  dropout?: number;
}

/** Self-attention of many heads: one projection to queries, keys and values, one back. */
export class MultiHeadAttention extends Module {
  readonly heads: number;
  readonly causal: boolean;
  readonly dropout: number;
  /** (3 width, width): queries, keys, values. */
  readonly qkv: Linear;
  readonly output: Linear;

  constructor(width: number, heads: number, options?: MultiHeadAttentionOptions) {
    super();
    checkSizes('MultiHeadAttention', { width, heads });
    checkOptions('MultiHeadAttention', options, ['causal', 'bias', 'dropout']);
    if (width % heads !== 0) {
      rangeError('MultiHeadAttention', 'width', `a multiple of ${heads} heads`, width);
    }
    this.heads = heads;
    this.causal = options?.causal ?? false;
    this.dropout = checkRate('MultiHeadAttention', 'dropout', options?.dropout ?? 0);
    const bias = options?.bias ?? true;
    this.qkv = new Linear(width, 3 * width, { bias });
    this.output = new Linear(width, width, { bias });
  }

  /**
   * @param x (B, T, width)
   * @param lengths how many steps each sample has, the rest being padding
   */
  forward(x: Tensor, lengths?: ArrayLike<number>): Tensor {
    const { heads, causal } = this;
    const dropout = this.training ? this.dropout : 0;
    return this.output.forward(attention(this.qkv.forward(x), { heads, causal, lengths, dropout }));
  }
}

/** What stands between two linear layers. */
/** `quick_gelu` is x σ(1.702 x), OpenAI's in CLIP. */
export type Activation = 'gelu' | 'gelu_new' | 'quick_gelu' | 'relu' | 'tanh';

export function activate(x: Tensor, activation: Activation): Tensor {
  if (activation === 'relu') return relu(x);
  if (activation === 'tanh') return tanh(x);
  // σ(2 y) = (1 + tanh y) / 2
  if (activation === 'quick_gelu') return mul(x, add(mul(tanh(mul(x, 0.851)), 0.5), 0.5));
  return gelu(x, { approximate: activation === 'gelu_new' });
}

/** Two linear layers with an activation between them. */
export class Mlp extends Module {
  readonly up: Linear;
  readonly down: Linear;
  readonly activation: Activation;

  constructor(
    width: number,
    hidden: number,
    options?: { outputs?: number; activation?: Activation; bias?: boolean },
  ) {
    super();
    checkOptions('Mlp', options, ['outputs', 'activation', 'bias']);
    const bias = options?.bias ?? true;
    this.up = new Linear(width, hidden, { bias });
    this.down = new Linear(hidden, options?.outputs ?? width, { bias });
    this.activation = options?.activation ?? 'gelu';
  }

  forward(x: Tensor): Tensor {
    return this.down.forward(activate(this.up.forward(x), this.activation));
  }
}

export interface TransformerBlockOptions extends MultiHeadAttentionOptions {
  /** Width of the middle of the MLP (default 4 width). */
  hidden?: number;
  /** Of what attention and MLP add (default 0). */
  dropout?: number;
  /** Of the attention's probabilities (default as `dropout`). */
  attentionDropout?: number;
  activation?: Activation;
  /** Of the layer normalisations (default 1e-5). */
  eps?: number;
  /** Normalise before attention and MLP, as GPT does, or after, as BERT does (default `'pre'`). */
  norm?: 'pre' | 'post';
}

/** Attention and an MLP, each with a way around it. */
export class TransformerBlock extends Module {
  readonly norm1: LayerNorm;
  readonly attention: MultiHeadAttention;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;
  readonly dropout: Dropout;
  readonly norm: 'pre' | 'post';

  constructor(width: number, heads: number, options: TransformerBlockOptions = {}) {
    super();
    const { causal = false, bias = true, hidden = 4 * width, dropout = 0 } = options;
    const { activation = 'gelu', eps = 1e-5, norm = 'pre', attentionDropout = dropout } = options;
    this.norm = norm;
    this.norm1 = new LayerNorm(width, { eps, bias });
    this.attention = new MultiHeadAttention(width, heads, {
      causal,
      bias,
      dropout: attentionDropout,
    });
    this.norm2 = new LayerNorm(width, { eps, bias });
    this.mlp = new Mlp(width, hidden, { activation, bias });
    this.dropout = new Dropout(dropout);
  }

  /** @param x (B, T, width) @param lengths how many steps each sample has */
  forward(x: Tensor, lengths?: ArrayLike<number>): Tensor {
    const attend = (y: Tensor): Tensor => this.dropout.forward(this.attention.forward(y, lengths));
    const think = (y: Tensor): Tensor => this.dropout.forward(this.mlp.forward(y));
    if (this.norm === 'pre') {
      const middle = add(x, attend(this.norm1.forward(x)));
      return add(middle, think(this.norm2.forward(middle)));
    }
    const middle = this.norm1.forward(add(x, attend(x)));
    return this.norm2.forward(add(middle, think(middle)));
  }
}
