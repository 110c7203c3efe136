/**
 * A sentence encoder's transformer with gradients: the network that `transformer.ts` runs for
 * inference, its weights as parameters. The tokens of all texts are in one product, attention is
 * within each text, nothing is padded.
 *
 *   T tokens of all texts, C width
 *   x = dropout(norm(words[ids] + positions[…] + types[0]))                     (T, C)
 *   x = norm(x + dropout(attention(x)));  x = norm(x + dropout(mlp(x)))         for each layer
 */

import nnCode from '#wasm/nn';
import sentenceCode from '#wasm/sentence';
import { kernels } from '../../../core/kernels.js';
import { type Pointer, scoped } from '../../../core/memory.js';
import { gather, layerNorm, linear, Module, type Tensor, transpose } from '../../../nn/index.js';
import { sequenceAttention } from '../../../nn/ops/attention.js';
import { residualNorm, sequenceDropout } from '../../../nn/ops/sequences.js';
import { record } from '../../../nn/record.js';
import { filled } from '../../../nn/tensor.js';
import type { Activation } from '../activations.js';
import { type NetworkConfig, relativeBucket } from '../architectures.js';
import type { Layer, TokenBatch, TransformerEncoder } from '../transformer.js';
import { activate } from './modules.js';
import type { Affine, WeightLinks } from './weights.js';

/** Adds rows of tables: the word's, the position's and that of the first token type. */
function embedTokens(
  words: Tensor,
  positions: Tensor,
  types: Tensor | undefined,
  { ids }: TokenBatch,
  indices: Int32Array,
): Tensor {
  const cols = words.shape[1] as number;
  const count = ids.length;
  const core = kernels(nnCode);
  /** The gradient of a table: each row the sum over the tokens that looked it up, in their order. */
  const scattered = (table: Tensor, rows: Int32Array, dy: Pointer): Tensor | undefined => {
    if (!table.requiresGrad) return undefined;
    const grad = filled(table.shape, 0);
    scoped((scope) => core.scatterAddRows(grad.at, dy, scope.i32From(rows), count, cols, cols));
    return grad;
  };
  return record(
    'embedTokens',
    types ? [words, positions, types] : [words, positions],
    [count, cols],
    (y) =>
      scoped((scope) => {
        kernels(sentenceCode).embedTokens(
          y,
          words.at,
          0,
          0,
          scope.i32From(ids),
          positions.at,
          scope.i32From(indices),
          types?.at ?? 0,
          count,
          cols,
        );
      }),
    (dy) => {
      const grads = [scattered(words, ids, dy.at), scattered(positions, indices, dy.at)];
      if (types?.requiresGrad) {
        const grad = filled(types.shape, 0);
        core.columnSums(grad.at, dy.at, count, cols, cols, false);
        grads.push(grad);
      }
      return grads;
    },
    { saved: [] },
  );
}

/** One layer: its weights, and how a text's tokens go through them. */
export class TrainedLayer extends Module {
  readonly qkv: Affine;
  readonly output: Affine;
  readonly norm1: Affine;
  readonly up: Affine;
  readonly down: Affine;
  readonly norm2: Affine;

  constructor(layer: Layer, links: WeightLinks) {
    super();
    this.qkv = links.dense(layer.qkv);
    this.output = links.dense(layer.output);
    this.norm1 = links.norm(layer.norm1);
    this.up = links.dense(layer.up);
    this.down = links.dense(layer.down);
    this.norm2 = links.norm(layer.norm2);
  }

  /** Queries, keys and values side by side, (T, 3C). */
  protected project(x: Tensor, _offsets: Int32Array): Tensor {
    return linear(x, this.qkv.weight, this.qkv.bias);
  }

  /**
   * (T, C) to (T, C)
   * @param bias of the scores by distance, (heads, 2 reach + 1)
   */
  forward(
    x: Tensor,
    offsets: Int32Array,
    { heads, eps, dropout }: NetworkConfig,
    activation: Activation,
    bias: Tensor | undefined,
  ): Tensor {
    const rate = (own: number): number => (this.training ? own : 0);
    const { output, norm1, up, down, norm2 } = this;
    const attended = sequenceAttention(this.project(x, offsets), offsets, {
      heads,
      dropout: rate(dropout.attention),
      bias,
    });
    const attn = linear(attended, output.weight, output.bias);
    const middle = residualNorm(x, attn, norm1.weight, norm1.bias as Tensor, offsets, {
      eps,
      rate: rate(dropout.output),
    });
    const hidden = activate(linear(middle, up.weight, up.bias), activation);
    const mlp = linear(hidden, down.weight, down.bias);
    return residualNorm(middle, mlp, norm2.weight, norm2.bias as Tensor, offsets, {
      eps,
      rate: rate(dropout.hidden),
    });
  }
}

/** A transformer whose weights are parameters. */
export class TrainedTransformer extends Module {
  readonly words: Tensor;
  readonly positions: Tensor;
  readonly types: Tensor | undefined;
  readonly norm: Affine;
  readonly layers: TrainedLayer[];
  /** MPNet's table of biases, (buckets, heads). */
  readonly relative: Tensor | undefined;
  readonly #encoder: TransformerEncoder;

  constructor(
    encoder: TransformerEncoder,
    links: WeightLinks,
    makeLayer: (layer: Layer, i: number) => TrainedLayer = (layer) =>
      new TrainedLayer(layer, links),
  ) {
    super();
    this.#encoder = encoder;
    this.words = links.table(encoder.words);
    this.positions = links.table(encoder.positions);
    this.types = encoder.types && links.table(encoder.types);
    this.norm = links.norm(encoder.norm);
    this.layers = encoder.layers.map(makeLayer);
    this.relative = encoder.relative && links.table(encoder.relative);
  }

  /** Biases by head and distance, (heads, 2 reach + 1), for texts of at most reach + 1 tokens. */
  #biases(offsets: Int32Array): Tensor | undefined {
    if (this.relative === undefined) return undefined;
    let reach = 0;
    for (let s = 0; s + 1 < offsets.length; s++) {
      reach = Math.max(reach, (offsets[s + 1] as number) - (offsets[s] as number) - 1);
    }
    const buckets = Int32Array.from({ length: 2 * reach + 1 }, (_, i) => relativeBucket(i - reach));
    return transpose(gather(this.relative, buckets));
  }

  /** Hidden states of all tokens, (T, C). */
  forward(batch: TokenBatch): Tensor {
    const { config, activation } = this.#encoder;
    const { offsets } = batch;
    const { words, positions, types, norm } = this;
    const indices = this.#encoder.positionsOf(batch);
    const embedded = embedTokens(words, positions, types, batch, indices);
    const normed = layerNorm(embedded, norm.weight, norm.bias, { eps: config.eps });
    const rate = this.training ? config.dropout.hidden : 0;
    let x = sequenceDropout(normed, offsets, rate);
    const bias = this.#biases(offsets);
    for (const layer of this.layers) x = layer.forward(x, offsets, config, activation, bias);
    return x;
  }
}
