/**
 * The systems that the command line trains: how each is made from options and data, what it is
 * judged by, and how it shows what it has learnt. A new system is one more entry.
 */

import {
  type Files,
  GPT,
  loadGpt,
  saveGpt,
  type Trainable,
  type TrainDefaults,
} from '../models/index.js';
import { exp, tensor, tidy } from '../nn/index.js';
import type { Option } from './command.js';
import type { Text } from './text.js';

/** Options as numbers and names, those that were given. */
export type Settings = Readonly<Record<string, number | string | undefined>>;

/** A system that has been made, with its data. */
export interface Trained<Data> {
  model: Trainable<Data, unknown>;
  /** What it trains on, and what it is judged by. */
  training: Data;
  validation: Data;
  /** Tokens or pictures of one step, for the rate. */
  unit: { name: string; perStep(batch: number): number };
  /** Loss and metrics over the validation part, or over an even sample of it. */
  evaluate(sample: boolean): Record<string, number>;
  /** A line that shows what the model can do by now. */
  sample(): string;
  files(): Files;
  /** Metrics over the whole validation part of the model that a folder's files hold. */
  metricsOf(files: Files): Record<string, number>;
}

export interface System {
  name: string;
  summary: string;
  options: readonly Option[];
  defaults: TrainDefaults;
  /** Makes the model, from scratch or for a state that is put into it afterwards. */
  create(texts: readonly Text[], settings: Settings): Trained<unknown>;
}

/** Windows that stand for the whole validation part while training goes on. */
const SAMPLE_WINDOWS = 256;

/** nanoGPT's for its setting for a CPU. */
const GPT_DEFAULTS: TrainDefaults = {
  steps: 2000,
  batch: 12,
  learningRate: 1e-3,
  warmup: 100,
  weightDecay: 0.1,
  betas: [0.9, 0.99],
  gradClip: 1,
};

function number(settings: Settings, name: string, fallback: number): number {
  return (settings[name] as number | undefined) ?? fallback;
}

/** Even windows of a text, one after the other, no more than stand for the whole. */
function sampleOf(ids: readonly number[], context: number): number[] {
  const windows = Math.floor(ids.length / context);
  if (windows <= SAMPLE_WINDOWS) return [...ids];
  return Array.from({ length: SAMPLE_WINDOWS }, (_, i) => {
    const from = Math.floor((i * windows) / SAMPLE_WINDOWS) * context;
    return ids.slice(from, from + context);
  }).flat();
}

const gpt: System = {
  name: 'gpt',
  summary: 'a causal language model: predicts the next character',
  options: [],
  defaults: GPT_DEFAULTS,
  create(texts, settings) {
    const text = texts.map(({ text }) => text).join('\n');
    const cut = Math.floor(text.length * 0.9);
    const model = new GPT(text, {
      layers: number(settings, 'layers', 4),
      heads: number(settings, 'heads', 4),
      width: number(settings, 'width', 128),
      context: number(settings, 'context', 64),
      dropout: number(settings, 'dropout', 0),
    });
    const training = model.tokenizer.encode(text.slice(0, cut));
    const validation = model.tokenizer.encode(text.slice(cut));
    const { context } = model.config;
    // A text that is too short is refused here, before a run begins.
    model.batches(training, { batch: 1, seed: 0 });
    // What the text begins with is sure to be known to the model.
    const prompt = model.tokenizer.decode(training.slice(0, 1));
    return {
      model: model as Trainable<unknown, unknown>,
      training,
      validation,
      unit: { name: 'tokens', perStep: (batch) => batch * context },
      evaluate(sample) {
        const valLoss = model.evaluate(sample ? sampleOf(validation, context) : validation);
        return { valLoss, perplexity: perplexity(valLoss) };
      },
      sample: () => model.generate(prompt, { maxNewTokens: 80, temperature: 0.8, seed: 1 }).trim(),
      files: () => saveGpt(model),
      metricsOf(files) {
        const best = loadGpt(files);
        const valLoss = best.evaluate(validation);
        best.dispose();
        return { valLoss, perplexity: perplexity(valLoss) };
      },
    };
  },
};

export const SYSTEMS: readonly System[] = [gpt];

/** e^loss, by our own exponential. */
export function perplexity(loss: number): number {
  return tidy(() => exp(tensor(loss)).item());
}
