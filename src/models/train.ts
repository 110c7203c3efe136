/** `train` of nearfar/models: one function for every model, sentence encoders among them. */

import type { TrainOptions } from '../train/options.js';
import { type Trainable, type TrainStep, train as trainModel } from '../train/train.js';
import { SENTENCE_ENCODER } from './sentence/brand.js';
import type { SentenceEncoder } from './sentence/sentence-encoder.js';
import type { SentenceData } from './sentence/training/data.js';
import { type SentenceTrainOptions, trainSentenceEncoder } from './sentence/training/trainer.js';

function isSentenceEncoder(model: unknown): model is SentenceEncoder {
  return (model as SentenceEncoder | null | undefined)?.brand === SENTENCE_ENCODER;
}

/**
 * Trains a sentence encoder in place, on data of any of five kinds:
 *
 * - `{ pairs }`: a text has to find the one it is paired with among those of the batch (InfoNCE in
 *   both directions); equal texts, and positives of one anchor, are never negatives
 * - `{ texts, labels }`: texts of one label are drawn together (SupCon)
 * - `{ pairs, scores }`: the order of the cosines becomes that of the scores (CoSENT)
 * - `{ texts }`: two parts of a text have to find each other
 * - `{ texts, embeddings }`: the encoder learns the space of the model that gave the embeddings
 *
 * Learning rate, batch size and steps fit the network, the data, and whether the encoder is new.
 * `encode` sees the trained weights after each step.
 *
 * @param model a `SentenceEncoder`
 * @param data see above
 * @param options see `SentenceTrainOptions`
 * @returns one object per step, when the step is done
 * @throws {TypeError | RangeError} if the data is none of these, or an option is not valid
 * @throws {DivergedError} if the loss, its gradient or the weights are not finite
 * @example for await (const { step, loss } of train(encoder, { pairs })) console.log(step, loss);
 */
export function train(
  model: SentenceEncoder,
  data: SentenceData,
  options?: SentenceTrainOptions,
): AsyncGenerator<TrainStep, void, void>;
/**
 * Trains a model by AdamW with a warm-up and a falling learning rate.
 *
 * Each module is in training mode while a loss is computed, and in its own mode otherwise.
 *
 * @param model a model of `nearfar/models`, or any module with `batches`, `loss` and `defaults`
 * @param data data of the model's kind
 * @param options see `TrainOptions`; defaults are the model's
 * @returns one object per step, when the step is done
 * @throws {TypeError} if an option is unknown or of the wrong type
 * @throws {RangeError} if an option is out of range
 * @throws {DivergedError} if the loss, its gradient or the weights are not finite
 * @example for await (const { step, loss } of train(model, data, { steps: 100 })) console.log(step, loss);
 */
export function train<Data, Batch>(
  model: Trainable<Data, Batch>,
  data: Data,
  options?: TrainOptions,
): AsyncGenerator<TrainStep, void, void>;
export function train(
  model: unknown,
  data: unknown,
  options?: unknown,
): AsyncGenerator<TrainStep, void, void> {
  return isSentenceEncoder(model)
    ? trainSentenceEncoder(model, data as SentenceData, options as SentenceTrainOptions)
    : trainModel(model as Trainable<unknown, unknown>, data, options as TrainOptions);
}
