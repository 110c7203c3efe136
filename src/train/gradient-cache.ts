/**
 * Gradient caching (Gao et al., 2021, "Scaling deep contrastive learning batch size under memory
 * limited setup"): a loss that compares all samples of a batch with each other, in the memory that
 * a part of the batch takes. Every part is embedded without a record; the loss of all embeddings
 * gives their gradients; then part after part is embedded again, now with a record, and its
 * gradients go on into the network. They are those of the whole batch, for one more forward pass.
 *
 * It holds where an embedding depends on its own sample alone: batch normalisation sees the part.
 */

import { isGradEnabled, withGradMode } from '../nn/grad-mode.js';
import {
  customOp,
  mul,
  noGrad,
  randomState,
  setRandomState,
  sum,
  type Tensor,
  tensor,
  tidy,
} from '../nn/index.js';
import { toLeaf } from '../nn/tensor.js';

/**
 * The loss of embeddings, with gradients for the parameters that `embed` uses.
 *
 * @param parts how many parts there are
 * @param embed embeddings of a part; called twice for each, with the same random numbers
 * @param loss of the embeddings of all parts, in their order
 */
export function cachedLoss(
  parts: number,
  embed: (part: number) => Tensor,
  loss: (embeddings: readonly Tensor[]) => Tensor,
): Tensor {
  const numbers = Array.from({ length: parts }, (_, part) => part);
  const states = numbers.map(randomState);
  const embeddings = numbers.map((part) => {
    states[part] = randomState();
    return asLeaf(() => embed(part));
  });
  if (!isGradEnabled()) return loss(embeddings);
  const value = tidy(() => {
    const result = loss(embeddings);
    result.backward();
    return result.item();
  });
  const again = (part: number, factor: number): void => {
    const { grad } = embeddings[part] as Tensor;
    if (grad === undefined) return;
    setRandomState(states[part] as ReturnType<typeof randomState>);
    sum(mul(embed(part), mul(grad, factor))).backward();
  };
  return customOp({
    forward: () => tensor(value),
    backward(dy) {
      const factor = dy.item();
      const after = randomState();
      for (const part of numbers) withGradMode(true, () => tidy(() => again(part, factor)));
      setRandomState(after);
      // The parameters have their gradients already.
      return numbers.map(() => undefined);
    },
  })(...embeddings);
}

/** What a function makes, without a record, as something that gradients are wanted for. */
function asLeaf(make: () => Tensor): Tensor {
  return tidy(() => toLeaf(noGrad(make)));
}
