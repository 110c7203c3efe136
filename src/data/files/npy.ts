/** NumPy's files (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */

import { decodeFloat16 } from '../../core/float16.js';

/** The bytes of a file that `numpy.load` reads as f32. */
export function npyBytes(data: Float32Array, shape: readonly number[]): Uint8Array {
  const magic = [0x93, ...new TextEncoder().encode('NUMPY'), 1, 0];
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  // Spaces and a line's end up to a multiple of 64, so that the numbers are aligned.
  const start = Math.ceil((magic.length + 2 + header.length + 1) / 64) * 64;
  const bytes = new Uint8Array(start + 4 * data.length).fill(32, 0, start);
  bytes.set(magic);
  new DataView(bytes.buffer).setUint16(magic.length, start - magic.length - 2, true);
  bytes.set(new TextEncoder().encode(header), magic.length + 2);
  bytes[start - 1] = 10;
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return bytes;
}

/** Numbers of a file, in the order that they have there. */
export interface NpyArray {
  data: Float32Array | Float64Array | Int8Array | Int32Array;
  shape: number[];
  /** True where they lie column by column. */
  fortranOrder: boolean;
}

const READERS: Readonly<Record<string, (buffer: ArrayBuffer) => NpyArray['data']>> = {
  f2: (buffer) => decodeFloat16(new Uint16Array(buffer)),
  f4: (buffer) => new Float32Array(buffer),
  f8: (buffer) => new Float64Array(buffer),
  i1: (buffer) => new Int8Array(buffer),
  i4: (buffer) => new Int32Array(buffer),
  i8: (buffer) => Float64Array.from(new BigInt64Array(buffer), Number),
};

/** Header of a file. */
export interface NpyHeader {
  /** Kind and width of the numbers, such as `f4`. */
  type: string;
  shape: number[];
  /** True where numbers lie column by column. */
  fortranOrder: boolean;
  /** Bytes before the first number. */
  start: number;
}

/** Bytes that hold the header of any file that `numpy.save` writes. */
export const NPY_HEAD = 65536;

/**
 * Reads the header of a matrix that `numpy.save` wrote.
 *
 * @param file name that messages begin with
 * @param head the first bytes of the file, `NPY_HEAD` of them if there are so many
 * @param size bytes of the whole file
 * @param options vector: whether a vector is read too
 * @throws {RangeError} if it is not such a file
 */
export function readNpyHeader(
  file: string,
  head: Uint8Array,
  size: number,
  { vector = false }: { vector?: boolean } = {},
): NpyHeader {
  const fail = (problem: string): never => {
    throw new RangeError(`${file}: ${problem}`);
  };
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const magic = [0x93, ...new TextEncoder().encode('NUMPY')];
  if (head.length < 12 || magic.some((byte, i) => head[i] !== byte)) {
    fail('is not a .npy file');
  }
  // Version 1 has a length of 2 bytes, later ones of 4.
  const isLong = (head[6] as number) > 1;
  const from = isLong ? 12 : 10;
  const start = from + (isLong ? view.getUint32(8, true) : view.getUint16(8, true));
  if (start > size) fail('ends within its header');
  if (start > head.length) fail(`its header is ${start} bytes long, expected at most ${NPY_HEAD}`);
  const header = Array.from(head.subarray(from, start), (byte) => String.fromCharCode(byte)).join(
    '',
  );
  const [, endian = '', type = ''] = /'descr': *'([<>|=])([a-z]\d+)'/.exec(header) ?? [];
  const [, order] = /'fortran_order': *(True|False)/.exec(header) ?? [];
  const [, sizes] = /'shape': *\(([\d, ]*)\)/.exec(header) ?? [];
  if (type === '' || order === undefined || sizes === undefined) fail('its header is not valid');
  if (!Object.hasOwn(READERS, type) || endian === '>') {
    fail(`its numbers are of type ${endian}${type}, expected <f4, <f8, <f2, |i1, <i4 or <i8`);
  }
  const shape = (sizes ?? '')
    .split(',')
    .flatMap((part) => (part.trim() === '' ? [] : [Number(part)]));
  const axes = vector && shape.length === 1 ? 1 : 2;
  if (shape.length !== axes || shape.some((extent) => extent < 1)) {
    fail(`must hold a matrix, got the shape (${shape.join(', ')})`);
  }
  const length = shape.reduce((product, extent) => product * extent, Number(type[1]));
  if (size - start !== length) {
    fail(`${size - start} bytes follow its header, expected ${length}`);
  }
  return { type, shape, fortranOrder: order === 'True', start };
}

/** Decodes numbers of a type that `readNpyHeader` has found. */
export function decodeNpy(type: string, buffer: ArrayBuffer): NpyArray['data'] {
  return (READERS[type] as (buffer: ArrayBuffer) => NpyArray['data'])(buffer);
}

/**
 * Reads a matrix that `numpy.save` wrote: f16, f32, f64 or i8, or whole numbers.
 *
 * @param file name that messages begin with
 * @param options vector: whether a vector is read too
 * @throws {RangeError} if it is not such a file
 */
export function readNpy(
  file: string,
  bytes: Uint8Array,
  options: { vector?: boolean } = {},
): NpyArray {
  const head = bytes.subarray(0, NPY_HEAD);
  const { type, shape, fortranOrder, start } = readNpyHeader(file, head, bytes.length, options);
  const data = decodeNpy(type, new Uint8Array(bytes.subarray(start)).buffer);
  return { data, shape, fortranOrder };
}
