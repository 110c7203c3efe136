/**
 * Measures pre-training with few labels: a BERT pre-trained on texts without labels and fine-tuned
 * on a few labeled ones, versus the same network from scratch, a linear classifier on its frozen
 * encoder, and a linear classifier on bags of words. All are evaluated on the same held-out texts;
 * each seed draws other labeled texts.
 */

import type { Dataset, LabeledTexts } from '../../../build/samples/mails-split.js';
import { Random } from '../../../src/core/random.js';
import type * as nearfar from '../../../src/index.js';
import type * as models from '../../../src/models/index.js';
import { type MeanStd, meanStd } from '../mean-std.js';
import { BagOfWords } from './bag-of-words.js';

/** The public functions, imported from wherever they are. */
export interface Api {
  nearfar: typeof nearfar;
  models: typeof models;
}

export interface StudyOptions extends FewLabelsOptions {
  /** Size of the vocabulary, which is trained on the training texts. */
  vocabulary: number;
  config: models.BertConfig;
  pretraining: models.TrainOptions;
  onPretraining?: (step: models.TrainStep) => void | Promise<void>;
}

export interface FewLabelsOptions {
  finetuning: models.FinetuneOptions;
  /** Numbers of labeled texts per class. */
  counts: readonly number[];
  seeds: number;
  seed: number;
  /** Called after every trained classifier. */
  onFit?: (done: number, of: number, accuracy: number) => void | Promise<void>;
}

/** Classifiers that are compared. */
export const METHODS = [
  'BERT, pre-trained and fine-tuned',
  'BERT, pre-trained and frozen, and a linear classifier',
  'the same BERT from scratch',
  'bag of words and a linear classifier',
] as const;
export type Method = (typeof METHODS)[number];

/** Keys of the classifiers in files of results. */
const KEYS: Readonly<Record<Method, string>> = {
  'BERT, pre-trained and fine-tuned': 'fineTuned',
  'BERT, pre-trained and frozen, and a linear classifier': 'frozen',
  'the same BERT from scratch': 'fromScratch',
  'bag of words and a linear classifier': 'bagOfWords',
};

/** Accuracy on held-out texts, over the seeds. */
export interface Accuracy extends MeanStd {
  method: Method;
  perClass: number;
  accuracies: number[];
}

export interface Study {
  bert: models.BERT;
  /** Pre-training loss of each step. */
  losses: number[];
  results: Accuracy[];
}

const DRAW = 1;

/** Draws so many labeled texts of each class. */
function sampleLabeled(
  { texts, labels }: LabeledTexts,
  perClass: number,
  seed: number,
): LabeledTexts {
  const chosen = [...new Set(labels)].sort().flatMap((name, i) => {
    const own = labels.flatMap((label, row) => (label === name ? [row] : []));
    return new Random(seed, DRAW, i).shuffle(own).slice(0, perClass);
  });
  return {
    texts: chosen.map((row) => texts[row] as string),
    labels: chosen.map((row) => labels[row] as string),
  };
}

function accuracyOf(found: readonly string[], truth: readonly string[]): number {
  return found.filter((name, i) => name === truth[i]).length / truth.length;
}

/** Fine-tunes a classifier. @returns its accuracy on held-out texts */
async function finetuned(
  bert: models.BERT,
  labeled: LabeledTexts,
  heldOut: LabeledTexts,
  options: models.FinetuneOptions,
): Promise<number> {
  const classifier = await bert.finetune(labeled.texts, labeled.labels, options);
  const found = classifier.predict(heldOut.texts);
  classifier.dispose();
  return accuracyOf(found, heldOut.labels);
}

/** Fits a linear classifier. @returns its accuracy on the test rows */
function linear(
  { fitClassifier }: typeof nearfar,
  train: { rows: readonly Float32Array[]; labels: readonly string[] },
  test: { rows: readonly Float32Array[]; labels: readonly string[] },
): number {
  const names = [...new Set(train.labels)].sort();
  const targets = train.labels.map((label) => names.indexOf(label));
  const classifier = fitClassifier([...train.rows], targets);
  const found = classifier.predict([...test.rows]);
  return accuracyOf(
    Array.from(found, (id) => names[id] as string),
    test.labels,
  );
}

function splitRows({ data, cols, rows }: nearfar.Matrix): Float32Array[] {
  return Array.from({ length: rows }, (_, row) => data.subarray(row * cols, (row + 1) * cols));
}

