/** GPT on the command line. */

import { CharacterTokenizer, GPT, loadGpt, saveGpt, type Tokenizer } from '../../models/index.js';
import { exp, tensor, tidy } from '../../nn/index.js';
import { InputError } from '../../terminal/errors.js';
import { joinTexts, piecesOf, readTexts, splitTexts } from '../input/texts.js';
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
function sampleWindows(ids: Int32Array, context: number): Int32Array {
  const windows = Math.floor(ids.length / context);
  if (windows <= SAMPLE_WINDOWS) return ids;
  const sample = new Int32Array(SAMPLE_WINDOWS * context);
  for (let i = 0; i < SAMPLE_WINDOWS; i++) {
    const from = Math.floor((i * windows) / SAMPLE_WINDOWS) * context;
    sample.set(ids.subarray(from, from + context), i * context);
  }
  return sample;
}

/** Encodes a text of any size, a piece at a time. */
function encodeText(tokenizer: Tokenizer, text: string): Int32Array {
  const parts = Array.from(piecesOf(text), (piece) => Int32Array.from(tokenizer.encode(piece)));
  if (parts.length === 1) return parts[0] as Int32Array;
  const ids = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    ids.set(part, at);
    at += part.length;
  }
  return ids;
}

interface LanguageMetrics extends Metrics {
  valLoss: number;
  perplexity: number;
}

/** Computes the loss of a text and the perplexity, e to its power. */
export function languageMetrics(model: GPT, text: string | Int32Array): LanguageMetrics {
  const ids = typeof text === 'string' ? encodeText(model.tokenizer, text) : text;
  const valLoss = model.evaluate(ids);
  return { valLoss, perplexity: tidy(() => exp(tensor(valLoss)).item()), samples: ids.length };
}

/** Counts the characters that a tokenizer does not have and leaves out. */
function unknownCharacters(tokenizer: Tokenizer, text: string): Metrics {
  if (!(tokenizer instanceof CharacterTokenizer)) return {};
  const known = new Set(tokenizer.characters);
  let unknown = 0;
  for (const character of text.slice(0, COUNTED)) unknown += Number(!known.has(character));
  return unknown === 0 ? {} : { unknownCharacters: unknown };
}

/** The causal language model. */
export const gpt: ModelDeclaration<TextData> = {
  name: 'gpt',
  modelTypes: ['gpt2'],
  summary: 'a causal language model: predicts the next token',
  data: '.txt, .jsonl, .ndjson, .json, .csv or .tsv, or a folder of them',
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
    const [trainingText, validationText] = [joinTexts(parts.training), joinTexts(parts.validation)];
    if (validationText === '') throw new InputError('the last tenth of the text is empty');
    const learned =
      settings.tokenizer === 'wordpiece'
        ? trainWordPieceTokenizer([trainingText], settings.vocabulary as number | undefined)
        : CharacterTokenizer.fromText(`${trainingText}${validationText}`);
    const model = new GPT(
      tokenizer ?? learned,
      pickSettings(settings, ['layers', 'heads', 'width', 'context', 'dropout']),
    );
    const training = encodeText(model.tokenizer, trainingText);
    const validation = encodeText(model.tokenizer, validationText);
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
        const text = joinTexts(readTexts(path).map((row) => row.text));
        return { ...languageMetrics(model, text), ...unknownCharacters(model.tokenizer, text) };
      },
      generate: (prompt, sampling) => model.generateStream(prompt, sampling),
    };
  },
};
