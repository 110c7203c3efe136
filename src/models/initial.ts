/** Initial weights of transformers. */

import {
  asParameter,
  type Linear,
  type MultiHeadAttention,
  randomNormal,
  type Tensor,
  type TransformerBlock,
  tensor,
} from '../nn/index.js';
import { cosine, exponential, sine } from '../nn/series.js';

/** The deviation of GPT's and BERT's initial weights, at the widths of their papers. */
export const INITIAL_DEVIATION = 0.02;

/** Weights normal with this deviation, biases 0. */
export function initialize({ weight, bias }: Linear, deviation = INITIAL_DEVIATION): void {
  const drawn = randomNormal(weight.shape, deviation);
  weight.data.set(drawn.data);
  drawn.dispose();
  bias?.data.fill(0);
}

/**
 * All linear layers of a block.
 * @param added deviation of those whose result is added to the stream
 */
export function initializeBlock(
  { attention, mlp }: TransformerBlock,
  deviation = INITIAL_DEVIATION,
  added = deviation,
): void {
  initialize(attention.qkv, deviation);
  initialize(attention.output, added);
  initialize(mlp.up, deviation);
  initialize(mlp.down, added);
}

/** ln of how many times longer than the shortest the longest wave of `wavePositions` is. */
const LONGEST_WAVE = 5.298317366548036; // ln 200

/**
 * Positions to begin with and to learn on from: sines and cosines (Vaswani et al., 2017), so that
 * near places have similar vectors, and what is learnt of one place holds for all. From random
 * ones, each place has to find its neighbours by itself, which takes more text than a small one
 * has.
 *
 * @param deviation what all numbers together have
 * @returns (context, width)
 */
export function wavePositions(context: number, width: number, deviation: number): Tensor {
  const waves = Math.ceil(width / 2);
  const rates = Array.from({ length: waves }, (_, k) => exponential((-k / waves) * LONGEST_WAVE));
  const size = deviation * Math.SQRT2;
  const data = Array.from({ length: context }, (_, place) => {
    const angles = rates.map((rate) => place * rate);
    return angles.flatMap((angle) => [size * sine(angle), size * cosine(angle)]).slice(0, width);
  });
  return asParameter(tensor(data.flat(), [context, width]));
}

/** How much larger than other weights those of queries and keys begin. */
const SIMILARITY = 1.5;

/**
 * Keys that begin as the queries: a place attends to what is like it, and by `wavePositions` to
 * what is near it, from the first step on (Trockman and Kolter, 2023, "Mimetic initialization of
 * self-attention layers").
 */
export function attendToSimilar({ qkv }: MultiHeadAttention, deviation: number): void {
  const width = qkv.weight.shape[1] as number;
  const drawn = randomNormal([width, width], SIMILARITY * deviation);
  for (const part of [0, 1]) qkv.weight.data.set(drawn.data, part * width * width);
  drawn.dispose();
}
