/**
 * BERT that has learned to name texts: its hidden state of `[CLS]`, through a layer with tanh (the
 * pooler), to one logit for each name. All weights learn on.
 */

import type { Matrix } from '../../core/matrix.js';
import { rangeError, typeError } from '../../core/validation.js';
import { fitClassifier } from '../../evaluate/classifier.js';
import {
  crossEntropy,
  Dropout,
  Linear,
  Module,
  softmax,
  type Tensor,
  TransformerBlock,
  tanh,
} from '../../nn/index.js';
import { inference } from '../../nn/inference.js';
import { withSeed } from '../../nn/random.js';
import { shuffledOrder } from '../../train/epochs.js';
import {
  type Trainable,
  type TrainDefaults,
  type TrainOptions,
  type TrainStep,
  train,
} from '../../train/train.js';
import { identityInit, initMeanPooling, initNormal } from '../initialization.js';
import type { BERT } from './bert.js';
import { clsHidden, type TokenBatch } from './segments.js';

/** Texts with the name of each. */
export interface LabeledTexts {
  texts: readonly string[];
  labels: readonly (string | number)[];
}

export interface ClassifierBatch extends TokenBatch {
  /** The number of each segment's name. */
  targets: Int32Array;
}

export interface FinetuneOptions extends TrainOptions {
  /** Told of every step. */
  onStep?: (step: TrainStep) => void | Promise<void>;
}

/** Texts that are named at once. */
const INFERENCE_BATCH = 32;

/**
 * Learning rate times width: AdamW moves each weight by the rate, and so each sum of C weights by C
 * times as much (Yang et al., 2022, "Tensor programs V"). It is near the paper's at its width.
 */
const RATE_TIMES_WIDTH = 0.1;

export class BertClassifier extends Module implements Trainable<LabeledTexts, ClassifierBatch> {
  readonly bert: BERT;
  /** Names, by number. */
  readonly labelNames: readonly string[];
  readonly pooler: Linear;
  readonly dropout: Dropout;
  readonly classifier: Linear;

  /** The paper's for fine-tuning, but for the rate. */
  readonly defaults: TrainDefaults;

  /**
   * @param bert the encoder, which is this classifier's own from now on
   * @param labelNames at least two, each once
   */
  constructor(bert: BERT, labelNames: readonly string[]) {
    super();
    if (new Set(labelNames).size !== labelNames.length || labelNames.length < 2) {
      rangeError('BertClassifier', 'names', 'at least two, each once', labelNames);
    }
    const { width, dropout, initStd: deviation } = bert.config;
    this.bert = bert;
    this.labelNames = labelNames;
    this.defaults = {
      steps: 100,
      batchSize: 16,
      learningRate: RATE_TIMES_WIDTH / width,
      warmup: 10,
      weightDecay: 0.01,
      betas: [0.9, 0.999],
      eps: 1e-6,
      gradClip: 1,
      schedule: 'linear',
    };
    this.pooler = new Linear(width, width);
    this.dropout = new Dropout(dropout);
    this.classifier = new Linear(width, labelNames.length);
    initNormal(this.pooler, deviation);
    initNormal(this.classifier, deviation);
  }

