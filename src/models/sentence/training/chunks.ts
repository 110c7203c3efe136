/** Cuts the texts of a batch into chunks whose activations fit memory: the gradients of more are cached. */

import type { NetworkConfig } from '../architectures.js';

/** Largest chunk of texts. */
export interface ChunkLimits {
  texts: number;
  tokens: number;
}

/**
 * Cuts texts into chunks, in order. A text of more tokens than a chunk may have is one alone.
 *
 * @param lengths number of tokens of each text
 * @returns number of texts in each chunk
 */
export function cutIntoChunks(
  lengths: readonly number[],
  { texts, tokens }: ChunkLimits,
): number[] {
  const sizes: number[] = [];
  let [size, sum] = [0, 0];
  for (const length of lengths) {
    if (size > 0 && (size >= texts || sum + length > tokens)) {
      sizes.push(size);
      [size, sum] = [0, 0];
    }
    size++;
    sum += length;
  }
  return size > 0 ? [...sizes, size] : sizes;
}

/** Bytes that WASM memory can have, less half a gigabyte for what a step needs besides. */
const MAX_BYTES = 3.5 * 2 ** 30;
/** Fraction that activations may take of what the weights leave. */
const FRACTION = 2 / 3;
/** Bytes of a weight: of inference, a copy, its gradient and both moments; or the first two alone. */
const TRAINED_BYTES = 20;
const FROZEN_BYTES = 8;

/**
 * Counts the tokens whose activations a training step can keep for the gradient. It depends on the
 * network alone, so that the bits of a run are the same everywhere.
 *
 * @param lora true if an adapter is trained alone
 */
export function tokensAtOnce(
  { vocabularySize, positions, width, layers, hidden }: NetworkConfig,
  lora: boolean,
): number {
  const blocks = layers * (4 * width * width + 2 * width * hidden);
  const weights = (vocabularySize + positions) * width + blocks;
  const free = MAX_BYTES - weights * (lora ? FROZEN_BYTES : TRAINED_BYTES);
  // Of a layer: the projection (3), attention and its product, two sums and their norms, the MLP.
  const activations = 4 * layers * ((lora ? 16 : 10) * width + 2 * hidden);
  return Math.max(1, Math.floor((FRACTION * free) / activations));
}
