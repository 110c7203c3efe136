/**
 * No memory leaks: WASM memory, caught as a fresh copy of the library makes it, stays as
 * large as the largest call made it, after any number of calls, failed ones and training steps.
 */

import type * as nearfar from 'nearfar';
import type { Tensor } from 'nearfar/nn';
import { hashOperation } from '../../bench/operations/hash.js';
import { operations } from '../../bench/operations/index.js';
import type { Api } from '../../bench/operations/operation.js';
import { HEAP_BASE } from '../../build/modules.js';
import { Random } from '../../src/core/random.js';
import { freshPackage } from '../fresh.js';
import { check, same, sameBits, suite, throws } from '../harness.js';

const test = suite('memory');

function matrix(rows: number, cols: number, seed: number): nearfar.Matrix {
  const random = new Random(seed);
  const data = Float32Array.from({ length: rows * cols }, () => random.uniform(-1, 1));
  return { data, rows, cols };
}

test('100,000 calls, one in ten rejected, do not grow the memory', async () => {
  const { core, bytes } = await freshPackage();
  const z = matrix(4, 3, 1);
  const bad = { ...z, data: z.data.map((value, i) => (i === 7 ? Number.NaN : value)) };
  const calls: (() => unknown)[] = [
    () => core.ntXent(z),
    () => core.ntXentGrad(z),
    () => core.infoNceGrad(z, z, { negatives: z, symmetric: true }),
    () => core.supConGrad(z, [0, 0, 1, 1]),
    () => core.topK(z, z, 2),
    () => core.crossEntropyGrad(z, [0, 1, 2, 0]),
    () => core.tripletLossGrad(z, z, z),
    () => core.matmul(z, z, { transposeB: true }),
    () => core.pca(z),
    () => throws(() => core.clipLoss(z, bad), RangeError, 'clipLoss: text must be finite…'),
  ];
  for (const call of calls) call();
  const before = bytes();
  for (let i = 0; i < 100_000; i++) calls[i % calls.length]?.();
  same(bytes(), before, 'bytes');
});

test('a large loss is followed by small ones with the same bits', async () => {
  const { core, bytes } = await freshPackage();
  const small = matrix(6, 5, 2);
  const first = core.ntXentGrad(small).grad.data;
  core.ntXent(matrix(4096, 64, 3));
  const large = bytes();
  sameBits(core.ntXentGrad(small).grad.data, first);
  core.ntXent(matrix(4096, 64, 3));
  same(bytes(), large, 'bytes');
});

test("NT-Xent's gradient of 8192 rows of 128 takes 25 MB beyond rows and gradient", async () => {
  const { core, bytes } = await freshPackage();
  const z = matrix(8192, 128, 4);
  core.ntXentGrad(z);
  const beyond = bytes() - 2 * z.data.byteLength;
  check(beyond <= 25e6, `${beyond} bytes`);
});

test('no operation reads memory that it has not written', async () => {
  const { core, nn, models } = await freshPackage();
  const api = { ...core, nn, models } as unknown as Api;
  // Room for every row, so that no row gets new memory, which is all 0.
  nn.zeros([1 << 21]).dispose();
  const hashAfter = (content: number, run: () => { hash: string }): string => {
    same(nn.bytesInUse(), 0, 'bytes in use');
    const probe = nn.zeros([1]);
    const { buffer } = probe.data;
    probe.dispose();
    new Float32Array(buffer).fill(content, HEAP_BASE / 4);
    return run().hash;
  };
  for (const row of operations) {
    for (const sizes of row.sizes) {
      const run = () => hashOperation(api, { ...row, sizes: [sizes] });
      const what = `${row.name} ${JSON.stringify(sizes)}`;
      same(hashAfter(Number.NaN, run), hashAfter(1e30, run), what);
    }
  }
  for (const make of [() => new nn.Tensor([3, 5]), () => nn.arange(7), () => nn.ones([3])]) {
    const made = (content: number) =>
      hashAfter(content, () => {
        const tensor = make();
        const hash = tensor.toArray().join();
        tensor.dispose();
        return { hash };
      });
    same(made(Number.NaN), made(1e30), String(make));
  }
});

test('training with every layer takes no more memory at step 10,000 than at step 2', async () => {
  const { nn, bytes } = await freshPackage();
  nn.manualSeed(1);
  const embedding = new nn.Embedding(5, 4);
  const convolution = new nn.Conv2d(1, 2, 3, { padding: 1 });
  const norms = [new nn.BatchNorm(2), new nn.GroupNorm(1, 2)];
  const block = new nn.TransformerBlock(4, 2, { causal: true, dropout: 0.1 });
  const post = new nn.TransformerBlock(4, 1, { norm: 'post', hidden: 4 });
  const head = new nn.Mlp(4, 3, { outputs: 2 });
  const layers = [embedding, convolution, ...norms, block, post, head];
  const parameters = layers.flatMap((layer) => [...layer.parameters().values()]);
  const optimizers = [
    new nn.AdamW(parameters.slice(0, 9), { learningRate: 1e-3 }),
    new nn.Sgd(parameters.slice(9), { learningRate: 1e-2, momentum: 0.9 }),
  ];
  const targets = [0, 1, 1, 0, 1, 0];
  const forward = (): Tensor => {
    const images = nn.reshape(embedding.forward([0, 1, 2, 3, 4, 0]), [2, 1, 3, 4]);
    let x = convolution.forward(images);
    for (const norm of norms) x = norm.forward(x);
    const pooled = nn.reshape(
      nn.mean(nn.maxPool2d(x, 3, { stride: 1, padding: 1 }), { axis: 1 }),
      [2, 3, 4],
    );
    const mixed = post.forward(block.forward(pooled), [3, 2]);
    return nn.crossEntropy(nn.reshape(head.forward(mixed), [6, 2]), targets);
  };
  const step = (): number => {
    const loss = nn.tidy(() => {
      const loss = forward();
      loss.backward();
      return loss.item();
    });
    nn.clipGradNorm(parameters, 1);
    for (const optimizer of optimizers) {
      optimizer.step();
      optimizer.zeroGrad();
    }
    return loss;
  };
  const first = step();
  step();
  const [size, used] = [bytes(), nn.bytesInUse()];
  same(nn.memoryBytes(), size, 'memoryBytes');
  let last = first;
  for (let i = 2; i < 10_000; i++) {
    last = step();
    if (i % 1000 === 0) same([bytes(), nn.bytesInUse()], [size, used], `bytes at step ${i}`);
  }
  same([bytes(), nn.bytesInUse()], [size, used], 'bytes at the end');
  check(last < first / 2, `the loss went from ${first} to ${last}`);
  for (const layer of layers) layer.dispose();
  for (const optimizer of optimizers) optimizer.dispose();
  same(nn.bytesInUse(), 0, 'bytes once all is disposed of');
});
