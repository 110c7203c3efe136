/** Rounds the weights of a model's folder to 16 bits, which halves it; loaders read them as they are. */

import type { Files } from 'nearfar/models';
import { openSafetensors, type RawArray, writeRawSafetensors } from '../../src/core/safetensors.js';

const WEIGHTS = 'model.safetensors';
/** Numbers from here on round to infinity. */
const OVERFLOW = 65520;
/** The largest numbers of f16 below its normal ones are multiples of this. */
const SMALLEST = 2 ** -24;
const SMALLEST_NORMAL = 2 ** -14;

/** Rounds to a whole number, halves to the even one. */
function roundEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction !== 0.5) return fraction < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Encodes numbers as f16, each rounded to the nearest, halves to the even one.
 * @throws {RangeError} if a number is larger than f16 holds, or not finite
 */
export function encodeFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint16Array(values.length);
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < values.length; i++) {
    const word = words[i] as number;
    const size = Math.abs(values[i] as number);
    if (!(size < OVERFLOW)) throw new RangeError(`float16 has no ${values[i]}`);
    const sign = (word >>> 16) & 0x8000;
    // The step from a number to the next: that of the numbers with its exponent.
    const exponent = size < SMALLEST_NORMAL ? 0 : ((word >>> 23) & 255) - 112;
    const step = SMALLEST * 2 ** Math.max(0, exponent - 1);
    const steps = roundEven(size / step);
    // What rounds up to the next power of two carries into the exponent.
    bits[i] = sign | (exponent === 0 ? steps : (exponent << 10) + steps - 1024);
  }
  return bits;
}

/** Rounds the f32 weights among the files of a model to f16; the other files stay as they are. */
export function halveWeights(files: Files): Files {
  const { arrays, metadata } = openSafetensors('halveWeights', files.get(WEIGHTS) as Uint8Array);
  const halves = new Map<string, RawArray>();
  for (const [name, { shape, bytes }] of arrays) {
    const bits = encodeFloat16(new Float32Array(new Uint8Array(bytes).buffer));
    halves.set(name, { dtype: 'F16', shape, bytes: new Uint8Array(bits.buffer) });
  }
  return new Map(files).set(WEIGHTS, writeRawSafetensors(halves, metadata));
}
