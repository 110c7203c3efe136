/** Initial weights of BERT that let a small network learn from little text. */

import { cosine, sine } from '../../nn/deterministic-math.js';
import type { MultiHeadAttention, Tensor, TransformerBlock } from '../../nn/index.js';
import {
  identityInit,
  initNormal,
  sinusoidalPositions,
  sinusoidRates,
} from '../../nn/initialization.js';

/** Factor of positions over words: next to words of their size, no query would find them. */
const POSITION_SCALE = 2;

/**
 * Makes a table of sinusoidal positions that stand out from words of a standard deviation.
 * @returns (context, width)
 */
export function scaledPositions(context: number, width: number, std: number): Tensor {
  return sinusoidalPositions(context, width, POSITION_SCALE * std);
}

/** Size of a position's numbers in queries and keys: how sharply neighbors are attended to. */
const NEIGHBOR_WEIGHT = 2;

/**
 * Makes heads begin by attending to the next token and the one before, alternately, as heads of a
 * trained BERT do (Clark et al., 2019, "What does BERT look at?"). Otherwise a small network predicts
 * every hidden token by its frequency for thousands of steps before it finds out that neighbors
 * matter. Keys are the highest rates of `sinusoidalPositions`; queries are the same, one position on.
 */
export function initNeighborHeads({ qkv, heads }: MultiHeadAttention): void {
  const width = qkv.weight.shape[1] as number;
  const rates = sinusoidRates(width);
  const headWidth = width / heads;
  const setRow = (row: number, pair: number, ofSine: number, ofCosine: number): void => {
    qkv.weight.data.fill(0, row * width, (row + 1) * width);
    qkv.weight.data.set([ofSine, ofCosine], row * width + 2 * pair);
  };
  for (let head = 0; head < heads; head++) {
    for (let pair = 0; pair < Math.floor(headWidth / 2); pair++) {
      const angle = (head % 2 === 0 ? 1 : -1) * (rates[pair] as number);
      const [along, across] = [NEIGHBOR_WEIGHT * cosine(angle), NEIGHBOR_WEIGHT * sine(angle)];
      const query = head * headWidth + 2 * pair;
      setRow(query, pair, along, across);
      setRow(query + 1, pair, -across, along);
      const key = width + query;
      setRow(key, pair, NEIGHBOR_WEIGHT, 0);
      setRow(key + 1, pair, 0, NEIGHBOR_WEIGHT);
    }
  }
}

/** Factor of the mean of all tokens over a token's own state. */
const MEAN_SCALE = 8;

/**
 * Makes a block begin by giving every token the mean of all: no query prefers a key, values stay as
 * they are, and the MLP adds nothing yet.
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
