/**
 * Losses that nothing would tell of: graphs whose parts were freed or overwritten, gradients and
 * shapes that do not fit, memory that is never given back.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { toMatrix, topK } from 'nearfar';
import * as nn from 'nearfar/nn';
import { check, same, suite, throws } from '../harness.js';

const test = suite('nn safety');

/** Expects an error of a kind, whose message is this or begins with this and `…`. */
function refused(call: () => unknown, message: string, kind: ErrorConstructor = Error): void {
  throws(call, kind as typeof RangeError, message);
}

const numbers = (x: nn.Tensor | undefined): number[] => Array.from(x?.toArray() ?? []);

test('backward refuses what was disposed of, and changes no gradient', () => {
  const p = nn.parameter([1, 2]);
  const inside = nn.tidy(() => nn.sum(nn.relu(p)));
  refused(() => inside.backward(), 'backward: sum needs a tensor (2) that was disposed of…', Error);
  const hidden = nn.relu(p);
  const loss = nn.sum(nn.add(hidden, nn.mul(p, 2)));
  hidden.dispose();
  refused(() => loss.backward(), 'backward: add needs a tensor (2) that was disposed of…', Error);
  same(p.grad, undefined, 'gradient');
  loss.dispose();
  refused(() => loss.backward(), 'backward: the loss was disposed of', Error);
  p.dispose();
});

test('operators refuse tensors, which have no gradient there', () => {
  const a: unknown = nn.tensor([[1, 2]]);
  for (const call of [() => Math.exp(a as number), () => (a as number) + 1, () => -(a as number)]) {
    refused(call, 'a tensor has no operators: add, sub, mul and div compute with it…', TypeError);
  }
  same(`${a}`, 'tensor (1, 2)', 'as a text');
});

test('one operation on parameters outlives its tidy', () => {
  const [w, b] = [nn.parameter([1, 2]), nn.parameter([0, 0])];
  const x = nn.parameter([[1, 3]]);
  const y = nn.tidy(() => nn.layerNorm(x, w, b));
  nn.sum(y).backward();
  check(numbers(w.grad).every(Number.isFinite), 'gradient');
});

test('backward refuses numbers that were overwritten, where it needs them', () => {
  const p = nn.parameter([1, 2]);
  const product = nn.sum(nn.mul(p, p));
  const added = nn.sum(nn.add(p, 1));
  const root = nn.sqrt(p);
  const detached = p.detach();
  detached.set([5, 6]);
  const expected = 'backward: mul needs the numbers of a tensor (2) as they were…';
  refused(() => product.backward(), expected, Error);
  added.backward();
  same(numbers(p.grad), [1, 1]);
  nn.sum(root).backward();
  const output = nn.sqrt(p);
  const sum = nn.sum(output);
  output.set([1, 1]);
  refused(() => sum.backward(), 'backward: sqrt needs the numbers of a tensor (2)…', Error);
  const bits = numbers(p);
  refused(() => p.set([1, Number.NaN]), 'set: data[1] must be finite…', RangeError);
  same(numbers(p), bits, 'numbers after a refused set');
});

test('an optimizer, a moving average and a loaded state count as overwriting', () => {
  const [layer, other] = [new nn.Linear(2, 2), new nn.Linear(2, 2)];
  const x = nn.parameter([[1, 2]]);
  const stale = (change: () => void): void => {
    const loss = nn.sum(layer.forward(x));
    change();
    refused(() => loss.backward(), 'backward: linear needs the numbers…', Error);
  };
  const optimizer = new nn.Sgd(layer.parameters());
  nn.sum(layer.forward(x)).backward();
  stale(() => optimizer.step());
  stale(() => nn.emaUpdate(layer, other));
  stale(() => layer.loadStateDict(other.stateDict()));
});

test('an optimizer refuses a parameter that was disposed of, before it changes any', () => {
  for (const [name, Optimizer] of Object.entries({ AdamW: nn.AdamW, Adam: nn.Adam, Sgd: nn.Sgd })) {
    const [a, b] = [nn.parameter([1]), nn.parameter([1])];
    const optimizer = new Optimizer([a, b]);
    nn.sum(nn.add(a, b)).backward();
    b.dispose();
    refused(() => optimizer.step(), `${name}.step: parameter 1 was disposed of`);
    same(a.item(), 1);
    for (const rate of [Number.NaN, -1]) {
      refused(
        () => {
          optimizer.learningRate = rate;
        },
        `${name}: learningRate must be…`,
        RangeError,
      );
    }
    optimizer.dispose();
    refused(() => optimizer.step(), `${name}.step: the optimizer was disposed of`);
  }
});

test('a mask of attention is true and false: numbers that are added to scores are refused', () => {
  const qkv = nn.ones([1, 2, 3]);
  const masked = (mask: unknown): nn.Tensor =>
    nn.attention(qkv, { heads: 1, mask: mask as nn.AttentionMask });
  const causal = [
    [true, false],
    [true, true],
  ];
  const zeroOne = nn.tensor(causal.map((row) => row.map(Number)));
  same(numbers(masked(zeroOne)), numbers(masked(causal)));
  refused(
    () => masked([[0, -1e9]]),
    'attention: mask[0][0] must be true or false, got 0',
    TypeError,
  );
  refused(
    () => masked(new Uint8Array(2)),
    'attention: mask must be true or false, got…',
    TypeError,
  );
  const added = nn.tensor([0, -1e9]);
  refused(() => masked(added), 'attention: mask[1] must be 0 or 1, got -1000000000', RangeError);
});

