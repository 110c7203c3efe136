/** Kernels below the public functions: ulps over the whole range, and backwards. */

import { readFileSync } from 'node:fs';
import { hashOperation } from '../../bench/operations/hash.js';
import { operations } from '../../bench/operations/index.js';
import { arrayKernels, backwardKernels, KernelHost } from '../../bench/operations/kernels.js';
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

test('every kernel is called by a row of the table', async () => {
  const { core, nn, models, calls } = await freshPackage();
  const api = { ...core, nn, models } as unknown as Api;
  for (const operation of operations) hashOperation(api, operation);
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
    'kernels that no row calls',
  );
});
