/**
 * BERT's network: embeddings, and transformer blocks that are normalized after each part.
 *
 *   B batch, T tokens (at most `context`), C width, V vocabulary
 *   x = norm(words[ids] + positions[0..T] + token types[0])       (B, T, C)
 *   x = norm(x + attention(x));  x = norm(x + mlp(x))             for each layer
 */

import type { Matrix } from '../../core/matrix.js';
import { type OptionReader, readOptions } from '../../core/options.js';
import {
  checkFraction,
  checkPositive,
  integerIn,
  oneOf,
  rangeError,
} from '../../core/validation.js';
import { JsonTokenizer } from '../../data/text/json-tokenizer.js';
import { checkTextList } from '../../data/text/tokenizer.js';
import { makeJsonTokenizer, type TokenizerKind } from '../../data/text/train-tokenizer.js';
import {
  add,
  asParameter,
  Dropout,
  gather,
  LayerNorm,
  Module,
  randomNormal,
  type Tensor,
  TransformerBlock,
} from '../../nn/index.js';
import { inference } from '../../nn/inference.js';
import { INIT_STD, initBlock } from '../../nn/initialization.js';
import { checkHeads, checkSize } from '../sizes.js';
import {
  clsHidden,
  meanHidden,
  padBatch,
  type Specials,
  specialsOf,
  type Texts,
  type TokenBatch,
} from './batches.js';
import { initNeighborHeads, scaledPositions } from './initialization.js';
import { checkProbability, MASK_PROBABILITY } from './masking.js';

/** Sizes of a BERT. */
export interface BertConfig {
  /** Number of transformer blocks. @default 2 */
  layers?: number | undefined;
  /** Attention heads per block; divides `width`. @default 4 */
  heads?: number | undefined;
  /** C, the length of a token's vector. @default 128 */
  width?: number | undefined;
  /** Longest text in tokens, `[CLS]` and `[SEP]` among them; at least 3. @default 64 */
  context?: number | undefined;
  /** Fraction of numbers that dropout zeroes in training, from 0 to below 1. @default 0.1 */
  dropout?: number | undefined;
  /** Width of the middle of each MLP. @default 4 C */
  hidden?: number | undefined;
  /** Rows of the table of token types. @default 2 */
  typeVocabSize?: number | undefined;
  /** Form of GELU: exact, or `'gelu_new'` by tanh. @default 'gelu' */
  activation?: 'gelu' | 'gelu_new' | undefined;
  /** Number above 0 that every normalization adds to the variance. @default 1e-12 */
  eps?: number | undefined;
  /**
   * Standard deviation of the initial weights, above 0. The paper's 0.02 is for its width of 768;
   * a narrow network would learn nothing for long.
   * @default 0.02 √(768 / C)
   */
  initStd?: number | undefined;
  /**
   * Fraction of the tokens that training hides, from 0 to 1. More than the paper's 0.15 gives more
   * to learn from in each step (Wettig et al., 2023, "Should you mask 15 % in masked language
   * modeling?"); `evaluate` always hides 0.15.
   * @default 0.15
   */
  maskProbability?: number | undefined;
  /** Tokenizer, or the kind that is trained on the texts. @default 'wordpiece' */
  tokenizer?: JsonTokenizer | TokenizerKind | undefined;
}

/** Options of `BERT.encode`. */
export interface BertEncodeOptions {
  /** Vector of a text: the mean of its hidden states, or that of `[CLS]`. @default 'mean' */
  pooling?: 'mean' | 'cls' | undefined;
}

/** Config of a BERT with all sizes. */
export type BertSizes = {
  [Key in Exclude<keyof BertConfig, 'tokenizer'>]-?: NonNullable<BertConfig[Key]>;
};

/** Sizes of a BERT unless told otherwise. */
export const BERT_DEFAULTS = {
  layers: 2,
  heads: 4,
  width: 128,
  context: 64,
  dropout: 0.1,
} as const;

/** Width of BERT base. */
const PAPER_WIDTH = 768;

/** Texts that are run at once where no gradient is wanted. */
export const INFERENCE_BATCH = 32;

function readSizes(reader: OptionReader): BertSizes {
  const size = (key: 'layers' | 'heads' | 'width'): number =>
    reader.read(key, checkSize, BERT_DEFAULTS[key]);
  const [layers, heads, width] = [size('layers'), size('heads'), size('width')];
  const context = reader.read('context', integerIn(3, 2 ** 24), BERT_DEFAULTS.context);
  const dropout = reader.read('dropout', checkFraction, BERT_DEFAULTS.dropout);
  const hidden = reader.read('hidden', checkSize, 4 * width);
  const typeVocabSize = reader.read('typeVocabSize', checkSize, 2);
  const activation = reader.read('activation', oneOf(['gelu', 'gelu_new'] as const), 'gelu');
  const eps = reader.read('eps', checkPositive, 1e-12);
  const initStd = reader.read('initStd', checkPositive, INIT_STD * Math.sqrt(PAPER_WIDTH / width));
  const maskProbability = reader.read('maskProbability', checkProbability, MASK_PROBABILITY);
  checkHeads('BERT', width, heads);
  const sizes = { layers, heads, width, context, dropout };
  return { ...sizes, hidden, typeVocabSize, activation, eps, initStd, maskProbability };
}

/** Checks a tokenizer that has BERT's special tokens, or the kind of one to train. */
function checkTokenizer(
  name: string,
  argument: string,
  value: unknown,
): JsonTokenizer | TokenizerKind {
  if (value instanceof JsonTokenizer) return value;
  return oneOf(['char', 'wordpiece'])(name, argument, value);
}

