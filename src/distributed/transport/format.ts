/**
 * Formats in which gradients are summed and sent: f32, or bf16 (the upper half of an f32), which takes
 * half of the bytes. With bf16, the values of each shard are rounded, and so is each sum of two halves of
 * the tree, so that the bits do not depend on the number of ranks.
 */

import { i32, type Pointer } from '../../core/memory.js';
import { bytesOf } from '../bytes.js';

/** Format of gradients. */
export type GradientFormat = 'f32' | 'bf16';

/** All formats. */
export const GRADIENT_FORMATS: readonly GradientFormat[] = ['f32', 'bf16'];

const EXPONENT = 0x7f800000;
const FRACTION = 0x7fffff;
const QUIET = 0x400000;

/** Rounds the bits of an f32 to those of the nearest bf16, to even at halfway; NaN stays NaN. */
function roundBits(bits: number): number {
  if ((bits & EXPONENT) === EXPONENT) {
    return (bits & FRACTION) === 0 ? bits : ((bits | QUIET) >> 16) << 16;
  }
  return ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) << 16;
}

/** Rounds numbers in WASM memory to bf16. */
export function roundToBfloat16(at: Pointer, length: number): void {
  const words = i32();
  const first = at / 4;
  for (let i = first; i < first + length; i++) words[i] = roundBits(words[i] as number);
}

/** Writes numbers; those of bf16 are rounded. */
export function writeValues(values: Float32Array, format: GradientFormat): Uint8Array {
  if (format === 'f32') return bytesOf(values);
  const { buffer, byteOffset, length } = values;
  const words = new Int32Array(buffer as ArrayBuffer, byteOffset, length);
  const halves = new Uint16Array(length);
  for (let i = 0; i < length; i++) halves[i] = roundBits(words[i] as number) >>> 16;
  return bytesOf(halves);
}

/**
 * Reads numbers.
 *
 * @param bytes what `writeValues` gave, at a multiple of 8
 * @returns numbers, for f32 in the same memory; undefined if there are not so many
 */
export function readValues(
  { buffer, byteOffset, byteLength }: Uint8Array,
  count: number,
  format: GradientFormat,
): Float32Array | undefined {
  if (byteLength !== count * (format === 'f32' ? 4 : 2)) return undefined;
  if (format === 'f32') return new Float32Array(buffer as ArrayBuffer, byteOffset, count);
  const halves = new Uint16Array(buffer as ArrayBuffer, byteOffset, count);
  const words = new Uint32Array(count);
  for (let i = 0; i < count; i++) words[i] = (halves[i] as number) << 16;
  return new Float32Array(words.buffer);
}
