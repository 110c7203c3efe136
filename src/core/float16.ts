/** Decodes 16-bit floats, which some embedding models give, to f32, exactly. */

/** Names of 16-bit floats, as libraries write them in `type` or `dtype`. */
const FLOAT16 = ['float16', 'fp16', 'f16'];
const BFLOAT16 = ['bfloat16', 'bf16'];

/**
 * Decodes the numbers of another library's tensor where they are 16-bit floats in a Uint16Array.
 *
 * @returns undefined where they are anything else
 */
export function decodeHalves(value: {
  data: unknown;
  type?: unknown;
  dtype?: unknown;
}): Float32Array | undefined {
  const kind = String(value.type ?? value.dtype);
  const decode = FLOAT16.includes(kind)
    ? decodeFloat16
    : BFLOAT16.includes(kind)
      ? decodeBfloat16
      : undefined;
  const isBits = Object.prototype.toString.call(value.data) === '[object Uint16Array]';
  return isBits ? decode?.(value.data as Uint16Array) : undefined;
}

/** Decodes bf16 bits: the upper half of those of f32. */
export function decodeBfloat16(bits: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(bits, (half) => half << 16).buffer);
}

/** Decodes f16 bits. */
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
