/** Attention against float64 on awkward sizes, its cache, and the dropout of its probabilities. */

import * as nn from 'nearfar/nn';
import { Random } from '../../src/core/random.js';
import { check, close, same, suite } from '../harness.js';

const test = suite('nn attention');

interface Case {
  batch: number;
  steps: number;
  heads: number;
  width: number;
  causal: boolean;
  lengths?: number[];
}

const CASES: Case[] = [
  { batch: 1, steps: 1, heads: 1, width: 1, causal: true },
  { batch: 2, steps: 5, heads: 3, width: 3, causal: false },
  { batch: 2, steps: 9, heads: 2, width: 5, causal: true },
  { batch: 3, steps: 37, heads: 1, width: 8, causal: true, lengths: [1, 20, 37] },
  { batch: 2, steps: 37, heads: 2, width: 7, causal: false, lengths: [3, 36] },
  // Past one block of the packed product.
  { batch: 1, steps: 301, heads: 1, width: 4, causal: true },
];

function drawn({ batch, steps, heads, width }: Case): nn.Tensor {
  const random = new Random(5, steps);
  const length = batch * steps * 3 * heads * width;
  const numbers = Float32Array.from({ length }, () => random.uniform(-2, 2));
  return nn.tensor(numbers, [batch, steps, 3 * heads * width]);
}

/** softmax(q k' / √width) v in f64. */
function reference(qkv: Float32Array, what: Case): number[] {
  const { batch, steps, heads, width, causal, lengths } = what;
  const channels = heads * width;
  const at = (b: number, t: number, part: number, h: number, i: number): number =>
    qkv[(b * steps + t) * 3 * channels + part * channels + h * width + i] as number;
  const indices = Array.from({ length: width }, (_, i) => i);
  const result: number[] = [];
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < steps; t++) {
      for (let h = 0; h < heads; h++) {
        const seen = Math.min(lengths?.[b] ?? steps, causal ? t + 1 : steps);
        const weights = Array.from({ length: seen }, (_, j) => {
          const dot = indices.reduce((sum, i) => sum + at(b, t, 0, h, i) * at(b, j, 1, h, i), 0);
          return Math.exp(dot / Math.sqrt(width));
        });
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (const i of indices) {
          const sum = weights.reduce((part, weight, j) => part + weight * at(b, j, 2, h, i), 0);
          result.push(sum / total);
        }
      }
    }
  }
  return result;
}

for (const what of CASES) {
  const { batch, steps, heads, width, causal, lengths } = what;
  const mask = `${causal ? 'causal' : 'both ways'}${lengths ? ` lengths ${lengths}` : ''}`;
  test(`${batch} × ${steps} × ${heads} heads × ${width} ${mask} is what f64 gives`, () => {
    nn.tidy(() => {
      const qkv = drawn(what);
      const y = nn.attention(qkv, { heads, causal, lengths }).toArray();
      reference(qkv.toArray(), what).forEach((value, i) => {
        close(y[i] as number, value, { what: `y[${i}]`, atol: 2e-6 });
      });
    });
  });
}

test('a query against the cache gives the bits of the whole pass', () => {
  nn.tidy(() => {
    for (const steps of [2, 9, 301]) {
      const qkv = drawn({ batch: 1, steps, heads: 2, width: 5, causal: true });
      const whole = nn.attention(qkv, { heads: 2, causal: true }).toArray();
      const rows = nn.reshape(qkv, [steps, 30]);
      const [q, k, v] = [0, 10, 20].map((from) => nn.slice(rows, 1, from, from + 10)) as [
        nn.Tensor,
        nn.Tensor,
        nn.Tensor,
      ];
      for (const past of [0, 1, steps - 1]) {
        const y = nn.cachedAttention(nn.slice(q, 0, past), k, v, past, 2).toArray();
        same(
          Array.from(y),
          Array.from(whole.slice(past * 10)),
          `${steps} steps of which ${past} are in the cache`,
        );
      }
    }
  });
});

/** Probabilities themselves: the values are one-hot vectors. */
function probabilities(dropout: number): Float32Array {
  const [steps, heads] = [24, 2];
  const qkv = drawn({ batch: 2, steps, heads, width: steps, causal: false });
  const data = qkv.data;
  for (let row = 0; row < 2 * steps; row++) {
    for (let i = 0; i < heads * steps; i++) {
      data[row * 3 * heads * steps + 2 * heads * steps + i] = Number(i % steps === row % steps);
    }
  }
  return nn.attention(qkv, { heads, dropout }).toArray();
}

test('dropout zeroes a fraction of the probabilities and scales the others up', () => {
  nn.tidy(() => {
    nn.manualSeed(1);
    const kept = probabilities(0);
    const dropped = probabilities(0.25);
    const zeros = dropped.filter((value) => value === 0).length / dropped.length;
    check(Math.abs(zeros - 0.25) < 0.03, `a fraction of ${zeros} is dropped, not 0.25`);
    dropped.forEach((value, i) => {
      if (value !== 0) close(value, (kept[i] as number) / 0.75, { what: `p[${i}]`, rtol: 1e-6 });
    });
    const row = (r: number): string =>
      Array.from(dropped.slice(24 * r, 24 * r + 24), Boolean).join();
    const rows = new Set(Array.from({ length: dropped.length / 24 }, (_, r) => row(r)));
    check(rows.size > 90, `only ${rows.size} of 96 rows have a mask of their own`);
  });
});

test('dropout is the same for a seed, and another for the next call', () => {
  nn.tidy(() => {
    nn.manualSeed(1);
    const first = probabilities(0.5);
    const second = probabilities(0.5);
    nn.manualSeed(1);
    same(probabilities(0.5), first, 'the same seed');
    check(String(second) !== String(first), 'the next call has the mask of the last');
  });
});

test('layers drop probabilities while training alone', () => {
  nn.tidy(() => {
    const x = nn.tensor(
      new Float32Array(96).map((_, i) => (i % 7) - 3),
      [1, 12, 8],
    );
    const block = new nn.TransformerBlock(8, 2, { attentionDropout: 0.5 });
    const [training, again] = [block.forward(x).toArray(), block.forward(x).toArray()];
    check(String(training) !== String(again), 'nothing was dropped');
    block.eval();
    same(block.forward(x).toArray(), block.forward(x).toArray(), 'eval drops');
  });
});

test('a rate that is none is refused', () => {
  const qkv = nn.tensor(new Float32Array(6), [1, 1, 6]);
  for (const dropout of [1, -0.1, Number.NaN]) {
    let message = '';
    try {
      nn.attention(qkv, { heads: 1, dropout });
    } catch (error) {
      message = String(error);
    }
    check(/attention: dropout must be at least 0 and below 1/.test(message), message);
  }
  qkv.dispose();
});
