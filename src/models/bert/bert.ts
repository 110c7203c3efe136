/**
 * BERT: a bidirectional language model (Devlin et al., 2018, "BERT: pre-training of deep
 * bidirectional transformers for language understanding"). The pretext task is to name tokens that
 * were hidden (masking.ts); the network an encoder, normalised after each part, whose head is the
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
  noGrad,
  randomNormal,
  reshape,
  type Tensor,
  TransformerBlock,
  tidy,
} from '../../nn/index.js';
import type { Trainable, TrainDefaults } from '../../train/train.js';
import {
  attendNearby,
  INITIAL_DEVIATION,
  initializeBlock,
  loudPositions,
} from '../initialization.js';
import { type BertClassifier, type FinetuneOptions, finetune } from './classifier.js';
import { type FilledToken, MaskHead } from './head.js';
import { type MaskedScore, maskTokens, NOT_ASKED } from './masking.js';
import {
  batchOf,
  documentsOf,
  firstOf,
  meanOf,
  piecesOf,
  placesOf,
  type SegmentBatch,
  type Specials,
  segmentsOf,
  specialsOf,
  type Texts,
  textsOf,
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
  kinds?: number;
  /** Form of GELU (default `'gelu'`, the exact one). */
  activation?: 'gelu' | 'gelu_new';
  /** Added to the variance in every normalisation (default 1e-12). */
  eps?: number;
  /**
   * Deviation of the initial weights (default 0.02 at the paper's width of 768, and in inverse
   * proportion to √C at others: a narrow network would learn nothing for long).
   */
  deviation?: number;
}

/** Segments with tokens hidden, and what is asked for: -100 where nothing is. */
export interface BertBatch extends SegmentBatch {
  labels: Int32Array;
}

/** Stream of random numbers. */
const BATCHES = 1;

/** Width of BERT base. */
const PAPER_WIDTH = 768;

export class BERT extends Module implements Trainable<Texts, BertBatch> {
  readonly config: Required<BertConfig>;
  readonly tokenizer: JsonTokenizer;
  readonly specials: Specials;
  /** (V, C) */
  readonly words: Tensor;
  /** (context, C) */
  readonly positions: Tensor;
  /** (kinds, C): the first for a text, the second for one that belongs to it. */
  readonly segments: Tensor;
  readonly norm: LayerNorm;
  readonly dropout: Dropout;
  readonly blocks: TransformerBlock[];
  readonly head: MaskHead;

  /** RoBERTa's where size does not matter; the rate and the batch are those of small networks. */
  readonly defaults: TrainDefaults = {
    steps: 6000,
    batch: 32,
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
    const { hidden = 4 * width, kinds = 2, activation = 'gelu', eps = 1e-12 } = config;
    for (const [name, value] of Object.entries({ layers, heads, width, hidden, kinds })) {
      checkCount('BERT', name, value, 1, 2 ** 24, 'as large as memory allows');
    }
    if (!Number.isInteger(context) || context < 3 || context > 2 ** 24) {
      rangeError('BERT', 'context', 'a whole number of at least 3', context);
    }
    const { deviation = INITIAL_DEVIATION * Math.sqrt(PAPER_WIDTH / width) } = config;
    this.config = {
      ...{ layers, heads, width, context, dropout },
      ...{ hidden, kinds, activation, eps, deviation },
    };
    this.tokenizer = tokenizer instanceof JsonTokenizer ? tokenizer : learn(tokenizer);
    this.specials = specialsOf(this.tokenizer);
    const table = (rows: number): Tensor => asParameter(randomNormal([rows, width], deviation));
    this.words = table(this.tokenizer.size);
    this.positions = loudPositions(context, width, deviation);
    this.segments = table(kinds);
    this.norm = new LayerNorm(width, { eps });
    this.dropout = new Dropout(dropout);
    const options = { norm: 'post', eps, hidden, dropout, activation } as const;
    this.blocks = Array.from({ length: layers }, () => new TransformerBlock(width, heads, options));
    this.head = new MaskHead(this.tokenizer.size, this.config);
    for (const block of this.blocks) {
      initializeBlock(block, deviation, deviation / Math.sqrt(2 * layers));
      attendNearby(block.attention);
    }
  }

  /** Hidden states of segments, (B, T, C). */
  forward({ ids, batch, lengths }: SegmentBatch): Tensor {
    const steps = ids.length / batch;
    const { context } = this.config;
    if (!Number.isInteger(steps) || steps < 1 || steps > context) {
      rangeError('BERT', 'ids', `${batch} segments of 1 to ${context} tokens`, ids.length);
    }
    const places = Int32Array.from({ length: steps }, (_, t) => t);
    const words = gather(this.words, ids, [batch, steps]);
    const rest = add(gather(this.positions, places), gather(this.segments, [0]));
    let x = this.dropout.forward(this.norm.forward(add(words, rest)));
    for (const block of this.blocks) x = block.forward(x, lengths);
    return x;
  }

