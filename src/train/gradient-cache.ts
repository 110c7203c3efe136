/**
 * Gradient caching (Gao et al., 2021, "Scaling deep contrastive learning batch size under memory
 * limited setup"): a loss that compares all samples of a batch with each other, in the memory that
 * a chunk of the batch takes. Every chunk is embedded without a graph; the loss of all embeddings
 * gives their gradients; then chunk after chunk is embedded again, now with a graph, and its
 * gradients are propagated into the network. They are those of the whole batch, for one more
 * forward pass. Both passes draw the same random numbers.
 *
 * It holds where an embedding depends on its own sample alone: batch normalization sees the chunk.
 */

import { checkNoOptions } from '../core/options.js';
import { checkCallback, checkIntegers, type NoOptions } from '../core/validation.js';
import { isGradEnabled, withGradMode } from '../nn/grad-mode.js';
import { customOp, mul, noGrad, sum, type Tensor, tensor, tidy } from '../nn/index.js';
import { toLeaf } from '../nn/leaf.js';
import { replays } from '../nn/random.js';

/**
 * Computes a loss of embeddings, with gradients for the parameters that `embed` uses, chunk by chunk.
 *
 * @param chunkSizes number of samples in each chunk, in the order of the batch
 * @param embed embeddings of the chunk with `count` samples from `first` on; called twice for each
 *   chunk, with the same random numbers
 * @param loss scalar loss of the embeddings of all chunks, in their order
 * @param options none
 * @returns loss, whose backward fills the gradients of the parameters
 * @throws {TypeError | RangeError} if an argument is not valid
 * @see https://arxiv.org/abs/2101.06983
 */
export function cachedLoss(
  chunkSizes: readonly number[],
  embed: (first: number, count: number, chunk: number) => Tensor,
  loss: (embeddings: readonly Tensor[]) => Tensor,
  options?: NoOptions,
): Tensor {
  checkNoOptions('cachedLoss', options);
  checkIntegers('cachedLoss', 'chunkSizes', chunkSizes, undefined, {
    valid: (size) => size >= 1,
    what: 'at least 1',
  });
  checkCallback('cachedLoss', 'embed', embed);
  checkCallback('cachedLoss', 'loss', loss);
  const replay = replays(chunkSizes);
  const firsts = chunkSizes.map((_, chunk) => {
    return chunkSizes.slice(0, chunk).reduce((total, size) => total + size, 0);
  });
  const embedChunk = (chunk: number): Tensor =>
    (replay[chunk] as (typeof replay)[number])(() =>
      embed(firsts[chunk] as number, chunkSizes[chunk] as number, chunk),
    );
  const embeddings = chunkSizes.map((_, chunk) => asLeaf(() => embedChunk(chunk)));
  if (!isGradEnabled()) return loss(embeddings);
  const value = tidy(() => {
    const result = loss(embeddings);
    result.backward();
    return result.item();
  });
  const propagate = (chunk: number, factor: number): void => {
    const { grad } = embeddings[chunk] as Tensor;
    if (grad === undefined) return;
    sum(mul(embedChunk(chunk), mul(grad, factor))).backward();
  };
  return customOp({
    forward: () => tensor(value),
    backward(dy) {
      const factor = dy.item();
      for (const chunk of chunkSizes.keys()) {
        withGradMode(true, () => tidy(() => propagate(chunk, factor)));
      }
      // The parameters have their gradients already.
      return chunkSizes.map(() => undefined);
    },
  })(...embeddings);
}

/** Makes a tensor without a graph, as a leaf that gradients are wanted for. */
function asLeaf(make: () => Tensor): Tensor {
  return tidy(() => toLeaf(noGrad(make)));
}
