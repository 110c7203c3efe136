/**
 * Fine-tuning: BERT as a classifier of texts. Its hidden state of `[CLS]` goes through a layer with
 * tanh (the pooler) to one logit per class; all weights are trained.
 */

import type { Matrix } from '../../core/matrix.js';
import { readOptions } from '../../core/options.js';
import { checkCallback, instanceOf, rangeError, typeError } from '../../core/validation.js';
import { checkTexts } from '../../data/text/tokenizer.js';
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
import { identityInit, initNormal } from '../../nn/initialization.js';
import { withSeed } from '../../nn/random.js';
import { shuffledOrder } from '../../train/epochs.js';
import { readRunOptions, type TrainDefaults, type TrainOptions } from '../../train/options.js';
import { type Trainable, type TrainStep, train } from '../../train/train.js';
import { clsHidden, type TokenBatch } from './batches.js';
import { BertEncoder, INFERENCE_BATCH } from './encoder.js';
import { initMeanPooling } from './initialization.js';

/** Texts with a name for each. */
export interface LabeledTexts {
  /** Texts. */
  texts: readonly string[];
  /** Name of each text's class. */
  labels: readonly (string | number)[];
}

/** Texts of a step with their classes. */
export interface ClassifierBatch extends TokenBatch {
  /** Index of each text's class, (B). */
  targets: Int32Array;
}

/** Options of `finetune`: those of `train`, and a callback. */
export interface FinetuneOptions extends TrainOptions {
  /** Called after every step. */
  onStep?: (step: TrainStep) => void | Promise<void>;
}

/**
 * Learning rate times width: AdamW moves each weight by about the rate, and so a sum of C weights by
 * C times the rate (Yang et al., 2022, "Tensor programs V"). It is near the paper's at its width.
 */
const RATE_TIMES_WIDTH = 0.1;

