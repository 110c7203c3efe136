/**
 * BERT: a bidirectional language model (Devlin et al., 2018, "BERT: pre-training of deep
 * bidirectional transformers for language understanding"). The pretext task is to predict tokens
 * that were hidden (masking.ts), the network an encoder (encoder.ts), the loss the cross-entropy of
 * the hidden tokens through a head that shares the token table (mlm-head.ts). As in RoBERTa, there is
 * no next-sentence task and each step draws new masks.
 *
 *   logits = norm(gelu(x W + b)) words' + bias                    (…, V)
 */

import { readOptions } from '../../core/options.js';
import { Random } from '../../core/random.js';
import { EVALUATION_STEP, STREAMS } from '../../core/streams.js';
import { checkString, integerIn, rangeError } from '../../core/validation.js';
import type { JsonTokenizer } from '../../data/text/json-tokenizer.js';
import { crossEntropy, gather, mean, mul, reshape, type Tensor } from '../../nn/index.js';
import { inference } from '../../nn/inference.js';
import { withSeed } from '../../nn/random.js';
import type { TrainDefaults } from '../../train/options.js';
import type { Trainable } from '../../train/train.js';
import {
  type Documents,
  indicesWhere,
  padBatch,
  splitDocuments,
  type Texts,
  type TokenBatch,
  tokenizeDocuments,
  type Windows,
  windowsOf,
} from './batches.js';
import { type BertClassifier, type FinetuneOptions, finetune } from './classifier.js';
import { type BertConfig, BertEncoder, INFERENCE_BATCH } from './encoder.js';
import { IGNORE_INDEX, MASK_PROBABILITY, type MaskedLmMetrics, maskTokens } from './masking.js';
import { MlmHead, type TokenPrediction } from './mlm-head.js';

/** Texts with tokens hidden, and the labels to predict: -100 where there is none. */
export interface BertBatch extends TokenBatch {
  /** Ids to predict, (B, T). */
  labels: Int32Array;
}

/** Options of `BERT.fillMask`. */
export interface FillMaskOptions {
  /** Number of tokens for each mask, from 1. @default 5 */
  topK?: number | undefined;
}