  /** Hidden states at some places of (B, T): the head is asked nowhere else. */
  #rowsAt(batch: SegmentBatch, places: readonly number[]): Tensor {
    const { width } = this.config;
    return gather(reshape(this.forward(batch), [batch.ids.length, width]), places);
  }

  /** Mean cross-entropy of the hidden tokens; 0 if there are none. */
  loss({ labels, ...batch }: BertBatch): Tensor {
    const places = placesOf(labels, (label) => label !== NOT_ASKED);
    if (places.length === 0) return mul(mean(this.forward(batch)), 0);
    const targets = places.map((place) => labels[place] as number);
    return crossEntropy(this.head.forward(this.#rowsAt(batch, places), this.words), targets);
  }

  /** Hides tokens of segments, by default as in training. */
  hide(
    batch: SegmentBatch,
    options: { seed: number; step: number; masked?: number; random?: number },
  ): BertBatch {
    const { inputs, labels } = maskTokens(batch.ids, {
      ...options,
      maskId: this.specials.mask,
      specialIds: this.tokenizer.specialIds,
      vocabularySize: this.tokenizer.size,
    });
    return { ...batch, ids: inputs, labels };
  }

  /** Segments of texts that a step may see. */
  #segments(data: Texts): Int32Array[] {
    const { tokenizer } = this;
    return segmentsOf(documentsOf('train', tokenizer, data), this.room, tokenizer);
  }

  /** How many segments of texts a step may see. */
  samples(data: Texts): number {
    return this.#segments(data).length;
  }

  /** Segments at random places of the texts, with other tokens hidden at each step. */
  batches(data: Texts, options: { batch: number; seed: number }): (step: number) => BertBatch {
    const { batch, seed } = options;
    const segments = this.#segments(data);
    return (step) => {
      const random = new Random(seed, BATCHES, step);
      const drawn = Array.from({ length: batch }, () => segments[random.integer(segments.length)]);
      return this.hide(batchOf(drawn as Int32Array[], this.specials), { seed, step });
    };
  }

  /**
   * How well hidden tokens of texts are named: 15 % of them, always the same ones, each behind
   * `[MASK]`.
   * @param most segments, evenly taken, if there are more
   */
  evaluate(data: Texts, most = Number.POSITIVE_INFINITY): MaskedScore {
    this.eval();
    let [loss, right, tokens] = [0, 0, 0];
    for (const { labels, ...batch } of this.hiddenBatches(data, most)) {
      const places = placesOf(labels, (label) => label !== NOT_ASKED);
      if (places.length === 0) continue;
      const truth = places.map((place) => labels[place] as number);
      tidy(() =>
        noGrad(() => {
          const rows = this.#rowsAt(batch, places);
          loss += places.length * crossEntropy(this.head.forward(rows, this.words), truth).item();
          const { ids } = this.head.best(rows, this.words, 1);
          right += truth.filter((id, i) => id === ids[i]).length;
        }),
      );
      tokens += places.length;
    }
    if (tokens === 0) rangeError('evaluate', 'data', 'long enough to hide a token', data);
    return { loss: loss / tokens, accuracy: right / tokens, tokens };
  }

  /** All segments of texts, with the tokens hidden that `evaluate` asks for. */
  *hiddenBatches(data: Texts, most = Number.POSITIVE_INFINITY): Generator<BertBatch> {
    const all = piecesOf(documentsOf('evaluate', this.tokenizer, data), this.room);
    const stride = Math.max(1, Math.ceil(all.length / most));
    const pieces = all.filter((_, i) => i % stride === 0);
    for (let from = 0; from < pieces.length; from += AT_ONCE) {
      const batch = batchOf(pieces.slice(from, from + AT_ONCE), this.specials);
      yield this.hide(batch, { seed: 0, step: from, masked: 1, random: 0 });
    }
  }

  /** Tokens of a text that fit between `[CLS]` and `[SEP]`. */
  get room(): number {
    return this.config.context - 2;
  }

  /** A batch of texts, each cut to what the context holds. */
  textBatch(texts: readonly string[]): SegmentBatch {
    const ids = texts.map((text) => this.tokenizer.encode(text).slice(0, this.room));
    return batchOf(ids, this.specials);
  }

  /**
   * The likeliest tokens for each `[MASK]` of a text, best first.
   * @throws RangeError if there is none, or the text is longer than the context
   */
  fillMask(text: string, options: { topK?: number } = {}): FilledToken[][] {
    if (typeof text !== 'string') typeError('fillMask', 'text', 'a string', text);
    checkOptions('fillMask', options, ['topK']);
    const size = this.tokenizer.size;
    const k = checkCount('fillMask', 'topK', options.topK, 5, size, 'the tokens there are');
    const ids = this.tokenizer.encode(text);
    if (ids.length > this.room) {
      rangeError('fillMask', 'text', `at most ${this.room} tokens`, ids.length);
    }
    const batch = batchOf([ids], this.specials);
    const places = placesOf(batch.ids, (id) => id === this.specials.mask);
    if (places.length === 0) rangeError('fillMask', 'text', 'with at least one [MASK]', text);
    this.eval();
    return tidy(() =>
      noGrad(() => {
        const found = this.head.best(this.#rowsAt(batch, places), this.words, k);
        return places.map((_, row) =>
          Array.from(found.ids.subarray(row * k, (row + 1) * k), (id, i) => {
            const probability = found.probabilities[row * k + i] as number;
            return { token: this.tokenizer.tokenOf(id), id, probability };
          }),
        );
      }),
    );
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
    this.eval();
    for (let from = 0; from < list.length; from += AT_ONCE) {
      const batch = this.textBatch(list.slice(from, from + AT_ONCE));
      const rows = tidy(() =>
        noGrad(() => {
          const x = this.forward(batch);
          return (pooling === 'cls' ? firstOf(x) : meanOf(x, batch.lengths)).toArray();
        }),
      );
      data.set(rows, from * width);
    }
    return { data, rows: list.length, cols: width };
  }

  /** A model of its own with the same weights. */
  copy(): BERT {
    const copied = new BERT(this.tokenizer, this.config);
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
const AT_ONCE = 32;

/** WordPiece, learnt from texts. */
function learn(texts: Texts): JsonTokenizer {
  return new JsonTokenizer(wordPieceJson(trainWordPiece(textsOf('BERT', texts))));
}
