/**
 * A BERT as files that Python reads: `config.json`, `model.safetensors` with the names and layouts
 * of Hugging Face's `BertForMaskedLM` or `BertForSequenceClassification`, and its tokenizer.
 */

import { rangeError } from '../../core/validation.js';
import { JsonTokenizer } from '../../data/text/json-tokenizer.js';
import { loadSafetensors, saveSafetensors, type Tensor, tidy } from '../../nn/index.js';
import {
  type Files,
  readActivation,
  readEnum,
  readEps,
  readInt,
  readJson,
  readRate,
  readWeights,
  requireFlag,
  writeJson,
} from '../files/files.js';
import { readTokenizer, tokenizerFiles } from '../files/tokenizer.js';
import {
  checkShape,
  type Entry,
  findWeight,
  linearEntries,
  normEntries,
  readEntries,
  writeEntries,
} from '../files/weights.js';
import { BERT } from './bert.js';
import { BertClassifier } from './classifier.js';

/** The encoder's tensors. */
function encoderEntries({
  wordEmbeddings: words,
  positionEmbeddings: positions,
  tokenTypeEmbeddings: segments,
  norm,
  blocks,
  config,
}: BERT): Entry[] {
  const { width } = config;
  const embedding = (name: string, own: Tensor): Entry => {
    return { name: `bert.embeddings.${name}_embeddings.weight`, own };
  };
  return [
    embedding('word', words),
    embedding('position', positions),
    embedding('token_type', segments),
    ...normEntries('bert.embeddings.LayerNorm', norm),
    ...blocks.flatMap(({ attention, norm1, mlp, norm2 }, i) => {
      const at = `bert.encoder.layer.${i}`;
      return [
        ...['query', 'key', 'value'].flatMap((part, p) => {
          const rows = [p * width, (p + 1) * width] as const;
          return linearEntries(`${at}.attention.self.${part}`, attention.qkv, { rows });
        }),
        ...linearEntries(`${at}.attention.output.dense`, attention.output),
        ...normEntries(`${at}.attention.output.LayerNorm`, norm1),
        ...linearEntries(`${at}.intermediate.dense`, mlp.up),
        ...linearEntries(`${at}.output.dense`, mlp.down),
        ...normEntries(`${at}.output.LayerNorm`, norm2),
      ];
    }),
  ];
}

/** The head that names hidden tokens; files of the encoder alone lack it. */
function headEntries({ head }: BERT): Entry[] {
  return [
    ...linearEntries('cls.predictions.transform.dense', head.transform, { optional: true }),
    ...normEntries('cls.predictions.transform.LayerNorm', head.norm, true),
    { name: 'cls.predictions.bias', own: head.bias, optional: true },
  ];
}

function classifierEntries({ pooler, classifier }: BertClassifier): Entry[] {
  return [
    ...linearEntries('bert.pooler.dense', pooler),
    ...linearEntries('classifier', classifier),
  ];
}

/** Names that files have instead: without the first part, and the norms' of old. */
function otherNames(name: string): string[] {
  const short = name.replace(/^bert\./, '');
  const old = (text: string): string =>
    text
      .replace(/LayerNorm\.weight$/, 'LayerNorm.gamma')
      .replace(/LayerNorm\.bias$/, 'LayerNorm.beta');
  const more = name === 'cls.predictions.bias' ? ['cls.predictions.decoder.bias'] : [];
  return [short, old(name), old(short), ...more];
}

function filesOf(bert: BERT, entries: Entry[], more: Record<string, unknown>): Files {
  const { layers, heads, width, context, dropout, hidden, typeVocabSize: kinds } = bert.config;
  const { activation, eps, initStd: deviation } = bert.config;
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
    type_vocab_size: kinds,
    initializer_range: deviation,
    layer_norm_eps: eps,
    pad_token_id: bert.specials.pad,
    position_embedding_type: 'absolute',
    tie_word_embeddings: true,
  };
  const weights = tidy(() => saveSafetensors(writeEntries(entries)));
  return new Map([
    ['config.json', writeJson(config)],
    ['model.safetensors', weights],
    ...tokenizerFiles(bert.tokenizer, context),
  ]);
}

