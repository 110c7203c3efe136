/**
 * Arrays as a file that Python reads: 8 bytes with the length of a JSON header, the header, the
 * numbers (https://github.com/huggingface/safetensors). The same arrays give the same bytes: names
 * are sorted and nothing else is written.
 */

import { decodeBfloat16, decodeFloat16 } from './float16.js';
import { isBytes, rangeError, show, typeError } from './validation.js';

/** Numbers in row-major order, and their shape. */
export interface ShapedArray {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Decoders of the types to f32; there are none of complex numbers and floats of 8 bits. */
const TYPES: ReadonlyMap<string, { width: number; read(buffer: ArrayBuffer): Float32Array }> =
  new Map([
    ['F32', { width: 4, read: (buffer) => new Float32Array(buffer) }],
    ['F64', { width: 8, read: (buffer) => Float32Array.from(new Float64Array(buffer)) }],
    ['F16', { width: 2, read: (buffer) => decodeFloat16(new Uint16Array(buffer)) }],
    ['BF16', { width: 2, read: (buffer) => decodeBfloat16(new Uint16Array(buffer)) }],
    ['I64', { width: 8, read: (buffer) => Float32Array.from(new BigInt64Array(buffer), Number) }],
    ['U64', { width: 8, read: (buffer) => Float32Array.from(new BigUint64Array(buffer), Number) }],
    ['I32', { width: 4, read: (buffer) => Float32Array.from(new Int32Array(buffer)) }],
    ['U32', { width: 4, read: (buffer) => Float32Array.from(new Uint32Array(buffer)) }],
    ['I16', { width: 2, read: (buffer) => Float32Array.from(new Int16Array(buffer)) }],
    ['U16', { width: 2, read: (buffer) => Float32Array.from(new Uint16Array(buffer)) }],
    ['I8', { width: 1, read: (buffer) => Float32Array.from(new Int8Array(buffer)) }],
    ['U8', { width: 1, read: (buffer) => Float32Array.from(new Uint8Array(buffer)) }],
    ['BOOL', { width: 1, read: (buffer) => Float32Array.from(new Uint8Array(buffer)) }],
  ]);

/** Longest header that the format allows, in bytes. */
const MAX_HEADER = 100_000_000;

/**
 * Writes a file of these arrays, as f32.
 *
 * @param metadata short texts, kept in the header
 * @returns the bytes of the file
 */
export function writeSafetensors(
  arrays: ReadonlyMap<string, ShapedArray>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const raw = new Map<string, RawArray>();
  for (const [name, { data, shape }] of arrays) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    raw.set(name, { dtype: 'F32', shape, bytes });
  }
  return writeRawSafetensors(raw, metadata);
}

/**
 * Writes a file of these arrays, in the types that they have. Wider types come first, so that every
 * array is aligned to its type.
 *
 * @param metadata short texts, kept in the header
 * @returns the bytes of the file
 */
export function writeRawSafetensors(
  arrays: ReadonlyMap<string, RawArray>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const widthOf = (name: string): number => TYPES.get(arrays.get(name)?.dtype ?? '')?.width ?? 0;
  const names = [...arrays.keys()].sort();
  names.sort((a, b) => widthOf(b) - widthOf(a));
  // Without a prototype, so that no name means anything else than itself.
  const header: Record<string, unknown> = Object.create(null);
  header.__metadata__ = { format: 'pt', ...metadata };
  let length = 0;
  for (const name of names) {
    const { dtype, shape, bytes } = arrays.get(name) as RawArray;
    if (name === '__metadata__') rangeError('saveSafetensors', 'map', 'of other names', name);
    const end = length + bytes.length;
    header[name] = { dtype, shape, data_offsets: [length, end] };
    length = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Spaces up to a multiple of 8, so that the numbers are aligned.
  const start = 8 + Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(start + length).fill(32, 8, start);
  new DataView(file.buffer).setBigUint64(0, BigInt(start - 8), true);
  file.set(json, 8);
  let at = start;
  for (const name of names) {
    const { bytes } = arrays.get(name) as RawArray;
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

type Fail = (problem: string) => never;

/**
 * Returns the bytes before the numbers of a file.
 *
 * @param bytes the first 8 bytes of the file, or more
 * @param size bytes of the whole file
 */
function headerEnd(bytes: Uint8Array, size: number, fail: Fail): number {
  if (bytes.length < 8) fail(`are ${bytes.length} bytes long`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(Math.min(MAX_HEADER, size - 8))) {
    fail(`the header claims to be ${length} bytes long, of ${size} in all`);
  }
  return 8 + Number(length);
}

function readHeader(bytes: Uint8Array, start: number, fail: Fail): Record<string, unknown> {
  let header: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, start));
    header = JSON.parse(text);
  } catch {
    fail('the header is not valid JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    fail('the header is not a JSON object');
  }
  return header as Record<string, unknown>;
}

function readEntry(name: string, value: unknown, available: number, fail: Fail): HeaderEntry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Partial<HeaderEntry>;
  const whole = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((part) => Number.isSafeInteger(part) && part >= 0);
  if (typeof dtype !== 'string' || !whole(shape) || !whole(offsets) || offsets.length !== 2) {
    return fail(`the header's entry ${JSON.stringify(name)} is not valid`);
  }
  const [begin, end] = offsets as [number, number];
  // An array of an unknown type fails when it is read.
  const width = TYPES.get(dtype)?.width;
  const size = shape.reduce((product, extent) => product * extent, 1);
  const wrongSize = width !== undefined && end - begin !== size * width;
  if (begin > end || end > available || wrongSize) {
    fail(`the numbers of ${JSON.stringify(name)} are not where the header says`);
  }
  return { dtype, shape, data_offsets: [begin, end] };
}

