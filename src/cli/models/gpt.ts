/** GPT on the command line. */

import { charactersOf } from '../../data/text/tokenizer.js';
import { CharacterTokenizer, GPT, loadGpt, saveGpt, type Tokenizer } from '../../models/index.js';
import { exp, tensor, tidy } from '../../nn/index.js';
import { InputError } from '../../terminal/errors.js';
import { joinTexts, readTexts, splitTexts, type Text } from '../input/texts.js';
import { charactersOfTexts, encodeTexts, type TokenIds } from '../input/token-ids.js';
import { readTextData, type TextData, trainWordPieceTokenizer } from '../input/tokenizer.js';
import type { Metrics, ModelDeclaration } from './model.js';
import {
  CONTEXT,
  choiceOption,
  DROPOUT,
  defaultsOf,
  HEADS,
  LAYERS,
  pickSettings,
  TOKENIZER,
  TRAINING,
  VOCABULARY,
  WIDTH,
} from './options.js';

/** Windows that stand for the whole validation part while training goes on. */
const SAMPLE_WINDOWS = 256;
/** Characters of a text whose unknown ones are counted. */
const COUNTED = 1e6;

/** Takes windows evenly from a text, one after the other. */
function sampleWindows(ids: TokenIds, context: number): TokenIds {
  const windows = Math.floor(ids.length / context);
  if (windows <= SAMPLE_WINDOWS) return ids;
  const sample = new Int32Array(SAMPLE_WINDOWS * context);
  for (let i = 0; i < SAMPLE_WINDOWS; i++) {
    const from = Math.floor((i * windows) / SAMPLE_WINDOWS) * context;
    sample.set(ids.subarray(from, from + context), i * context);
  }
  return sample;
}

interface LanguageMetrics extends Metrics {
  valLoss: number;
  perplexity: number;
}

/** Computes the loss of a text and the perplexity, e to its power. */
export function languageMetrics(model: GPT, text: string | TokenIds): LanguageMetrics {
  const ids = typeof text === 'string' ? model.tokenizer.encode(text) : text;
  const valLoss = model.evaluate(ids);
  return { valLoss, perplexity: tidy(() => exp(tensor(valLoss)).item()), samples: ids.length };
}

/** Counts the characters that a tokenizer does not have and leaves out, at the start of texts. */
function unknownCharacters(tokenizer: Tokenizer, texts: readonly Text[]): Metrics {
  if (!(tokenizer instanceof CharacterTokenizer)) return {};
  const known = new Set(tokenizer.characters);
  let [unknown, counted] = [0, 0];
  for (const piece of joinTexts(texts)) {
    for (const character of piece.slice(0, COUNTED - counted)) {
      unknown += Number(!known.has(character));
    }
    counted += piece.length;
    if (counted >= COUNTED) break;
  }
  return unknown === 0 ? {} : { unknownCharacters: unknown };
}

/** The causal language model. */
export const gpt: ModelDeclaration<TextData> = {
  name: 'gpt',
  modelTypes: ['gpt2'],
  summary: 'a causal language model: predicts the next token',
  data: '.txt, .jsonl, .ndjson, .json, .csv or .tsv, or a folder of them',
  examples: [
    'nearfar train gpt --data book.txt --out book',
    'nearfar train gpt --data book.txt --out book --resume',
  ],
  options: [
    ...TRAINING,
    choiceOption('loss', 'what is minimized', ['cross-entropy']),
    ...[LAYERS, HEADS, WIDTH, CONTEXT, DROPOUT, TOKENIZER, VOCABULARY],
  ],
  defaults() {
    const { config, defaults } = new GPT('ab');
    return defaultsOf(config, defaults, { loss: 'cross-entropy', tokenizer: 'char' });
  },
  read: (path, { tokenizer }) => readTextData(path, tokenizer as string | undefined),
  create({ texts, tokenizer }, settings) {
    const parts = splitTexts(texts);
    if (parts.validation.length === 0) throw new InputError('the last tenth of the text is empty');
    const learned = (): Tokenizer =>
      settings.tokenizer === 'wordpiece'
        ? trainWordPieceTokenizer(parts.training, settings.vocabulary as number | undefined)
        : new CharacterTokenizer(
            charactersOf(
              [parts.training, parts.validation].flatMap((part) => charactersOfTexts(part)),
            ),
          );
    const model = new GPT(
      tokenizer ?? learned(),
      pickSettings(settings, ['layers', 'heads', 'width', 'context', 'dropout']),
    );
    const training = encodeTexts(model.tokenizer, parts.training);
    const validation = encodeTexts(model.tokenizer, parts.validation);
    const { context } = model.config;
    // A text that is too short is rejected here, before a run begins.
    model.batches(training, { batchSize: 1, seed: 0 });
    // The text's first token is sure to be known to the model.
    const prompt = model.tokenizer.decode(training.slice(0, 1));
    return {
      model,
      training,
      samples: training.length - context,
      unit: { name: 'tokens', perStep: (batchSize) => batchSize * context },
      evaluate: () => languageMetrics(model, sampleWindows(validation, context)),
      sample: () => model.generate(prompt, { maxNewTokens: 80, temperature: 0.8, seed: 1 }).trim(),
      files: () => saveGpt(model),
      metricsOf(files) {
        const best = loadGpt(files);
        const metrics = languageMetrics(best, validation);
        best.dispose();
        return metrics;
      },
    };
  },
  open(files) {
    const model = loadGpt(files);
    return {
      evaluate(path) {
        const texts = readTexts(path);
        return {
          ...languageMetrics(model, encodeTexts(model.tokenizer, texts)),
          ...unknownCharacters(model.tokenizer, texts),
        };
      },
      generate: (prompt, sampling) => model.generateStream(prompt, sampling),
    };
  },
};
