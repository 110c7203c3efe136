/** Lists of byte arrays as one byte array, as messages carry them. */

/** Multiple that the offset of each part is of, so that numbers in it are aligned. */
const ALIGNMENT = 8;

const aligned = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT;

/**
 * Joins byte arrays: their number and lengths (u32), then the bytes of each at a multiple of 8.
 *
 * @returns bytes for `splitBytes`
 */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const head = aligned(4 * (1 + parts.length));
  const total = parts.reduce((sum, { length }) => sum + aligned(length), head);
  const joined = new Uint8Array(total);
  new Uint32Array(joined.buffer, 0, 1 + parts.length).set([
    parts.length,
    ...parts.map(({ length }) => length),
  ]);
  let at = head;
  for (const part of parts) {
    joined.set(part, at);
    at += aligned(part.length);
  }
  return joined;
}

/**
 * Splits what `joinBytes` has joined.
 *
 * @param expected number of parts that there have to be
 * @throws {RangeError} if the bytes are not so many parts
 */
export function splitBytes(joined: Uint8Array, expected: number): Uint8Array[] {
  const bytes = toAligned(joined);
  const head = aligned(4 * (1 + expected));
  if (bytes.length < head || u32(bytes, 0, 1)[0] !== expected) {
    throw new RangeError(`a message must hold ${expected} parts`);
  }
  const lengths = u32(bytes, 4, expected);
  let at = head;
  const parts: Uint8Array[] = [];
  for (const length of lengths) {
    if (at + aligned(length) > bytes.length) throw new RangeError('a message ends in its middle');
    parts.push(bytes.subarray(at, at + length));
    at += aligned(length);
  }
  if (at !== bytes.length) throw new RangeError('a message is longer than its parts');
  return parts;
}

/** The bytes, copied if numbers could not be read where they are. */
function toAligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % ALIGNMENT === 0 ? bytes : bytes.slice();
}

function u32({ buffer, byteOffset }: Uint8Array, at: number, length: number): Uint32Array {
  return new Uint32Array(buffer, byteOffset + at, length);
}

/** The bytes of an array of numbers, in the same memory. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** Reads numbers of a message one after the other, and checks that there are as many as expected. */
export class NumberReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  /** @param bytes part of a message */
  constructor(bytes: Uint8Array) {
    this.#bytes = toAligned(bytes);
  }

  #take(bytes: number, size: number): { buffer: ArrayBuffer; at: number } {
    const start = Math.ceil(this.#at / size) * size;
    if (start + bytes > this.#bytes.length) throw new RangeError('a message ends in its middle');
    this.#at = start + bytes;
    return { buffer: this.#bytes.buffer as ArrayBuffer, at: this.#bytes.byteOffset + start };
  }

  /** Takes n f64. */
  f64(n: number): Float64Array {
    const { buffer, at } = this.#take(8 * n, 8);
    return new Float64Array(buffer, at, n);
  }

  /** Takes n f32. */
  f32(n: number): Float32Array {
    const { buffer, at } = this.#take(4 * n, 4);
    return new Float32Array(buffer, at, n);
  }

  /** Takes n i32. */
  i32(n: number): Int32Array {
    const { buffer, at } = this.#take(4 * n, 4);
    return new Int32Array(buffer, at, n);
  }

  /** @throws {RangeError} if there is more */
  done(): void {
    if (this.#at !== this.#bytes.length) throw new RangeError('a message is longer than expected');
  }
}

/** Writes numbers one after the other, each at a multiple of its size. */
export function writeNumbers(
  ...arrays: readonly (Float64Array | Float32Array | Int32Array)[]
): Uint8Array {
  let length = 0;
  const starts = arrays.map(({ BYTES_PER_ELEMENT: size, byteLength }) => {
    const start = Math.ceil(length / size) * size;
    length = start + byteLength;
    return start;
  });
  const bytes = new Uint8Array(length);
  for (const [i, array] of arrays.entries()) bytes.set(bytesOf(array), starts[i]);
  return bytes;
}
