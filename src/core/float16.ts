/** Half-precision numbers, which some embedding models give: to f32, exactly. */

/** Whether an object with `data` says that its numbers are f16. */
export function isFloat16(value: {
  data: unknown;
  type?: unknown;
  dtype?: unknown;
}): value is { data: Uint16Array } {
  return (
    value.data instanceof Uint16Array && (value.type === 'float16' || value.dtype === 'float16')
  );
}

/** The f32 values of f16 bits. */
export function decodeFloat16(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  const words = new Uint32Array(values.buffer);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i] as number;
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 0) {
      // Denormal or zero: a multiple of 2^-24.
      values[i] = (sign === 0 ? fraction : -fraction) / 16777216;
    } else {
      const biased = exponent === 31 ? 255 : exponent + 112;
      words[i] = sign | (biased << 23) | (fraction << 13);
    }
  }
  return values;
}