/** BERT's encoder: texts to hidden states. `BERT` adds the head and the pretext task. */
export class BertEncoder extends Module {
  /** Sizes. */
  readonly config: BertSizes;
  /** Tokenizer with `[PAD]`, `[CLS]`, `[SEP]` and `[MASK]`. */
  readonly tokenizer: JsonTokenizer;
  /** Ids of the tokens that BERT needs. */
  readonly specials: Specials;
  /** Token table, (V, C). */
  readonly wordEmbeddings: Tensor;
  /** Position table, (context, C). */
  readonly positionEmbeddings: Tensor;
  /** Token type table, (typeVocabSize, C); all texts are of the first type. */
  readonly tokenTypeEmbeddings: Tensor;
  /** Normalization of the embeddings. */
  readonly norm: LayerNorm;
  /** Dropout of the embeddings. */
  readonly dropout: Dropout;
  /** Transformer blocks. */
  readonly blocks: TransformerBlock[];

  /**
   * @param source tokenizer, or texts that one is trained on
   * @param config sizes
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(source: JsonTokenizer | Texts, config?: BertConfig) {
    super();
    const reader = readOptions('BERT', config);
    this.config = readSizes(reader);
    const tokenizer = reader.read('tokenizer', checkTokenizer, 'wordpiece');
    reader.done();
    const { layers, heads, width, context, dropout } = this.config;
    const { hidden, typeVocabSize, activation, eps, initStd } = this.config;
    this.tokenizer = tokenizerOf(source, tokenizer);
    this.specials = specialsOf(this.tokenizer);
    const table = (rows: number): Tensor =>
      asParameter(randomNormal([rows, width], { std: initStd }));
    this.wordEmbeddings = table(this.tokenizer.size);
    this.positionEmbeddings = scaledPositions(context, width, initStd);
    this.tokenTypeEmbeddings = table(typeVocabSize);
    this.norm = new LayerNorm(width, { eps });
    this.dropout = new Dropout(dropout);
    const options = { norm: 'post', eps, hidden, dropout, activation } as const;
    this.blocks = Array.from({ length: layers }, () => new TransformerBlock(width, heads, options));
  }

  /**
   * Draws the blocks' initial weights. Heads begin by looking at neighboring tokens, or a small
   * network would take long to find out that these matter.
   */
  protected initBlocks(): void {
    const { layers, initStd } = this.config;
    for (const block of this.blocks) {
      initBlock(block, initStd, initStd / Math.sqrt(2 * layers));
      initNeighborHeads(block.attention);
    }
  }

  /**
   * Computes hidden states.
   * @param batch token ids of B texts, padded, (B, T)
   * @returns (B, T, C)
   * @throws {RangeError} if texts are longer than the context
   */
  forward({ ids, batch, lengths }: TokenBatch): Tensor {
    const steps = ids.length / batch;
    const { context } = this.config;
    if (!Number.isInteger(steps) || steps < 1 || steps > context) {
      rangeError('BERT', 'ids', `${batch} windows of 1 to ${context} tokens`, ids.length);
    }
    const indices = Int32Array.from({ length: steps }, (_, t) => t);
    const words = gather(this.wordEmbeddings, ids, [batch, steps]);
    const where = gather(this.positionEmbeddings, indices);
    const offsets = add(where, gather(this.tokenTypeEmbeddings, [0]));
    let x = this.dropout.forward(this.norm.forward(add(words, offsets)));
    for (const block of this.blocks) x = block.forward(x, lengths);
    return x;
  }

  /** Number of tokens of a text that fit between `[CLS]` and `[SEP]`. */
  get maxTokens(): number {
    return this.config.context - 2;
  }

  /**
   * Tokenizes texts, each cut to what the context holds.
   * @param texts texts of a batch
   * @returns their token ids, padded to the longest
   */
  textBatch(texts: readonly string[]): TokenBatch {
    const ids = texts.map((text) => this.tokenizer.encode(text).slice(0, this.maxTokens));
    return padBatch(ids, this.specials);
  }

  /**
   * Encodes texts as vectors: the mean of a text's hidden states, or that of `[CLS]`. Texts longer
   * than the context are cut.
   *
   * @param texts a text or many
   * @param options pooling
   * @returns (texts, C)
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  encode(texts: Texts, options?: BertEncodeOptions): Matrix {
    const reader = readOptions('encode', options);
    const pooling = reader.read('pooling', oneOf(['mean', 'cls']), 'mean');
    reader.done();
    const list = checkTextList('encode', texts);
    const { width } = this.config;
    const data = new Float32Array(list.length * width);
    for (let from = 0; from < list.length; from += INFERENCE_BATCH) {
      const batch = this.textBatch(list.slice(from, from + INFERENCE_BATCH));
      const rows = inference(this, () => {
        const x = this.forward(batch);
        return (pooling === 'cls' ? clsHidden(x) : meanHidden(x, batch.lengths)).toArray();
      });
      data.set(rows, from * width);
    }
    return { data, rows: list.length, cols: width };
  }
}

function tokenizerOf(
  source: JsonTokenizer | Texts,
  option: JsonTokenizer | TokenizerKind,
): JsonTokenizer {
  if (source instanceof JsonTokenizer) return source;
  const texts = checkTextList('BERT', source);
  return typeof option === 'string' ? makeJsonTokenizer(texts, option) : option;
}
