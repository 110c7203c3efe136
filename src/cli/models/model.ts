/**
 * Interface of a model for the command line: how it reads its data, how it is made from data
 * and options, how it is evaluated, and what its trained folder can do. A new model is a file
 * next to this one and a line in index.ts.
 */

import type { Matrix } from '../../index.js';
import type {
  Files,
  ImageDataset,
  TokenPrediction,
  Trainable,
  TrainOptions,
  TrainStep,
  train,
} from '../../models/index.js';
import type { Terminal } from '../../terminal/progress.js';
import type { ColumnNames } from '../input/example-columns.js';
import type { ModelOption, Settings } from './options.js';

/** A value, now or later. */
export type MaybePromise<T> = T | Promise<T>;

/** Metrics of an evaluation: `valLoss`, and others of the model. */
export type Metrics = Readonly<Record<string, number>>;

/** Trains a model: `train`, or a function that has ranks share each batch. */
export type TrainLoop = typeof train;

/** A model that has been made, with its data. */
export interface TrainingSetup<Data = unknown> {
  /** Its `defaults` hold where an option is not given. */
  model: Trainable<Data, unknown>;
  /** Training data. */
  training: Data;
  /** Number of training samples: a batch is no larger. */
  samples: number;
  /** Tokens or images of one step, for the rate. */
  unit: { name: string; perStep(batchSize: number): number };
  /** Evaluates an even sample of the validation data. */
  evaluate(): MaybePromise<Metrics>;
  /** Returns a line that shows what the model can do by now. */
  sample(): MaybePromise<string>;
  /** Returns the files of the model's folder. */
  files(): Files;
  /** Evaluates the model that a folder's files hold on all validation data. */
  metricsOf(files: Files): MaybePromise<Metrics>;
  /** Metric whose largest value chooses the best step; by default the least `valLoss` does. */
  criterion?: string;
  /** Hash of the trained model that the run begins with, if it begins with one: a resumed run has the same. */
  base?: string | undefined;
  /** Notes for the user before the run begins. */
  notes?: readonly string[];
  /** Runs the training by `train`, or by what trains instead, where it is not of the model itself. */
  run?(options: TrainOptions, loop: TrainLoop): AsyncGenerator<TrainStep, void, void>;
  /** Sums a finished run up. */
  summarize?(files: Files): MaybePromise<Summary>;
}

/** End of a run, for people and programs. */
export interface Summary {
  /** Fields of `done` besides the metrics. */
  facts: Readonly<Record<string, number | string>>;
  table: { head: readonly string[]; rows: readonly (readonly string[])[] };
  lines: readonly string[];
  /** Further files of the folder: a report. */
  files: Files;
}

/** Options of `generate`. */
export interface Sampling {
  maxNewTokens: number;
  temperature: number;
  seed: number;
  topK?: number;
  topP?: number;
}

/** The most probable tokens for each mask of a text. */
export type MaskPredictions = readonly (readonly TokenPrediction[])[];

/** Settings of `finetune`. */
export interface FinetuneRequest {
  path: string;
  labelsPerClass: number | undefined;
  settings: Settings;
  /** Called after each step of both networks. */
  onStep(network: 'pre-trained' | 'from scratch', step: TrainStep): Promise<void>;
  signal: AbortSignal;
}

/** A fine-tuned model and what it was evaluated on. */
export interface FinetuneResult {
  files: Files;
  /** Accuracy on the held-out samples, and that of the same network from scratch. */
  accuracy: number;
  scratchAccuracy: number;
  /** Number of labeled samples trained on, of held-out samples, and of classes. */
  labeled: number;
  heldOut: number;
  classes: number;
}

/** Inputs that get a row each: texts, or images of the size that the model takes. */
export type Inputs = { texts: readonly string[] } | { images: ImageDataset };

/** Inputs that were read from a path, and what each of them is. */
export type NamedInputs = Inputs & {
  /** Name of each input, such as its file. */
  ids: readonly string[];
  /** Things that the user should know, such as inputs that are cut or left out. */
  notes?: readonly string[];
};

/** Turns inputs into rows of numbers. */
export interface RowEncoder {
  /** Inputs whose rows take a second or less. */
  batch: number;
  /** Reads the texts or images of a path, in order. */
  read(path: string): MaybePromise<NamedInputs>;
  /**
   * Encodes inputs. The bits of a row do not depend on the inputs next to it.
   *
   * @param onRows called now and then with the number of rows so far
   * @returns one row for each
   */
  encode(inputs: Inputs, onRows?: (rows: number) => Promise<void>): MaybePromise<Matrix>;
}

/** A class for each input of a dataset. */
export interface Predictions {
  ids: readonly string[];
  labels: readonly string[];
}

/** A trained model that was read from a folder: one method for each command that it serves. */
export interface OpenedModel {
  /**
   * Evaluates the model on the data of a path.
   *
   * @param columns names of the columns of examples, for sentence encoders
   */
  evaluate(path: string, terminal: Terminal, columns?: ColumnNames): MaybePromise<Metrics>;
  /** Continues a prompt, token by token. */
  generate?(prompt: string, sampling: Sampling): Iterable<string>;
  /** Fills the masks of a text. */
  fill?(text: string, topK: number): MaskPredictions;
  /** Returns one row for each text or image. */
  encode?: RowEncoder;
  /** Returns a class for each text or image of a path, in order. */
  predict?(path: string): MaybePromise<Predictions>;
  /** Fine-tunes a copy on the labels of a path. */
  finetune?(options: FinetuneRequest): Promise<FinetuneResult>;
}

/** The declaration of a model for the command line. */
export interface ModelDeclaration<
  Data extends { readonly hash: string } = { readonly hash: string },
> {
  /** Word that names it: `gpt`. */
  name: string;
  /** `model_type` in the config.json of its folders. */
  modelTypes: readonly string[];
  /** One line of the help. */
  summary: string;
  /** Files that it reads, for the help. */
  data: string;
  /** Command lines that the help of `nearfar train` shows, the plainest first. */
  examples: readonly [string, ...string[]];
  /** All its options, those of training among them. */
  options: readonly ModelOption[];
  /** Returns the values that hold where an option is not given, by what the option sets. */
  defaults(): Settings;
  /** @throws {InputError} that names file and position */
  read(path: string, settings: Settings): MaybePromise<Data>;
  /**
   * Makes the model, from scratch or for a state that is loaded into it afterwards.
   *
   * @param terminal shows the progress of what takes long besides the steps
   */
  create(data: Data, settings: Settings, terminal: Terminal): MaybePromise<TrainingSetup>;
  /** @throws {RangeError} if a file is missing or damaged */
  open(files: Files): MaybePromise<OpenedModel>;
}