/** Everything that a folder of a trained BERT holds. */
export function saveBert(bert: BERT): Files {
  const entries = [...encoderEntries(bert), ...headEntries(bert)];
  return filesOf(bert, entries, { architectures: ['BertForMaskedLM'] });
}

/** Everything that a folder of a classifier holds. */
export function saveBertClassifier(classifier: BertClassifier): Files {
  const { bert, labelNames: names } = classifier;
  const entries = [...encoderEntries(bert), ...classifierEntries(classifier)];
  return filesOf(bert, entries, {
    architectures: ['BertForSequenceClassification'],
    id2label: Object.fromEntries(names.map((name, id) => [id, name])),
    label2id: Object.fromEntries(names.map((name, id) => [name, id])),
  });
}

/** Makes an encoder as the files say and lets `fill` read its weights. */
function load<T extends { dispose(): void }>(
  name: string,
  files: Files,
  make: (bert: BERT, config: Record<string, unknown>) => T,
  entriesOf: (made: T) => Entry[],
): T {
  const config = readJson(name, files, 'config.json');
  const whole = (key: string): number => readInt(name, config, key);
  const size = whole('vocab_size');
  const width = whole('hidden_size');
  const [layers, context] = [whole('num_hidden_layers'), whole('max_position_embeddings')];
  readEnum(name, config, 'position_embedding_type', ['absolute'], 'absolute');
  requireFlag(name, config, 'tie_word_embeddings', true);
  requireFlag(name, config, 'is_decoder', false);
  const kinds = config.type_vocab_size === undefined ? 2 : whole('type_vocab_size');
  return tidy(() => {
    const weights = loadSafetensors(readWeights(name, files));
    // Before anything of that size is made.
    const check = (key: string, shape: number[]): void =>
      checkShape(name, key, findWeight(weights, key, otherNames), shape);
    check('bert.embeddings.word_embeddings.weight', [size, width]);
    check('bert.embeddings.position_embeddings.weight', [context, width]);
    check('bert.embeddings.token_type_embeddings.weight', [kinds, width]);
    check(`bert.encoder.layer.${layers - 1}.attention.self.query.bias`, [width]);
    const tokenizer = readTokenizer(name, files, size);
    if (!(tokenizer instanceof JsonTokenizer)) {
      rangeError(name, 'files', 'with tokenizer.json or vocab.txt', 'vocab.json');
    }
    const bert = new BERT(tokenizer, {
      layers,
      heads: whole('num_attention_heads'),
      width,
      context,
      hidden: whole('intermediate_size'),
      dropout: readRate(name, config, 'hidden_dropout_prob'),
      typeVocabSize: kinds,
      activation: readActivation(name, config, 'hidden_act', 'gelu'),
      eps: readEps(name, config, 'layer_norm_eps', 1e-12),
    });
    let made: { dispose(): void } = bert;
    try {
      const whole = make(bert, config);
      made = whole;
      readEntries(name, entriesOf(whole), weights, otherNames);
      return whole;
    } catch (error) {
      made.dispose();
      throw error;
    }
  });
}

/**
 * A BERT from its files, ours or Hugging Face's, with or without the head that names hidden tokens
 * (without it, it is as at the start of training).
 * @throws RangeError if a file is missing or not sound; nothing stays behind
 */
export function loadBert(files: Files): BERT {
  const entriesOf = (bert: BERT): Entry[] => [...encoderEntries(bert), ...headEntries(bert)];
  return load('loadBert', files, (bert) => bert, entriesOf).eval();
}

/** Whether files are of a classifier. */
export function isBertClassifier(files: Files): boolean {
  const { architectures } = readJson('loadBert', files, 'config.json');
  return Array.isArray(architectures) && architectures[0] === 'BertForSequenceClassification';
}

/** A classifier from its files; without names, it has the two that the hub then means. */
export function loadBertClassifier(files: Files): BertClassifier {
  const make = (bert: BERT, { id2label }: Record<string, unknown>): BertClassifier => {
    const names = Object.values(id2label ?? ['LABEL_0', 'LABEL_1']).map(String);
    return new BertClassifier(bert, names);
  };
  const entriesOf = (made: BertClassifier): Entry[] => [
    ...encoderEntries(made.bert),
    ...headEntries(made.bert),
    ...classifierEntries(made),
  ];
  return load('loadBertClassifier', files, make, entriesOf).eval();
}
