/**
 * A BERT as files that Python reads: `config.json`, `model.safetensors` with the names and layouts
 * of Hugging Face's `BertForMaskedLM` or `BertForSequenceClassification`, and its tokenizer.
 */

import { checkNoOptions } from '../../core/options.js';
import { instanceOf, type NoOptions, rangeError } from '../../core/validation.js';
import { JsonTokenizer } from '../../data/text/json-tokenizer.js';
import { ConfigReader, MAX_LAYERS } from '../files/config.js';
import { type Files, readJson, writeJson } from '../files/files.js';
import { loadModel } from '../files/load.js';
import {
  type BlockNames,
  blockTensors,
  type FileTensor,
  linearTensors,
  normTensors,
  writeTensors,
} from '../files/tensors.js';
import { readTokenizer, tokenizerFiles } from '../files/tokenizer.js';
import type { Weights } from '../files/weights.js';
import { BERT } from './bert.js';
import { BertClassifier } from './classifier.js';
import { BertEncoder, type BertSizes } from './encoder.js';

/** Hugging Face's names. */
const BLOCK: BlockNames = {
  qkv: ['attention.self.query', 'attention.self.key', 'attention.self.value'],
  output: 'attention.output.dense',
  norm1: 'attention.output.LayerNorm',
  up: 'intermediate.dense',
  down: 'output.dense',
  norm2: 'output.LayerNorm',
};

function encoderTensors(bert: BertEncoder): FileTensor[] {
  const at = 'bert.embeddings';
  return [
    { name: `${at}.word_embeddings.weight`, parameter: bert.wordEmbeddings },
    { name: `${at}.position_embeddings.weight`, parameter: bert.positionEmbeddings },
    { name: `${at}.token_type_embeddings.weight`, parameter: bert.tokenTypeEmbeddings },
    ...normTensors(`${at}.LayerNorm`, bert.norm),
    ...blockTensors('bert.encoder.layer', bert.blocks, BLOCK),
  ];
}

/** Lists the encoder's tensors and the head's, which files of the encoder alone lack. */
function bertTensors(bert: BERT): FileTensor[] {
  const at = 'cls.predictions';
  return [
    ...encoderTensors(bert),
    ...linearTensors(`${at}.transform.dense`, bert.head.transform, { optional: true }),
    ...normTensors(`${at}.transform.LayerNorm`, bert.head.norm, true),
    { name: `${at}.bias`, parameter: bert.head.bias, optional: true },
  ];
}

function classifierTensors({ bert, pooler, classifier }: BertClassifier): FileTensor[] {
  return [
    ...encoderTensors(bert),
    ...linearTensors('bert.pooler.dense', pooler),
    ...linearTensors('classifier', classifier),
  ];
}

/** Names that files have instead: without the first part, and those of old files' normalizations. */
function aliases(name: string): string[] {
  const short = name.replace(/^bert\./, '');
  const old = (text: string): string =>
    text
      .replace(/LayerNorm\.weight$/, 'LayerNorm.gamma')
      .replace(/LayerNorm\.bias$/, 'LayerNorm.beta');
  const more = name === 'cls.predictions.bias' ? ['cls.predictions.decoder.bias'] : [];
  return [short, old(name), old(short), ...more];
}

function filesOf(
  bert: BertEncoder,
  tensors: readonly FileTensor[],
  more: Record<string, unknown>,
): Files {
  const { layers, heads, width, context, dropout, hidden, typeVocabSize } = bert.config;
  const { activation, eps, initStd } = bert.config;
  const config = {
    ...more,
    model_type: 'bert',
    vocab_size: bert.tokenizer.size,
    hidden_size: width,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    intermediate_size: hidden,
    hidden_act: activation,
    hidden_dropout_prob: dropout,
    attention_probs_dropout_prob: dropout,
    max_position_embeddings: context,
    type_vocab_size: typeVocabSize,
    initializer_range: initStd,
    layer_norm_eps: eps,
    pad_token_id: bert.specials.pad,
    position_embedding_type: 'absolute',
    tie_word_embeddings: true,
  };
  return new Map([
    ['config.json', writeJson(config)],
    ['model.safetensors', writeTensors(tensors)],
    ...tokenizerFiles(bert.tokenizer, context),
  ]);
}

/**
 * Makes the files of a BERT: what `loadBert` and transformers' `BertForMaskedLM` read.
 * @param bert model to save
 * @param options none
 * @returns paths to bytes: config.json, model.safetensors, the tokenizer's files
 * @throws {TypeError} if it is not a BERT
 */
export function saveBert(bert: BERT, options?: NoOptions): Files {
  checkNoOptions('saveBert', options);
  instanceOf(BERT, 'a BERT')('saveBert', 'bert', bert);
  return filesOf(bert, bertTensors(bert), { architectures: ['BertForMaskedLM'] });
}

/**
 * Makes the files of a classifier: what `loadBertClassifier` and transformers'
 * `BertForSequenceClassification` read. The names of the classes are in its config.
 *
 * @param classifier classifier to save
 * @param options none
 * @returns paths to bytes
 * @throws {TypeError} if it is not a BertClassifier
 */
