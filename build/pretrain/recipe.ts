/** The interface of a pre-trained model: how it is made, trained and measured. */

import type { Files, Trainable, TrainOptions } from 'nearfar/models';

/** A model of the package that is pre-trained, and the data of its kind. */
export interface Recipe<Data> {
  /** Name of its folder in src/weights/. */
  name: string;
  /** Options of the training, its steps among them. */
  training: TrainOptions & { steps: number; batchSize: number };
  /** Makes the model and reads its data; the random numbers follow from the seed. */
  prepare(seed: number): Prepared<Data> | Promise<Prepared<Data>>;
}

/** A model that has been made, with its data. */
export interface Prepared<Data> {
  model: Trainable<Data, unknown>;
  data: Data;
  /** Description of the data and of what is held out, for readers. */
  description: string;
  /** Name of the metric of the curve. */
  metric: string;
  /** Tokens or images of one step, for the rate. */
  unit: { name: string; perStep: number };
  /** Measures the metric on a part of what is held out, or all of it. */
  validate(): number;
  /** Returns the files of the model's folder. */
  files(): Files;
  /** Measures the model that files hold on all that is held out. */
  measure(files: Files): Record<string, number>;
}

/** Contents of pretraining.json: nothing in it depends on the machine or the time. */
export interface PretrainingRecord {
  model: string;
  data: string;
  /** `BITS` of the version that made the weights. */
  bits: number;
  seed: number;
  /** Options of the training. */
  training: Record<string, unknown>;
  parameters: number;
  /** Step in the middle of a stretch of the run, and the mean loss of its batches. */
  losses: [step: number, loss: number][];
  metric: string;
  /** The metric on held-out data, by step. */
  validation: [step: number, value: number][];
  /** Metrics of the weights as they are in the file, on held-out data. */
  metrics: Record<string, number>;
}

/** Entry of runs.json: what the bytes of a model do not say. */
export interface Run {
  /** Makes the model again. */
  command: string;
  /** Hash of all files of the model. */
  sha256: string;
  bytes: number;
  /** `BITS` and version of the nearfar that made them. */
  bits: number;
  version: string;
  /** Seconds of the processor, over all threads. */
  cpuSeconds: number;
  machine: string;
}
