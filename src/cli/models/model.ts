/**
 * What the command line has to know of a model: how it reads its data, how it is made from data
 * and options, what it is judged by, how it shows what it has learnt, and what its trained folder
 * can do. A new model is a file beside this one and a line in index.ts.
 */

import type { Matrix } from '../../index.js';
import type { Files, Trainable, TrainStep } from '../../models/index.js';
import type { ModelOption, Settings } from './options.js';

/** A value, now or later. */
export type MaybePromise<T> = T | Promise<T>;

/** What a model is judged by: `valLoss`, and metrics of its own. */
export type Metrics = Readonly<Record<string, number>>;

/** A model that has been made, with its data. */
export interface TrainingSetup<Data = unknown> {
  /** Its `defaults` hold where no option is given. */
  model: Trainable<Data, unknown>;
  /** What it trains on. */
  training: Data;
  /** Samples that there are to train on: a batch is no larger. */
  samples: number;
  /** Tokens or pictures of one step, for the rate. */
  unit: { name: string; perStep(batch: number): number };
  /** Loss and metrics over an even sample of the validation part. */
  evaluate(): MaybePromise<Metrics>;
  /** A line that shows what the model can do by now. */
  sample(): MaybePromise<string>;
  files(): Files;
  /** Metrics over the whole validation part of the model that a folder's files hold. */
  metricsOf(files: Files): MaybePromise<Metrics>;
}

/** What `generate` is asked for. */
export interface Sampling {
  maxNewTokens: number;
  temperature: number;
  seed: number;
  topK?: number;
  topP?: number;
}

/** The likeliest tokens for each mask of a text. */
export type MaskPredictions = readonly (readonly { token: string; probability: number }[])[];

/** What `finetune` is asked for. */
export interface FinetuneRequest {
  path: string;
  labelsPerClass: number | undefined;
  settings: Settings;
  /** Told of each step of both networks. */
  onStep(network: 'pre-trained' | 'from scratch', step: TrainStep): Promise<void>;
  signal: AbortSignal;
}

export interface FinetuneResult {
  files: Files;
  /** Share of held-out samples named rightly, and the same network's from scratch. */
  accuracy: number;
  scratchAccuracy: number;
  /** Samples that it learnt from, samples held out, and names. */
  labelled: number;
  heldOut: number;
  classes: number;
}

/** A trained model that was read from a folder: the commands that it serves. */
export interface OpenedModel {
  /** Metrics over all data of a path. */
  evaluate(path: string): MaybePromise<Metrics>;
  /** The text that goes on from a prompt, token by token. */
  generate?(prompt: string, sampling: Sampling): Iterable<string>;
  fill?(text: string, topK: number): MaskPredictions;
  /** One row for each text or picture of a path, in order. */
  encode?(path: string): MaybePromise<Matrix>;
  finetune?(options: FinetuneRequest): Promise<FinetuneResult>;
}

export interface ModelDeclaration<
  Data extends { readonly hash: string } = { readonly hash: string },
> {
  name: string;
  /** `model_type` in the config.json of a folder of its kind. */
  modelType: string;
  summary: string;
  /** Files that it reads. */
  data: string;
  /** All that it has, those that all have among them. */
  options: readonly ModelOption[];
  /** @throws InputError that names file and place */
  read(path: string, settings: Settings): MaybePromise<Data>;
  /** Makes the model, from scratch or for a state that is put into it afterwards. */
  create(data: Data, settings: Settings): MaybePromise<TrainingSetup>;
  /** @throws RangeError if a file is missing or not sound */
  open(files: Files): MaybePromise<OpenedModel>;
}
