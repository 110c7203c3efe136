/** GPT on the command line. */

import { GPT, loadGpt, saveGpt } from '../../models/index.js';
import { exp, tensor, tidy } from '../../nn/index.js';
import { joinTexts, readTexts } from '../input/texts.js';
import { readTextData, type TextData, trainWordPieceTokenizer } from '../input/tokenizer.js';
import type { Metrics, ModelDeclaration } from './model.js';
import {
  CONTEXT,
  choiceOption,
  DROPOUT,
  HEADS,
  LAYERS,
  numberSetting,
  TOKENIZER,
  TRAINING,
  VOCABULARY,
  WIDTH,
} from './options.js';

/** Windows that stand for the whole validation part while training goes on. */
const SAMPLE_WINDOWS = 256;

/** Even windows of a text, one after the other, no more than stand for the whole. */
function sampleOf(ids: readonly number[], context: number): number[] {
  const windows = Math.floor(ids.length / context);
  if (windows <= SAMPLE_WINDOWS) return [...ids];
  return Array.from({ length: SAMPLE_WINDOWS }, (_, i) => {
    const from = Math.floor((i * windows) / SAMPLE_WINDOWS) * context;
    return ids.slice(from, from + context);
  }).flat();
}

interface LanguageMetrics extends Metrics {
  valLoss: number;
  perplexity: number;
}

/** The loss of a text and e^loss, by our own exponential. */
export function languageMetrics(model: GPT, text: string | readonly number[]): LanguageMetrics {
  const valLoss = model.evaluate(text);
  return { valLoss, perplexity: tidy(() => exp(tensor(valLoss)).item()) };
}

export const gpt: ModelDeclaration<TextData> = {
  name: 'gpt',
  modelType: 'gpt2',
  summary: 'a causal language model: predicts the next token',
  data: '.txt, .jsonl or .csv, or a folder of them',
  options: [
    ...TRAINING,
    choiceOption('loss', 'what is made small', ['cross-entropy']),
    ...[LAYERS, HEADS, WIDTH, CONTEXT, DROPOUT, TOKENIZER, VOCABULARY],
  ],
  read: (path, { tokenizer }) => readTextData(path, tokenizer as string | undefined),
  create({ texts, tokenizer }, settings) {
    const text = joinTexts(texts);
    const cut = Math.floor(text.length * 0.9);
    const learnt =
      settings.tokenizer === 'wordpiece'
        ? trainWordPieceTokenizer([text.slice(0, cut)], settings.vocabulary as number | undefined)
        : text;
    const model = new GPT(tokenizer ?? learnt, {
      layers: numberSetting(settings, 'layers', 4),
      heads: numberSetting(settings, 'heads', 4),
      width: numberSetting(settings, 'width', 128),
      context: numberSetting(settings, 'context', 64),
      dropout: numberSetting(settings, 'dropout', 0),
    });
    const training = model.tokenizer.encode(text.slice(0, cut));
    const validation = model.tokenizer.encode(text.slice(cut));
    const { context } = model.config;
    // A text that is too short is refused here, before a run begins.
    model.batches(training, { batchSize: 1, seed: 0 });
    // What the text begins with is sure to be known to the model.
    const prompt = model.tokenizer.decode(training.slice(0, 1));
    return {
      model,
      training,
      samples: training.length - context,
      unit: { name: 'tokens', perStep: (batch) => batch * context },
      evaluate: () => languageMetrics(model, sampleOf(validation, context)),
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
      evaluate: (path) => languageMetrics(model, joinTexts(readTexts(path))),
      generate: (prompt, sampling) => model.generateStream(prompt, sampling),
    };
  },
};
