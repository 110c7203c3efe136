/** NumPy's files (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). */

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
