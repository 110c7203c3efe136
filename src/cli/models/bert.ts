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
import { InputError } from '../command.js';
import { readTexts, split } from '../input/texts.js';
import { readTextData, type TextData, wordPieceOf } from '../input/tokenizer.js';
import {
  CONTEXT,
  choice,
  DROPOUT,
  HEADS,
  LAYERS,
  type Settings,
  TOKENIZER,
  TRAINING,
  VOCABULARY,
  WIDTH,
} from '../options.js';
import { finetuneBert } from './bert-finetune.js';
import { type Metrics, numberOf, type Opened, type System } from './model.js';

/** Segments that stand for the whole validation part while training goes on. */
const SAMPLE_SEGMENTS = 128;

/** Counts of the training text's bigrams, which `eval` compares with. */
const BIGRAMS = 'bigrams.safetensors';

const textsOf = (path: string): string[] => readTexts(path).map(({ text }) => text);

function tokenizerOf(texts: readonly string[], settings: Settings): JsonTokenizer {
  if (settings.tokenizer === 'char') return new JsonTokenizer(characterJson(texts));
  return wordPieceOf(texts, settings);
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

function openClassifier(classifier: BertClassifier): Opened {
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

function openModel(model: BERT, bigrams: Bigrams | undefined): Opened {
  return {
    evaluate: (path) => metricsOf(model, textsOf(path), bigrams),
    fill: (text, topK) => model.fillMask(text, { topK }),
    encode: (path) => model.encode(textsOf(path)),
    finetune: (options) => finetuneBert(model, options),
  };
}

export const bert: System<TextData> = {
  name: 'bert',
  modelType: 'bert',
  summary: 'a bidirectional language model: names hidden tokens',
  data: '.txt, .jsonl or .csv, or a folder of them',
  options: [
    ...TRAINING,
    choice('loss', 'what is made small', ['cross-entropy']),
    ...[LAYERS, HEADS, WIDTH, CONTEXT, DROPOUT, TOKENIZER, VOCABULARY],
  ],
  read: readTextData,
  create({ texts, tokenizer }, settings) {
    const { training, validation } = split(texts);
    if (validation.length === 0) throw new InputError('the last tenth of the text is empty');
    const model = new BERT(tokenizer ?? tokenizerOf(training, settings), {
      layers: numberOf(settings, 'layers', 2),
      heads: numberOf(settings, 'heads', 4),
      width: numberOf(settings, 'width', 128),
      context: numberOf(settings, 'context', 64),
      dropout: numberOf(settings, 'dropout', 0.1),
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
