/**
 * SimCLR in small: handwritten digits, two random views of each, and a network that learns by
 * NT-Xent to give both the same direction. No label is used in training.
 */

import { readIdx } from '../../data/idx.js';
import { type Matrix, ntXentGrad } from '../../index.js';
import { Random } from '../../random.js';
import { readSample } from '../files.js';
import { Adam } from './adam.js';
import { augment, PIXELS } from './augment.js';
import type { Encoder } from './encoder.js';

export const TEMPERATURE = 0.2;
export const BATCH = 128;
const LEARNING_RATE = 4e-3;
const WARM_UP = 20;

/** Streams of random numbers. */
const ORDER = 5;
const VIEWS = 6;

export interface Pictures {
  /** (rows, 28, 28), 0 to 1. */
  data: Float32Array;
  labels: Uint8Array;
  rows: number;
}

/** The digits that come with the package, as training and held-out part. */
export function loadDigits(heldOut: number): { training: Pictures; heldOut: Pictures } {
  const images = readIdx(readSample('digits/digits-images-idx3-ubyte.gz')).data;
  const labels = readIdx(readSample('digits/digits-labels-idx1-ubyte.gz')).data;
  const part = (from: number, to: number): Pictures => ({
    data: Float32Array.from(images.subarray(from * PIXELS, to * PIXELS), (byte) => byte / 255),
    labels: labels.subarray(from, to),
    rows: to - from,
  });
  const split = labels.length - heldOut;
  return { training: part(0, split), heldOut: part(split, labels.length) };
}

/** A picture of a batch or a set. */
export function picture({ data }: { data: Float32Array }, row: number): Float32Array {
  return data.subarray(row * PIXELS, (row + 1) * PIXELS);
}

/** The random numbers behind one view of a picture, in one step of training. */
export function viewRandom(seed: number, step: number, view: number): Random {
  return new Random(seed, VIEWS, step, view);
}

/** The rows of a step's batch: each passage through the data is in an order of its own. */
function batchRows(seed: number, step: number, rows: number): number[] {
  const perPass = Math.floor(rows / BATCH);
  const order = Array.from({ length: rows }, (_, row) => row);
  new Random(seed, ORDER, Math.floor(step / perPass)).shuffle(order);
  const start = (step % perPass) * BATCH;
  return order.slice(start, start + BATCH);
}

/** Two views of each picture: (2 · BATCH, 28, 28), rows i and i + BATCH of the same. */
function twoViews(pictures: Pictures, rows: readonly number[], seed: number, step: number) {
  const data = new Float32Array(2 * BATCH * PIXELS);
  for (let i = 0; i < 2 * BATCH; i++) {
    const row = rows[i % BATCH] as number;
    augment(picture({ data }, i), picture(pictures, row), viewRandom(seed, step, i));
  }
  return data;
}

/** Warms up, then falls in a straight line to zero. */
function rateAt(step: number, steps: number): number {
  return LEARNING_RATE * Math.min(1, (step + 1) / WARM_UP) * (1 - step / steps);
}

/** Trains an encoder in place and reports each step's loss. */
export async function train(
  encoder: Encoder,
  pictures: Pictures,
  options: { seed: number; steps: number; report: (step: number, loss: number) => Promise<void> },
): Promise<number[]> {
  const { seed, steps, report } = options;
  const adam = new Adam(encoder.parameters);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const views = twoViews(pictures, batchRows(seed, step, pictures.rows), seed, step);
    const z = encoder.forward(views);
    const { loss, grad } = ntXentGrad(z, { temperature: TEMPERATURE });
    encoder.backward(grad.data);
    adam.step(encoder.gradients, rateAt(step, steps));
    losses.push(loss);
    await report(step + 1, loss);
  }
  return losses;
}

/** Pixels as a matrix: the embedding that one has without any learning. */
export function pixels({ data, rows }: Pictures): Matrix {
  return { data, rows, cols: PIXELS };
}