/**
 * Converts the numbers of one array to the nearest f32.
 *
 * @param subject what messages begin with: the function, the file and the array
 * @param dtype type in the file
 * @throws {RangeError} if the type is not known
 */
export function toFloat32(subject: string, dtype: string, bytes: Uint8Array): Float32Array {
  const type = TYPES.get(dtype);
  if (type === undefined) {
    throw new RangeError(`${subject} is of type ${show(dtype)}, which is not supported`);
  }
  // A copy is aligned to every type.
  return type.read(new Uint8Array(bytes).buffer);
}

/** One array of a file as its bytes, not decoded. */
export interface RawArray {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Part of the file, not aligned. */
  readonly bytes: Uint8Array;
}

/**
 * Reads the header of a file and gives its arrays as views of the bytes: for files that are too large
 * to be copied.
 *
 * @param name function that messages name
 * @param bytes a safetensors file
 * @throws {RangeError} if the bytes are not a valid file
 */
export function openSafetensors(
  name: string,
  bytes: Uint8Array,
): { arrays: Map<string, RawArray>; metadata: Record<string, string> } {
  const ranges = readSafetensorsIndex(name, bytes.length, (length) => bytes.subarray(0, length));
  const arrays = new Map<string, RawArray>();
  for (const [key, { dtype, shape, begin, end }] of ranges.arrays) {
    arrays.set(key, { dtype, shape, bytes: bytes.subarray(begin, end) });
  }
  return { arrays, metadata: ranges.metadata };
}

/** An array of a file, from which byte of the file to which. */
export interface ArrayRange {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads where the arrays of a file are, without reading them.
 *
 * @param name function or file that messages name
 * @param size bytes of the file
 * @param readHead reads the first bytes of the file, so many of them
 * @throws {RangeError} if it is not a valid file
 */
export function readSafetensorsIndex(
  name: string,
  size: number,
  readHead: (length: number) => Uint8Array,
): { arrays: Map<string, ArrayRange>; metadata: Record<string, string> } {
  const fail: Fail = (problem) => {
    throw new RangeError(`${name}: bytes must be a safetensors file, and ${problem}`);
  };
  const start = headerEnd(readHead(Math.min(8, size)), size, fail);
  const { __metadata__: metadata = {}, ...arraysOf } = readHeader(readHead(start), start, fail);
  const entries = Object.entries(arraysOf).map(([key, value]) => ({
    key,
    ...readEntry(key, value, size - start, fail),
  }));
  const spans = entries.map(({ data_offsets }) => data_offsets).sort((a, b) => a[0] - b[0]);
  spans.forEach(([begin], i) => {
    if (begin !== (spans[i - 1]?.[1] ?? 0)) fail('its tensors overlap or leave holes');
  });
  const end = spans.at(-1)?.[1] ?? 0;
  if (end !== size - start) fail(`${size - start - end} bytes follow its tensors`);
  const arrays = new Map<string, ArrayRange>();
  for (const { key, dtype, shape, data_offsets } of entries) {
    const [from, to] = data_offsets;
    arrays.set(key, { dtype, shape, begin: start + from, end: start + to });
  }
  const texts =
    typeof metadata === 'object' && metadata !== null ? Object.values(metadata) : [null];
  if (!texts.every((text) => typeof text === 'string'))
    fail('its metadata is not a map of strings');
  return { arrays, metadata: metadata as Record<string, string> };
}

/**
 * Reads one array of an opened file as f32.
 *
 * @param name function that messages name
 * @param key name of the array
 * @throws {RangeError} if it is empty, of a type that is not known, or a value is not finite
 */
export function readArray(
  name: string,
  key: string,
  { dtype, shape, bytes }: RawArray,
): ShapedArray {
  const subject = `${name}: bytes must be a safetensors file, and ${JSON.stringify(key)}`;
  const fail: Fail = (problem) => {
    throw new RangeError(`${subject} ${problem}`);
  };
  if (bytes.length === 0 && TYPES.has(dtype)) fail('is empty');
  const data = toFloat32(subject, dtype, bytes);
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) fail(`holds ${data[bad]} at index ${bad}`);
  return { data, shape };
}

/**
 * Reads all arrays of a file as f32, floats of 16 to 64 bits and whole numbers rounded to the nearest
 * f32, and the metadata of its header.
 *
 * @param name function that messages name
 * @param bytes a safetensors file
 * @throws {RangeError} if the bytes are not a valid file
 */
export function readSafetensors(
  name: string,
  bytes: Uint8Array,
): { arrays: Map<string, ShapedArray>; metadata: Record<string, string> } {
  if (!isBytes(bytes)) typeError(name, 'bytes', 'a Uint8Array', bytes);
  const opened = openSafetensors(name, bytes);
  const arrays = new Map<string, ShapedArray>();
  for (const [key, array] of opened.arrays) arrays.set(key, readArray(name, key, array));
  return { arrays, metadata: opened.metadata };
}
