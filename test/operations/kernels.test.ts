/** Kernels below the public functions: ulps over the whole range, and backwards. */

import { readFileSync } from 'node:fs';
import { hashOperation, hashSystem } from '../../bench/operations/hash.js';
import { operations } from '../../bench/operations/index.js';
import {
  arrayKernels,
  backwardKernels,
  exponentials,
  KernelHost,
} from '../../bench/operations/kernels.js';
import { systems } from '../../bench/operations/models.js';
import { gelu } from '../../bench/operations/nn-reference.js';
import type { Api } from '../../bench/operations/operation.js';
import { HEAP_BASE, MODULES } from '../../build/modules.js';
import { Random } from '../../src/core/random.js';
import { freshPackage } from '../fresh.js';
import { check, close, same, suite } from '../harness.js';

const test = suite('kernels');
const coreCode = new Uint8Array(readFileSync('dist/nearfar.wasm'));
const nnCode = new Uint8Array(readFileSync('dist/nearfar-nn.wasm'));

/** Distance between neighbors of f32 at |x|, down to the denormals' own. */
function ulpAt(x: number): number {
  const size = Math.max(Math.abs(x), 2 ** -126);
  return 2 ** (Math.floor(Math.log2(size)) - 23);
}

/** Every 1031st f32 there is, from +0 over infinity and NaN to -NaN: 1031 is prime. */
function sweep(): Float32Array {
  const bits = new Uint32Array(Math.floor(2 ** 32 / 1031));
  for (let i = 0; i < bits.length; i++) bits[i] = i * 1031;
  return new Float32Array(bits.buffer);
}

const SPECIAL = [
  0,
  -0,
  1,
  -1,
  Infinity,
  -Infinity,
  NaN,
  1e-45,
  -1e-45,
  3.4028235e38,
  -3.4028235e38,
];
const EDGES = [88.72284, 88.7228317, 88.73, -87.33655, -103.97208, -104, 0.625, -0.625, 9.01, 1e-4];

for (const { name, reference, ulp } of arrayKernels) {
  test(`${name}: at most ${ulp} ulp over the whole range`, () => {
    const host = new KernelHost(nnCode);
    const x = Float32Array.of(...SPECIAL, ...EDGES, ...[]);
    const all = sweep();
    for (const values of [x, all]) {
      const at = host.put(values);
      host.call(name, at, at, values.length);
      const y = host.take(at, values.length);
      let worst = 0;
      let where = 0;
      for (let i = 0; i < values.length; i++) {
        const exact = reference(values[i] as number);
        const got = y[i] as number;
        const nearest = Math.fround(exact);
        if (Object.is(got, nearest) || (got === nearest && got === 0)) continue;
        if (Number.isNaN(nearest) && Number.isNaN(got)) continue;
        const error = Math.abs(got - exact) / ulpAt(exact);
        // Next to the largest f32 infinity is one step away.
        if (!Number.isFinite(error) && Math.abs(exact) > 3.4028233e38) continue;
        if (!(error <= worst)) {
          worst = error;
          where = values[i] as number;
        }
      }
      check(worst <= ulp, `${name}(${where}) is ${worst} ulp off`);
    }
  });
}

for (const { name, forward, backward } of backwardKernels) {
  for (const [rows, cols] of [
    [1, 1],
    [3, 5],
    [7, 13],
  ] as const) {
    test(`${name}: ${rows} x ${cols}: equals finite differences`, () => {
      const random = new Random(5, rows, cols);
      const x = Float32Array.from({ length: rows * cols }, () => random.uniform(-3, 3));
      const row = (r: number): number[] => Array.from(x.subarray(r * cols, (r + 1) * cols));
      const y = Array.from({ length: rows }, (_, r) => forward(row(r)));
      const dy = y.map((values) => values.map(() => Math.fround(random.uniform(-1, 1))));
      const loss = (r: number, values: number[]): number =>
        forward(values).reduce((sum, value, i) => sum + value * (dy[r]?.[i] as number), 0);
      const expected = Array.from(x, (_, i) => {
        const r = Math.floor(i / cols);
        const moved = (by: number): number =>
          loss(
            r,
            row(r).map((value, c) => (c === i % cols ? value + by : value)),
          );
        return (moved(1e-4) - moved(-1e-4)) / 2e-4;
      });
      const flat = (values: number[][]): Float32Array => Float32Array.from(values.flat());
      const got = backward(new KernelHost(coreCode), flat(dy), flat(y), x, rows);
      close(got, expected, { atol: 1e-6 });
    });
  }
}

/** P(X > t) of the normal distribution, by Laplace's continued fraction from t = 2 on. */
function normalTail(t: number): number {
  if (t < 2) return 0.5 - (gelu(t) / t - 0.5);
  let fraction = t;
  for (let n = 200; n >= 1; n--) fraction = t + n / fraction;
  return Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI) / fraction;
}