  /** What names are told from, (B, C). */
  #pooled(batch: TokenBatch): Tensor {
    return tanh(this.pooler.forward(clsHidden(this.bert.forward(batch))));
  }

  /** Logits of each segment's name, (B, names). */
  forward(batch: TokenBatch): Tensor {
    return this.classifier.forward(this.dropout.forward(this.#pooled(batch)));
  }

  /** A row of numbers for each text. */
  #rows(texts: readonly string[], cols: number, run: (batch: TokenBatch) => Tensor): Matrix {
    const data = new Float32Array(texts.length * cols);
    for (let from = 0; from < texts.length; from += INFERENCE_BATCH) {
      const batch = this.bert.textBatch(texts.slice(from, from + INFERENCE_BATCH));
      data.set(
        inference(this, () => run(batch).toArray()),
        from * cols,
      );
    }
    return { data, rows: texts.length, cols };
  }

  /** Makes the last layer logistic regression on what the others give as they are. */
  fitLast({ texts, labels }: LabeledTexts): void {
    const x = this.#rows(texts, this.bert.config.width, (batch) => this.#pooled(batch));
    const targets = labels.map((label) => this.labelNames.indexOf(String(label)));
    const { weight, bias } = fitClassifier(x, targets);
    this.classifier.weight.data.set(weight.data);
    this.classifier.bias?.data.set(bias);
  }

  loss(batch: ClassifierBatch): Tensor {
    return crossEntropy(this.forward(batch), batch.targets);
  }

  /** All texts in random order, again and again in other orders. */
  batches(
    { texts, labels }: LabeledTexts,
    { batchSize, seed }: { batchSize: number; seed: number },
  ): (step: number, first?: number, count?: number) => ClassifierBatch {
    const targets = labels.map((label) => this.labelNames.indexOf(String(label)));
    checkLabeled(texts, labels);
    const bad = targets.indexOf(-1);
    if (bad >= 0) rangeError('train', `labels[${bad}]`, this.labelNames.join(' or '), labels[bad]);
    const rowsFrom = shuffledOrder(texts.length, seed);
    return (step, first = 0, count = batchSize) => {
      const drawn = rowsFrom(step * batchSize + first, count);
      return {
        ...this.bert.textBatch(drawn.map((i) => texts[i] as string)),
        targets: Int32Array.from(drawn, (i) => targets[i] as number),
      };
    };
  }

  /** The probability of each name for each text, (texts, names). */
  predictProba(texts: string | readonly string[]): Matrix {
    const list = typeof texts === 'string' ? [texts] : texts;
    if (!Array.isArray(list)) typeError('predictProba', 'texts', 'an array of strings', texts);
    return this.#rows(list, this.labelNames.length, (batch) => softmax(this.forward(batch)));
  }

  /** The likeliest name of each text. */
  predict(texts: string | readonly string[]): string[] {
    const { data, rows, cols } = this.predictProba(texts);
    return Array.from({ length: rows }, (_, row) => {
      const shares = data.subarray(row * cols, (row + 1) * cols);
      return this.labelNames[shares.indexOf(Math.max(...shares))] as string;
    });
  }
}

function checkLabeled(texts: readonly string[], labels: readonly (string | number)[]): void {
  if (!Array.isArray(texts)) typeError('finetune', 'texts', 'an array of strings', texts);
  if (!Array.isArray(labels)) typeError('finetune', 'labels', 'an array of names', labels);
  if (texts.length === 0) rangeError('finetune', 'texts', 'at least one text', texts);
  if (labels.length !== texts.length) {
    rangeError('finetune', 'labels', `${texts.length} long (the texts)`, labels.length);
  }
}

/** Rounds over the texts, and steps at least. */
const EPOCHS = 4;
const MIN_STEPS = 60;

/** A layer more, in which `[CLS]` begins as the mean of all hidden states. */
function addPoolingBlock(bert: BERT): void {
  const { width, heads, eps, hidden, dropout, activation, initStd: deviation } = bert.config;
  const options = { norm: 'post', eps, hidden, dropout, activation } as const;
  const reader = new TransformerBlock(width, heads, options);
  initMeanPooling(reader, deviation);
  bert.blocks.push(reader);
  bert.config.layers += 1;
}

/**
 * Makes a classifier of an encoder, which is the classifier's own from now on. Naming hidden tokens
 * teaches nothing to `[CLS]`, so one layer more makes it the mean of all hidden states at first;
 * and the last layer begins as logistic regression on that, or its first steps would spoil what the
 * encoder has learned (Kumar et al., 2022, "Fine-tuning can distort pretrained features and
 * underperform out-of-distribution"). So training sets out from where a frozen encoder ends.
 */
export async function finetune(
  bert: BERT,
  { texts, labels }: LabeledTexts,
  { onStep, ...options }: FinetuneOptions = {},
): Promise<BertClassifier> {
  checkLabeled(texts, labels);
  const labelNames = [...new Set(labels.map(String))].sort((a, b) => (a < b ? -1 : 1));
  const classifier = withSeed(options.seed ?? 0, () => {
    const made = new BertClassifier(bert, labelNames);
    addPoolingBlock(bert);
    return made;
  });
  identityInit(classifier.pooler);
  classifier.fitLast({ texts, labels });
  const batch = Math.min(options.batchSize ?? classifier.defaults.batchSize, texts.length);
  const steps = Math.max(MIN_STEPS, Math.ceil((EPOCHS * texts.length) / batch));
  for await (const step of train(
    classifier,
    { texts, labels },
    { steps, ...options, batchSize: batch },
  )) {
    await onStep?.(step);
  }
  return classifier;
}
