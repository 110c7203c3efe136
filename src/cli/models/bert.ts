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
import { piecesOf, readTexts, splitTexts } from '../input/texts.js';
import { readTextData, type TextData, trainWordPieceTokenizer } from '../input/tokenizer.js';
import { accuracyOf, finetuneBert } from './bert-finetune.js';
import type { Encoded, Metrics, ModelDeclaration, OpenedModel } from './model.js';
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

const textsOf = (path: string): string[] => readTexts(path).map(({ text }) => text);

function tokenizerOf(texts: readonly string[], { tokenizer, vocabulary }: Settings): JsonTokenizer {
  if (tokenizer === 'char') return new JsonTokenizer(characterJson(texts));
  return trainWordPieceTokenizer(texts, vocabulary as number | undefined);
}

function metricsOf(model: BERT, texts: readonly string[], bigrams: Bigrams | undefined): Metrics {
  const { loss, accuracy } = model.evaluate(texts);
  const baselines = bigrams === undefined ? {} : maskedBaselines(model, texts, bigrams);
  return { valLoss: loss, maskedAccuracy: accuracy, ...baselines, samples: texts.length };
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
function maskedSample(model: BERT, text: string): string {
  const ids = model.tokenizer.encode(text).slice(0, Math.min(16, model.config.context - 2));
  ids[ids.length >> 1] = model.specials.mask;
  const masked = model.tokenizer.decode(ids);
  const [best = []] = model.fillMask(masked, { topK: 3 });
  const list = best.map(({ token, probability }) => `${token} ${probability.toFixed(2)}`);
  return `${masked} → ${list.join(', ')}`;
}

/** Encodes the texts of a path, a line of a `.txt` each, and counts those that are too long. */
function encodeTexts(bert: BertEncoder, path: string): Encoded {
  const rows = readTexts(path, { lines: true });
  const long = rows.filter(({ text }) => bert.tokenizer.encode(text).length > bert.maxTokens);
  const matrix = bert.encode(rows.map(({ text }) => text));
  return {
    ...matrix,
    ids: rows.map(({ id }) => id),
    notes:
      long.length === 0
        ? []
        : [
            `${long.length} of ${rows.length} texts are cut to their first ${bert.maxTokens} tokens`,
          ],
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
    encode: (path) => encodeTexts(classifier.bert, path),
  };
}

function openModel(model: BERT, bigrams: Bigrams | undefined): OpenedModel {
  return {
    evaluate: (path) => metricsOf(model, textsOf(path), bigrams),
    fill: (text, topK) => model.fillMask(text, { topK }),
    encode: (path) => encodeTexts(model, path),
    finetune: (request) => finetuneBert(model, request),
  };
}

/** The bidirectional language model. */
export const bert: ModelDeclaration<TextData> = {
  name: 'bert',
  modelTypes: ['bert'],
  summary: 'a bidirectional language model: predicts masked tokens',
  data: '.txt, .jsonl, .ndjson, .json, .csv or .tsv, or a folder of them',
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
    // A large document is several: its tokens would not fit one array.
    const training = parts.training.flatMap((text) => [...piecesOf(text)]);
    const validation = parts.validation.flatMap((text) => [...piecesOf(text)]);
    if (validation.length === 0) throw new InputError('the last tenth of the text is empty');
    const model = new BERT(
      tokenizer ?? tokenizerOf(training, settings),
      pickSettings(settings, ['layers', 'heads', 'width', 'context', 'dropout']),
    );
    const bigrams = Bigrams.of(training.map((text) => model.tokenizer.encode(text)));
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
      sample: () => maskedSample(model, validation[0] as string),
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
