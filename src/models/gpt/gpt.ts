/**
 * GPT: a causal language model (Radford et al., 2018 and 2019, "Language models are unsupervised
 * multitask learners"). The pretext task is the next token; the network a decoder-only
 * transformer, normalized before each part, whose head is the token table itself; the loss the
 * cross-entropy of the next token.
 *
 *   B batch, T tokens (at most `context`), C width, V vocabulary
 *   x  = wte[ids] + wpe[0..T]                         (B, T, C)
 *   x += attention(norm(x));  x += mlp(norm(x))       for each layer
 *   logits = norm(x) wte'                             (B, T, V)
 */

import { readOptions } from '../../core/options.js';
import { Random } from '../../core/random.js';
import { STREAMS } from '../../core/streams.js';
import {
  type Check,
  checkFlag,
  checkFraction,
  checkInteger,
  checkIntegers,
  checkPositive,
  checkString,
  integerIn,
  isNumberArray,
  oneOf,
  rangeError,
  typeError,
} from '../../core/validation.js';
import { TextStreamer } from '../../data/text/text-streamer.js';
import { isTokenizer, type Tokenizer } from '../../data/text/tokenizer.js';
import { makeTokenizer, type TokenizerKind } from '../../data/text/train-tokenizer.js';
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
import { INIT_STD, initBlock, sinusoidalPositions } from '../../nn/initialization.js';
import { shuffledOrder } from '../../train/epochs.js';
import type { TrainDefaults } from '../../train/options.js';
import type { Trainable } from '../../train/train.js';
import { checkHeads, checkSize } from '../sizes.js';
import { KeyValueCache, type LayerCache } from './cache.js';
import { readSampling, type Sampling, type SamplingOptions, sampleToken } from './sampling.js';

/** Sizes of a GPT. */
export interface GptConfig {
  /** Number of transformer blocks. @default 4 */
  layers?: number | undefined;
  /** Attention heads per block; divides `width`. @default 4 */
  heads?: number | undefined;
  /** C, the length of a token's vector. @default 128 */
  width?: number | undefined;
  /** Longest T: tokens that are seen at once. @default 64 */
  context?: number | undefined;
  /** Fraction of numbers that dropout zeroes in training, from 0 to below 1. @default 0 */
  dropout?: number | undefined;
  /** Width of the middle of each MLP. @default 4 C */
  hidden?: number | undefined;
  /** Biases in linear layers and normalizations. @default false */
  bias?: boolean | undefined;
  /** Form of GELU: exact, or `'gelu_new'` by tanh, as GPT-2 has it. @default 'gelu' */
  activation?: 'gelu' | 'gelu_new' | undefined;
  /** Number above 0 that every normalization adds to the variance. @default 1e-5 */
  eps?: number | undefined;
  /** Tokenizer, or the kind that is trained on the text. @default 'char' */
  tokenizer?: Tokenizer | TokenizerKind | undefined;
}

/** Config of a GPT with all sizes. */
export type GptSizes = {
  [Key in Exclude<keyof GptConfig, 'tokenizer'>]-?: NonNullable<GptConfig[Key]>;
};

/** Sizes of a GPT unless told otherwise. */
export const GPT_DEFAULTS = {
  layers: 4,
  heads: 4,
  width: 128,
  context: 64,
  dropout: 0,
} as const;

/** Default training options of a GPT: nanoGPT's for a CPU. */
export const GPT_TRAINING: TrainDefaults = {
  steps: 2000,
  batchSize: 12,
  learningRate: 1e-3,
  warmup: 100,
  weightDecay: 0.1,
  betas: [0.9, 0.99],
  gradClip: 1,
};

/** Windows of a step. */
export interface GptBatch {
  /** Token ids, (B, T). */
  inputs: Int32Array;
  /** Next token of each, (B, T). */
  targets: Int32Array;
  /** B, the number of windows. */
  batch: number;
}

/** Options of `generate`. */
export interface GenerateOptions extends SamplingOptions {
  /** Number of tokens to add. @default 200 */
  maxNewTokens?: number;
  /** Seed of the random numbers. @default 0 */
  seed?: number;
}