/** Splits a text into parts of whole words that the encoder does not cut. */
function partsOf({ tokenizer, maxTokens }: models.BERT, text: string): string[] {
  const parts: string[] = [];
  let [words, tokens]: [string[], number] = [[], 0];
  for (const word of text.split(' ')) {
    const { length } = tokenizer.encode(word);
    if (tokens + length > maxTokens && words.length > 0) {
      parts.push(words.join(' '));
      [words, tokens] = [[], 0];
    }
    words.push(word);
    tokens += length;
  }
  return [...parts, words.join(' ')];
}

/** Encodes whole texts: the mean over the parts of each. */
function encodeWhole(bert: models.BERT, texts: readonly string[]): Float32Array[] {
  const parts = texts.map((text) => partsOf(bert, text));
  const rows = splitRows(bert.encode(parts.flat()));
  let at = 0;
  return parts.map(({ length }) => {
    const own = rows.slice(at, at + length);
    at += length;
    return Float32Array.from(own[0] as Float32Array, (_, i) => {
      return own.reduce((sum, row) => sum + (row[i] as number), 0) / length;
    });
  });
}

/** Arranges accuracies by classifier and labels per class, for a file of results. */
export function byMethod(results: readonly Accuracy[]): Record<string, Record<number, MeanStd>> {
  return Object.fromEntries(
    METHODS.map((method) => [
      KEYS[method],
      Object.fromEntries(
        results
          .filter((row) => row.method === method)
          .map(({ perClass, mean, std }) => [perClass, { mean, std }]),
      ),
    ]),
  );
}

/** Runs the study: pre-trains once, then trains every classifier on every draw of labels. */
export async function fewLabelsStudy(
  api: Api,
  data: Dataset,
  options: StudyOptions,
): Promise<Study> {
  const { training } = data;
  const { vocabulary, config, pretraining, seed } = options;
  const { BERT, JsonTokenizer, train, trainWordPiece, wordPieceJson } = api.models;
  const pieces = wordPieceJson(trainWordPiece(training.texts, { size: vocabulary }));
  const bert = new BERT(new JsonTokenizer(pieces), config);
  const scratch = bert.copy();
  const losses: number[] = [];
  for await (const step of train(bert, training.texts, { ...pretraining, seed })) {
    losses.push(step.loss);
    await options.onPretraining?.(step);
  }
  const results = await compareClassifiers(api, data, { bert, scratch }, options);
  scratch.dispose();
  return { bert, losses, results };
}

/**
 * Trains every classifier on every draw of labels.
 *
 * @param networks the pre-trained network, and one with the weights that training begins with
 */
export async function compareClassifiers(
  api: Api,
  { training, heldOut }: Dataset,
  { bert, scratch }: { bert: models.BERT; scratch: models.BERT },
  options: FewLabelsOptions,
): Promise<Accuracy[]> {
  const { finetuning, counts, seeds, seed } = options;
  const bag = new BagOfWords(training.texts);
  const bags = bag.rows(heldOut.texts);
  const encoded = encodeWhole(bert, heldOut.texts);
  const { labels } = heldOut;
  const results: Accuracy[] = [];
  const total = counts.length * seeds * METHODS.length;
  let done = 0;
  for (const perClass of counts) {
    const found = METHODS.map((): number[] => []);
    for (let round = 0; round < seeds; round++) {
      const own = sampleLabeled(training, perClass, seed + round);
      const fits: (() => number | Promise<number>)[] = [
        () => finetuned(bert, own, heldOut, { ...finetuning, seed: seed + round }),
        () => {
          const rows = encodeWhole(bert, own.texts);
          return linear(api.nearfar, { rows, labels: own.labels }, { rows: encoded, labels });
        },
        () => finetuned(scratch, own, heldOut, { ...finetuning, seed: seed + round }),
        () => {
          const rows = bag.rows(own.texts);
          return linear(api.nearfar, { rows, labels: own.labels }, { rows: bags, labels });
        },
      ];
      for (const [i, fit] of fits.entries()) {
        const accuracy = await fit();
        found[i]?.push(accuracy);
        await options.onFit?.(++done, total, accuracy);
      }
    }
    METHODS.forEach((method, i) => {
      const accuracies = found[i] as number[];
      results.push({ method, perClass, accuracies, ...meanStd(accuracies) });
    });
  }
  return results;
}
