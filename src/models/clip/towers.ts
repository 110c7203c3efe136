/**
 * CLIP's towers: networks that turn images, and texts, into vectors of one length. Two are the
 * paper's transformers, as Hugging Face has them; two are smaller ones that learn more from a few
 * thousand images: convolutions, and the mean of a text's words.
 */

import {
  type Activation,
  add,
  asParameter,
  Conv2d,
  GroupNorm,
  gather,
  LayerNorm,
  Linear,
  Module,
  mul,
  patchify,
  randomNormal,
  relu,
  reshape,
  slice,
  sum,
  type Tensor,
  TransformerBlock,
  tensor,
} from '../../nn/index.js';
import { prependToken } from '../../nn/ops/patches.js';

/** Token ids of texts, one list each. */
export type TokenLists = readonly (readonly number[])[];

/** Sizes of a transformer. */
export interface TransformerSizes {
  /** Length of a token's vector. */
  width: number;
  /** Number of blocks. */
  layers: number;
  /** Attention heads per block. */
  heads: number;
  /** Activation of the MLPs. */
  activation: Activation;
  /** Number that normalizations add to the variance. */
  eps: number;
}

function blocksOf(sizes: TransformerSizes, causal: boolean): TransformerBlock[] {
  const { width, layers, heads, activation, eps } = sizes;
  return Array.from(
    { length: layers },
    () => new TransformerBlock(width, heads, { causal, activation, eps }),
  );
}

/** Vision transformer: a class token before the patches, normalized before and after. */
export class ClipVision extends Module {
  /** Pixels along the side of a patch. */
  readonly patch: number;
  /** Layer of the patches, (width, patch² C): a patch is its rows, columns and channels. */
  readonly patches: Linear;
  /** Class token, (width). */
  readonly classToken: Tensor;
  /** Positions, (1 + patches, width). */
  readonly positions: Tensor;
  /** Normalization before the blocks. */
  readonly preNorm: LayerNorm;
  /** Transformer blocks. */
  readonly blocks: TransformerBlock[];
  /** Normalization after the blocks. */
  readonly postNorm: LayerNorm;
  /** Last layer, (d, width). */
  readonly projection: Linear;

  /**
   * @param shape side and channels of the images, and side of a patch
   * @param sizes sizes of the transformer
   * @param d length of the vectors
   */
  constructor(
    { side, channels, patch }: { side: number; channels: number; patch: number },
    sizes: TransformerSizes,
    d: number,
  ) {
    super();
    const { width, eps } = sizes;
    this.patch = patch;
    this.patches = new Linear(patch * patch * channels, width, { bias: false });
    this.classToken = asParameter(randomNormal([width], { std: 1 / Math.sqrt(width) }));
    this.positions = asParameter(randomNormal([1 + (side / patch) ** 2, width], { std: 0.02 }));
    this.preNorm = new LayerNorm(width, { eps });
    this.blocks = blocksOf(sizes, false);
    this.postNorm = new LayerNorm(width, { eps });
    this.projection = new Linear(width, d, { bias: false });
  }

  /**
   * Encodes images.
   * @param x (B, C, H, W)
   * @returns (B, d)
   */
  forward(x: Tensor): Tensor {
    const tokens = prependToken(this.classToken, this.patches.forward(patchify(x, this.patch)));
    let y = this.preNorm.forward(add(tokens, this.positions));
    for (const block of this.blocks) y = block.forward(y);
    const [batch, , width] = y.shape as [number, number, number];
    const first = reshape(slice(y, 1, 0, 1), [batch, width]);
    return this.projection.forward(this.postNorm.forward(first));
  }
}

/** Text transformer: causal, so that a text's last token, its end, has read all others. */
export class ClipText extends Module {
  /** Id of the token that starts a text. */
  readonly start: number;
  /** Id of the token that ends a text. */
  readonly end: number;
  /** Tokens that are read of a text. */
  readonly context: number;
  /** Token table, (V, width). */
  readonly tokens: Tensor;
  /** Positions, (context, width). */
  readonly positions: Tensor;
  /** Transformer blocks. */
  readonly blocks: TransformerBlock[];
  /** Normalization before the last layer. */
  readonly norm: LayerNorm;
  /** Last layer, (d, width). */
  readonly projection: Linear;