const checkTokenizer: Check<Tokenizer | TokenizerKind> = (name, argument, value) =>
  isTokenizer(value) ? value : oneOf(['char', 'wordpiece'])(name, argument, value);

/**
 * GPT, a causal language model: trained to predict the next token, then generates text.
 *
 * Its positions begin as sinusoids, from which attention finds neighbors sooner than from random
 * vectors.
 *
 * @see https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf
 * @example
 * const gpt = new GPT(text, { layers: 4, width: 128, context: 64 });
 * for await (const { step, loss } of train(gpt, text)) console.log(step, loss);
 * console.log(gpt.generate('Once upon', { maxNewTokens: 100 }));
 */
export class GPT extends Module implements Trainable<string | ArrayLike<number>, GptBatch> {
  /** Sizes. */
  readonly config: GptSizes;
  /** Tokenizer. */
  readonly tokenizer: Tokenizer;
  /** Token table, (V, C). */
  readonly tokenEmbeddings: Tensor;
  /** Position table, (context, C). */
  readonly positionEmbeddings: Tensor;
  /** Dropout of the embeddings. */
  readonly dropout: Dropout;
  /** Transformer blocks. */
  readonly blocks: TransformerBlock[];
  /** Normalization before the head. */
  readonly norm: LayerNorm;

  /** Options of `train` where it is given none. */
  readonly defaults: TrainDefaults = GPT_TRAINING;

  /**
   * @param source tokenizer, or a text that one is trained on
   * @param config sizes, and the kind of tokenizer
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(source: Tokenizer | string, config?: GptConfig) {
    super();
    const reader = readOptions('GPT', config);
    const size = (key: 'layers' | 'heads' | 'width' | 'context'): number =>
      reader.read(key, checkSize, GPT_DEFAULTS[key]);
    const [layers, heads, width, context] = [
      size('layers'),
      size('heads'),
      size('width'),
      size('context'),
    ];
    const dropout = reader.read('dropout', checkFraction, GPT_DEFAULTS.dropout);
    const hidden = reader.read('hidden', checkSize, 4 * width);
    const bias = reader.read('bias', checkFlag, false);
    const activation = reader.read('activation', oneOf(['gelu', 'gelu_new'] as const), 'gelu');
    const eps = reader.read('eps', checkPositive, 1e-5);
    const tokenizer = reader.read('tokenizer', checkTokenizer, 'char');
    reader.done();
    checkHeads('GPT', width, heads);
    this.config = { layers, heads, width, context, dropout, hidden, bias, activation, eps };
    this.tokenizer = tokenizerOf(source, tokenizer);
    this.tokenEmbeddings = asParameter(
      randomNormal([this.tokenizer.size, width], { std: INIT_STD }),
    );
    this.positionEmbeddings = sinusoidalPositions(context, width, INIT_STD);
    this.dropout = new Dropout(dropout);
    const options = { causal: true, bias, dropout, hidden, activation, eps };
    this.blocks = Array.from({ length: layers }, () => new TransformerBlock(width, heads, options));
    this.norm = new LayerNorm(width, { bias, eps });
    // As GPT-2's: layers whose result is added to the residual stream begin smaller, the deeper the net.
    const residualStd = INIT_STD / Math.sqrt(2 * layers);
    for (const block of this.blocks) initBlock(block, INIT_STD, residualStd);
  }

  /**
   * Computes logits of the next token at each position.
   * @param ids token ids, (B, T), flat
   * @param batch B
   * @returns (B, T, V)
   * @throws {RangeError} if windows are longer than the context
   */
  forward(ids: ArrayLike<number>, batch = 1): Tensor {
    const steps = ids.length / batch;
    const { context } = this.config;
    if (!Number.isInteger(steps) || steps < 1 || steps > context) {
      rangeError('GPT', 'ids', `${batch} windows of 1 to ${context} tokens`, ids.length);
    }
    const indices = Int32Array.from({ length: steps }, (_, t) => t);
    const tokens = gather(this.tokenEmbeddings, ids, [batch, steps]);
    let x = this.dropout.forward(add(tokens, gather(this.positionEmbeddings, indices)));
    for (const block of this.blocks) x = block.forward(x);
    return this.head(x);
  }

