/** Initial weights of transformers. */

import { type Linear, randomNormal, type TransformerBlock } from '../nn/index.js';

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
