/** BERT on the command line. */

import {
  BERT,
  type BertClassifier,
  type BertEncoder,
  Bigrams,
  characterJson,
  type Files,
  isBertClassifier,
  JsonTokenizer,
  loadBert,
  loadBertClassifier,
  maskedBaselines,
  saveBert,
} from '../../models/index.js';
import { loadSafetensors, saveSafetensors, tensor, tidy } from '../../nn/index.js';
import { InputError } from '../../terminal/errors.js';
import { readTexts, splitTexts, type Text } from '../input/texts.js';
import { charactersOfTexts, encodeDocuments, type TokenIds } from '../input/token-ids.js';
import { readTextData, type TextData, trainWordPieceTokenizer } from '../input/tokenizer.js';
import { accuracyOf, finetuneBert } from './bert-finetune.js';
import type { Metrics, ModelDeclaration, OpenedModel, RowEncoder } from './model.js';
import {
  CONTEXT,
  choiceOption,
  DROPOUT,
  defaultsOf,
  HEADS,
  LAYERS,
  pickSettings,
  type Settings,
  TOKENIZER,
  TRAINING,
  VOCABULARY,
  WIDTH,
} from './options.js';

/** Segments that stand for the whole validation part while training goes on. */
const SAMPLE_SEGMENTS = 128;

/** Counts of the training text's bigrams, which `eval` compares with. */
const BIGRAMS = 'bigrams.safetensors';

function tokenizerOf(texts: readonly Text[], { tokenizer, vocabulary }: Settings): JsonTokenizer {
  if (tokenizer === 'char') return new JsonTokenizer(characterJson(charactersOfTexts(texts, '')));
  return trainWordPieceTokenizer(texts, vocabulary as number | undefined);
}

function metricsOf(
  model: BERT,
  documents: readonly TokenIds[],
  bigrams: Bigrams | undefined,
): Metrics {
  const { loss, accuracy } = model.evaluate(documents);
  const baselines = bigrams === undefined ? {} : maskedBaselines(model, documents, bigrams);
  return { valLoss: loss, maskedAccuracy: accuracy, ...baselines, samples: documents.length };
}

function writeBigrams({ pairs }: Bigrams): Uint8Array {
  return tidy(() => saveSafetensors(new Map([['pairs', tensor(pairs, [pairs.length / 3, 3])]])));
}

function readBigrams(files: Files): Bigrams | undefined {
  const bytes = files.get(BIGRAMS);
  if (bytes === undefined) return undefined;
  return tidy(() => {
    const pairs = loadSafetensors(bytes).get('pairs');
    if (pairs?.shape[1] !== 3) throw new RangeError(`${BIGRAMS} must hold pairs, (n, 3)`);
    return new Bigrams(pairs.toArray());
  });
}

/** Masks one token of a text, and shows what the model predicts for it. */
function maskedSample(model: BERT, document: TokenIds): string {
  const ids = document.slice(0, Math.min(16, model.config.context - 2));
  ids[ids.length >> 1] = model.specials.mask;
  const masked = model.tokenizer.decode(ids);
  const [best = []] = model.fillMask(masked, { topK: 3 });
  const list = best.map(({ token, probability }) => `${token} ${probability.toFixed(2)}`);
  return `${masked} → ${list.join(', ')}`;
}

/** Encodes texts, a line of a `.txt` each; says how many are too long. */
function textRows(bert: BertEncoder): RowEncoder {
  return {
    batch: 64,
    read(path) {
      const rows = readTexts(path, { lines: true });
      const long = rows.filter(({ text }) => bert.tokenizer.encode(text).length > bert.maxTokens);
      const cut = `${long.length} of ${rows.length} texts are cut to their first ${bert.maxTokens} tokens`;
      return {
        texts: rows.map(({ text }) => text),
        ids: rows.map(({ id }) => id),
        notes: long.length === 0 ? [] : [cut],
      };
    },
    encode(inputs) {
      if (!('texts' in inputs)) throw new RangeError('the model encodes texts, not images');
      return bert.encode(inputs.texts);
    },
  };
}

function openClassifier(classifier: BertClassifier): OpenedModel {
  return {
    evaluate(path) {
      const rows = readTexts(path);
      const labeled = rows.filter(({ label }) => label !== undefined);
      if (labeled.length === 0) throw new InputError(`${path}: no text has a label`);
      const unlabeled = rows.length - labeled.length;
      return { accuracy: accuracyOf(classifier, labeled), samples: labeled.length, unlabeled };
    },
    predict(path) {
      const rows = readTexts(path, { lines: true });
      const labels = classifier.predict(rows.map(({ text }) => text));
      return { ids: rows.map(({ id }) => id), labels };
    },
    encode: textRows(classifier.bert),
  };
}

function openModel(model: BERT, bigrams: Bigrams | undefined): OpenedModel {
  return {
    evaluate: (path) =>
      metricsOf(model, encodeDocuments(model.tokenizer, readTexts(path)), bigrams),
    fill: (text, topK) => model.fillMask(text, { topK }),
    encode: textRows(model),
    finetune: (request) => finetuneBert(model, request),
  };
}

/** The bidirectional language model. */
export const bert: ModelDeclaration<TextData> = {
  name: 'bert',
  modelTypes: ['bert'],
  summary: 'a bidirectional language model: predicts masked tokens',
  data: '.txt, .jsonl, .ndjson, .json, .csv or .tsv, or a folder of them',
  examples: ['nearfar train bert --data mails.jsonl --out bert'],
  options: [
    ...TRAINING,
    choiceOption('loss', 'what is minimized', ['cross-entropy']),
    ...[LAYERS, HEADS, WIDTH, CONTEXT, DROPOUT, TOKENIZER, VOCABULARY],
  ],
  defaults() {
    const tokenizer = new JsonTokenizer(characterJson(['ab']));
    const { config, defaults } = new BERT(tokenizer);
    return defaultsOf(config, defaults, { loss: 'cross-entropy', tokenizer: 'wordpiece' });
  },
  read: (path, { tokenizer }) => readTextData(path, tokenizer as string | undefined),
  create({ texts, tokenizer }, settings) {
    const parts = splitTexts(texts);
    if (parts.validation.length === 0) throw new InputError('the last tenth of the text is empty');
    const model = new BERT(
      tokenizer ?? tokenizerOf(parts.training, settings),
      pickSettings(settings, ['layers', 'heads', 'width', 'context', 'dropout']),
    );
    const training = encodeDocuments(model.tokenizer, parts.training);
    const validation = encodeDocuments(model.tokenizer, parts.validation);
    const bigrams = Bigrams.of(training);
    // A text that is too short to evaluate on is rejected here, before a run begins.
    model.evaluate(validation, SAMPLE_SEGMENTS);
    return {
      model,
      training,
      samples: model.samples(training),
      unit: { name: 'tokens', perStep: (batchSize) => batchSize * model.config.context },
      evaluate() {
        const { loss, accuracy } = model.evaluate(validation, SAMPLE_SEGMENTS);
        return { valLoss: loss, maskedAccuracy: accuracy };
      },
      sample: () => maskedSample(model, validation[0] as TokenIds),
      files: () => saveBert(model).set(BIGRAMS, writeBigrams(bigrams)),
      metricsOf(files) {
        const best = loadBert(files);
        const metrics = metricsOf(best, validation, bigrams);
        best.dispose();
        return metrics;
      },
    };
  },
  open(files) {
    if (isBertClassifier(files)) return openClassifier(loadBertClassifier(files));
    return openModel(loadBert(files), readBigrams(files));
  },
};
