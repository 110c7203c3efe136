/** Initial weights of linear layers, transformer blocks and position tables. */

import { checkNoOptions } from '../core/options.js';
import type { NoOptions } from '../core/validation.js';
import { cosine, exponential, sine } from './deterministic-math.js';
import type { Linear } from './layers/linear.js';
import type { TransformerBlock } from './layers/transformer-block.js';
import { asParameter, tensor } from './leaf.js';
import { randomNormal, randomUniform } from './random.js';
import type { Tensor } from './tensor.js';

/** Standard deviation of GPT's and BERT's initial weights, at the widths of their papers. */
export const INIT_STD = 0.02;

/** Sets weights to drawn numbers and the bias to 0. */
function setLinear({ weight, bias }: Linear, drawn: Tensor): void {
  weight.data.set(drawn.data);
  drawn.dispose();
  bias?.data.fill(0);
}

/**
 * Draws weights from a normal distribution; biases are 0.
 *
 * @param layer linear layer, changed in place
 * @param std standard deviation of the weights
 * @param options none
 */
export function initNormal(layer: Linear, std = INIT_STD, options?: NoOptions): void {
  checkNoOptions('initNormal', options);
  setLinear(layer, randomNormal(layer.weight.shape, { std }));
}

/**
 * Draws weights as Xavier's: uniform within ±√(6 / (in + out)); biases are 0.
 *
 * @param layer linear layer, changed in place
 * @param options none
 */
export function initXavier(layer: Linear, options?: NoOptions): void {
  checkNoOptions('initXavier', options);
  const [outputs, inputs] = layer.weight.shape as [number, number];
  const high = Math.sqrt(6 / (inputs + outputs));
  setLinear(layer, randomUniform(layer.weight.shape, { low: -high, high }));
}

/** Lists the linear layers of a block. */
export function linearsOf({ attention, mlp }: TransformerBlock): Linear[] {
  return [attention.qkv, attention.output, mlp.up, mlp.down];
}

/**
 * Draws the weights of a block.
 * @param residualStd standard deviation in the layers whose result is added to the residual stream
 * @param options none
 */
export function initBlock(
  block: TransformerBlock,
  std = INIT_STD,
  residualStd = std,
  options?: NoOptions,
): void {
  checkNoOptions('initBlock', options);
  const { attention, mlp } = block;
  initNormal(attention.qkv, std);
  initNormal(attention.output, residualStd);
  initNormal(mlp.up, std);
  initNormal(mlp.down, residualStd);
}

/**
 * Sets a square part of a layer's weights to a multiple of the identity.
 * @param options.from first row of the part
 */
export function identityInit({ weight }: Linear, { factor = 1, from = 0 } = {}): void {
  const width = weight.shape[1] as number;
  weight.data.fill(0, from * width, (from + width) * width);
  for (let i = 0; i < width; i++) weight.data[(from + i) * width + i] = factor;
}

/** Highest rate of the sinusoids, in radians per position: high enough to tell neighbors apart. */
const MAX_RATE = 2;
/** Logarithm of the ratio of the highest to the lowest rate. */
const LN_RATE_RANGE = 5.298317366548036; // ln 200

/** Rates, in radians per position, of the sinusoids that numbers 2 k and 2 k + 1 of a position are. */
export function sinusoidRates(width: number): number[] {
  const count = Math.ceil(width / 2);
  return Array.from(
    { length: count },
    (_, k) => MAX_RATE * exponential((-k / count) * LN_RATE_RANGE),
  );
}

/**
 * Makes a trainable table of positions that starts as sines and cosines (Vaswani et al., 2017):
 * near positions have similar vectors, and what is learned at one holds at all. From random vectors,
 * each position would have to find its neighbors by itself, which takes more text than a small one
 * has.
 *
 * @param std root mean square of the numbers
 * @returns (context, width)
 */
export function sinusoidalPositions(context: number, width: number, std: number): Tensor {
  const rates = sinusoidRates(width);
  const size = std * Math.SQRT2;
  const data = Array.from({ length: context }, (_, position) => {
    const angles = rates.map((rate) => position * rate);
    return angles.flatMap((angle) => [size * sine(angle), size * cosine(angle)]).slice(0, width);
  });
  return asParameter(tensor(data.flat(), [context, width]));
}
