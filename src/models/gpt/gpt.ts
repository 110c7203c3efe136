/**
 * GPT: a causal language model (Radford et al., 2018 and 2019, "Language models are unsupervised
 * multitask learners"). The pretext task is the next token; the network a decoder-only
 * transformer, normalized before each part, whose head is the token table itself.
 *
 *   B batch, T tokens (at most `context`), C width, V vocabulary
 *   x  = wte[ids] + wpe[0..T]                         (B, T, C)
 *   x += attention(norm(x));  x += mlp(norm(x))       for each layer
 *   logits = norm(x) wte'                             (B, T, V)
 */

import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
import { checkCount, checkPositive, rangeError, typeError } from '../../core/validation.js';
import { CharacterTokenizer, type Tokenizer } from '../../data/text/characters.js';
import { TextStream } from '../../data/text/text-stream.js';
import {
  add,
  asParameter,
  crossEntropy,
  Dropout,
  gather,
  LayerNorm,
  linear,
  Module,
  randomNormal,
  slice,
  type Tensor,
  TransformerBlock,
} from '../../nn/index.js';
import { inference } from '../../nn/inference.js';
import { shuffledOrder } from '../../train/epochs.js';
import type { Trainable, TrainDefaults } from '../../train/train.js';
import { INIT_STD, initBlock, sinusoidalPositions } from '../initialization.js';
import { type Cache, extendCache } from './cache.js';
import { pickToken, type SamplingOptions } from './sampling.js';

export interface GptConfig {
  /** Default 4. */
  layers?: number;
  /** Default 4. */
  heads?: number;
  /** C (default 128). */
  width?: number;
  /** Longest T (default 64). */
  context?: number;
  /** Default 0. */
  dropout?: number;
  /** Width of the middle of each MLP (default 4 C). */
  hidden?: number;
  /** Biases in linear layers and normalizations (default false). */
  bias?: boolean;
  /** Form of GELU: `'gelu'`, or `'gelu_new'` as GPT-2 has it (default `'gelu'`). */
  activation?: 'gelu' | 'gelu_new';
  /** Added to the variance in every normalization (default 1e-5). */
  eps?: number;
}

/** Token numbers of B windows, (B, T) each, and what comes one later. */
export interface GptBatch {
  inputs: Int32Array;
  targets: Int32Array;
  batch: number;
}

export interface GenerateOptions extends SamplingOptions {
  /** How many tokens to add (default 200). */
  maxNewTokens?: number;
  /** Default 0. */
  seed?: number;
}

export class GPT extends Module implements Trainable<string | ArrayLike<number>, GptBatch> {
  readonly config: Required<GptConfig>;
  readonly tokenizer: Tokenizer;
  /** (V, C) */
  readonly tokenEmbeddings: Tensor;
  /** (context, C) */
  readonly positionEmbeddings: Tensor;
  readonly dropout: Dropout;
  readonly blocks: TransformerBlock[];
  readonly norm: LayerNorm;

  /** nanoGPT's setting for a CPU. */
  readonly defaults: TrainDefaults = {
    steps: 2000,
    batchSize: 12,
    learningRate: 1e-3,
    warmup: 100,
    weightDecay: 0.1,
    betas: [0.9, 0.99],
    gradClip: 1,
  };

  /** @param tokenizer what turns text to numbers, or a text whose characters are the tokens */
  constructor(tokenizer: Tokenizer | string, config: GptConfig = {}) {
    super();
    const { layers = 4, heads = 4, width = 128, context = 64 } = config;
    const { dropout = 0, hidden = 4 * width, bias = false } = config;
    const { activation = 'gelu', eps = 1e-5 } = config;
    const most = 2 ** 24;
    for (const [name, value] of Object.entries({ layers, heads, width, context, hidden })) {
      checkCount('GPT', name, value, 1, most, 'as large as memory allows');
    }
    this.config = { layers, heads, width, context, dropout, hidden, bias, activation, eps };
    this.tokenizer =
      typeof tokenizer === 'string' ? CharacterTokenizer.fromText(tokenizer) : tokenizer;
    this.tokenEmbeddings = asParameter(
      randomNormal([this.tokenizer.size, width], { std: INIT_STD }),
    );
    // As large as random ones, but waves, from which attention finds neighbors sooner.
    this.positionEmbeddings = sinusoidalPositions(context, width, INIT_STD);
    this.dropout = new Dropout(dropout);
    const options = { causal: true, bias, dropout, hidden, activation, eps };
    this.blocks = Array.from({ length: layers }, () => new TransformerBlock(width, heads, options));
    this.norm = new LayerNorm(width, { bias, eps });
    // GPT-2's: what is added to the stream varies less the deeper the network is.
    const added = INIT_STD / Math.sqrt(2 * layers);
    for (const block of this.blocks) initBlock(block, INIT_STD, added);
  }

  /** Logits of each token's successor, (B, T, V). */
  forward(ids: ArrayLike<number>, batch = 1): Tensor {
    const steps = ids.length / batch;
    const { context } = this.config;
    if (!Number.isInteger(steps) || steps < 1 || steps > context) {
      rangeError('GPT', 'ids', `${batch} windows of 1 to ${context} tokens`, ids.length);
    }
    const places = Int32Array.from({ length: steps }, (_, t) => t);
    const tokenEmbeddings = gather(this.tokenEmbeddings, ids, [batch, steps]);
    let x = this.dropout.forward(add(tokenEmbeddings, gather(this.positionEmbeddings, places)));
    for (const block of this.blocks) x = block.forward(x);
    return this.head(x);
  }