export function saveBertClassifier(classifier: BertClassifier, options?: NoOptions): Files {
  checkNoOptions('saveBertClassifier', options);
  instanceOf(BertClassifier, 'a BertClassifier')('saveBertClassifier', 'classifier', classifier);
  const { bert, labelNames } = classifier;
  return filesOf(bert, classifierTensors(classifier), {
    architectures: ['BertForSequenceClassification'],
    id2label: Object.fromEntries(labelNames.map((label, id) => [id, label])),
    label2id: Object.fromEntries(labelNames.map((label, id) => [label, id])),
  });
}

/** Sizes that a folder's config has; the initial weights' may be left out. */
type FileSizes = Omit<BertSizes, 'initStd' | 'maskProbability'> & { initStd?: number };

/** Reads the sizes and the number of tokens. */
function readSizes(loader: string, files: Files): { sizes: FileSizes; vocabSize: number } {
  const config = ConfigReader.open(loader, files);
  config.require('position_embedding_type', 'absolute');
  config.require('tie_word_embeddings', true);
  config.require('is_decoder', false);
  config.require('add_cross_attention', false);
  const { initializer_range: std } = config.values;
  return {
    vocabSize: config.readInt('vocab_size'),
    sizes: {
      layers: config.readInt('num_hidden_layers', { max: MAX_LAYERS }),
      heads: config.readInt('num_attention_heads', { max: MAX_LAYERS }),
      width: config.readInt('hidden_size'),
      context: config.readInt('max_position_embeddings'),
      hidden: config.readInt('intermediate_size'),
      dropout: config.readRate('hidden_dropout_prob'),
      typeVocabSize: config.readInt('type_vocab_size', { fallback: 2 }),
      activation: config.readGelu('hidden_act', 'gelu'),
      eps: config.readPositive('layer_norm_eps', 1e-12),
      ...(typeof std === 'number' && std > 0 ? { initStd: std } : {}),
    },
  };
}

function checkEncoder(weights: Weights, sizes: FileSizes, vocabSize: number): void {
  const { layers, width, context, hidden, typeVocabSize } = sizes;
  const at = 'bert.embeddings';
  weights.check(`${at}.word_embeddings.weight`, [vocabSize, width]);
  weights.check(`${at}.position_embeddings.weight`, [context, width]);
  weights.check(`${at}.token_type_embeddings.weight`, [typeVocabSize, width]);
  weights.check(`bert.encoder.layer.${layers - 1}.intermediate.dense.bias`, [hidden]);
}

function tokenizerOf(loader: string, files: Files, vocabSize: number): JsonTokenizer {
  const tokenizer = readTokenizer(loader, files, vocabSize);
  if (tokenizer instanceof JsonTokenizer) return tokenizer;
  return rangeError(loader, 'files', 'with tokenizer.json or vocab.txt', 'vocab.json');
}

/**
 * Loads a BERT from its files, `saveBert`'s or Hugging Face's. Files of the encoder alone will do:
 * the head that predicts tokens is then as at the start of training.
 *
 * @param files paths to bytes
 * @param options none
 * @returns the model, in evaluation mode
 * @throws {RangeError} if a file is missing or not valid; nothing stays in memory
 */
export function loadBert(files: Files, options?: NoOptions): BERT {
  checkNoOptions('loadBert', options);
  const { sizes, vocabSize } = readSizes('loadBert', files);
  return loadModel('loadBert', files, {
    aliases,
    check: (weights) => checkEncoder(weights, sizes, vocabSize),
    make: () => new BERT(tokenizerOf('loadBert', files, vocabSize), sizes),
    tensors: bertTensors,
  });
}

/**
 * Tells whether files are those of a classifier.
 * @param files paths to bytes
 * @param options none
 * @returns true if the config names `BertForSequenceClassification`
 * @throws {TypeError | RangeError} if config.json is missing or not valid
 */
export function isBertClassifier(files: Files, options?: NoOptions): boolean {
  checkNoOptions('isBertClassifier', options);
  const { architectures } = readJson('isBertClassifier', files, 'config.json');
  return Array.isArray(architectures) && architectures[0] === 'BertForSequenceClassification';
}

/** Names of the classes; where the config has none, the two that Hugging Face then assumes. */
function labelNamesOf(files: Files): string[] {
  const { id2label } = readJson('loadBertClassifier', files, 'config.json');
  const known = typeof id2label === 'object' && id2label !== null;
  return Object.values(known ? id2label : ['LABEL_0', 'LABEL_1']).map(String);
}

/**
 * Loads a classifier from its files, `saveBertClassifier`'s or Hugging Face's.
 *
 * @param files paths to bytes
 * @param options none
 * @returns the classifier, in evaluation mode
 * @throws {RangeError} if a file is missing or not valid; nothing stays in memory
 */
export function loadBertClassifier(files: Files, options?: NoOptions): BertClassifier {
  checkNoOptions('loadBertClassifier', options);
  const loader = 'loadBertClassifier';
  const { sizes, vocabSize } = readSizes(loader, files);
  const labelNames = labelNamesOf(files);
  return loadModel(loader, files, {
    aliases,
    check(weights) {
      checkEncoder(weights, sizes, vocabSize);
      weights.check('classifier.weight', [labelNames.length, sizes.width]);
    },
    make: () =>
      new BertClassifier(new BertEncoder(tokenizerOf(loader, files, vocabSize), sizes), labelNames),
    tensors: classifierTensors,
  });
}