test('gelu keeps its digits where it is small, and at the ends', () => {
  const host = new KernelHost(nnCode);
  const x = Float32Array.from({ length: 4001 }, (_, i) => (i - 2600) / 200 + 1e-3);
  const at = host.put(x);
  host.call('geluArray', at, at, x.length, 0);
  const y = host.take(at, x.length);
  for (const [i, value] of x.entries()) {
    const t = Math.abs(value);
    const exact = Math.max(value, 0) - t * normalTail(t);
    const error = Math.abs((y[i] as number) - exact) / Math.abs(exact);
    check(error <= 5e-7 + 6e-8 * t * t, `gelu(${value}) is ${error} of itself off`);
  }
  for (const tanhForm of [0, 1]) {
    const ends = host.put(Float32Array.of(Infinity, -Infinity, NaN, 3e38, -3e38, -20, 20, 0));
    const grads = host.put(Float32Array.from({ length: 8 }, () => 1));
    const values = host.put(new Float32Array(8));
    host.call('geluArrayWithGrad', values, grads, ends, 8, tanhForm);
    host.call('geluArray', ends, ends, 8, tanhForm);
    same(
      Array.from(host.take(values, 8)),
      Array.from(host.take(ends, 8)),
      'values with derivatives',
    );
    const shown = Array.from(host.take(ends, 8), (value) => value + 0);
    same(shown, [Infinity, 0, NaN, Math.fround(3e38), 0, 0, 20, 0], 'values');
    const derivatives = Array.from(host.take(grads, 8));
    check(Number.isNaN(derivatives[2]), `derivative ${derivatives[2]} at NaN`);
    close(
      derivatives.filter((_, i) => i !== 2),
      [1, 0, 1, 0, 0, 1, 0.5],
      { rtol: 2e-7, what: 'derivative' },
    );
  }
});

test('softmax and log-sum-exp of rows around vectors, pairs of them and blocks', () => {
  const random = new Random(6, 1, 1);
  for (const cols of [1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 255, 256, 257, 263, 521]) {
    const host = new KernelHost(coreCode);
    // In 64ths, so that differences are exact.
    const x = Float32Array.from(
      { length: 2 * cols },
      () => Math.floor(random.uniform(-7680, 192)) / 64,
    );
    x[cols] = -Infinity;
    if (cols === 1) x[1] = 7;
    const [from, to, sums] = [x, x, x].map((values) => host.put(values)) as [
      number,
      number,
      number,
    ];
    host.call('softmaxRows', to, from, 2, cols);
    host.call('logSumExpRows', sums, from, 2, cols);
    const [y, logs] = [host.take(to, 2 * cols), host.take(sums, 2)];
    for (const r of [0, 1]) {
      const { max, sum } = exponentials(Array.from(x.subarray(r * cols, (r + 1) * cols)));
      const exact = Array.from(
        x.subarray(r * cols, (r + 1) * cols),
        (v) => Math.exp(v - max) / sum,
      );
      close(y.subarray(r * cols, (r + 1) * cols), exact, { rtol: 3e-7, atol: 5e-45 });
      close([logs[r] as number], [max + Math.log(sum)], { rtol: 2e-7 });
      if (r === 1 && cols > 1) same(y[cols], 0, 'probability of -inf');
    }
  }
});

test("each module's constants end before the next module's, and the heap, begin", () => {
  for (const [i, { name, file, memoryBase }] of MODULES.entries()) {
    const { exports } = new WebAssembly.Instance(
      new WebAssembly.Module(new Uint8Array(readFileSync(`dist/${file}.wasm`))),
      { env: { memory: new WebAssembly.Memory({ initial: 1, maximum: 65536 }) } },
    );
    const end = (exports as { heapBase(): number }).heapBase();
    const next = MODULES[i + 1]?.memoryBase ?? HEAP_BASE;
    check(end >= memoryBase && end <= next, `the constants of ${name} end at ${end}`);
  }
});

test('every kernel is called by a row of the table, or by a system that is trained', async () => {
  const { core, nn, models, adapt, calls } = await freshPackage();
  const api = { ...core, nn, models, adapt } as unknown as Api;
  for (const operation of operations) hashOperation(api, operation);
  for (const system of systems) await hashSystem(api, system);
  // Rows of their own, and what a test above asks of the modules.
  const elsewhere: string[] = [...arrayKernels, ...backwardKernels].map(({ name }) => name);
  elsewhere.push('heapBase', 'memory');
  // Only the command line shows it: test/cli/images.test.ts has its f64 reference.
  elsewhere.push('resizeImage');
  const loose = [...calls].filter(([name, count]) => count === 0 && !elsewhere.includes(name));
  check(calls.size > 60, `only ${calls.size} kernels were seen`);
  same(
    loose.map(([name]) => name),
    [],
    'kernels that nothing calls',
  );
});
