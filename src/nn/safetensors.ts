/**
 * Tensors as a file that Python reads: 8 bytes with the length of a JSON header, the header, the
 * numbers (https://github.com/huggingface/safetensors). The same tensors give the same bytes:
 * names are sorted and nothing else is written.
 */

import { typeError } from '../check.js';
import { decodeFloat16 } from '../float16.js';
import { Tensor, tensor } from './tensor.js';

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Longest header that the format allows, in bytes. */
const LONGEST_HEADER = 100_000_000;

/**
 * The bytes of a file with these tensors, as f32.
 * @param metadata short texts that the header carries along
 */
export function saveSafetensors(
  map: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  if (!(map instanceof Map)) typeError('saveSafetensors', 'map', 'a Map of tensors', map);
  const names = [...map.keys()].sort();
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', ...metadata } };
  let length = 0;
  for (const name of names) {
    const value: unknown = map.get(name);
    if (!(value instanceof Tensor)) typeError('saveSafetensors', name, 'a tensor', value);
    const end = length + 4 * value.size;
    header[name] = { dtype: 'F32', shape: value.shape, data_offsets: [length, end] };
    length = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Spaces up to a multiple of 8, so that the numbers are aligned.
  const start = 8 + Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(start + length).fill(32, 8, start);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(json, 8);
  let at = start;
  for (const name of names) {
    const { data } = map.get(name) as Tensor;
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

function refuse(problem: string): never {
  throw new RangeError(`loadSafetensors: bytes must be a safetensors file, and ${problem}`);
}

function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; start: number } {
  if (bytes.length < 8) refuse(`are ${bytes.length} bytes long`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(Math.min(LONGEST_HEADER, bytes.length - 8))) {
    refuse(`the header is said to be ${length} bytes long, of ${bytes.length} in all`);
  }
  const start = 8 + Number(length);
  let header: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, start));
    header = JSON.parse(text);
  } catch {
    refuse('the header is no JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    refuse('the header is no JSON object');
  }
  return { header: header as Record<string, unknown>, start };
}

/** The texts that a file's header carries along. */
export function readMetadata(bytes: Uint8Array): Record<string, string> {
  const { __metadata__: metadata = {} } = readHeader(bytes).header;
  return metadata as Record<string, string>;
}

function readEntry(name: string, value: unknown, available: number): HeaderEntry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Partial<HeaderEntry>;
  const whole = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((part) => Number.isSafeInteger(part) && part >= 0);
  if (typeof dtype !== 'string' || !whole(shape) || !whole(offsets) || offsets.length !== 2) {
    refuse(`the header's entry ${JSON.stringify(name)} is not sound`);
  }
  const width = { F32: 4, F16: 2, BF16: 2, F64: 8 }[dtype];
  if (width === undefined) refuse(`${JSON.stringify(name)} is of type ${dtype}`);
  const size = shape.reduce((product, extent) => product * extent, 1);
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > available || end - begin !== size * width) {
    refuse(`the numbers of ${JSON.stringify(name)} are not where the header says`);
  }
  return { dtype, shape, data_offsets: [begin, end] };
}

/** Numbers of one tensor as f32. */
function readNumbers(bytes: Uint8Array, dtype: string): Float32Array {
  // A copy begins at an address that any type may begin at.
  const { buffer } = new Uint8Array(bytes);
  if (dtype === 'F32') return new Float32Array(buffer);
  if (dtype === 'F64') return Float32Array.from(new Float64Array(buffer));
  const halves = new Uint16Array(buffer);
  if (dtype === 'F16') return decodeFloat16(halves);
  // bfloat16 is the upper half of an f32.
  const words = Uint32Array.from(halves, (half) => half << 16);
  return new Float32Array(words.buffer);
}

/**
 * The tensors of a file: f32, and f16, bfloat16 and f64 turned to f32.
 * @throws RangeError if the bytes are no sound file
 */
export function loadSafetensors(bytes: Uint8Array): Map<string, Tensor> {
  if (!(bytes instanceof Uint8Array)) {
    typeError('loadSafetensors', 'bytes', 'a Uint8Array', bytes);
  }
  const { header, start } = readHeader(bytes);
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => ({ name, ...readEntry(name, value, bytes.length - start) }));
  const spans = entries.map(({ data_offsets }) => data_offsets).sort((a, b) => a[0] - b[0]);
  spans.forEach(([begin], i) => {
    if (begin !== (spans[i - 1]?.[1] ?? 0)) refuse('its tensors overlap or leave holes');
  });
  const result = new Map<string, Tensor>();
  for (const {
    name,
    dtype,
    shape,
    data_offsets: [begin, end],
  } of entries) {
    if (begin === end) refuse(`${JSON.stringify(name)} is empty`);
    const numbers = readNumbers(bytes.subarray(start + begin, start + end), dtype);
    result.set(name, tensor(numbers, shape));
  }
  return result;
}
