/** Tensors as a file that Python reads (../safetensors.ts). */

import { readSafetensors, type ShapedArray, writeSafetensors } from '../core/safetensors.js';
import { typeError } from '../core/validation.js';
import { Tensor, tensor } from './tensor.js';

/**
 * The bytes of a file with these tensors, as f32.
 * @param metadata short texts that the header carries along
 */
export function saveSafetensors(
  map: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  if (!(map instanceof Map)) typeError('saveSafetensors', 'map', 'a Map of tensors', map);
  const arrays = new Map<string, ShapedArray>();
  for (const [name, value] of map as ReadonlyMap<string, unknown>) {
    if (!(value instanceof Tensor)) typeError('saveSafetensors', name, 'a tensor', value);
    arrays.set(name, value);
  }
  return writeSafetensors(arrays, metadata);
}

/** The texts that a file's header carries along. */
export function readMetadata(bytes: Uint8Array): Record<string, string> {
  return readSafetensors('readMetadata', bytes).metadata;
}

/**
 * The tensors of a file, all as f32: floats of 16 to 64 bits, and whole numbers as the nearest f32.
 * @throws RangeError if the bytes are no sound file
 */
export function loadSafetensors(bytes: Uint8Array): Map<string, Tensor> {
  const { arrays } = readSafetensors('loadSafetensors', bytes);
  return new Map(Array.from(arrays, ([name, { data, shape }]) => [name, tensor(data, shape)]));
}