/** Default training options of a BERT: RoBERTa's, but for the rate and batch of small networks. */
export const BERT_TRAINING: TrainDefaults = {
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

/**
 * BERT, a bidirectional language model: trained to predict hidden tokens, then fills masks, encodes
 * texts, or is fine-tuned as a classifier.
 *
 * Its weights begin otherwise than the paper's: positions as sinusoids and heads that attend to
 * neighboring tokens, so that a small network learns from little text.
 *
 * @see https://arxiv.org/abs/1810.04805
 * @example
 * const bert = new BERT(texts, { layers: 2, width: 128 });
 * for await (const { step, loss } of train(bert, texts)) console.log(step, loss);
 * console.log(bert.fillMask('near and [MASK]'));
 */
export class BERT extends BertEncoder implements Trainable<Documents, BertBatch> {
  /** Head that predicts tokens. */
  readonly head: MlmHead;

  /** Options of `train` where it is given none. */
  readonly defaults: TrainDefaults = BERT_TRAINING;

  /**
   * @param source tokenizer, or texts that one is trained on
   * @param config sizes, and the kind of tokenizer
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  constructor(source: JsonTokenizer | Texts, config?: BertConfig) {
    super(source, config);
    this.head = new MlmHead(this.tokenizer.size, this.config);
    this.initBlocks();
  }

  /** Computes hidden states at some indices of (B, T): the head sees nothing else. */
  #hiddenAt(batch: TokenBatch, indices: readonly number[]): Tensor {
    const { width } = this.config;
    return gather(reshape(this.forward(batch), [batch.ids.length, width]), indices);
  }

  /**
   * Computes the loss: mean cross-entropy of the hidden tokens; 0 if there are none.
   * @param batch texts with tokens hidden
   * @returns scalar, in nats
   */
  loss({ labels, ...batch }: BertBatch): Tensor {
    const indices = indicesWhere(labels, (label) => label !== IGNORE_INDEX);
    if (indices.length === 0) return mul(mean(this.forward(batch)), 0);
    const targets = indices.map((i) => labels[i] as number);
    return crossEntropy(
      this.head.forward(this.#hiddenAt(batch, indices), this.wordEmbeddings),
      targets,
    );
  }

  /**
   * Counts the tokens that a batch's loss is the mean of: its weight where batches are accumulated.
   * @param batch texts with tokens hidden
   * @returns number of hidden tokens
   */
  lossWeight({ labels }: BertBatch): number {
    return indicesWhere(labels, (label) => label !== IGNORE_INDEX).length;
  }

  /**
   * Hides tokens of texts, by default as in training.
   * @param batch texts
   * @param options seed, step and samples: the position of each text's random numbers; probability,
   *   masked and random as `maskTokens` takes them
   * @returns the texts with labels
   */
  hide(
    batch: TokenBatch,
    options: {
      seed: number;
      step: number;
      samples: ArrayLike<number>;
      probability?: number;
      masked?: number;
      random?: number;
    },
  ): BertBatch {
    const { samples, ...masking } = { probability: this.config.maskProbability, ...options };
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

  /** Lists the windows of texts that a step draws from. */
  #windows(data: Documents): Windows {
    const { tokenizer } = this;
    return windowsOf(tokenizeDocuments('train', tokenizer, data), this.maxTokens, tokenizer);
  }

  /**
   * Counts the windows of texts that a step draws from.
   * @param data a text or many, or the token ids of each
   * @returns number of windows
   */
  samples(data: Documents): number {
    return this.#windows(data).length;
  }

  /**
   * Draws windows of the texts at random, with other tokens hidden at each step.
   * @param data a text or many, or the token ids of each, which are not copied if they are integers
   *   in typed arrays
   * @param options batchSize: windows per step; seed: of the run
   * @returns function from a step's number, and a part of its batch, to the batch
   */
  batches(
    data: Documents,
    { batchSize, seed }: { batchSize: number; seed: number },
  ): (step: number, first?: number, count?: number) => BertBatch {
    const windows = this.#windows(data);
    return (step, first = 0, count = batchSize) => {
      const samples = Array.from({ length: count }, (_, i) => first + i);
      const drawn = samples.map((sample) => {
        const random = new Random(seed, STREAMS.sampling, step, sample);
        return windows.at(random.integer(windows.length));
      });
      return this.hide(padBatch(drawn, this.specials), { seed, step, samples });
    };
  }

  /**
   * Evaluates how well hidden tokens are predicted: 15 % of them, always the same ones, each behind
   * `[MASK]`.
   *
   * @param data a text or many, or the token ids of each
   * @param maxWindows windows to evaluate, evenly taken, if there are more
   * @returns loss in nats per token, accuracy, and the number of hidden tokens
   * @throws {TypeError | RangeError} if an argument is not valid, or the data too short
   */
  evaluate(data: Documents, maxWindows?: number): MaskedLmMetrics {
    let [loss, hits, tokens] = [0, 0, 0];
    for (const { labels, ...batch } of this.hiddenBatches(data, maxWindows)) {
      const indices = indicesWhere(labels, (label) => label !== IGNORE_INDEX);
      if (indices.length === 0) continue;
      const truth = indices.map((i) => labels[i] as number);
      inference(this, () => {
        const rows = this.#hiddenAt(batch, indices);
        const logits = this.head.forward(rows, this.wordEmbeddings);
        loss += indices.length * crossEntropy(logits, truth).item();
        const { ids } = this.head.best(rows, this.wordEmbeddings, 1);
        hits += truth.filter((id, i) => id === ids[i]).length;
      });
      tokens += indices.length;
    }
    if (tokens === 0) rangeError('evaluate', 'data', 'long enough to hide a token', data);
    return { loss: loss / tokens, accuracy: hits / tokens, tokens };
  }

  /**
   * Splits texts into batches with the tokens hidden that `evaluate` asks for.
   * @param data a text or many, or the token ids of each
   * @param maxWindows windows to give, evenly taken, if there are more
   * @returns batches, one after the other
   * @throws {TypeError | RangeError} if an argument is not valid
   */
  *hiddenBatches(data: Documents, maxWindows?: number): Generator<BertBatch> {
    const documents = tokenizeDocuments('evaluate', this.tokenizer, data);
    const all = splitDocuments(documents, this.maxTokens);
    const max = maxWindows === undefined ? all.length : checkWindows(maxWindows);
    const stride = Math.max(1, Math.ceil(all.length / max));
    const count = Math.ceil(all.length / stride);
    for (let from = 0; from < count; from += INFERENCE_BATCH) {
      const length = Math.min(INFERENCE_BATCH, count - from);
      const windows = Array.from({ length }, (_, i) => all.at((from + i) * stride));
      const batch = padBatch(windows, this.specials);
      const samples = Array.from({ length: batch.batch }, (_, i) => from + i);
      const position = { seed: 0, step: EVALUATION_STEP, samples };
      yield this.hide(batch, {
        ...position,
        ...{ probability: MASK_PROBABILITY, masked: 1, random: 0 },
      });
    }
  }

  /**
   * Finds the most probable tokens for each `[MASK]` of a text.
   *
   * @param text text with at least one `[MASK]`
   * @param options topK
   * @returns a list for each mask, best first
   * @throws {TypeError | RangeError} if it has no [MASK], or the text is longer than the context
   * @example bert.fillMask('the [MASK] sat', { topK: 1 })[0][0].token; // 'cat'
   */
  fillMask(text: string, options?: FillMaskOptions): TokenPrediction[][] {
    checkString('fillMask', 'text', text);
    const { size } = this.tokenizer;
    const reader = readOptions('fillMask', options);
    const k = reader.read('topK', integerIn(1, size, 'the tokens there are'), Math.min(5, size));
    reader.done();
    const ids = this.tokenizer.encode(text);
    if (ids.length > this.maxTokens) {
      rangeError('fillMask', 'text', `at most ${this.maxTokens} tokens`, ids.length);
    }
    const batch = padBatch([ids], this.specials);
    const masks = indicesWhere(batch.ids, (id) => id === this.specials.mask);
    if (masks.length === 0) rangeError('fillMask', 'text', 'with at least one [MASK]', text);
    const best = inference(this, () =>
      this.head.best(this.#hiddenAt(batch, masks), this.wordEmbeddings, k),
    );
    return masks.map((_, row) =>
      Array.from(best.ids.subarray(row * k, (row + 1) * k), (id, i) => {
        const probability = best.probabilities[row * k + i] as number;
        return { token: this.tokenizer.tokenOf(id), id, probability };
      }),
    );
  }

  /**
   * Copies the model.
   * @returns a model of its own with the same weights
   */
  copy(): BERT {
    const copied = withSeed(0, () => new BERT(this.tokenizer, this.config));
    copied.loadStateDict(this.stateDict());
    return copied;
  }

  /**
   * Fine-tunes a copy of this model as a classifier of texts.
   *
   * @param texts texts to learn from
   * @param labels a name for each text
   * @param options how to train
   * @returns the classifier
   * @throws {TypeError | RangeError} if an argument is not valid
   * @example const classifier = await bert.finetune(['near', 'far'], ['close', 'distant']);
   */
  async finetune(
    texts: readonly string[],
    labels: readonly (string | number)[],
    options?: FinetuneOptions,
  ): Promise<BertClassifier> {
    const copy = this.copy();
    try {
      return await finetune(copy, { texts, labels }, options);
    } catch (error) {
      copy.dispose();
      throw error;
    }
  }
}

/** Checks a number of windows; infinitely many are all. */
function checkWindows(max: number): number {
  return max === Number.POSITIVE_INFINITY ? max : integerIn(1)('evaluate', 'maxWindows', max);
}
