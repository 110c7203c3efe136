/**
 * Arguments as people have them: tensors of `nearfar/nn`, things of another realm, shared and
 * resizable buffers, 64-bit and boolean labels, answers of APIs, column-major and 16-bit numbers.
 */

import { runInNewContext } from 'node:vm';
import * as nearfar from 'nearfar';
import * as nn from 'nearfar/nn';
import { freshPackage } from '../fresh.js';
import { check, close, same, sameBits, suite, throws } from '../harness.js';
import type { Matrix } from '../validation/bad-matrix.js';
import { bits } from '../validation/bits.js';
import { SIGNATURES } from '../validation/signatures.js';

const test = suite('inputs');

const api = nearfar as unknown as Record<string, (...args: unknown[]) => unknown>;

function isMatrix(value: unknown): value is Matrix {
  return typeof value === 'object' && value !== null && 'rows' in value && 'cols' in value;
}

/** Replaces matrices by tensors, in arguments and options. */
function withTensors(value: unknown, make: typeof nn.tensor): unknown {
  if (isMatrix(value)) return make(value.data, [value.rows, value.cols]);
  if (typeof value !== 'object' || value === null) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, withTensors(one, make)]),
  );
}

test('every function takes tensors as it takes matrices', () => {
  for (const [name, { valid, options }] of Object.entries(SIGNATURES)) {
    const args = (): unknown[] => (options ? [...valid(), options.valid()] : valid());
    const expected = bits(api[name]?.(...args()));
    const given = args().map((value) => withTensors(value, nn.tensor));
    same(bits(api[name]?.(...given)), expected, name);
  }
});

test('memory that grows inside a call does not take a tensor away', async () => {
  const { core, nn: engine, bytes } = await freshPackage();
  const calls: Record<string, (size: number) => unknown> = {
    topK: (n) => core.topK(new Float32Array(384).fill(1), ones(n, 384), 1, { metric: 'dot' }),
    cosineSimilarityMatrix: (n) => core.cosineSimilarityMatrix(ones(n, 64)),
    ntXentGrad: (n) => core.ntXentGrad(ones(2 * n, 64)),
    infoNceGrad: (n) => core.infoNceGrad(ones(n, 64), ones(n, 64), { negatives: ones(n, 64) }),
    normalize: (n) => core.normalize(ones(n, 64)),
    pca: (n) => core.pca(ones(n, 64)),
    'rows that are views': (n) => core.normalize(Array.from({ length: n }, () => ones(1, 64).data)),
  };
  function ones(rows: number, cols: number) {
    return engine.ones([rows, cols]);
  }
  let size = 340;
  for (const [name, call] of Object.entries(calls)) {
    // Larger until the memory has grown while the function ran or before it.
    const before = bytes();
    for (let tries = 0; bytes() === before && tries < 12; tries++, size *= 1.5) {
      engine.tidy(() => void call(Math.ceil(size)));
    }
    check(bytes() > before, `${name} has not grown the memory`);
    size = Math.max(340, size / 4);
  }
});

test('tripletUpdate changes a tensor in place', () => {
  const rows = [1, 0, 0, 1, 1, 1];
  const table = nn.tensor(rows, [3, 2]);
  const data = Float32Array.from(rows);
  nearfar.tripletUpdate(table, [0, 1, 2]);
  nearfar.tripletUpdate({ data, rows: 3, cols: 2 }, [0, 1, 2]);
  sameBits(table.toArray(), data);
});

test('tripletUpdate leaves a row of zeros where it is', () => {
  for (const rule of ['anchor', 'gradient'] as const) {
    for (const triplet of [
      [0, 1, 2],
      [1, 0, 2],
      [1, 2, 0],
    ]) {
      const rows = [
        [0, 0],
        [1, 0.5],
        [0.2, 1],
      ];
      nearfar.tripletUpdate(rows, triplet, { rule, margin: 3 });
      same(rows[0], [0, 0], `${rule} ${triplet}`);
      check(
        rows.flat().every((value) => Math.abs(value) < 2),
        `${rule}: ${rows}`,
      );
    }
  }
});

test('labels are numbers, 64-bit integers or booleans', () => {
  const x = [
    [1, 0],
    [0.9, 0.1],
    [0, 1],
    [0.1, 0.9],
  ];
  const forms = [
    [1, 1, 0, 0],
    Uint8Array.of(1, 1, 0, 0),
    BigInt64Array.of(1n, 1n, 0n, 0n),
    [true, true, false, false],
  ];
  const results = forms.map((labels) => ({
    supCon: nearfar.supCon(x, labels),
    crossEntropy: nearfar.crossEntropy(x, labels),
    infoNce: nearfar.infoNce(x, x, { ids: labels }),
    knn: nearfar.knnClassify(x, labels, [1, 0.2], { k: 1 }),
    embeddings: nearfar.evaluateEmbeddings(x, labels),
    probe: nearfar.linearProbe(x, labels, x, labels).accuracy,
  }));
  for (const result of results) same(result, results[0]);
  throws(
    () => nearfar.supCon(x, BigInt64Array.of(2n ** 40n, 0n, 0n, 0n)),
    RangeError,
    'supCon: labels[0] must be a whole number of 32 bits, got 1099511627776',
  );
  throws(
    () => nearfar.supCon(x, [true, 1, 0, 0] as unknown as number[]),
    TypeError,
    'supCon: labels[0] must be a whole number, got true',
  );
});