  /**
   * @param tokens size of the vocabulary, ids of start and end, tokens that are read
   * @param sizes sizes of the transformer
   * @param d length of the vectors
   */
  constructor(
    { size, start, end, context }: { size: number; start: number; end: number; context: number },
    sizes: TransformerSizes,
    d: number,
  ) {
    super();
    const { width, eps } = sizes;
    this.start = start;
    this.end = end;
    this.context = context;
    this.tokens = asParameter(randomNormal([size, width], { std: 0.02 }));
    this.positions = asParameter(randomNormal([context, width], { std: 0.01 }));
    this.blocks = blocksOf(sizes, true);
    this.norm = new LayerNorm(width, { eps });
    this.projection = new Linear(width, d, { bias: false });
  }

  /**
   * Encodes texts; those too long for the context are cut.
   * @param texts token ids without start and end
   * @returns (B, d)
   */
  forward(texts: TokenLists): Tensor {
    const lists = texts.map((ids) => [this.start, ...ids.slice(0, this.context - 2), this.end]);
    const steps = Math.max(...lists.map(({ length }) => length));
    // The end can't see what comes after it.
    const ids = lists.flatMap((list) => [
      ...list,
      ...new Array<number>(steps - list.length).fill(this.end),
    ]);
    const batch = lists.length;
    const width = this.tokens.shape[1] as number;
    let x = add(gather(this.tokens, ids, [batch, steps]), slice(this.positions, 0, 0, steps));
    for (const block of this.blocks) x = block.forward(x);
    const ends = lists.map((list, i) => i * steps + list.length - 1);
    const last = gather(reshape(x, [batch * steps, width]), ends);
    return this.projection.forward(this.norm.forward(last));
  }
}

/** Stages of the convolutional tower; each but the first halves the image. */
const STAGES = 4;

/** Tower of images: convolutions, each stage twice as wide as the one before, and one layer. */
export class ConvTower extends Module {
  /** Convolutions, one per stage. */
  readonly convolutions: Conv2d[] = [];
  /** Normalizations after them. */
  readonly norms: GroupNorm[] = [];
  /** Last layer, (d, pixels and channels). */
  readonly projection: Linear;

  /**
   * @param side rows and columns of pixels
   * @param channels channels of the images
   * @param width channels of the first stage
   * @param d length of the vectors
   */
  constructor(side: number, channels: number, width: number, d: number) {
    super();
    let [inputs, length] = [channels, side];
    for (let stage = 0; stage < STAGES; stage++) {
      const outputs = width * 2 ** stage;
      const stride = stage === 0 ? 1 : 2;
      this.convolutions.push(new Conv2d(inputs, outputs, 3, { stride, padding: 1 }));
      this.norms.push(new GroupNorm(Math.max(1, outputs >> 3), outputs));
      inputs = outputs;
      length = Math.ceil(length / stride);
    }
    this.projection = new Linear(inputs * length * length, d);
  }

  /**
   * Encodes images.
   * @param x (B, C, H, W)
   * @returns (B, d)
   */
  forward(x: Tensor): Tensor {
    let y = x;
    for (const [i, convolution] of this.convolutions.entries()) {
      y = relu((this.norms[i] as GroupNorm).forward(convolution.forward(y)));
    }
    const batch = y.shape[0] as number;
    return this.projection.forward(reshape(y, [batch, y.size / batch]));
  }
}

/** Tower of texts that takes the mean of a text's words, through one layer. */
export class WordsTower extends Module {
  /** Token table, (V, width). */
  readonly words: Tensor;
  /** Last layer, (d, width). */
  readonly projection: Linear;

  /**
   * @param size size of the vocabulary
   * @param width length of a word's vector
   * @param d length of the vectors
   */
  constructor(size: number, width: number, d: number) {
    super();
    this.words = asParameter(randomNormal([size, width], { std: 0.1 }));
    this.projection = new Linear(width, d);
  }

  /**
   * Encodes texts.
   * @param texts token ids
   * @returns (B, d)
   */
  forward(texts: TokenLists): Tensor {
    const batch = texts.length;
    const steps = Math.max(1, ...texts.map(({ length }) => length));
    const ids = new Int32Array(batch * steps);
    const weights = new Float32Array(batch * steps);
    for (const [i, text] of texts.entries()) {
      for (const [j, id] of text.entries()) {
        ids[i * steps + j] = id;
        weights[i * steps + j] = 1 / text.length;
      }
    }
    const words = mul(gather(this.words, ids, [batch, steps]), tensor(weights, [batch, steps, 1]));
    return this.projection.forward(sum(words, { axis: 1 }));
  }
}
