/** Initial weights of transformers. */

import { cosine, exponential, sine } from '../nn/deterministic-math.js';
import {
  asParameter,
  type Linear,
  type MultiHeadAttention,
  randomNormal,
  type Tensor,
  type TransformerBlock,
  tensor,
} from '../nn/index.js';

/** The deviation of GPT's and BERT's initial weights, at the widths of their papers. */
export const INIT_STD = 0.02;

/** Weights normal with this deviation, biases 0. */
export function initNormal({ weight, bias }: Linear, std = INIT_STD): void {
  const drawn = randomNormal(weight.shape, { std });
  weight.data.set(drawn.data);
  drawn.dispose();
  bias?.data.fill(0);
}

/**
 * All linear layers of a block.
 * @param residualStd deviation of those whose result is added to the stream
 */
export function initBlock(
  { attention, mlp }: TransformerBlock,
  std = INIT_STD,
  residualStd = std,
): void {
  initNormal(attention.qkv, std);
  initNormal(attention.output, residualStd);
  initNormal(mlp.up, std);
  initNormal(mlp.down, residualStd);
}

/** Radians a token of the shortest wave: short enough to tell neighbors apart. */
const MAX_RATE = 2;
/** ln of how many times longer than the shortest the longest wave is. */
const LN_RATE_RANGE = 5.298317366548036; // ln 200

/** Radians a token of the waves that numbers 2 k and 2 k + 1 of a position are sine and cosine of. */
function waveRates(width: number): number[] {
  const waves = Math.ceil(width / 2);
  return Array.from(
    { length: waves },
    (_, k) => MAX_RATE * exponential((-k / waves) * LN_RATE_RANGE),
  );
}

/**
 * Positions to begin with and to learn on from: sines and cosines (Vaswani et al., 2017), so that
 * near places have similar vectors, and what is learned of one place holds for all. From random
 * ones, each place has to find its neighbors by itself, which takes more text than a small one
 * has.
 *
 * @param std that of all numbers
 * @returns (context, width)
 */
export function sinusoidalPositions(context: number, width: number, std: number): Tensor {
  const rates = waveRates(width);
  const size = std * Math.SQRT2;
  const data = Array.from({ length: context }, (_, place) => {
    const angles = rates.map((rate) => place * rate);
    return angles.flatMap((angle) => [size * sine(angle), size * cosine(angle)]).slice(0, width);
  });
  return asParameter(tensor(data.flat(), [context, width]));
}

/** How much larger than words positions begin where words would be noise in which no query finds them. */
const POSITION_SCALE = 2;

/** The same, beside words of this deviation. */
export function scaledPositions(context: number, width: number, std: number): Tensor {
  return sinusoidalPositions(context, width, POSITION_SCALE * std);
}

/** Weight of a position's numbers in queries and keys: how sharply neighbors are looked at. */
const NEIGHBOR_WEIGHT = 2;

/**
 * Heads that begin by looking at the next place and at the one before, in turns, as heads of a
 * trained BERT do (Clark et al., 2019, "What does BERT look at?"). Otherwise a small network names
 * every hidden token by its frequency for thousands of steps before it finds out that neighbors
 * matter. Keys are the shortest waves of `wavePositions`; queries the same, one place on.
 */
export function initNeighborHeads({ qkv, heads }: MultiHeadAttention): void {
  const width = qkv.weight.shape[1] as number;
  const rates = waveRates(width);
  const perHead = width / heads;
  const setRow = (row: number, pair: number, ofSine: number, ofCosine: number): void => {
    qkv.weight.data.fill(0, row * width, (row + 1) * width);
    qkv.weight.data.set([ofSine, ofCosine], row * width + 2 * pair);
  };
  for (let head = 0; head < heads; head++) {
    for (let pair = 0; pair < Math.floor(perHead / 2); pair++) {
      const turn = (head % 2 === 0 ? 1 : -1) * (rates[pair] as number);
      const [along, across] = [NEIGHBOR_WEIGHT * cosine(turn), NEIGHBOR_WEIGHT * sine(turn)];
      const query = head * perHead + 2 * pair;
      setRow(query, pair, along, across);
      setRow(query + 1, pair, -across, along);
      const key = width + query;
      setRow(key, pair, NEIGHBOR_WEIGHT, 0);
      setRow(key + 1, pair, 0, NEIGHBOR_WEIGHT);
    }
  }
}

/**
 * A square part of a layer's weights that passes numbers on as they are, but for a factor.
 * @param from first row of the part
 */
export function identityInit({ weight }: Linear, { factor = 1, from = 0 } = {}): void {
  const width = weight.shape[1] as number;
  weight.data.fill(0, from * width, (from + width) * width);
  for (let i = 0; i < width; i++) weight.data[(from + i) * width + i] = factor;
}

/** How loud the mean of all places is beside a place's own state. */
const MEAN_SCALE = 8;

/**
 * A block that begins by giving every place the mean of all places: no query prefers a key, values
 * pass as they are, and the MLP adds nothing yet.
 */
export function initMeanPooling({ attention, mlp }: TransformerBlock, std: number): void {
  const { qkv, output } = attention;
  initNormal(qkv, 0);
  identityInit(qkv, { from: 2 * (qkv.weight.shape[1] as number) });
  initNormal(output, 0);
  identityInit(output, { factor: MEAN_SCALE });
  initNormal(mlp.up, std);
  initNormal(mlp.down, 0);
}
