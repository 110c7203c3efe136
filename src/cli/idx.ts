/** IDX, the format of MNIST's files: a magic number, the sizes of the axes, then bytes. */

/** Files of pictures and labels whose first bytes say that they are something else. */
export class IdxError extends Error {}

export interface Idx {
  /** Sizes of the axes: (images, height, width), or (labels). */
  shape: number[];
  data: Uint8Array;
}

/** Reads an IDX file of unsigned bytes. */
export function readIdx(bytes: Uint8Array): Idx {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rank = bytes[3] ?? 0;
  const start = 4 + 4 * rank;
  if (bytes.length < start || view.getUint16(0) !== 0 || bytes[2] !== 8) {
    throw new IdxError('not an IDX file of unsigned bytes');
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, length) => product * length, 1);
  if (bytes.length !== start + size) {
    throw new IdxError(`${shape.join(' × ')} bytes of data expected, got ${bytes.length - start}`);
  }
  return { shape, data: bytes.subarray(start) };
}