test('things of another realm are what they are', () => {
  const foreign = runInNewContext(`({
    matrix: { data: Float32Array.of(3, 4, 0, 5), rows: 2, cols: 2 },
    rows: [[3, 4], [0, 5]],
    typed: [Float64Array.of(3, 4), Float64Array.of(0, 5)],
    halves: { data: Uint16Array.of(0x4200, 0x4400, 0, 0x4500), dims: [2, 2], type: 'float16' },
    labels: BigInt64Array.of(1n, 1n),
    options: { temperature: 0.5 },
  })`);
  const plain = [
    [3, 4],
    [0, 5],
  ];
  const expected = nearfar.normalize(plain);
  for (const form of ['matrix', 'rows', 'typed', 'halves']) {
    same(nearfar.normalize(foreign[form]), expected, form);
  }
  close(
    nearfar.supCon(foreign.rows, foreign.labels, foreign.options),
    nearfar.supCon(plain, [1, 1], { temperature: 0.5 }),
  );
  const table = runInNewContext('Float32Array.of(1, 0, 0, 1, 1, 1)');
  nearfar.tripletUpdate({ data: table, rows: 3, cols: 2 }, [0, 1, 2]);
  check(table[0] !== 1, 'a foreign table is not changed in place');
});

test('shared and resizable buffers are read', () => {
  const numbers = [3, 4, 0, 5];
  const expected = nearfar.normalize({ data: numbers, rows: 2, cols: 2 });
  const shared = new Float32Array(new SharedArrayBuffer(16));
  const Resizable = ArrayBuffer as unknown as new (
    length: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer;
  const resizable = new Float32Array(new Resizable(16, { maxByteLength: 64 }));
  for (const data of [shared, resizable]) {
    data.set(numbers);
    same(nearfar.normalize({ data, rows: 2, cols: 2 }), expected);
    same(nearfar.toMatrix({ data, dims: [2, 2] }).data, Float32Array.from(numbers));
    sameBits(nn.tensor(data, [2, 2]).toArray(), Float32Array.from(numbers));
  }
});

const ONE_TO_SIX = [
  [1, 2, 3],
  [4, 5, 6],
];

test('toMatrix transposes column-major numbers', () => {
  const data = [1, 4, 2, 5, 3, 6];
  const expected = nearfar.toMatrix(ONE_TO_SIX);
  same(nearfar.toMatrix({ data, shape: [2, 3], fortranOrder: true }), expected, 'fortranOrder');
  same(nearfar.toMatrix({ data, shape: [2, 3], stride: [1, 2] }), expected, 'stride');
  same(nearfar.toMatrix({ data, dims: [2, 3], strides: Int32Array.of(1, 2) }), expected, 'strides');
  const rowMajor = {
    data: [1, 2, 3, 4, 5, 6],
    shape: [2, 3],
    fortranOrder: false,
    strides: [3, 1],
  };
  same(nearfar.toMatrix(rowMajor), expected, 'row-major');
  throws(
    () => nearfar.toMatrix({ data, shape: [2, 3], strides: [1, 3] }),
    RangeError,
    'toMatrix: x.stride must be [3, 1] (row-major), got [1, 3]',
  );
});

test('functions refuse column-major numbers', () => {
  const data = [1, 4, 2, 5, 3, 6];
  for (const layout of [
    { fortranOrder: true },
    { stride: Int32Array.of(1, 2) },
    { strides: [1, 2] },
  ]) {
    throws(
      () => nearfar.normalize({ data, shape: [2, 3], ...layout }),
      RangeError,
      /^normalize: x\.(stride|fortranOrder) must be .*row-major/,
    );
  }
  // One row or column has one layout.
  same(nearfar.toMatrix({ data: [1, 2], shape: [2, 1], fortranOrder: true }).data[1], 2);
});

test('toMatrix reads the answers of APIs', () => {
  const expected = nearfar.toMatrix(ONE_TO_SIX);
  const [first, second] = ONE_TO_SIX as [number[], number[]];
  same(nearfar.toMatrix({ embeddings: ONE_TO_SIX }), expected, 'embeddings');
  same(nearfar.toMatrix({ embeddings: { float: ONE_TO_SIX } }), expected, 'embeddings.float');
  const items = [
    { index: 1, embedding: second },
    { index: 0, embedding: first },
  ];
  same(nearfar.toMatrix({ data: items }), expected, 'index');
  same(nearfar.toMatrix(items), expected, 'a list with index');
  throws(
    () => nearfar.toMatrix({ data: items.map((item) => ({ ...item, index: 0 })) }),
    RangeError,
    'toMatrix: x.data[1].index must be different from the others, got 0',
  );
});

test('bfloat16 and float16 are decoded by any of their names', () => {
  const expected = nearfar.toMatrix([[1, 2]]);
  for (const type of ['bfloat16', 'bf16']) {
    same(nearfar.toMatrix({ data: Uint16Array.of(0x3f80, 0x4000), dims: [1, 2], type }), expected);
  }
  for (const dtype of ['float16', 'fp16']) {
    same(nearfar.toMatrix({ data: Uint16Array.of(0x3c00, 0x4000), dims: [1, 2], dtype }), expected);
  }
});

test('k past the corpus gives what there is', () => {
  const corpus = [
    [1, 0],
    [0, 1],
    [1, 1],
  ];
  same(nearfar.topK([1, 0], corpus, 10), nearfar.topK([1, 0], corpus, 3), 'topK');
  const { recall, precision, ndcg } = nearfar.evaluateRetrieval([1, 0], corpus, [[0]]);
  same([recall[1], recall[10], ndcg[10]], [1, 1, 1], 'at k');
  close(precision[10] as number, 0.1, { rtol: 1e-12, what: 'precision[10]' });
});

test('supCon with a single label is the paper’s loss, not 0', () => {
  const x = [
    [1, 0],
    [1, 0],
    [1, 0],
  ];
  close(nearfar.supCon(x, [5, 5, 5]), Math.log(2), { rtol: 1e-6 });
});