/** Gives the training options of a classifier of a width. */
function trainingFor(width: number): TrainDefaults {
  return {
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
}

/** Classifier of texts on a BERT. `finetune` makes one. */
export class BertClassifier extends Module implements Trainable<LabeledTexts, ClassifierBatch> {
  /** Encoder, trained along. */
  readonly bert: BertEncoder;
  /** Names of the classes, by index. */
  readonly labelNames: readonly string[];
  /** Layer with tanh on the hidden state of `[CLS]`, (C, C). */
  readonly pooler: Linear;
  /** Dropout before the last layer. */
  readonly dropout: Dropout;
  /** Last layer, (classes, C). */
  readonly classifier: Linear;

  /** Options of `train` where it is given none: the paper's for fine-tuning, but for the rate. */
  readonly defaults: TrainDefaults;

  /**
   * @param bert encoder, which belongs to the classifier from now on
   * @param labelNames names of the classes: at least two, each once
   * @throws {RangeError} if there are fewer, or one twice
   */
  constructor(bert: BertEncoder, labelNames: readonly string[]) {
    super();
    checkEncoder('BertClassifier', bert);
    checkTexts('BertClassifier', 'labelNames', labelNames);
    if (new Set(labelNames).size !== labelNames.length || labelNames.length < 2) {
      rangeError('BertClassifier', 'labelNames', 'at least two, each once', labelNames);
    }
    const { width, dropout, initStd } = bert.config;
    this.bert = bert;
    this.labelNames = labelNames;
    this.defaults = trainingFor(width);
    this.pooler = new Linear(width, width);
    this.dropout = new Dropout(dropout);
    this.classifier = new Linear(width, labelNames.length);
    initNormal(this.pooler, initStd);
    initNormal(this.classifier, initStd);
  }

  /** Computes the vectors that classes are told from, (B, C). */
  #pooled(batch: TokenBatch): Tensor {
    return tanh(this.pooler.forward(clsHidden(this.bert.forward(batch))));
  }

  /**
   * Computes logits.
   * @param batch token ids of texts
   * @returns (B, classes)
   */
  forward(batch: TokenBatch): Tensor {
    return this.classifier.forward(this.dropout.forward(this.#pooled(batch)));
  }

  /** Computes a row of numbers for each text. */
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

  /**
   * Fits the last layer alone, by logistic regression on the vectors that the others give as they
   * are.
   * @param data texts with a name for each
   */
  fitLast({ texts, labels }: LabeledTexts): void {
    const x = this.#rows(texts, this.bert.config.width, (batch) => this.#pooled(batch));
    const targets = labels.map((label) => this.labelNames.indexOf(String(label)));
    const { weight, bias } = fitClassifier(x, targets);
    this.classifier.weight.data.set(weight.data);
    this.classifier.bias?.data.set(bias);
  }

  /**
   * Computes the loss: mean cross-entropy of the classes.
   * @param batch texts with their classes
   * @returns scalar, in nats
   */
  loss(batch: ClassifierBatch): Tensor {
    return crossEntropy(this.forward(batch), batch.targets);
  }

  /**
   * Draws all texts in random order, epoch after epoch.
   * @param data texts with a name for each
   * @param options batchSize: texts per step; seed: of the random numbers
   * @returns function from a step's number, and a part of its batch, to the batch
   * @throws {TypeError | RangeError} if texts and names do not go together
   */
  batches(
    data: LabeledTexts,
    { batchSize, seed }: { batchSize: number; seed: number },
  ): (step: number, first?: number, count?: number) => ClassifierBatch {
    checkLabeled('train', data);
    const { texts, labels } = data;
    const targets = labels.map((label) => this.labelNames.indexOf(String(label)));
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

  /**
   * Computes the probability of each class for each text.
   * @param texts a text or many
   * @returns (texts, classes), rows that sum to 1
   * @throws {TypeError} if it is not texts
   */
  predictProba(texts: string | readonly string[]): Matrix {
    const list = typeof texts === 'string' ? [texts] : texts;
    checkTexts('predictProba', 'texts', list);
    return this.#rows(list, this.labelNames.length, (batch) => softmax(this.forward(batch)));
  }

  /**
   * Predicts the class of each text.
   * @param texts a text or many
   * @returns name of each text's most probable class
   * @example classifier.predict(['a new mail']); // ['spam']
   */
  predict(texts: string | readonly string[]): string[] {
    const { data, rows, cols } = this.predictProba(texts);
    return Array.from({ length: rows }, (_, row) => {
      const probabilities = data.subarray(row * cols, (row + 1) * cols);
      return this.labelNames[probabilities.indexOf(Math.max(...probabilities))] as string;
    });
  }
}

function checkEncoder(name: string, value: unknown): void {
  instanceOf(BertEncoder, 'a BERT or its encoder')(name, 'bert', value);
}

/** Checks texts with a name for each. */
function checkLabeled(name: string, data: LabeledTexts): void {
  if (typeof data !== 'object' || data === null) {
    typeError(name, 'data', 'an object of texts and labels', data);
  }
  const { texts, labels } = data;
  checkTexts(name, 'texts', texts);
  if (!Array.isArray(labels)) typeError(name, 'labels', 'an array of names', labels);
  const bad = labels.findIndex((label) => typeof label !== 'string' && typeof label !== 'number');
  if (bad >= 0) typeError(name, `labels[${bad}]`, 'a string or a number', labels[bad]);
  if (texts.length === 0) rangeError(name, 'texts', 'at least one text', texts);
  if (labels.length !== texts.length) {
    rangeError(name, 'labels', `${texts.length} long (the texts)`, labels.length);
  }
}

/** Epochs over the texts, and minimum number of steps. */
const EPOCHS = 4;
const MIN_STEPS = 60;

/** Adds a block in which `[CLS]` begins as the mean of all hidden states. */
function addPoolingBlock(bert: BertEncoder): void {
  const { width, heads, eps, hidden, dropout, activation, initStd } = bert.config;
  const options = { norm: 'post', eps, hidden, dropout, activation } as const;
  const block = new TransformerBlock(width, heads, options);
  initMeanPooling(block, initStd);
  bert.blocks.push(block);
  bert.config.layers += 1;
}

/**
 * Fine-tunes an encoder, which belongs to the classifier from then on.
 *
 * Predicting hidden tokens teaches nothing to `[CLS]`, so one more block makes it the mean of all
 * hidden states at first; and the last layer begins as logistic regression on that, or its first
 * steps would spoil what the encoder has learned (Kumar et al., 2022, "Fine-tuning can distort
 * pretrained features and underperform out-of-distribution"). So training starts where a frozen
 * encoder ends.
 *
 * @param bert encoder
 * @param data texts, and a name for each in labels
 * @param options options of `train`, and onStep
 * @returns the classifier
 * @throws {TypeError | RangeError} if an argument is not valid
 * @example const classifier = await finetune(bert, { texts, labels }, { steps: 100 });
 */
export async function finetune(
  bert: BertEncoder,
  data: LabeledTexts,
  options?: FinetuneOptions,
): Promise<BertClassifier> {
  checkEncoder('finetune', bert);
  checkLabeled('finetune', data);
  const { texts, labels } = data;
  const { batchSize, steps, seed } = checkFinetuneOptions(bert, texts.length, options);
  const { onStep, ...training } = options ?? {};
  const labelNames = [...new Set(labels.map(String))].sort((a, b) => (a < b ? -1 : 1));
  const classifier = withSeed(seed, () => {
    const made = new BertClassifier(bert, labelNames);
    addPoolingBlock(bert);
    return made;
  });
  identityInit(classifier.pooler);
  classifier.fitLast({ texts, labels });
  const plan = { ...training, steps, batchSize };
  for await (const step of train(classifier, { texts, labels }, plan)) await onStep?.(step);
  return classifier;
}

/** Checks the options before anything is made, and gives those that depend on the number of texts. */
function checkFinetuneOptions(
  { config: { width } }: BertEncoder,
  count: number,
  options: FinetuneOptions | undefined,
): { batchSize: number; steps: number; seed: number } {
  const reader = readOptions('finetune', options);
  reader.optional('onStep', checkCallback);
  const defaults = trainingFor(width);
  const size = Math.min(options?.batchSize ?? defaults.batchSize, count);
  const steps = Math.max(MIN_STEPS, Math.ceil((EPOCHS * count) / size));
  const plan = readRunOptions('finetune', reader, { ...defaults, steps }, false);
  reader.done();
  return { ...plan, batchSize: Math.min(plan.batchSize, count) };
}