test('Maps of another realm are Maps', () => {
  const state = runInNewContext('new Map()') as Map<string, nn.Tensor>;
  const weight = nn.parameter([1, 2]);
  state.set('weight', weight);
  same([...nn.loadSafetensors(nn.saveSafetensors(state)).keys()], ['weight']);
  new nn.AdamW(state).step();
});

test('gradients of customOp may be anything at hand, but of the right shape', () => {
  const op = (grad: (dy: nn.Tensor, x: nn.Tensor) => unknown): nn.Tensor => {
    const p = nn.parameter([1, 2]);
    const custom = nn.customOp({
      forward: (x) => nn.mul(x as nn.Tensor, 1),
      backward: (dy, _, x) => [grad(dy, x as nn.Tensor) as nn.Tensor],
    });
    nn.sum(custom(p)).backward();
    nn.sum(custom(p)).backward();
    return p;
  };
  same(numbers(op((dy) => dy).grad), [2, 2], 'dy itself');
  same(numbers(op((dy) => nn.reshape(dy, [2])).grad), [2, 2], 'a view of dy');
  const own = op((_, x) => x);
  same(numbers(own.grad), [2, 4], 'an input');
  same(numbers(own), [1, 2], 'that input');
  refused(
    () => op(() => nn.ones([1])),
    'customOp: gradient 0 of backward must be of its…',
    RangeError,
  );
  refused(() => op(() => 1), 'customOp: gradient 0 of backward must be a tensor, got 1', TypeError);
});

test('shapes, views, gradients and new tensors reach no memory of others', () => {
  const p = nn.parameter([1, 2]);
  same(numbers(new nn.Tensor([2, 2])), [0, 0, 0, 0]);
  refused(() => Reflect.construct(nn.Tensor, [[2], { at: 0 }]), 'Tensor: arguments…', TypeError);
  refused(() => p.view([100]), 'view: shape must be one of 2 numbers…', RangeError);
  refused(
    () => {
      p.grad = nn.ones([1]);
    },
    'grad: the gradient must be of shape (2)…',
    RangeError,
  );
  refused(
    () => {
      p.grad = p.detach();
    },
    'grad: the gradient must have memory of its own',
    RangeError,
  );
  p.grad = nn.ones([2]);
  new nn.Sgd([p], { learningRate: 1 }).step();
  same(numbers(p), [0, 1]);
  check(!Reflect.set(p.shape, 0, 9), 'a shape that can be changed');
  const [one, two] = [nn.ones([1, 4]), nn.ones([2, 4])];
  refused(
    () => nn.cachedAttention(one, two, one, 1, 2),
    'cachedAttention: values must…',
    RangeError,
  );
  refused(
    () => nn.linear(two, nn.ones([3, 4]), nn.ones([2])),
    'linear: bias must be 3…',
    RangeError,
  );
});

test('tensors and matrices become each other; views of memory that grows stay readable', () => {
  same(
    nn.tensor(
      toMatrix([
        [1, 2],
        [3, 4],
      ]),
    ).shape,
    [2, 2],
  );
  same(nn.tensor({ data: [1, 2, 3], dims: [3, 1] }).shape, [3, 1]);
  const x = nn.ones([1 << 18]);
  const copies = Array.from({ length: 64 }, () => nn.tensor(x.data, [1 << 18]));
  check(
    copies.every((copy) => copy.data[(1 << 18) - 1] === 1),
    'copies',
  );
  for (const copy of [x, ...copies]) copy.dispose();
  const corpus = nn.ones([4, 384]);
  const { scores } = topK(new Float32Array(384).fill(1), corpus, 1, { metric: 'dot' });
  same(Array.from(scores), [384]);
  refused(() => nn.tensor([[1, 2], [3]]), 'tensor: data[1] must be as long as its…', RangeError);
});

test('a module that contains itself, and NaN that could not be loaded, are refused', () => {
  class Circle extends nn.Module {
    inner = { module: this as nn.Module };
    parts: nn.Module[] = [this];
  }
  const expected = 'Module: parts.0 is a module that contains itself';
  refused(() => new Circle().stateDict(), expected, Error);
  refused(() => new Circle().train(), expected, Error);
  const state = new Map([['w', nn.div(nn.zeros([2]), 0)]]);
  refused(
    () => nn.saveSafetensors(state),
    'saveSafetensors: w[0] must be finite, got NaN',
    RangeError,
  );
});

test('deep graphs neither overflow the stack nor go quadratic', () =>
  nn.tidy(() => {
    const p = nn.parameter([1]);
    let x = p;
    for (let i = 0; i < 50_000; i++) x = nn.neg(x);
    x.backward();
    same(p.grad?.item(), 1);
  }));

test('what is dropped without dispose comes back', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const before = nn.bytesInUse();
  const drop = (): void => {
    nn.tidy(() => nn.ones([4096]));
    const layer = nn.tidy(() => new nn.LayerNorm(4096));
    const x = nn.parameter(new Float32Array(4096).fill(1));
    nn.sum(layer.forward(nn.tidy(() => nn.square(x)))).backward();
    const optimizer = new nn.AdamW([x]);
    optimizer.step();
  };
  for (let i = 0; i < 8; i++) drop();
  check(nn.bytesInUse() > before, 'memory was taken');
  for (let i = 0; i < 100 && nn.bytesInUse() > before; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  check(nn.bytesInUse() <= before, `${nn.bytesInUse() - before} bytes did not come back`);
});
