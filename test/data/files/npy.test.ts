/** NumPy's files: what is written is read again, and what NumPy itself wrote. */

import { toMatrix } from 'nearfar';
import { npyBytes, readNpy } from '../../../src/data/files/npy.js';
import { same, suite, throws } from '../../harness.js';

const test = suite('npy');

/** A file with a header as NumPy writes it. */
function file(header: string, numbers: ArrayBufferView, version = 1): Uint8Array {
  const text = new TextEncoder().encode(`${header}\n`);
  const long = version > 1;
  const bytes = new Uint8Array(8 + (long ? 4 : 2) + text.length + numbers.byteLength);
  bytes.set([0x93, 78, 85, 77, 80, 89, version, 0]);
  const view = new DataView(bytes.buffer);
  if (long) view.setUint32(8, text.length, true);
  else view.setUint16(8, text.length, true);
  bytes.set(text, long ? 12 : 10);
  const { buffer, byteOffset, byteLength } = numbers;
  bytes.set(new Uint8Array(buffer, byteOffset, byteLength), bytes.length - byteLength);
  return bytes;
}

const header = (descr: string, shape: string, order = 'False'): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }`;

test('what is written is read', () => {
  const data = Float32Array.of(1, -2, 3.5, 0, 1e-30, 7);
  for (const shape of [
    [2, 3],
    [6, 1],
  ] as const) {
    const read = readNpy('f', npyBytes(data, shape));
    same([read.shape, [...read.data], read.fortranOrder], [shape, [...data], false]);
  }
});

test('types, orders and versions of NumPy', () => {
  const numbers = [1, -2, 3, 4, 5, 6];
  for (const [descr, array] of [
    ['<f4', Float32Array.from(numbers)],
    ['<f8', Float64Array.from(numbers)],
    ['|i1', Int8Array.from(numbers)],
    ['<f2', Uint16Array.of(0x3c00, 0xc000, 0x4200, 0x4400, 0x4500, 0x4600)],
  ] as const) {
    for (const version of [1, 2, 3]) {
      const rows = toMatrix(readNpy('f', file(header(descr, '2, 3'), array, version)));
      same([rows.rows, rows.cols, [...rows.data]], [2, 3, numbers], descr);
    }
    const columns = toMatrix(readNpy('f', file(header(descr, '2, 3', 'True'), array)));
    same([...columns.data], [1, 3, 5, -2, 4, 6], descr);
  }
});

test('other files are refused', () => {
  const array = new Float32Array(6);
  for (const [bytes, message] of [
    [new Uint8Array(5), /^f: is not a \.npy file/],
    [new Uint8Array(50), /^f: is not a \.npy file/],
    [file(header('<f4', '2, 3'), array).subarray(0, 30), /^f: ends within its header/],
    [
      file(header('<f4', '2, 3'), array).subarray(0, -1),
      /^f: 23 bytes follow its header, expected 24/,
    ],
    [file(header('<f4', '6,'), array), /^f: must hold a matrix, got the shape \(6\)/],
    [file(header('<f4', '0, 6'), new Uint8Array(0)), /^f: must hold a matrix/],
    [file(header('<f4', '99999999, 99999999'), array), /^f: 24 bytes follow its header/],
    [file(header('>f4', '2, 3'), array), /^f: its numbers are of type >f4/],
    [file(header('|O8', '2, 3'), array), /^f: its (numbers|header)/],
    [file(header('<U3', '2, 1'), array), /^f: its (numbers|header)/],
    [file('{}', array), /^f: its header is not valid/],
  ] as const) {
    throws(() => readNpy('f', bytes), RangeError, message);
  }
});
