/** IDX, the format of MNIST's files: a magic number, the sizes of the axes, then bytes. */

/** Files of images and labels whose first bytes say that they are something else. */
export class IdxError extends Error {}

/** Bytes that the largest header that we read has. */
export const IDX_HEADER = 20;

export interface IdxHeader {
  /** Sizes of the axes: (images, height, width), or (labels). */
  shape: number[];
  /** Where the data begins, and how many bytes there are. */
  start: number;
  size: number;
}

export interface Idx {
  shape: number[];
  data: Uint8Array;
}

/** Reads the head of an IDX file of unsigned bytes, of one to four axes. */
export function readIdxHeader(bytes: Uint8Array): IdxHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rank = bytes[3] ?? 0;
  const start = 4 + 4 * rank;
  const known = bytes.length >= start && rank >= 1 && rank <= 4;
  if (!known || view.getUint16(0) !== 0 || bytes[2] !== 8) {
    throw new IdxError('not an IDX file of unsigned bytes');
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  return { shape, start, size: shape.reduce((product, length) => product * length, 1) };
}

/** Reads an IDX file of unsigned bytes. */
export function readIdx(bytes: Uint8Array): Idx {
  const { shape, start, size } = readIdxHeader(bytes);
  checkIdxSize({ shape, start, size }, bytes.length);
  return { shape, data: bytes.subarray(start) };
}

/** Refuses a file whose length is not what its head says. */
export function checkIdxSize({ shape, start, size }: IdxHeader, length: number): void {
  if (length === start + size) return;
  throw new IdxError(`${shape.join(' × ')} bytes of data expected, got ${length - start}`);
}
