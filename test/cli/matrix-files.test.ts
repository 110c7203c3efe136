/** Matrices of `.npy` and safetensors files: read in pieces, they are what the library reads of the whole. */

import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as MatrixModule from '../../src/cli/input/matrix-files.js';
import { readSafetensors, writeRawSafetensors } from '../../src/core/safetensors.js';
import { readNpy } from '../../src/data/files/npy.js';
import { same, suite, throws } from '../harness.js';
import { load } from './load.js';
import { folder } from './program.js';

const test = suite('files of matrices');
const { readNpyMatrix, readTensorMatrix } = await load<typeof MatrixModule>(
  'src/cli/input/matrix-files.ts',
);

const home = folder();
const at = (name: string): string => join(home, name);

/** Numbers of every type, some of them past the first piece of a mebibyte. */
const SHAPES = [
  [1, 1],
  [3, 5],
  [1031, 521],
] as const;
const whole = (length: number, range: number): number[] =>
  Array.from({ length }, (_, i) => ((i * 7919) % range) - Math.floor(range / 2));

const NUMBERS: Record<string, (length: number) => ArrayBufferView<ArrayBuffer>> = {
  f2: (length) => Uint16Array.from({ length }, (_, i) => (i * 7919) % 0x7bff),
  f4: (length) => Float32Array.from(whole(length, 1001), (value) => value / 7),
  f8: (length) => Float64Array.from(whole(length, 1001), (value) => value / 7),
  i1: (length) => Int8Array.from(whole(length, 255)),
  i4: (length) => Int32Array.from(whole(length, 100_003)),
  i8: (length) => BigInt64Array.from(whole(length, 100_003), BigInt),
};

function npy(type: string, fortran: boolean, shape: string, numbers: ArrayBufferView): Uint8Array {
  const order = fortran ? 'True' : 'False';
  const kind = type === 'i1' ? '|i1' : `<${type}`;
  const text = `{'descr': '${kind}', 'fortran_order': ${order}, 'shape': (${shape}), }\n`;
  const head = Uint8Array.of(0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, text.length, 0);
  const body = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return Uint8Array.from(Buffer.concat([head, Buffer.from(text), body]));
}

/** The matrix of a whole file, row by row. */
function wholeMatrix(bytes: Uint8Array): number[] {
  const { data, shape, fortranOrder } = readNpy('whole', bytes);
  const [rows = 0, cols = 0] = shape;
  return Array.from({ length: rows * cols }, (_, i) => {
    const index = fortranOrder ? (i % cols) * rows + Math.floor(i / cols) : i;
    return Math.fround(data[index] as number);
  });
}

test('.npy of every type and order', () => {
  for (const [rows, cols] of SHAPES) {
    for (const [type, numbers] of Object.entries(NUMBERS)) {
      for (const fortran of [false, true]) {
        const bytes = npy(type, fortran, `${rows}, ${cols}`, numbers(rows * cols));
        writeFileSync(at('rows.npy'), bytes);
        const matrix = readNpyMatrix(at('rows.npy'));
        same([matrix.rows, matrix.cols], [rows, cols], `shape of ${type}`);
        const expected = wholeMatrix(bytes);
        const wrong = expected.findIndex((value, i) => !Object.is(value, matrix.data[i]));
        same(wrong, -1, `first wrong number of ${type} ${rows} x ${cols} ${fortran}`);
      }
    }
  }
});

test('the matrix of a safetensors file that is asked for', () => {
  const types = { F16: 'f2', F32: 'f4', F64: 'f8', I8: 'i1', I32: 'i4', I64: 'i8' };
  for (const [dtype, type] of Object.entries(types)) {
    const arrays = new Map(
      SHAPES.map((shape, i) => {
        const { buffer, byteLength } = (NUMBERS[type] as (n: number) => ArrayBufferView)(
          shape[0] * shape[1],
        );
        return [`m${i}`, { dtype, shape, bytes: new Uint8Array(buffer, 0, byteLength) }];
      }),
    );
    const bytes = writeRawSafetensors(arrays, { ids: 'kept' });
    writeFileSync(at('rows.safetensors'), bytes);
    for (const [name, { data, shape }] of readSafetensors('whole', bytes).arrays) {
      const { matrix, metadata } = readTensorMatrix(at('rows.safetensors'), name);
      same([matrix.rows, matrix.cols], [...shape], `shape of ${dtype}`);
      const wrong = data.findIndex((value, i) => !Object.is(value, matrix.data[i]));
      same(wrong, -1, `first wrong number of ${dtype} ${name}`);
      same(metadata.ids, 'kept', 'metadata');
    }
    throws(
      () => readTensorMatrix(at('rows.safetensors'), 'other'),
      Error,
      /one named other, got m0/,
    );
  }
});

test('damage is named, wherever it is', () => {
  const numbers = new Float32Array(600_000);
  const broken = (change: (data: Float32Array) => void): void => {
    const data = numbers.slice();
    change(data);
    writeFileSync(at('bad.npy'), npy('f4', false, '600, 1000', data));
  };
  const refused = (message: RegExp): void =>
    throws(() => readNpyMatrix(at('bad.npy')), Error, message);
  broken((data) => data.fill(Number.NaN, 500_000));
  refused(/bad\.npy: must hold finite numbers, got NaN at \[500, 0\]/);
  writeFileSync(at('bad.npy'), npy('f8', false, '1, 1', Float64Array.of(1e300)));
  refused(/finite numbers, got 1e\+300 at \[0, 0\]/);
  broken(() => {});
  appendFileSync(at('bad.npy'), 'x');
  refused(/2400001 bytes follow its header, expected 2400000/);
  truncateSync(at('bad.npy'), 300_000);
  refused(/bytes follow its header, expected 2400000/);
  truncateSync(at('bad.npy'), 20);
  refused(/ends within its header/);
  writeFileSync(at('bad.npy'), npy('c8', false, '1, 1', new Float64Array(1)));
  refused(/of type <c8, expected/);
  // A header that claims to be longer than any is not read.
  const long = new Uint8Array(2 ** 20).fill(32);
  long.set([0x93, ...new TextEncoder().encode('NUMPY'), 2, 0, 0, 0, 8, 0]);
  writeFileSync(at('bad.npy'), long);
  refused(/its header is 524300 bytes long, expected at most 65536/);
  throws(() => readNpyMatrix(home), Error, /is a folder/);

  const bytes = readFileSync(at('rows.safetensors'));
  writeFileSync(at('bad.safetensors'), bytes.subarray(0, bytes.length - 1));
  throws(() => readTensorMatrix(at('bad.safetensors'), 'm0'), Error, /not where the header says/);
  bytes.writeBigUInt64LE(2n ** 63n, 0);
  writeFileSync(at('bad.safetensors'), bytes);
  throws(() => readTensorMatrix(at('bad.safetensors'), 'm0'), Error, /the header claims to be/);
  writeFileSync(at('bad.safetensors'), 'short');
  throws(() => readTensorMatrix(at('bad.safetensors'), 'm0'), Error, /are 5 bytes long/);
});
