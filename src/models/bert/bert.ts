/**
 * BERT: a bidirectional language model (Devlin et al., 2018, "BERT: pre-training of deep
 * bidirectional transformers for language understanding"). The pretext task is to name tokens that
 * were hidden (masking.ts); the network an encoder, normalized after each part, whose head is the
 * token table itself. As in RoBERTa, there is no next-sentence task and masks are drawn anew at
 * each step.
 *
 *   B batch, T tokens (at most `context`), C width, V vocabulary
 *   x = norm(words[ids] + positions[0..T] + segments[0])          (B, T, C)
 *   x = norm(x + attention(x));  x = norm(x + mlp(x))             for each layer
 *   logits = norm(gelu(x W + b)) words' + bias                    (…, V)
 */

import type { Matrix } from '../../core/matrix.js';
import { Random } from '../../core/random.js';
import { EVALUATION_STEP, STREAMS } from '../../core/streams.js';
import {
  checkChoice,
  checkCount,
  checkOptions,
  rangeError,
  typeError,
} from '../../core/validation.js';
import { JsonTokenizer } from '../../data/text/json-tokenizer.js';
import { trainWordPiece, wordPieceJson } from '../../data/text/wordpiece.js';
import {
  add,
  asParameter,
  crossEntropy,
  Dropout,
  gather,
  LayerNorm,
  Module,
  mean,
  mul,
  randomNormal,
  reshape,
  type Tensor,
  TransformerBlock,
} from '../../nn/index.js';
import { inference } from '../../nn/inference.js';
import { withSeed } from '../../nn/random.js';
import type { Trainable, TrainDefaults } from '../../train/train.js';
import { INIT_STD, initBlock, initNeighborHeads, scaledPositions } from '../initialization.js';
import { type BertClassifier, type FinetuneOptions, finetune } from './classifier.js';
import { MaskHead, type TokenPrediction } from './head.js';
import { IGNORE_INDEX, type MaskedLmMetrics, maskTokens } from './masking.js';
import {
  clsHidden,
  indicesWhere,
  meanHidden,
  padBatch,
  type Specials,
  specialsOf,
  splitDocuments,
  type Texts,
  type TokenBatch,
  textsOf,
  tokenizeDocuments,
  windowsOf,
} from './segments.js';

export interface BertConfig {
  /** Default 2. */
  layers?: number;
  /** Default 4. */
  heads?: number;
  /** C (default 128). */
  width?: number;
  /** Longest T, `[CLS]` and `[SEP]` among them (default 64). */
  context?: number;
  /** Default 0.1. */
  dropout?: number;
  /** Width of the middle of each MLP (default 4 C). */
  hidden?: number;
  /** How many kinds of segment there are (default 2). */
  typeVocabSize?: number;
  /** Form of GELU (default `'gelu'`, the exact one). */
  activation?: 'gelu' | 'gelu_new';
  /** Added to the variance in every normalization (default 1e-12). */
  eps?: number;
  /**
   * Deviation of the initial weights (default 0.02 at the paper's width of 768, and in inverse
   * proportion to √C at others: a narrow network would learn nothing for long).
   */
  initStd?: number;
}

/** Segments with tokens hidden, and what is asked for: -100 where nothing is. */
export interface BertBatch extends TokenBatch {
  labels: Int32Array;
}

/** Width of BERT base. */
const PAPER_WIDTH = 768;

export class BERT extends Module implements Trainable<Texts, BertBatch> {
  readonly config: Required<BertConfig>;
  readonly tokenizer: JsonTokenizer;
  readonly specials: Specials;
  /** (V, C) */
  readonly wordEmbeddings: Tensor;
  /** (context, C) */
  readonly positionEmbeddings: Tensor;
  /** (kinds, C): the first for a text, the second for one that belongs to it. */
  readonly tokenTypeEmbeddings: Tensor;
  readonly norm: LayerNorm;
  readonly dropout: Dropout;
  readonly blocks: TransformerBlock[];
  readonly head: MaskHead;

  /** RoBERTa's where size does not matter; the rate and the batch are those of small networks. */
  readonly defaults: TrainDefaults = {
    steps: 6000,
    batchSize: 32,
    learningRate: 2e-3,
    warmup: 200,
    weightDecay: 0.01,
    betas: [0.9, 0.98],
    eps: 1e-6,
    gradClip: 1,
    schedule: 'linear',
  };