  /** Logits of hidden states: the token table once more. */
  head(x: Tensor): Tensor {
    return linear(this.norm.forward(x), this.tokenEmbeddings);
  }

  /** Mean cross-entropy of the next token. */
  loss({ inputs, targets, batch }: GptBatch): Tensor {
    return crossEntropy(this.forward(inputs, batch), targets);
  }

  #encode(name: string, data: string | ArrayLike<number>): ArrayLike<number> {
    if (typeof data !== 'string') return data;
    const ids = this.tokenizer.encode(data);
    if (ids.length === 0) rangeError(name, 'text', 'at least one known character long', data);
    return ids;
  }

  /**
   * Windows of a text: all of it in each pass, cut at places that the next pass moves, in an order
   * of its own, so that a run that ends after a pass or two has seen every part about as often.
   */
  batches(
    data: string | ArrayLike<number>,
    { batchSize, seed }: { batchSize: number; seed: number },
  ): (step: number, first?: number, count?: number) => GptBatch {
    const ids = Int32Array.from(this.#encode('train', data));
    const { context } = this.config;
    const places = ids.length - context;
    if (places < 1) {
      rangeError('train', 'data', `longer than the context of ${context} tokens`, ids.length);
    }
    const windows = Math.max(1, Math.floor(places / context));
    const order = shuffledOrder(windows, seed);
    const shift = (pass: number): number =>
      new Random(seed, STREAMS.windowOffset, pass).integer(Math.min(context, places));
    return (step, offset = 0, batch = batchSize) => {
      const first = step * batchSize + offset;
      const inputs = new Int32Array(batch * context);
      const targets = new Int32Array(batch * context);
      for (const [b, window] of order(first, batch).entries()) {
        const from = shift(Math.floor((first + b) / windows)) + window * context;
        inputs.set(ids.subarray(from, from + context), b * context);
        targets.set(ids.subarray(from + 1, from + 1 + context), b * context);
      }
      return { inputs, targets, batch };
    };
  }

  /** Mean loss over a whole text in windows one after the other, in nats a token. */
  evaluate(data: string | ArrayLike<number>, batch = 32): number {
    const ids = Int32Array.from(this.#encode('evaluate', data));
    if (ids.length < 2) rangeError('evaluate', 'data', 'at least two tokens long', ids.length);
    const { context } = this.config;
    let total = 0;
    for (let from = 0; from + 1 < ids.length; ) {
      const left = ids.length - 1 - from;
      const windows = Math.min(batch, Math.floor(left / context));
      const size = windows === 0 ? left : windows * context;
      const inputs = ids.subarray(from, from + size);
      const targets = ids.subarray(from + 1, from + 1 + size);
      const run = (): number => this.loss({ inputs, targets, batch: windows || 1 }).item();
      total += size * inference(this, run);
      from += size;
    }
    return total / (ids.length - 1);
  }

  /** The text that goes on from a prompt. */
  generate(prompt: string, options?: GenerateOptions): string {
    return [...this.generateStream(prompt, options)].join('');
  }

  /** The same, token by token. */
  *generateStream(prompt: string, options: GenerateOptions = {}): Generator<string, void, void> {
    if (typeof prompt !== 'string') typeError('generate', 'prompt', 'a string', prompt);
    const { maxNewTokens, seed = 0, ...sampling } = options;
    const most = checkCount('generate', 'maxNewTokens', maxNewTokens, 200, 2 ** 31, 'any number');
    checkPositive('generate', 'temperature', sampling.temperature, 1);
    const ids = [...Array.from(this.#encode('generate', prompt))];
    const { context, layers, width } = this.config;
    const text = new TextStream(this.tokenizer, ids);
    const cache: Cache = { filled: 0, layers: [] };
    try {
      let fresh = ids.slice(-context);
      for (let n = 0; n < most; n++) {
        if (cache.filled + fresh.length > context) {
          // Past the context the window is cut to its last half and begins anew.
          cache.filled = 0;
          fresh = ids.slice(-Math.ceil(context / 2));
        }
        extendCache(cache, layers, context, width);
        const logits = inference(this, () => this.#extend(fresh, cache).toArray());
        const id = pickToken(logits, sampling, new Random(seed, STREAMS.generation, n));
        ids.push(id);
        fresh = [id];
        yield text.push(id);
      }
    } finally {
      for (const { keys, values } of cache.layers) {
        keys.dispose();
        values.dispose();
      }
    }
  }

  /** Runs new tokens over what the cache holds; logits of the last one's successor. */
  #extend(ids: readonly number[], cache: Cache): Tensor {
    const places = ids.map((_, t) => cache.filled + t);
    let x = add(gather(this.tokenEmbeddings, ids), gather(this.positionEmbeddings, places));
    for (const [i, block] of this.blocks.entries()) {
      const layer = cache.layers[i] as Cache['layers'][number];
      x = add(x, layer.attend(block.attention, block.norm1.forward(x), cache.filled));
      x = add(x, block.mlp.forward(block.norm2.forward(x)));
    }
    cache.filled += ids.length;
    return this.head(slice(x, 0, ids.length - 1));
  }
}
