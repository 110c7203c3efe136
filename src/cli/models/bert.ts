/** BERT on the command line. */

import {
  BERT,
  type BertClassifier,
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
import { readTexts, splitTexts } from '../input/texts.js';
import { readTextData, type TextData, trainWordPieceTokenizer } from '../input/tokenizer.js';
import { finetuneBert } from './bert-finetune.js';
import type { Metrics, ModelDeclaration, OpenedModel } from './model.js';
import {
  CONTEXT,
  choiceOption,
  DROPOUT,
  HEADS,
  LAYERS,
  numberSetting,
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

function tokenizerOf(texts: readonly string[], settings: Settings): JsonTokenizer {
  if (settings.tokenizer === 'char') return new JsonTokenizer(characterJson(texts));
  return trainWordPieceTokenizer(texts, settings.vocabulary as number | undefined);
}

function metricsOf(model: BERT, texts: readonly string[], bigrams: Bigrams | undefined): Metrics {
  const { loss, accuracy } = model.evaluate(texts);
  const baselines = bigrams === undefined ? {} : maskedBaselines(model, texts, bigrams);
  return { valLoss: loss, maskedAccuracy: accuracy, ...baselines };
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

/** A piece of text with one token hidden, and what the model takes it for. */
function filledSample(model: BERT, text: string): string {
  const ids = model.tokenizer.encode(text).slice(0, Math.min(16, model.config.context - 2));
  ids[ids.length >> 1] = model.specials.mask;
  const masked = model.tokenizer.decode(ids);
  const [best = []] = model.fillMask(masked, { topK: 3 });
  const list = best.map(({ token, probability }) => `${token} ${probability.toFixed(2)}`);
  return `${masked} -> ${list.join(', ')}`;
}

function openClassifier(classifier: BertClassifier): OpenedModel {
  return {
    evaluate(path) {
      const rows = readTexts(path);
      const right = classifier
        .predict(rows.map(({ text }) => text))
        .filter((name, i) => name === rows[i]?.label).length;
      return { accuracy: right / rows.length };
    },
    encode: (path) => classifier.bert.encode(textsOf(path)),
  };
}

function openModel(model: BERT, bigrams: Bigrams | undefined): OpenedModel {
  return {
    evaluate: (path) => metricsOf(model, textsOf(path), bigrams),
    fill: (text, topK) => model.fillMask(text, { topK }),
    encode: (path) => model.encode(textsOf(path)),
    finetune: (options) => finetuneBert(model, options),
  };
}

export const bert: ModelDeclaration<TextData> = {
  name: 'bert',
  modelType: 'bert',
  summary: 'a bidirectional language model: names hidden tokens',
  data: '.txt, .jsonl or .csv, or a folder of them',
  options: [
    ...TRAINING,
    choiceOption('loss', 'what is made small', ['cross-entropy']),
    ...[LAYERS, HEADS, WIDTH, CONTEXT, DROPOUT, TOKENIZER, VOCABULARY],
  ],
  read: (path, { tokenizer }) => readTextData(path, tokenizer as string | undefined),
  create({ texts, tokenizer }, settings) {
    const { training, validation } = splitTexts(texts);
    if (validation.length === 0) throw new InputError('the last tenth of the text is empty');
    const model = new BERT(tokenizer ?? tokenizerOf(training, settings), {
      layers: numberSetting(settings, 'layers', 2),
      heads: numberSetting(settings, 'heads', 4),
      width: numberSetting(settings, 'width', 128),
      context: numberSetting(settings, 'context', 64),
      dropout: numberSetting(settings, 'dropout', 0.1),
    });
    const bigrams = Bigrams.of(training.map((text) => model.tokenizer.encode(text)));
    // A text that is too short to judge by is refused here, before a run begins.
    model.evaluate(validation, SAMPLE_SEGMENTS);
    return {
      model,
      training,
      samples: model.samples(training),
      unit: { name: 'tokens', perStep: (batch) => batch * model.config.context },
      evaluate() {
        const { loss, accuracy } = model.evaluate(validation, SAMPLE_SEGMENTS);
        return { valLoss: loss, maskedAccuracy: accuracy };
      },
      sample: () => filledSample(model, validation[0] as string),
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