  /** @param tokenizer what turns text to numbers, or texts to learn a WordPiece vocabulary from */
  constructor(tokenizer: JsonTokenizer | Texts, config: BertConfig = {}) {
    super();
    const { layers = 2, heads = 4, width = 128, context = 64, dropout = 0.1 } = config;
    const { hidden = 4 * width, typeVocabSize = 2, activation = 'gelu', eps = 1e-12 } = config;
    for (const [name, value] of Object.entries({ layers, heads, width, hidden, typeVocabSize })) {
      checkCount('BERT', name, value, 1, 2 ** 24, 'as large as memory allows');
    }
    if (!Number.isInteger(context) || context < 3 || context > 2 ** 24) {
      rangeError('BERT', 'context', 'a whole number of at least 3', context);
    }
    const { initStd = INIT_STD * Math.sqrt(PAPER_WIDTH / width) } = config;
    this.config = {
      ...{ layers, heads, width, context, dropout },
      ...{ hidden, typeVocabSize, activation, eps, initStd },
    };
    this.tokenizer = tokenizer instanceof JsonTokenizer ? tokenizer : trainTokenizer(tokenizer);
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
    this.head = new MaskHead(this.tokenizer.size, this.config);
    for (const block of this.blocks) {
      initBlock(block, initStd, initStd / Math.sqrt(2 * layers));
      initNeighborHeads(block.attention);
    }
  }

  /** Hidden states of segments, (B, T, C). */
  forward({ ids, batch, lengths }: TokenBatch): Tensor {
    const steps = ids.length / batch;
    const { context } = this.config;
    if (!Number.isInteger(steps) || steps < 1 || steps > context) {
      rangeError('BERT', 'ids', `${batch} segments of 1 to ${context} tokens`, ids.length);
    }
    const places = Int32Array.from({ length: steps }, (_, t) => t);
    const wordEmbeddings = gather(this.wordEmbeddings, ids, [batch, steps]);
    const rest = add(
      gather(this.positionEmbeddings, places),
      gather(this.tokenTypeEmbeddings, [0]),
    );
    let x = this.dropout.forward(this.norm.forward(add(wordEmbeddings, rest)));
    for (const block of this.blocks) x = block.forward(x, lengths);
    return x;
  }

