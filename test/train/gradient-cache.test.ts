/** Gradient caching: the gradients of the whole batch, from parts of it. */

import { cachedLoss } from 'nearfar/models';
import {
  concat,
  Dropout,
  Linear,
  manualSeed,
  mul,
  noGrad,
  ntXent,
  ResNet,
  randomNormal,
  relu,
  slice,
  type Tensor,
  tidy,
} from 'nearfar/nn';
import { check, close, sameBits, suite } from '../harness.js';

const test = suite('gradient caching');

/** A network of convolutions, its output without a scale of its own, and dropout at the end. */
function network(rate = 0): { embed(x: Tensor): Tensor; parameters(): Map<string, Tensor> } {
  manualSeed(2);
  const encoder = new ResNet({ channels: 1, widths: [4, 6] });
  const head = new Linear(encoder.width, 5);
  const dropout = new Dropout(rate);
  return {
    embed: (x) => dropout.forward(head.forward(relu(encoder.forward(x)))),
    parameters: () =>
      new Map(
        [...encoder.parameters(), ...head.parameters()].map(([name, p], i) => [`${i}${name}`, p]),
      ),
  };
}

/** The gradients that a loss gives, as one array a parameter, and the loss. */
function gradientsOf(
  parameters: Map<string, Tensor>,
  loss: () => Tensor,
): { value: number; grads: Float32Array[] } {
  const value = tidy(() => {
    const result = loss();
    result.backward();
    return result.item();
  });
  const grads = [...parameters.values()].map((p) => (p.grad as Tensor).toArray());
  for (const p of parameters.values()) {
    p.grad?.dispose();
    p.grad = undefined;
  }
  return { value, grads };
}

/** Samples i and i + 6 are two views; each part holds some samples and their other views. */
function partsOf(x: Tensor, sizes: number[]): Tensor[] {
  let from = 0;
  return sizes.map((size) => {
    const part = concat(
      [slice(x, 0, from, from + size), slice(x, 0, 6 + from, 6 + from + size)],
      0,
    );
    from += size;
    return part;
  });
}

function lossOf(parts: readonly Tensor[]): Tensor {
  const half = (z: Tensor, which: number): Tensor => {
    const rows = (z.shape[0] as number) / 2;
    return slice(z, 0, which * rows, (which + 1) * rows);
  };
  const rows = [...parts.map((z) => half(z, 0)), ...parts.map((z) => half(z, 1))];
  return ntXent(concat(rows, 0), { temperature: 0.3 });
}

for (const sizes of [[6], [3, 3], [1, 4, 1], [1, 1, 1, 1, 1, 1]]) {
  test(`parts of ${sizes}: loss and gradients are those of the whole batch`, () => {
    const { embed, parameters } = network();
    tidy(() => {
      const x = randomNormal([12, 1, 9, 7]);
      const parts = partsOf(x, sizes);
      const whole = gradientsOf(parameters(), () => lossOf([embed(x)]));
      const cached = gradientsOf(parameters(), () =>
        mul(
          cachedLoss(sizes, (_first, _count, chunk) => embed(parts[chunk] as Tensor), lossOf),
          2,
        ),
      );
      close(cached.value, 2 * whole.value, { rtol: 1e-6 });
      whole.grads.forEach((grad, i) => {
        const maxGrad = Math.max(...grad.map(Math.abs));
        check(maxGrad > 0, 'a gradient that is all 0 shows nothing');
        close(
          cached.grads[i] as Float32Array,
          grad.map((g) => 2 * g),
          { atol: 2e-5 * maxGrad },
        );
      });
    });
  });
}

test('both passes drop the same numbers, and the next draw is that of an uncached run', () => {
  const { embed, parameters } = network(0.5);
  tidy(() => {
    const parts = partsOf(randomNormal([12, 1, 5, 5]), [2, 4]);
    manualSeed(9);
    const plain = gradientsOf(parameters(), () => lossOf(parts.map((part) => embed(part))));
    const next = randomNormal([4]).toArray();
    manualSeed(9);
    const cached = gradientsOf(parameters(), () =>
      cachedLoss([2, 4], (_first, _count, chunk) => embed(parts[chunk] as Tensor), lossOf),
    );
    sameBits(randomNormal([4]).toArray(), next);
    close(cached.value, plain.value, { rtol: 1e-6 });
    plain.grads.forEach((grad, i) => {
      close(cached.grads[i] as Float32Array, grad, {
        atol: 2e-5 * Math.max(...grad.map(Math.abs)),
      });
    });
  });
});

test('without gradients it is the loss alone', () => {
  const { embed, parameters } = network();
  tidy(() => {
    const parts = partsOf(randomNormal([12, 1, 5, 5]), [3, 3]);
    const embedChunk = (first: number): Tensor => embed(parts[first / 3] as Tensor);
    const value = noGrad(() => cachedLoss([3, 3], embedChunk, lossOf));
    check(!value.requiresGrad, 'a record was made');
    close(value.item(), lossOf(parts.map((part) => embed(part))).item(), { rtol: 1e-6 });
    check(
      [...parameters().values()].every(({ grad }) => grad === undefined),
      'gradients came',
    );
  });
});