  /**
   * Computes logits from hidden states, by the token table once more.
   * @param x hidden states, (…, C)
   * @returns (…, V)
   */
  head(x: Tensor): Tensor {
    return linear(this.norm.forward(x), this.tokenEmbeddings);
  }

  /**
   * Computes the loss: mean cross-entropy of the next token.
   * @param batch windows and the next token of each of their tokens
   * @returns scalar, in nats per token
   */
  loss({ inputs, targets, batch }: GptBatch): Tensor {
    return crossEntropy(this.forward(inputs, batch), targets);
  }

  /** Encodes a text; ids in a typed array are used as they are, which may be large. */
  #idsOf(name: string, data: string | ArrayLike<number>): Int32Array {
    const ids = this.#encode(name, data);
    return ArrayBuffer.isView(ids) ? (ids as unknown as Int32Array) : Int32Array.from(ids);
  }

  #encode(name: string, data: string | ArrayLike<number>): ArrayLike<number> {
    if (typeof data !== 'string') {
      if (!isNumberArray(data)) typeError(name, 'data', 'a string or an array of token ids', data);
      const isId = { valid: (id: number) => id >= 0, what: 'a token id' };
      return checkIntegers(name, 'data', data, undefined, isId);
    }
    const ids = this.tokenizer.encode(data);
    if (ids.length === 0) rangeError(name, 'text', 'at least one known character long', data);
    return ids;
  }

  /**
   * Splits a text into windows: all of it in each epoch, from an offset and in an order of its own,
   * so that a run that ends after an epoch or two has seen every part about as often.
   *
   * @param data text, or token ids; a typed array is not copied: leave it as it is during the run
   * @param options batchSize: windows per step; seed: of the random numbers
   * @returns function from a step's number, and a part of its batch, to the batch
   * @throws {TypeError | RangeError} if the data is not longer than the context
   */
  batches(
    data: string | ArrayLike<number>,
    { batchSize, seed }: { batchSize: number; seed: number },
  ): (step: number, first?: number, count?: number) => GptBatch {
    const ids = this.#idsOf('train', data);
    const { context } = this.config;
    const positions = ids.length - context;
    if (positions < 1) {
      rangeError('train', 'data', `longer than the context of ${context} tokens`, ids.length);
    }
    const windows = Math.max(1, Math.floor(positions / context));
    const order = shuffledOrder(windows, seed);
    const offsetOf = (epoch: number): number =>
      new Random(seed, STREAMS.windowOffset, epoch).integer(Math.min(context, positions));
    return (step, offset = 0, batch = batchSize) => {
      const first = step * batchSize + offset;
      const inputs = new Int32Array(batch * context);
      const targets = new Int32Array(batch * context);
      for (const [b, window] of order(first, batch).entries()) {
        const from = offsetOf(Math.floor((first + b) / windows)) + window * context;
        inputs.set(ids.subarray(from, from + context), b * context);
        targets.set(ids.subarray(from + 1, from + 1 + context), b * context);
      }
      return { inputs, targets, batch };
    };
  }

  /**
   * Computes the mean loss over a whole text in windows, one after the other. Its exponential is the
   * perplexity.
   *
   * @param data text, or token ids
   * @param batchSize windows that are run at once
   * @returns loss in nats per token
   * @throws {TypeError | RangeError} if an argument is not valid, or the data too short
   * @example const perplexity = Math.exp(gpt.evaluate(text));
   */
  evaluate(data: string | ArrayLike<number>, batchSize = 32): number {
    checkSize('evaluate', 'batchSize', batchSize);
    const ids = this.#idsOf('evaluate', data);
    if (ids.length < 2) rangeError('evaluate', 'data', 'at least two tokens long', ids.length);
    const { context } = this.config;
    let total = 0;
    for (let from = 0; from + 1 < ids.length; ) {
      const remaining = ids.length - 1 - from;
      const windows = Math.min(batchSize, Math.floor(remaining / context));
      const size = windows === 0 ? remaining : windows * context;
      const inputs = ids.subarray(from, from + size);
      const targets = ids.subarray(from + 1, from + 1 + size);
      const batch = Math.max(1, windows);
      total += size * inference(this, () => this.loss({ inputs, targets, batch }).item());
      from += size;
    }
    return total / (ids.length - 1);
  }

  /**
   * Generates text that goes on from a prompt. Past the context, the window is cut to its last half
   * and computed again, so that generating goes on.
   *
   * @param prompt text with at least one known token
   * @param options maxNewTokens, temperature, topK, topP, seed
   * @returns the new text, without the prompt
   * @throws {TypeError | RangeError} if an argument is not valid
   * @example gpt.generate('Once upon', { maxNewTokens: 100, temperature: 0.8, seed: 1 });
   */
  generate(prompt: string, options?: GenerateOptions): string {
    return [...this.generateStream(prompt, options)].join('');
  }

  /**
   * Generates text token by token; otherwise as `generate`.
   *
   * @param prompt text with at least one known token
   * @param options maxNewTokens, temperature, topK, topP, seed
   * @returns the text of each new token as it is sampled
   * @throws {TypeError | RangeError} if an argument is not valid
   * @example for (const text of gpt.generateStream('Once')) process.stdout.write(text);
   */
  generateStream(prompt: string, options?: GenerateOptions): Generator<string, void, void> {
    checkString('generate', 'prompt', prompt);
    const reader = readOptions('generate', options);
    const maxNewTokens = reader.read('maxNewTokens', integerIn(1, 2 ** 31), 200);
    const seed = reader.read('seed', checkInteger, 0);
    const sampling = readSampling(reader);
    reader.done();
    const ids = Array.from(this.#encode('generate', prompt));
    return this.#generate(ids, maxNewTokens, sampling, seed);
  }

  *#generate(
    ids: number[],
    maxNewTokens: number,
    sampling: Sampling,
    seed: number,
  ): Generator<string, void, void> {
    const { context, layers, width } = this.config;
    const text = new TextStreamer(this.tokenizer, ids);
    const cache = new KeyValueCache(layers, context, width);
    try {
      let newIds = ids.slice(-context);
      for (let n = 0; n < maxNewTokens; n++) {
        if (cache.length + newIds.length > context) {
          cache.length = 0;
          newIds = ids.slice(-Math.ceil(context / 2));
        }
        const logits = inference(this, () => this.#forwardCached(newIds, cache).toArray());
        const id = sampleToken(logits, sampling, new Random(seed, STREAMS.generation, n));
        ids.push(id);
        newIds = [id];
        yield text.push(id);
      }
    } finally {
      cache.dispose();
    }
  }

  /** Runs new tokens on top of the key-value cache; returns the logits of the next token. */
  #forwardCached(ids: readonly number[], cache: KeyValueCache): Tensor {
    const positions = ids.map((_, t) => cache.length + t);
    let x = add(gather(this.tokenEmbeddings, ids), gather(this.positionEmbeddings, positions));
    for (const [i, block] of this.blocks.entries()) {
      const layer = cache.layers[i] as LayerCache;
      x = add(x, layer.attend(block.attention, block.norm1.forward(x), cache.length));
      x = add(x, block.mlp.forward(block.norm2.forward(x)));
    }
    cache.length += ids.length;
    return this.head(slice(x, 0, ids.length - 1));
  }
}

function tokenizerOf(source: Tokenizer | string, option: Tokenizer | TokenizerKind): Tokenizer {
  if (isTokenizer(source)) return source;
  if (typeof source !== 'string') typeError('GPT', 'source', 'a text or a tokenizer', source);
  return typeof option === 'string' ? makeTokenizer(source, option) : option;
}