  /** Hidden states at some places of (B, T): the head is asked nowhere else. */
  #hiddenAt(batch: TokenBatch, places: readonly number[]): Tensor {
    const { width } = this.config;
    return gather(reshape(this.forward(batch), [batch.ids.length, width]), places);
  }

  /** Mean cross-entropy of the hidden tokens; 0 if there are none. */
  loss({ labels, ...batch }: BertBatch): Tensor {
    const places = indicesWhere(labels, (label) => label !== IGNORE_INDEX);
    if (places.length === 0) return mul(mean(this.forward(batch)), 0);
    const targets = places.map((place) => labels[place] as number);
    return crossEntropy(
      this.head.forward(this.#hiddenAt(batch, places), this.wordEmbeddings),
      targets,
    );
  }

  /** Hides tokens of segments, by default as in training. */
  hide(
    batch: TokenBatch,
    options: {
      seed: number;
      step: number;
      samples: ArrayLike<number>;
      masked?: number;
      random?: number;
    },
  ): BertBatch {
    const { samples, ...masking } = options;
    const steps = batch.ids.length / batch.batch;
    const ids = new Int32Array(batch.ids.length);
    const labels = new Int32Array(batch.ids.length);
    // Every sample draws numbers of its own: neither its neighbors nor their padding change its mask.
    for (let b = 0; b < batch.batch; b++) {
      const masked = maskTokens(batch.ids.subarray(b * steps, (b + 1) * steps), {
        ...masking,
        sample: samples[b] as number,
        maskId: this.specials.mask,
        specialIds: this.tokenizer.specialIds,
        vocabularySize: this.tokenizer.size,
      });
      ids.set(masked.inputs, b * steps);
      labels.set(masked.labels, b * steps);
    }
    return { ...batch, ids, labels };
  }

  /** Number of hidden tokens of a batch, which its loss is the mean over. */
  lossWeight({ labels }: BertBatch): number {
    return labels.reduce((count, label) => count + Number(label !== IGNORE_INDEX), 0);
  }

  /** Segments of texts that a step may see. */
  #windows(data: Texts): Int32Array[] {
    const { tokenizer } = this;
    return windowsOf(tokenizeDocuments('train', tokenizer, data), this.maxTokens, tokenizer);
  }

  /** How many segments of texts a step may see. */
  samples(data: Texts): number {
    return this.#windows(data).length;
  }

  /** Segments at random places of the texts, with other tokens hidden at each step. */
  batches(
    data: Texts,
    { batchSize, seed }: { batchSize: number; seed: number },
  ): (step: number, first?: number, count?: number) => BertBatch {
    const windows = this.#windows(data);
    return (step, first = 0, count = batchSize) => {
      const samples = Array.from({ length: count }, (_, i) => first + i);
      const drawn = samples.map((sample) => {
        const random = new Random(seed, STREAMS.sampling, step, sample);
        return windows[random.integer(windows.length)] as Int32Array;
      });
      return this.hide(padBatch(drawn, this.specials), { seed, step, samples });
    };
  }

  /**
   * How well hidden tokens of texts are named: 15 % of them, always the same ones, each behind
   * `[MASK]`.
   * @param most segments, evenly taken, if there are more
   */
  evaluate(data: Texts, most = Number.POSITIVE_INFINITY): MaskedLmMetrics {
    let [loss, right, tokens] = [0, 0, 0];
    for (const { labels, ...batch } of this.hiddenBatches(data, most)) {
      const places = indicesWhere(labels, (label) => label !== IGNORE_INDEX);
      if (places.length === 0) continue;
      const truth = places.map((place) => labels[place] as number);
      inference(this, () => {
        const rows = this.#hiddenAt(batch, places);
        loss +=
          places.length * crossEntropy(this.head.forward(rows, this.wordEmbeddings), truth).item();
        const { ids } = this.head.best(rows, this.wordEmbeddings, 1);
        right += truth.filter((id, i) => id === ids[i]).length;
      });
      tokens += places.length;
    }
    if (tokens === 0) rangeError('evaluate', 'data', 'long enough to hide a token', data);
    return { loss: loss / tokens, accuracy: right / tokens, tokens };
  }

  /** All segments of texts, with the tokens hidden that `evaluate` asks for. */
  *hiddenBatches(data: Texts, most = Number.POSITIVE_INFINITY): Generator<BertBatch> {
    const all = splitDocuments(tokenizeDocuments('evaluate', this.tokenizer, data), this.maxTokens);
    const stride = Math.max(1, Math.ceil(all.length / most));
    const pieces = all.filter((_, i) => i % stride === 0);
    for (let from = 0; from < pieces.length; from += INFERENCE_BATCH) {
      const batch = padBatch(pieces.slice(from, from + INFERENCE_BATCH), this.specials);
      const samples = Array.from({ length: batch.batch }, (_, i) => from + i);
      const at = { seed: 0, step: EVALUATION_STEP, samples };
      yield this.hide(batch, { ...at, masked: 1, random: 0 });
    }
  }

  /** Tokens of a text that fit between `[CLS]` and `[SEP]`. */
  get maxTokens(): number {
    return this.config.context - 2;
  }

  /** A batch of texts, each cut to what the context holds. */
  textBatch(texts: readonly string[]): TokenBatch {
    const ids = texts.map((text) => this.tokenizer.encode(text).slice(0, this.maxTokens));
    return padBatch(ids, this.specials);
  }

  /**
   * The likeliest tokens for each `[MASK]` of a text, best first.
   * @throws RangeError if there is none, or the text is longer than the context
   */
  fillMask(text: string, options: { topK?: number } = {}): TokenPrediction[][] {
    if (typeof text !== 'string') typeError('fillMask', 'text', 'a string', text);
    checkOptions('fillMask', options, ['topK']);
    const size = this.tokenizer.size;
    const k = checkCount('fillMask', 'topK', options.topK, 5, size, 'the tokens there are');
    const ids = this.tokenizer.encode(text);
    if (ids.length > this.maxTokens) {
      rangeError('fillMask', 'text', `at most ${this.maxTokens} tokens`, ids.length);
    }
    const batch = padBatch([ids], this.specials);
    const places = indicesWhere(batch.ids, (id) => id === this.specials.mask);
    if (places.length === 0) rangeError('fillMask', 'text', 'with at least one [MASK]', text);
    return inference(this, () => {
      const found = this.head.best(this.#hiddenAt(batch, places), this.wordEmbeddings, k);
      return places.map((_, row) =>
        Array.from(found.ids.subarray(row * k, (row + 1) * k), (id, i) => {
          const probability = found.probabilities[row * k + i] as number;
          return { token: this.tokenizer.tokenOf(id), id, probability };
        }),
      );
    });
  }

  /**
   * A vector for each text: the mean of its hidden states, or that of `[CLS]`. Texts longer than
   * the context are cut.
   * @returns (texts, C)
   */
  encode(texts: Texts, options: { pooling?: 'mean' | 'cls' } = {}): Matrix {
    checkOptions('encode', options, ['pooling']);
    const pooling = checkChoice('encode', 'pooling', options.pooling, ['mean', 'cls'], 'mean');
    const list = textsOf('encode', texts);
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

  /** A model of its own with the same weights. */
  copy(): BERT {
    const copied = withSeed(0, () => new BERT(this.tokenizer, this.config));
    copied.loadStateDict(this.stateDict());
    return copied;
  }

  /**
   * A classifier that begins as a copy of this model and learns to name texts.
   * @param labels one name for each text
   */
  async finetune(
    texts: readonly string[],
    labels: readonly (string | number)[],
    options: FinetuneOptions = {},
  ): Promise<BertClassifier> {
    return finetune(this.copy(), { texts, labels }, options);
  }
}

/** Segments that are run at once where no gradient is wanted. */
const INFERENCE_BATCH = 32;

/** WordPiece, learned from texts. */
function trainTokenizer(texts: Texts): JsonTokenizer {
  return new JsonTokenizer(wordPieceJson(trainWordPiece(textsOf('BERT', texts))));
}
