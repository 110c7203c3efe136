/** The kernel of whole products at sizes around the tiles and blocks of its loops, against f64. */

import { readFileSync } from 'node:fs';
import { KernelHost } from '../../bench/operations/kernels.js';
import { Random } from '../../src/core/random.js';
import { check, sameBits, suite } from '../harness.js';

const code = new Uint8Array(readFileSync('dist/nearfar.wasm'));
const test = suite('products');

/** Around five rows, twenty, and a block of 120. */
const ROWS = [1, 4, 5, 6, 19, 20, 23, 119, 120, 126, 243];
/** Columns of a sliver. */
const NR = 8;
/** Around a sliver. */
const COLUMNS = [1, 7, 8, 9, 27];
/** Around four steps, and a block of 256. */
const DEPTHS = [1, 2, 3, 4, 6, 255, 256, 261];

interface Case {
  m: number;
  n: number;
  k: number;
  transposeA: boolean;
  transposeB: boolean;
}

function multiply(
  given: Case,
  a: Float32Array,
  b: Float32Array,
  c: Float32Array,
  bias?: Float32Array,
  accumulate = false,
): Float32Array {
  const { m, n, k, transposeA, transposeB } = given;
  const host = new KernelHost(code);
  const [y, left, right] = [c, a, b].map((values) => host.put(values)) as [number, number, number];
  const end = host.put(new Float32Array(4).fill(7));
  const added = bias === undefined ? 0 : host.put(bias);
  const packed = host.put(new Float32Array(host.call('packedLength', n, k, NR)));
  const scratch = host.put(new Float32Array(host.call('gemmScratch') / 4));
  const [aRow, aDepth] = transposeA ? [1, m] : [k, 1];
  const [bRow, bDepth] = transposeB ? [k, 1] : [1, n];
  host.call('packBlocks', packed, right, n, k, bRow, bDepth, NR, 0, n);
  const sides = [y, left, packed, m, n, k, aRow, aDepth];
  host.call('gemmRows', ...sides, Number(accumulate), added, scratch, 0, n);
  sameBits(host.take(end, 4), new Float32Array(4).fill(7));
  return host.take(y, m * n);
}

function* cases(): Generator<Case> {
  let turn = 0;
  for (const m of ROWS) {
    for (const n of COLUMNS) {
      for (const k of DEPTHS) {
        // Each depth comes with all four.
        const sides = (turn + Math.floor(turn / DEPTHS.length)) % 4;
        yield { m, n, k, transposeA: sides % 2 === 1, transposeB: sides > 1 };
        turn++;
      }
    }
  }
}

test('are within rounding of f64, at all edges and with either side transposed', () => {
  const random = new Random(1);
  for (const given of cases()) {
    const { m, n, k, transposeA, transposeB } = given;
    const a = Float32Array.from({ length: m * k }, () => random.uniform() - 0.5);
    const b = Float32Array.from({ length: k * n }, () => random.uniform() - 0.5);
    const y = multiply(given, a, b, new Float32Array(m * n));
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++) {
          const left = a[transposeA ? p * m + i : i * k + p] as number;
          sum += left * (b[transposeB ? j * k + p : p * n + j] as number);
        }
        const error = Math.abs((y[i * n + j] as number) - sum);
        check(error < 1e-5, `${JSON.stringify(given)} at ${i}, ${j}: ${error}`);
      }
    }
  }
});

test('give a row the same bits alone and among others', () => {
  const random = new Random(2);
  const [m, n, k] = [23, 27, 261];
  const a = Float32Array.from({ length: m * k }, () => random.uniform() - 0.5);
  const b = Float32Array.from({ length: k * n }, () => random.uniform() - 0.5);
  const plain = { transposeA: false, transposeB: false };
  const all = multiply({ m, n, k, ...plain }, a, b, new Float32Array(m * n));
  for (let i = 0; i < m; i++) {
    const row = a.subarray(i * k, i * k + k);
    const alone = multiply({ m: 1, n, k, ...plain }, row, b, new Float32Array(n));
    sameBits(alone, all.slice(i * n, i * n + n));
  }
});

test('add a bias with the bits of adding it afterwards', () => {
  const random = new Random(3);
  for (const given of cases()) {
    const { m, n, k } = given;
    const a = Float32Array.from({ length: m * k }, () => random.uniform() - 0.5);
    const b = Float32Array.from({ length: k * n }, () => random.uniform() - 0.5);
    const c = Float32Array.from({ length: m * n }, () => random.uniform() - 0.5);
    const bias = Float32Array.from({ length: n }, () => random.uniform() - 0.5);
    for (const accumulate of [false, true]) {
      const without = multiply(given, a, b, c, undefined, accumulate);
      const expected = without.map((value, i) => value + (bias[i % n] as number));
      sameBits(multiply(given, a, b, c, bias, accumulate), expected);
    }
  }
});
