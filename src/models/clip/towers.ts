/**
 * CLIP's towers: networks that turn images, and texts, into vectors of one length. Two are the
 * paper's transformers, as Hugging Face has them; two are smaller ones that learn more from a few
 * thousand images: convolutions, and the mean of a text's words.
 */

import { rangeError } from '../../core/validation.js';
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

/** Token numbers of texts, one list each. */
export type TokenLists = readonly (readonly number[])[];

/** Sizes of a transformer. */
export interface TransformerSizes {
  width: number;
  layers: number;
  heads: number;
  activation: Activation;
  eps: number;
}

function blocksOf(sizes: TransformerSizes, causal: boolean): TransformerBlock[] {
  const { width, layers, heads, activation, eps } = sizes;
  return Array.from(
    { length: layers },
    () => new TransformerBlock(width, heads, { causal, activation, eps }),
  );
}

/** The vision transformer: a class token before the patches, normalized before and after. */
export class ClipVision extends Module {
  readonly patch: number;
  /** (width, patch² C), a patch being its rows, columns and channels */
  readonly patches: Linear;
  /** (width) */
  readonly classToken: Tensor;
  /** (1 + patches, width) */
  readonly positions: Tensor;
  readonly preNorm: LayerNorm;
  readonly blocks: TransformerBlock[];
  readonly postNorm: LayerNorm;
  /** (d, width) */
  readonly projection: Linear;

  constructor(
    { side, channels, patch }: { side: number; channels: number; patch: number },
    sizes: TransformerSizes,
    d: number,
  ) {
    super();
    if (side % patch !== 0) rangeError('CLIP', 'patch', `a divisor of ${side} pixels`, patch);
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

  /** @param x (B, C, H, W) @returns (B, d) */
  forward(x: Tensor): Tensor {
    const tokens = prependToken(this.classToken, this.patches.forward(patchify(x, this.patch)));
    let y = this.preNorm.forward(add(tokens, this.positions));
    for (const block of this.blocks) y = block.forward(y);
    const [batch, , width] = y.shape as [number, number, number];
    const first = reshape(slice(y, 1, 0, 1), [batch, width]);
    return this.projection.forward(this.postNorm.forward(first));
  }
}

/** The text transformer: causal, so that a text's last token, its end, has read all others. */
export class ClipText extends Module {
  readonly start: number;
  readonly end: number;
  readonly context: number;
  /** (V, width) */
  readonly tokens: Tensor;
  /** (context, width) */
  readonly positions: Tensor;
  readonly blocks: TransformerBlock[];
  readonly norm: LayerNorm;
  /** (d, width) */
  readonly projection: Linear;

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

  /** @param texts without start and end; what is too long for the context is cut @returns (B, d) */
  forward(texts: TokenLists): Tensor {
    const lists = texts.map((ids) => [this.start, ...ids.slice(0, this.context - 2), this.end]);
    const steps = Math.max(...lists.map(({ length }) => length));
    // What stands behind the end can't be seen from it.
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

/** Convolutions, each stage twice as wide as the one before, and one layer over what is left. */
export class ConvTower extends Module {
  readonly convolutions: Conv2d[] = [];
  readonly norms: GroupNorm[] = [];
  readonly projection: Linear;

  constructor(side: number, channels: number, width: number, d: number) {
    super();
    let [inputs, left] = [channels, side];
    for (let stage = 0; stage < STAGES; stage++) {
      const outputs = width * 2 ** stage;
      const stride = stage === 0 ? 1 : 2;
      this.convolutions.push(new Conv2d(inputs, outputs, 3, { stride, padding: 1 }));
      this.norms.push(new GroupNorm(Math.max(1, outputs >> 3), outputs));
      inputs = outputs;
      left = Math.ceil(left / stride);
    }
    this.projection = new Linear(inputs * left * left, d);
  }

  /** @param x (B, C, H, W) @returns (B, d) */
  forward(x: Tensor): Tensor {
    let y = x;
    for (const [i, convolution] of this.convolutions.entries()) {
      y = relu((this.norms[i] as GroupNorm).forward(convolution.forward(y)));
    }
    const batch = y.shape[0] as number;
    return this.projection.forward(reshape(y, [batch, y.size / batch]));
  }
}

/** The mean of a text's words, through one layer. */
export class WordsTower extends Module {
  /** (V, width) */
  readonly words: Tensor;
  readonly projection: Linear;

  constructor(size: number, width: number, d: number) {
    super();
    this.words = asParameter(randomNormal([size, width], { std: 0.1 }));
    this.projection = new Linear(width, d);
  }

  /** @returns (B, d) */
  forward(texts: TokenLists): Tensor {
    const batch = texts.length;
    const steps = Math.max(1, ...texts.map(({ length }) => length));
    const ids = new Int32Array(batch * steps);
    const shares = new Float32Array(batch * steps);
    for (const [i, text] of texts.entries()) {
      for (const [j, id] of text.entries()) {
        ids[i * steps + j] = id;
        shares[i * steps + j] = 1 / text.length;
      }
    }
    const words = mul(gather(this.words, ids, [batch, steps]), tensor(shares, [batch, steps, 1]));
    return this.projection.forward(sum(words, { axis: 1 }));
  }
}
